"""Our suite: what else a fitted classifier computes of samples."""

import numpy as np
import pytest
from estimators import X_LABELLED, X_TEST, Y_LABELLED, Y_TEST, X, Y, not_a_search
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from metaling_sk import MetaNetClassifier, TransferClassifier

NUMBERS = np.random.default_rng(0).normal(size=(60, 5))
THREE = np.arange(60) % 3


def test_decisions_agree_with_probabilities(fitted):
    proba = fitted.predict_proba(X_TEST)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X_TEST)), proba, rtol=1e-6)
    np.testing.assert_allclose(expit(fitted.decision_function(X_TEST)), proba[:, 1], rtol=1e-6)


@pytest.mark.parametrize("kind", [TransferClassifier, MetaNetClassifier])
def test_decisions_between_three_classes(kind):
    clf = kind(max_epochs=2, verbose=0, random_state=0).fit(NUMBERS, THREE)
    decisions = clf.decision_function(NUMBERS)
    assert decisions.shape == (60, 3)
    np.testing.assert_array_equal(decisions.argmax(axis=1), clf.predict(NUMBERS))
    assert np.isfinite(clf.predict_log_proba(NUMBERS * 1e3)).all()


def test_representations_separate_the_classes(model):
    if not hasattr(model, "transform"):
        pytest.skip("no representations")
    vectors = model.fit_transform(X_LABELLED, Y_LABELLED)
    assert abs(vectors - model.transform(X_LABELLED)).max() == 0
    assert LogisticRegression().fit(vectors, Y_LABELLED).score(vectors, Y_LABELLED) > 0.9


def test_representations_depend_on_the_language():
    language = np.repeat(["a", "b"], 30)
    X = NUMBERS + 5 * (language == "b")[:, None]
    clf = MetaNetClassifier(verbose=0, random_state=0)
    vectors = clf.fit_transform(X, THREE, language=language)
    assert abs(vectors[language == "b"].mean()) < 0.1
    np.testing.assert_array_equal(vectors, clf.transform(X, language=language))


def test_a_network_before_another_classifier():
    pipeline = make_pipeline(
        TransferClassifier(max_epochs=2, verbose=0, random_state=0), LogisticRegression()
    )
    assert pipeline.fit(NUMBERS, NUMBERS[:, 0] > 0).score(NUMBERS, NUMBERS[:, 0] > 0) > 0.9


def test_the_number_of_epochs():
    clf = TransferClassifier(max_epochs=3, patience=3, verbose=0, random_state=0)
    with pytest.raises(AttributeError, match="not fitted"):
        clf.n_iter_  # noqa: B018
    assert clf.fit(NUMBERS, THREE).n_iter_ == len(clf.history_) == 3
    assert MetaNetClassifier(verbose=0).fit(NUMBERS, THREE).n_iter_ == 0


@not_a_search
def test_a_score_needs_labels(fitted):
    y = np.array([None, *Y_TEST[1:]], dtype=object)
    with pytest.raises(ValueError, match="y has no label in row 0"):
        fitted.score(X_TEST, y)


@pytest.mark.parametrize("method", ["decision_function", "predict_log_proba"])
def test_not_fitted(model, method):
    with pytest.raises(NotFittedError):
        getattr(model, method)(X)
    assert len(Y) == len(X)
