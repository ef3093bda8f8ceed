"""Classes that are described in words, with few labels or none."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY, NEGATIVE, POSITIVE, make_classifier, make_regressor
from transfer_cases import CHINESE, ENGLISH, NUMBERS, UNLABELLED

from metaling_sk import MetaParamSearchCV, load
from metaling_sk.transfer._descriptions import TEMPERATURE, Descriptions

X = UNLABELLED[0]
OPINIONS = {
    1: [" ".join(POSITIVE), " ".join(POSITIVE.values())],
    0: [" ".join(NEGATIVE), " ".join(NEGATIVE.values())],
}
SWAPPED = {0: OPINIONS[1], 1: OPINIONS[0]}
TOPICS = {"music": "song band guitar", "sport": "team match goal", "health": "doctor virus fever"}
WORDS = {"encoder": TfidfVectorizer()}
EMPTY = ["stage", "epoch", "train_loss"]


def described(**parameters):
    """A classifier of reviews that knows what the classes are about."""
    return make_classifier(**WORDS | {"class_descriptions": OPINIONS} | parameters)


def make_topics(n_rows, seed=0):
    """Texts of two words of a topic and two that tell nothing, with their topics."""
    rng = np.random.default_rng(seed)
    y = rng.choice(list(TOPICS), n_rows)
    texts = [
        " ".join([*rng.choice(TOPICS[topic].split(), 2), *rng.choice(["a1", "b1", "c1"], 2)])
        for topic in y
    ]
    return pd.DataFrame({"text": texts, "language": "en"}), y


@pytest.mark.parametrize("y", [None, np.full(len(X), np.nan), [None] * len(X)])
def test_no_label_in_any_language(y):
    model = described().fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert model.score(*ENGLISH) > 0.9
    assert model.score(*CHINESE) > 0.9
    assert model.n_iter_ == 0
    assert model.history_.columns.tolist() == EMPTY
    assert model.source_languages_ == []
    assert model.source_model_.net_ is model.net_


def test_the_nearest_description_wins():
    rng = np.random.default_rng(0)
    rows, vectors = rng.normal(2, size=(200, 5)), rng.normal(size=(4, 5))
    descriptions = Descriptions.read({"b": "one", "c": ["two", "three"], "a": "four"})
    assert descriptions.classes.tolist() == ["a", "b", "c"]
    weight, bias = descriptions.nearest(vectors, rows)
    means = np.stack([vectors[3], vectors[0], vectors[1:3].mean(axis=0)])
    centred, towards = rows - rows.mean(axis=0), means - means.mean(axis=0)
    cosines = centred @ towards.T
    cosines /= np.linalg.norm(towards, axis=1)
    logits = rows @ weight.T + bias
    usual = (centred**2).sum(axis=1).mean() ** 0.5
    np.testing.assert_allclose(logits, cosines / usual / TEMPERATURE)


def test_self_training_goes_on_from_the_descriptions():
    X, y = make_topics(90)
    model = make_classifier(
        **WORDS, class_descriptions=TOPICS, self_training=2, n_topics=1, class_weight="balanced"
    ).fit(X)
    assert model.history_["stage"].unique().tolist() == ["self-training 1", "self-training 2"]
    assert model.score(X, y) > 0.9


def test_labels_change_what_descriptions_say():
    X, y = make_topics(90)
    wrong = {"music": TOPICS["sport"], "sport": TOPICS["music"], "health": TOPICS["health"]}
    parameters = {"class_descriptions": wrong, "max_epochs": 30, "learning_rate": 0.1}
    model = make_classifier(**WORDS, **parameters)
    assert model.fit(X, y).score(X, y) > 0.9 > 0.5 > model.fit(X).score(X, y)


def test_a_class_without_a_label():
    X, y = make_topics(90)
    y = y.astype(object)
    is_health = y == "health"
    labels = np.where(is_health, None, y)
    model = make_classifier(**WORDS, class_descriptions=TOPICS).fit(X, labels)
    assert model.classes_.tolist() == sorted(TOPICS)
    assert model.score(X, y.astype(str)) > 0.9


KINDS = {
    "frozen": {"trainable": "head"},
    "frozen, one norm": {"trainable": "head", "language_norm": False},
    "frozen, aligned": {"trainable": "head", "transfer": "coral"},
    "trained": {},
    "trained, adapters": {"trainable": "adapter"},
    "trained, near the descriptions": {"transfer": "l2sp"},
    "trained, adversarial": {"transfer": "adversarial", "self_training": 1},
    "with a teacher": WORDS,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network(kind, bert, tmp_path):
    X, y = UNLABELLED
    parameters = {"encoder": bert, "class_descriptions": OPINIONS} | KINDS[kind]
    if kind == "with a teacher":
        parameters["source"] = FrozenEstimator(make_pipeline(described().fit(X)))
    model = clone(make_classifier(target_languages="zh", **parameters)).fit(X, y)
    expected = model.predict_proba(X)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    model.save(tmp_path)
    loaded = load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert loaded.class_descriptions == OPINIONS


@pytest.mark.parametrize("trainable", ["head", "all"])
@pytest.mark.parametrize("n_languages", [1, 2])
def test_no_language_leans_to_a_class(trainable, n_languages, bert, tmp_path):
    rows = X if n_languages == 2 else X[X["language"] == "en"]
    model = described(encoder=bert, trainable=trainable).fit(rows)
    logits = pd.DataFrame(model.predict_log_proba(rows))
    logits = logits.sub(logits.mean(axis=1), axis=0)
    means = logits.groupby(rows["language"].to_numpy()).mean()
    assert logits.std().min() > 0.01
    np.testing.assert_allclose(means, 0, atol=1e-3)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict(rows), model.predict(rows))


def test_training_goes_on_from_the_descriptions(bert):
    for trainable in ("head", "all"):
        still = {"encoder": bert, "trainable": trainable, "learning_rate": 0.0, "max_epochs": 1}
        without = described(**still).fit(ENGLISH[0])
        for fit in ("fit", "partial_fit"):
            model = getattr(described(**still), fit)(*ENGLISH)
            np.testing.assert_allclose(
                model.predict_proba(ENGLISH[0]), without.predict_proba(ENGLISH[0]), rtol=1e-3
            )


def test_partial_fit_weighs_labels_as_the_fit_before_it():
    X, y = make_topics(40)
    parameters = {"class_descriptions": TOPICS, "head_penalty": 1.0, "max_epochs": "auto"}
    model = make_classifier(**WORDS | parameters).fit(X, y)
    assert model.net_.settings.is_solved
    weight = model.net_.criterion_.source_weight
    assert weight == 40 / (40 + 32)
    assert model.partial_fit(X[:8], y[:8]).net_.criterion_.source_weight == weight


def test_searches_compare_descriptions():
    grid = {"class_descriptions": [SWAPPED, OPINIONS]}
    model = described(learning_rate=0.0, max_epochs=1, class_descriptions=None)
    for search in (
        GridSearchCV(model, grid, cv=2),
        MetaParamSearchCV(model, grid, n_iter=2, cv=2, verbose=0, random_state=0),
    ):
        assert search.fit(*ENGLISH).best_params_ == {"class_descriptions": OPINIONS}
        assert search.best_estimator_.score(*ENGLISH) > 0.9


def test_a_warm_start_keeps_what_was_learnt():
    model = described(warm_start=True).fit(X)
    first = model.predict_proba(X)
    np.testing.assert_array_equal(model.fit(X).predict_proba(X), first)


WRONG = {
    "one class": ({"class_descriptions": {"a": "b"}}, "describes 1 class; describe every class"),
    "no class": ({"class_descriptions": {}}, "describes 0 classes; describe every class"),
    "no text": (
        {"class_descriptions": {0: "bad", 1: " "}},
        "the description of 1 must be a text or a list of texts, none of them empty, got ' '",
    ),
    "an empty list": ({"class_descriptions": {0: [], 1: "good"}}, "the description of 0 must be"),
    "a number": ({"class_descriptions": {0: 3, 1: "good"}}, "the description of 0 must be"),
    "the same": (
        {"class_descriptions": {0: "room", 1: ["room"]}},
        "0 and 1 have the same description; say what tells them apart",
    ),
    "unknown words": (
        {"class_descriptions": {0: "unheard", 1: "unseen", 2: "good"}},
        "the same vector for the descriptions of 0 and 1, as it has where it knows none of their",
    ),
    "the same words": (
        {"class_descriptions": {0: "good", 1: "bad", 2: "Good!"}},
        "the same vector for the descriptions of 0 and 2",
    ),
    "kinds of labels": ({"class_descriptions": {0: "bad", "1": "good"}}, "mixes strings and other"),
    "a missing class": ({"class_descriptions": {0: "bad", None: "good"}}, "a missing label"),
    "a class without one": (
        {"class_descriptions": {0: "bad", 2: "good"}},
        r"describes \[0, 2\], but there are rows of \[1\.0\] as well; describe every class",
    ),
    "scratch": ({"encoder": "scratch"}, "need an `encoder` that knows what words mean, .* random"),
    "a fitted source": ({"source": "fitted"}, "`source` is a fitted network, which knows its"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_refusals(kind):
    parameters, message = WRONG[kind]
    if "source" in parameters:
        parameters = {"source": make_classifier(**WORDS).fit(*ENGLISH)}
    model = described(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(*UNLABELLED)
    assert not hasattr(model, "net_")


def test_numbers_are_refused():
    with pytest.raises(ValueError, match="X holds numeric features; pass the texts, with an"):
        described().fit(NUMBERS)


@pytest.mark.parametrize("source", ["linear", LogisticRegression()])
def test_a_source_that_needs_labels_is_refused_without_any(source):
    with pytest.raises(ValueError, match="`source` is fitted on labels, but y has none; leave"):
        described(source=source, dictionary=DICTIONARY).fit(X)


def test_a_term_that_needs_labels_is_refused_without_any():
    with pytest.raises(ValueError, match="'coral' needs labelled rows in a source language"):
        described(transfer="coral").fit(X)


def test_without_descriptions_labels_are_needed():
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        make_classifier(**WORDS).fit(X)


def test_a_regressor_has_no_classes_to_describe():
    with pytest.raises(TypeError, match="class_descriptions"):
        make_regressor(class_descriptions=OPINIONS)
