"""MetaNetClassifier with several labels for each sample."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_expit
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from tiny import make_meta_net

from metaling_sk import MetaNetClassifier, language_report, load
from metaling_sk._data.labels import MISSING
from metaling_sk.meta_net._labelled_features import LabelledFeatures
from metaling_sk.meta_net._linear_loss import LABEL_LOG_LOSS
from metaling_sk.meta_net._residual_head import ResidualHeadProblem

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(300, 6))
LABELS = (NUMBERS[:, :3] + 0.3 * RNG.normal(size=(300, 3)) > [0, 0.5, -0.5]).astype(int)
LANGUAGE = np.tile(["en", "de", "fr"], 100)
NEW = RNG.normal(size=(60, 6))
OPPOSITE = (-NEW[:, :3] > [0, 0.5, -0.5]).astype(int)
PARTLY = LABELS.astype(float)
PARTLY[::2, 1] = np.nan  # labels that are not known
PARTLY[3:6] = np.nan  # rows without any label

TEXTS = pd.DataFrame(
    {
        "text": ["good hotel", "bad hotel", "good staff", "buen hotel", "mal hotel", "mal personal"]
        * 5,
        "language": ["en", "en", "en", "es", "es", "es"] * 5,
    }
)
OPINIONS = pd.DataFrame(
    {"positive": [1, 0, 1, 1, 0, 0] * 5, "staff": [0, 0, 1, 0, 0, 1] * 5}, dtype=float
)
TRAINED = {"joint": {"learning_rate": 0.01}} | {
    name: {"meta_algorithm": name, "inner_steps": 2} for name in ("maml", "reptile")
}


def new_model(**parameters):
    return MetaNetClassifier(**{"verbose": 0, "random_state": 0} | parameters)


def fit(y=LABELS, **parameters):
    return new_model(**parameters).fit(NUMBERS, y, language=LANGUAGE)


@pytest.fixture(scope="module")
def fitted():
    return fit(pd.DataFrame(PARTLY, columns=["a", "b", "c"]))


# Predictions


def test_what_is_predicted(fitted):
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.label_names_.tolist() == ["a", "b", "c"]
    logits = fitted.decision_function(NUMBERS, language="de")
    probabilities = fitted.predict_proba(NUMBERS, language="de")
    assert_array_equal(probabilities, expit(logits))
    assert_array_equal(fitted.predict_log_proba(NUMBERS, language="de"), log_expit(logits))
    assert_array_equal(fitted.predict(NUMBERS, language="de"), probabilities > 0.5)


def test_labels_are_learnt_each_for_itself(fitted):
    predicted = fitted.predict(NUMBERS, language=LANGUAGE)
    expected = OneVsRestClassifier(LogisticRegression()).fit(NUMBERS, LABELS).predict(NUMBERS)
    assert (predicted == expected).mean() > 0.9
    assert fitted.score(NUMBERS, LABELS, language=LANGUAGE) == (predicted == LABELS).all(1).mean()


def test_rare_labels_are_predicted_as_often_as_they_are():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(600, 8))
    y = (X[:, :3] + 0.2 * rng.normal(size=(600, 3)) > 1.6).astype(int)
    language = np.tile(["en", "de"], 300)
    model = new_model().fit(X[:300], y[:300], language=language[:300])
    predicted = model.predict(X[300:], language=language[300:])
    assert 0.7 < predicted.sum() / y[300:].sum() < 1.3


def test_every_form_of_y_gives_the_same_bits(fitted):
    expected = fitted.predict_proba(NUMBERS, language="de")
    marked = np.nan_to_num(PARTLY, nan=-1).astype(int)
    for y, missing_label in ((PARTLY, None), (sparse.csr_array(PARTLY), None), (marked, -1)):
        model = fit(y, missing_label=missing_label)
        assert_array_equal(model.predict_proba(NUMBERS, language="de"), expected)


@pytest.mark.parametrize("parameters", TRAINED.values(), ids=TRAINED)
def test_networks_that_are_trained(parameters):
    model = fit(PARTLY, max_epochs=2, **parameters)
    predicted = model.predict(NUMBERS, language=LANGUAGE)
    assert f1_score(LABELS, predicted, average="macro") > 0.8
    model.adapt(NEW, OPPOSITE, language="new")
    assert model.score(NEW, OPPOSITE, language="new") > 0.5


def test_an_encoder_that_is_trained():
    y = OPINIONS.copy()
    y.loc[:5, "staff"] = np.nan
    model = make_meta_net(max_epochs=2).fit(TEXTS, y)
    assert model.predict_proba(TEXTS).shape == y.shape
    assert np.isfinite(model.history_["train_loss"]).all()


# What is minimised


@pytest.mark.parametrize("n_features", [4, 40])
def test_a_linear_model_of_labels_is_one_for_each(n_features):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, n_features))
    y = rng.integers(-1, 2, (20, 3))
    weight = LABEL_LOG_LOSS.weigh(y, np.array([[1.0, 2, 1], [3, 1, 1]]))
    assert_array_equal(weight == 0, y == MISSING)
    targets, logits = LABEL_LOG_LOSS.targets(y, 3), rng.normal(size=(20, 3))
    together = ResidualHeadProblem(x, targets, logits, weight, loss=LABEL_LOG_LOSS).fit(0.1)
    for number in range(3):
        each = np.s_[:, number : number + 1]
        problem = ResidualHeadProblem(
            x, targets[each], logits[each], weight[each], loss=LABEL_LOG_LOSS
        )
        alone = problem.fit(0.1)
        assert_allclose(together.coef[number], alone.coef[0], atol=2e-3)
        assert_allclose(together.intercept[number], alone.intercept[0], atol=2e-3)


def test_labels_that_are_not_known_say_nothing():
    known = PARTLY.copy()
    known[::2, 1] = LABELS[::2, 1]
    wrong = known.copy()
    wrong[::2, 1] = 1 - LABELS[::2, 1]
    scores = [
        f1_score(LABELS[:, 1], fit(y).predict(NUMBERS, language=LANGUAGE)[:, 1])
        for y in (known, PARTLY, wrong)
    ]
    assert scores[0] - 0.05 < scores[1] > scores[2] + 0.1


def test_weights_of_classes_by_label():
    weights = [{0: 1, 1: 1}, {0: 1, 1: 30}, {0: 30, 1: 1}]
    plain, weighted = (
        fit(class_weight=weight).predict(NUMBERS, language=LANGUAGE).mean(axis=0)
        for weight in (None, weights)
    )
    assert weighted[1] > plain[1] + 0.1 and weighted[2] < plain[2] - 0.1
    fit(class_weight="balanced")
    with pytest.raises(ValueError, match="`class_weight` of 3 labels must be 'balanced' or a"):
        fit(class_weight={0: 1, 1: 5})
    with pytest.raises(ValueError, match="`class_weight` is a list, which weights several labels"):
        fit(LABELS[:, 0], class_weight=weights)


def test_translations_are_in_the_same_fold():
    y = LABELS[:50]
    features, weight = np.zeros((100, 1)), np.ones((100, 3))
    samples = LabelledFeatures(
        features, np.tile(y, (2, 1)), np.repeat([1, 2], 50), 3, weight, loss=LABEL_LOG_LOSS
    )
    fold = samples.folds()
    assert_array_equal(fold[:50], fold[50:])
    for number in range(3):
        assert y[fold[:50] == number].any(axis=0).all()


# Labels that cannot be learnt


def test_a_label_of_all_or_no_rows_is_predicted_so():
    y = np.c_[LABELS[:, 0], np.zeros(300, int), np.ones(300, int)]
    predicted = fit(y).predict(NUMBERS, language=LANGUAGE)
    assert not predicted[:, 1].any() and predicted[:, 2].all()


def test_a_label_that_one_language_lacks_comes_from_the_others():
    y = LABELS.astype(float)
    y[LANGUAGE == "fr", 1] = np.nan
    french = LANGUAGE == "fr"
    predicted = fit(y).predict(NUMBERS[french], language="fr")
    assert f1_score(LABELS[french, 1], predicted[:, 1]) > 0.8


def test_labels_that_are_refused(fitted):
    unknown = PARTLY.copy()
    unknown[:, 1] = np.nan
    with pytest.raises(ValueError, match=r"y has no label in the columns 1"):
        fit(unknown)
    with pytest.raises(ValueError, match="each column has only one value, as if .* one class"):
        fit(np.tile([0, 1], (300, 1)))
    for y in (OPPOSITE[:, 0], OPPOSITE[:, :2], pd.DataFrame(OPPOSITE, columns=["c", "b", "a"])):
        with pytest.raises(ValueError, match="the fit was on 3 labels|but the labels of the fit"):
            fitted.adapt(NEW, y, language="new")


# Languages


def test_a_language_is_adapted_and_forgotten():
    model = fit().register_language(NEW, language="new")
    before = model.predict_proba(NEW, language="new")
    y = OPPOSITE.astype(float)
    y[::3, 1] = np.nan
    model.adapt(NEW[:30], y[:30], language="new").adapt(NEW[30:], y[30:], language="new")
    at_once = fit().register_language(NEW, language="new").adapt(NEW, y, language="new")
    found = model.predict(NEW, language="new")
    assert f1_score(OPPOSITE, found, average="macro") > 0.8
    assert_array_equal(found, at_once.predict(NEW, language="new"))
    assert "new" in model.residual_heads_ and "new" in model.embeddings_.index
    model.forget("new")
    assert_allclose(model.predict_proba(NEW, language="new"), before)


def test_a_language_is_adapted_without_labels(fitted):
    model = pickle.loads(pickle.dumps(fitted)).adapt(NEW + 2, language="new")
    assert model.predict_proba(NEW, language="new").shape == OPPOSITE.shape
    assert "new" in model.residual_heads_
    assert fitted.register_language(NEW, language="registered") is fitted
    assert fitted.predict(NEW, language="registered").shape == OPPOSITE.shape


# Copies and tools


def test_copies_predict_the_same(fitted, tmp_path):
    y = pd.DataFrame(PARTLY, columns=["a", "b", "c"])
    expected = fitted.predict_proba(NUMBERS, language=LANGUAGE)
    fitted.save(tmp_path)
    refitted = clone(fitted).fit(NUMBERS, y, language=LANGUAGE)
    for copied in (pickle.loads(pickle.dumps(fitted)), refitted, load(tmp_path)):
        assert_array_equal(copied.predict_proba(NUMBERS, language=LANGUAGE), expected)
        assert copied.label_names_.tolist() == ["a", "b", "c"]
    assert "for each of 3 labels whether it applies: `a`, `b`, `c`" in (
        tmp_path / "README.md"
    ).read_text(encoding="utf-8")


def test_texts_and_tools():
    model = new_model(encoder=TfidfVectorizer())
    for scoring in ("f1_macro", "average_precision"):
        scores = cross_val_score(model, TEXTS, OPINIONS, cv=2, scoring=scoring, error_score="raise")
        assert (scores > 0.5).all()
    predicted = model.fit(TEXTS, OPINIONS).predict(TEXTS)
    report = language_report(OPINIONS.astype(int), predicted, TEXTS["language"])
    assert {"en", "es"} <= set(report.index)
