"""What a meta network starts from, learns and refuses."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from marks import predicts_unseen_languages
from meta_net_cases import (
    COLUMNS,
    ENCODERS,
    LANGUAGES,
    LEARNING,
    assert_same,
    every_kind,
    few,
    fit,
    fitted,
    make_data,
    make_model,
    make_numbers,
    make_texts,
    samples_of,
    scramble,
    some_kinds,
    vectors_of,
)
from sklearn.exceptions import NotFittedError
from small_callbacks import Count, Interrupt, n_trained_on
from tiny import make_classifier, make_meta_net, make_pair
from torch import nn

# The start


@pytest.mark.parametrize("kind", ["bert", "decoder", *ENCODERS])
def test_at_first_every_model_is_the_meta_model(kind, request):
    parameters = {"learning_rate": 0.0, "language_norm": False, "residual_penalty": None}
    if kind in ENCODERS:
        model = make_model(kind, **parameters)
        X, y, language = make_data(kind)
    else:
        model = make_meta_net(encoder=request.getfixturevalue(kind), **parameters)
        X, y, language = make_data("scratch")
    model.fit(X, y, language=language)
    module = model.net_.module_
    nn.init.normal_(module.head.weight)
    of_no_language = model.predict_proba(X, language="unseen")
    assert len(np.unique(of_no_language)) > 2
    for code in model.languages_:
        np.testing.assert_array_equal(model.predict_proba(X, language=code), of_no_language)
    batch = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()), language
    ).collate(np.arange(5))
    with torch.no_grad():
        representation = module(batch.inputs, batch.language_index).representation
        assert torch.equal(representation, vectors_of(module, batch))


def test_a_language_without_labels_has_the_meta_model():
    X, y, language = make_numbers([*LANGUAGES, "new"])
    y = np.where(language == "new", np.nan, y)
    model = make_model("numbers", language_norm=False).fit(X, y, language=language)
    assert "new" in model.languages_ and "new" not in model.architecture_
    np.testing.assert_array_equal(
        model.predict_proba(X, language="new"), model.predict_proba(X, language="unseen")
    )


# What is learnt


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("joint", kind) for kind in ENCODERS]
    + [(algorithm, kind) for algorithm in ("maml", "reptile") for kind in ("scratch", "numbers")],
)
def test_words_with_opposite_labels_in_two_languages(kind, algorithm):
    """Generated models tell them apart; a pooled one cannot."""
    X_test, y_test, language = make_data(kind, seed=5)
    model = fitted(kind)
    if algorithm != "joint":
        model.set_params(meta_algorithm=algorithm, inner_steps=2)
        fit(model, *make_data(kind))
    assert model.score(X_test, y_test, language=language) > 0.85
    wrong = np.where(language == "as is 1", "opposite 1", "as is 1")
    assert model.score(X_test, y_test, language=wrong) < 0.15


def test_a_pooled_model_learns_nothing_of_opposite_labels():
    pooled = make_classifier(source_languages=["as is 1", "opposite 1"], **LEARNING)
    X_test, y_test, language = make_data("scratch", seed=5)
    assert fit(pooled, *make_data("scratch")).score(X_test, y_test, language=language) < 0.7


@some_kinds
@predicts_unseen_languages
def test_a_language_not_seen_has_the_meta_model(kind):
    model = fitted(kind)
    X, _, _ = make_data(kind, seed=5)
    found = model.predict_proba(X, language="unseen")
    np.testing.assert_array_equal(found, model.predict_proba(X, language="another"))
    rows = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()),
        np.full(X.shape[0], "unseen", dtype=object),
    )
    meta_model = model.net_.module_.meta_model().eval()
    expected = np.empty_like(found)
    with torch.no_grad():
        for where in rows.indices(64):
            batch = rows.collate(where)
            expected[where] = meta_model(batch.inputs, batch.language_index).logits.softmax(1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    own = model.predict_proba(X, language="opposite 1")
    assert abs(found - own).max() > 0.1


@every_kind
@predicts_unseen_languages
def test_many_languages_in_one_batch(kind):
    model = scramble(fitted(kind))
    X, _, _ = make_data(kind, seed=5)
    codes = np.array(["as is 1", "opposite 1", "unseen"], dtype=object)
    language = codes[np.arange(X.shape[0]) % 3]
    together = model.predict_proba(X, language=language)
    for code in codes:
        alone = model.predict_proba(X, language=code)
        where = language == code
        np.testing.assert_allclose(together[where], alone[where], rtol=1e-4)
        assert abs(together[~where] - alone[~where]).max() > 0.1


def test_statistics_and_vocabulary_come_from_unlabelled_rows_too():
    X, y, language = make_numbers()
    shifted = np.r_[X, X + [10, 0, 0, 0]]
    half = np.r_[y, np.full(len(y), np.nan)]
    model = make_model("numbers").fit(shifted, half, language=np.r_[language, language])
    np.testing.assert_allclose(model.front_end_.statistics.mean[-1], shifted.mean(axis=0))
    texts, y, language = make_texts()
    odd = np.r_[texts, ["ж" * 9]]
    model = make_model("characters").fit(odd, np.r_[y, np.nan], language=[*language, "as is 1"])
    assert "ж" in model.front_end_.vectorizer.vocabulary_


# Training


def test_class_weights():
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 10 == 0).astype(int)
    X = rng.normal(size=(400, 2)) + y[:, None]
    parameters = LEARNING | {"batch_size": 100, "learning_rate": 0.05}

    def recall(class_weight):
        model = make_meta_net(class_weight=class_weight, **parameters)
        return model.fit(X, y).predict(X)[y == 1].mean()

    assert recall(None) < 0.4 < 0.6 < recall("balanced")
    assert recall({1: 1000}) > 0.9


@some_kinds
def test_warm_start_goes_on(kind):
    data = make_data(kind)
    model = fit(make_model(kind, warm_start=True, max_epochs=2, learning_rate=0.003), *data)
    first = model.history_["language"].iloc[0]
    assert fit(model, *data).history_["language"].iloc[0] < first
    X, _, language = data
    before = model.predict_proba(X, language=language)
    model.set_params(learning_rate=0.0)
    after = fit(model, *data).predict_proba(X, language=language)
    # The means of the languages run on where the encoder is trained.
    np.testing.assert_allclose(after, before, atol=0.1 if kind == "scratch" else 0)
    with pytest.raises(ValueError, match=r"none of the classes \[0, 1\]: \[2\]"):
        model.fit(X, data[1] * 2, language=language)


@some_kinds
def test_warm_start_takes_new_languages(kind):
    """Also one that was adapted: what was adapted is then part of the fit."""
    model = fitted(kind).set_params(warm_start=True, learning_rate=0.02)
    X, y, _ = few(kind)
    model.adapt(X, y, language="opposite 2")
    X, y, language = make_data(kind, ("as is 1", "opposite 2", "opposite 3"), 40, 8)
    model.fit(X, y, language=language)
    assert model.languages_ == ["as is 1", "opposite 1", "opposite 2", "opposite 3"]
    X, y, language = make_data(kind, model.languages_, 50, 20)
    for code in model.languages_:
        where = np.flatnonzero(language == code)
        assert model.score(X[where], y[where], language=code) > 0.7, code


def test_warm_start_refuses_other_rows():
    X, y, language = make_data("numbers")
    model = fitted("numbers").set_params(warm_start=True)
    with pytest.raises(ValueError, match="has 2 features, but .* expecting 4"):
        model.fit(X[:, :2], y, language=language)
    with pytest.raises(ValueError, match="was fitted on numeric features, but X holds text"):
        fit(model, *make_texts())
    with pytest.raises(ValueError, match="y has no label"):
        model.fit(X, np.full(len(X), np.nan), language=language)
    with pytest.raises(ValueError, match="was fitted on text, but X holds numeric"):
        fitted("characters").set_params(warm_start=True).fit(X, y, language=language)
    assert_same(model, fitted("numbers"), X, language)


@pytest.mark.parametrize("algorithm", COLUMNS)
def test_callbacks(algorithm):
    Count.calls.clear()
    callbacks = [Count(), ("named", Count())]
    model = make_model("numbers", meta_algorithm=algorithm, max_epochs=2, callbacks=callbacks)
    fit(model, *make_numbers())
    assert Count.calls == [call for call in ("begin", "epoch", "epoch", "end") for _ in range(2)]
    assert model.callbacks is callbacks


@pytest.mark.parametrize("algorithm", COLUMNS)
def test_ctrl_c_ends_the_fit(algorithm):
    model = fitted("numbers").set_params(callbacks=[Interrupt()], meta_algorithm=algorithm)
    X, y, language = make_numbers()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, language=language)
    assert not hasattr(model, "net_")
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(NotFittedError):
        model.adapt(X, y, language=language)


@pytest.mark.parametrize("kind", ["scratch", "numbers"])
@predicts_unseen_languages
def test_ctrl_c_in_a_warm_start_leaves_what_was_fitted(kind):
    X, y, language = few(kind)
    model = fitted(kind).adapt(X, y, language=language)
    untouched = copy.deepcopy(model)
    model.set_params(callbacks=[Interrupt()], warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, language="as is 3")
    for code in ("as is 1", "opposite 2", "as is 3", "unseen"):
        assert_same(model, untouched, X, code)
    assert model.languages_ == untouched.languages_
    model.forget("opposite 2")


def test_early_stopping_looks_at_the_generated_models_and_the_meta_model():
    X, y, language = make_numbers()
    model = make_model("numbers", meta_weight=2.0, validation_fraction=0.3, max_epochs=2)
    model.fit(X, y, language=language)
    assert (model.history_["valid_loss"] > 1.0).all()  # Near log 2 + 2 log 2 at first.
    n_held_out = np.floor(0.3 * pd.crosstab(language, y)).to_numpy().sum()
    assert n_trained_on(model) == len(y) - n_held_out


def test_a_loss_that_is_not_finite():
    model = make_model("numbers", learning_rate=1e30)
    with pytest.raises(ValueError, match="The loss became (nan|inf) in epoch 1"):
        fit(model, *make_numbers())


# Refusals

WRONG_PARAMETERS = {
    "meta_weight": (-1, r"must be a float in the range \[0.0, inf\). Got -1 "),
    "size_weight": ("small", r"must be a float in the range \[0.0, inf\). Got 'small'"),
    "language_dropout": (1.5, r"must be a float in the range \[0.0, 1.0\]. Got 1.5"),
    "inner_steps": (0, r"must be a str among \{'auto'\} or an int in the range \[1, inf\). Got 0"),
    "max_width": (2.5, r"must be an int in the range \[1, inf\). Got 2.5"),
    "inner_learning_rate": ("fast", r"must be .* or a float in the range \[0.0, inf\). Got 'fast'"),
    "meta_algorithm": ("sgd", "must be a str among .*'maml'.* Got 'sgd'"),
    "trainable": ("everything", "must be"),
    "patience": (0, r"must be an int in the range \[1, inf\)"),
}


@pytest.mark.parametrize("name", WRONG_PARAMETERS)
def test_wrong_parameters(name):
    value, message = WRONG_PARAMETERS[name]
    with pytest.raises(ValueError, match=f"'{name}' parameter of MetaNetClassifier {message}"):
        fit(make_meta_net(**{name: value}), *make_numbers())


def test_one_class():
    X, _, language = make_numbers()
    with pytest.raises(ValueError, match="at least two classes, but y holds 1 class"):
        make_model("numbers").fit(X, np.ones(len(X)), language=language)


def test_unlabelled_rows_and_the_whole_table_at_once():
    """English and Chinese in one table, the Chinese half without labels."""
    X, y = make_pair(40, 40, n_labelled=20)
    model = make_meta_net(max_epochs=1).fit(X, y)
    assert model.languages_ == ["en", "zh"]
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("meta_algorithm", "trainable"),
    [
        ("joint", "all"),
        ("joint", "adapter"),
        ("joint", "head"),
        ("maml", "all"),
        ("reptile", "adapter"),
    ],
)
def test_low_precision(meta_algorithm, trainable):
    X, y, language = make_data("scratch")
    predictions = []
    for dtype in ("float32", "bfloat16"):
        model = make_meta_net(dtype=dtype, meta_algorithm=meta_algorithm, trainable=trainable)
        model.fit(X, y, language=language).adapt(X[:20], y[:20], language="new")
        predictions.append(model.predict_proba(X[:20], language="new"))
    np.testing.assert_allclose(*predictions, atol=0.1)
