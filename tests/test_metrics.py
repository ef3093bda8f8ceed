import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    get_scorer,
    log_loss,
    precision_score,
    recall_score,
)
from sklearn.model_selection import cross_val_score

from metaling_sk.metrics import language_report, log_loss_scorer

SUMMARY = ["mean", "worst", "gap"]


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2], ["no", "yes"], [False, True]])
def test_each_row_is_what_sklearn_computes(average, classes):
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.choice(classes, (2, 60))
    language = rng.choice(["zh", "en", "sw"], 60)
    report = language_report(y_true, y_pred, language, average=average)
    assert report.index.tolist() == ["en", "sw", "zh", *SUMMARY]
    for name in ("en", "sw", "zh"):
        in_language = language == name
        pair = y_true[in_language], y_pred[in_language]
        expected = [
            accuracy_score(*pair),
            *(score(*pair, average=average) for score in (precision_score, recall_score, f1_score)),
            in_language.sum(),
        ]
        np.testing.assert_allclose(report.loc[name].to_numpy(float), expected)


def test_summary_rows():
    report = language_report([0, 1, 0, 1], [0, 1, 0, 0], ["en", "en", "zh", "zh"])
    assert report["accuracy"].tolist() == [1, 0.5, 0.75, 0.5, 0.5]
    assert report["support"].tolist() == [2, 2, 4, 4, 4]
    assert report.index.name == "language"


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.array,
        lambda values: np.array(values, dtype=object),
        lambda values: pd.Series(values, index=[7] * len(values)),
        lambda values: pd.Series(values, dtype="category"),
        lambda values: pd.Series(values).convert_dtypes(),
    ],
)
@pytest.mark.parametrize("labels", [[0, 1, 1, 0], ["a", "b", "b", "a"], [True, False, False, True]])
def test_forms_of_labels_and_languages(form, labels):
    language = ["en", "zh", "en", "zh"]
    report = language_report(form(labels), form(labels[:2] * 2), form(language))
    expected = language_report(labels, labels[:2] * 2, language)
    pd.testing.assert_frame_equal(report, expected)


def test_one_language_and_a_class_that_is_never_predicted():
    report = language_report([0, 1, 1], [0, 0, 0], ["en"] * 3)
    assert report.loc["gap", "accuracy"] == 0
    assert report.loc["en", "precision"] == pytest.approx(1 / 6)
    report = language_report([0, 1, 1], [0, 0, 0], ["en"] * 3, zero_division=1)
    assert report.loc["en", "precision"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([0, 1], [0, 1], ["en"]), "have 2, 2 and 1 values"),
        (([0, 1], [0], ["en", "zh"]), "have 2, 1 and 2 values"),
        (([0, np.nan, 1, None], [0, 1, 1, 1], ["en"] * 4), "y_true has no label in rows 1, 3"),
        ((["a", None], ["a", "a"], ["en"] * 2), "y_true has no label in row 1"),
        (([0, 1], [0, np.nan], ["en"] * 2), "y_pred has no label in row 1"),
        (([0, "a"], [0, 1], ["en"] * 2), "y_true mixes strings"),
        (([0.5, 0.1], [0, 1], ["en"] * 2), "continuous"),
        (([0, 1], [0, 1], "en"), "only 'en'"),
        (([0, 1], [0, 1], ["en", None]), "`language` holds something else in row 1"),
        (([0, 1], [0, 1], ["en", 3]), "in row 1 .row 1: 3"),
        (([], [], []), "y_true is empty"),
    ],
)
def test_what_it_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        language_report(*arguments)


