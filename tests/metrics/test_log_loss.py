import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

from metaling_sk.metrics import log_loss_scorer


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts the probabilities it is given as X."""

    def __init__(self, classes=(0, 1)):
        self.classes = classes
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


@pytest.mark.parametrize("y", [[0], [0, 1, 1], [[0, 1]]])
def test_labels_of_another_length(y):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        log_loss_scorer([0, 1])(Fixed(), np.full((2, 2), 0.5), y)


def test_weights_that_are_no_numbers():
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        log_loss_scorer([0, 1])(Fixed(), np.full((2, 2), 0.5), [0, 1], sample_weight=[1, np.nan])


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


@pytest.mark.parametrize(
    "model",
    [OneVsRestClassifier(LogisticRegression()), KNeighborsClassifier()],
    ids=["an array", "a list"],
)
def test_of_several_labels_it_is_the_mean_of_binary_log_losses(model):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(40, 3))
    X = y + rng.normal(size=y.shape)
    model = model.fit(X, y)
    proba = model.predict_proba(X)
    columns = [p[:, 1] for p in proba] if isinstance(proba, list) else proba.T
    expected = np.mean([log_loss(y[:, i], column) for i, column in enumerate(columns)])
    assert log_loss_scorer(range(3))(model, X, y) == pytest.approx(-expected)
    with pytest.raises(ValueError, match="predict_proba has shape .* but y has 2 labels"):
        log_loss_scorer(range(2))(model, X, y[:, :2])