def test_average_is_named():
    with pytest.raises(ValueError, match="'average' parameter of language_report must be"):
        language_report([0, 1], [0, 1], ["en", "en"], average="binary")


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["en", "zh", "ar"])),
        min_size=1,
    )
)
def test_scores_lie_between_worst_and_worst_plus_gap(rows):
    report = language_report(*map(list, zip(*rows, strict=True)))
    scores = report.drop(columns="support")
    languages = scores.drop(index=SUMMARY)
    assert ((languages >= 0) & (languages <= 1)).all(axis=None)
    best = scores.loc["worst"] + scores.loc["gap"]
    assert (languages >= scores.loc["worst"]).all(axis=None)
    assert (languages <= best + 1e-12).all(axis=None)
    assert report["support"].iloc[-1] == len(rows)


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts the probabilities it is given as X."""

    def __init__(self, classes=(0, 1)):
        self.classes_ = np.array(classes)

    def predict_proba(self, X, language=None):
        return X if language is None else X[:, ::-1]


def probabilities_of(n_rows, n_classes, dtype=float):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(n_classes), n_rows).astype(dtype)
    probabilities[0] = np.eye(n_classes)[0]
    return probabilities


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [[0, 1], ["a", "b", "c"], [False, True]])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_log_loss_is_that_of_sklearn(dtype, classes, weighted):
    X = probabilities_of(30, len(classes), dtype)
    y = np.array(classes)[np.arange(30) % len(classes)]
    y[0] = classes[-1]  # which has probability 0
    weights = {"sample_weight": np.linspace(0.1, 2, 30)} if weighted else {}
    score = log_loss_scorer(classes[::-1])(Fixed(classes), X, y, **weights)
    expected = get_scorer("neg_log_loss")(Fixed(classes), X, y, **weights)
    assert score == pytest.approx(expected, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert isinstance(score, float)


def test_a_class_that_the_estimator_does_not_know():
    X = np.array([[0.75, 0.25], [0.5, 0.5]])
    score = log_loss_scorer(["a", "b", "c"])(Fixed(["a", "c"]), X, ["a", "b"])
    assert score == pytest.approx((np.log(0.75) + np.log(np.finfo(float).eps)) / 2)
    assert log_loss_scorer(["a", "b", "c"])(Fixed(["a", "c"]), X, ["c", "c"]) == pytest.approx(
        (np.log(0.25) + np.log(0.5)) / 2
    )
    assert log_loss_scorer([1])(Fixed([1]), np.ones((3, 1)), [1, 1, 1]) == pytest.approx(0)


@pytest.mark.parametrize(
    "form", [list, np.array, pd.Series, lambda y: np.array(y, dtype=object), pd.Categorical]
)
@pytest.mark.parametrize("classes", [[0, 1], ["no", "yes"]])
def test_forms_of_y_of_the_log_loss(form, classes):
    X, y = probabilities_of(6, 2), classes * 3
    expected = -log_loss(y, X)
    assert log_loss_scorer(form(classes))(Fixed(classes), X, form(y)) == pytest.approx(expected)


def test_labels_that_the_scorer_does_not_know():
    X = np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match=r"`labels` of the log-loss lack \[2\], which y holds"):
        log_loss_scorer([0, 1])(Fixed(), X, [0, 2])
    with pytest.raises(ValueError, match=r"lack \[1\], which the estimator knows"):
        log_loss_scorer([0])(Fixed(), X, [0, 0])
    with pytest.raises(ValueError, match="`labels` mixes strings"):
        log_loss_scorer(["a", 1])


def test_a_loss_that_is_no_number():
    assert np.isnan(log_loss_scorer([0, 1])(Fixed(), np.full((2, 2), np.nan), [0, 1]))


def test_the_scorer_in_cross_validation():
    y = np.arange(30) // 10
    X = np.random.default_rng(0).normal(size=(30, 2)) + y[:, None]
    folds = [(np.arange(20), np.arange(20, 30)), (np.arange(10, 30), np.arange(10))]
    scores = cross_val_score(
        LogisticRegression(), X, y, cv=folds, scoring=log_loss_scorer([0, 1, 2])
    )
    assert scores == pytest.approx([np.log(np.finfo(float).eps)] * 2)
    assert "log_loss" in repr(log_loss_scorer([0, 1]))


def test_metadata_reach_the_loss_and_the_predictions():
    X, y = probabilities_of(6, 2), [0, 1] * 3
    with config_context(enable_metadata_routing=True):
        score = log_loss_scorer([0, 1])
        assert score(Fixed(), X, y, language="zh") == pytest.approx(-log_loss(y, X[:, ::-1]))
        weights = np.arange(1, 7)
        assert score(Fixed(), X, y, sample_weight=weights) == pytest.approx(
            -log_loss(y, X, sample_weight=weights)
        )
