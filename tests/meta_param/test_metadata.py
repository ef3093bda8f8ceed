"""Weights, groups and languages that are passed to fit and routed."""

import numpy as np
import pytest
from search_cases import (
    FRAME,
    LANGUAGE,
    NUMERIC_C,
    WEIGHTS,
    C,
    X,
    Y,
    assert_same_results,
    failing,
    make_numeric,
    make_search,
)
from search_texts import PAIR, PAIR_Y, TEXT_LANGUAGE, TEXTS
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, log_loss, r2_score
from sklearn.model_selection import GroupKFold, RandomizedSearchCV
from tiny import make_classifier, make_meta_regressor

from metaling_sk.metrics import make_language_scorer


def test_sample_weight_without_routing():
    search = make_search().fit(X, Y, sample_weight=WEIGHTS)
    expected = RandomizedSearchCV(
        LogisticRegression(), C, n_iter=3, cv=3, random_state=0, scoring="neg_log_loss"
    ).fit(X, Y, sample_weight=WEIGHTS)
    assert_same_results(search.cv_results_, expected.cv_results_)
    unweighted = make_search().fit(X, Y)
    assert search.best_score_ != unweighted.best_score_
    np.testing.assert_array_equal(
        search.predict_proba(X),
        clone(search.best_estimator_).fit(X, Y, WEIGHTS).predict_proba(X),
    )


def test_sample_weight_by_language():
    folds = [(np.arange(30), np.arange(30, 60))]
    model = make_numeric()
    with config_context(enable_metadata_routing=True):
        model[-1].set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = make_search(model, NUMERIC_C, cv=folds).fit(FRAME, Y, sample_weight=WEIGHTS)
    params = search.cv_results_["params"][0]
    fitted = LogisticRegression(C=params["logisticregression__C"])
    fitted.fit(FRAME[["a", "b", "c"]][:30], Y[:30], WEIGHTS[:30])
    rows = np.flatnonzero((LANGUAGE == "zh") & (np.arange(60) >= 30))
    probabilities = fitted.predict_proba(FRAME[["a", "b", "c"]].iloc[rows])
    assert search.cv_results_["mean_test_score_zh"][0] == pytest.approx(
        -log_loss(Y[rows], probabilities, sample_weight=WEIGHTS[rows])
    )


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", {"accuracy": "accuracy"}])
def test_sample_weight_and_groups_are_routed(scoring):
    groups = np.arange(60) // 10
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        if scoring == "neg_log_loss":
            scoring = get_scorer(scoring).set_score_request(sample_weight=True)
        several = isinstance(scoring, dict)
        if several:
            scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
            scoring = {"accuracy": scorer, "neg_log_loss": "neg_log_loss"}
            scoring["neg_log_loss"] = get_scorer("neg_log_loss").set_score_request(
                sample_weight=False
            )
        parameters = {"cv": GroupKFold(3), "refit": "accuracy" if several else True}
        search = make_search(model, scoring=scoring, **parameters)
        search.fit(X, Y, sample_weight=WEIGHTS, groups=groups)
        if scoring is None:
            scoring = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
        expected = RandomizedSearchCV(
            model, C, n_iter=3, random_state=0, scoring=scoring, **parameters
        ).fit(X, Y, sample_weight=WEIGHTS, groups=groups)
        assert_same_results(search.cv_results_, expected.cv_results_)
        expected = -log_loss(Y, search.predict_proba(X), sample_weight=WEIGHTS)
        if several:
            expected = accuracy_score(Y, search.predict(X), sample_weight=WEIGHTS)
        assert search.score(X, Y, sample_weight=WEIGHTS) == pytest.approx(expected)


def test_what_is_not_requested_is_not_routed():
    message = "sample_weight.* not explicitly set"
    with config_context(enable_metadata_routing=True), failing(message):
        make_search().fit(X, Y, sample_weight=WEIGHTS)


def call_score(estimator, X, y, language=None):
    return estimator.score(X, y, language=language)


@pytest.mark.parametrize(
    "scoring",
    [
        None,
        "r2",
        call_score,
        make_language_scorer(r2_score),
        {"by language": make_language_scorer(r2_score), "all": "r2"},
    ],
)
def test_scores_get_the_language_that_is_passed(scoring):
    y = X[:, 0] + np.where(LANGUAGE == "zh", 10, 0)
    found = []
    for given in ({"X": X, "language": LANGUAGE}, {"X": FRAME}):
        model = make_meta_regressor(random_state=0)
        search = make_search(
            model, {"size_weight": [0.0]}, scoring=scoring, refit=False, n_iter=1, cv=2
        ).fit(y=y, **given)
        found.append({k: v[0] for k, v in search.cv_results_.items() if "test" in k})
    assert found[0] == found[1]
    assert min(found[0][name] for name in found[0] if name.startswith("mean")) > 0.5


@pytest.mark.filterwarnings("ignore:X has rows without a language")
def test_language_is_routed():
    in_frame = make_search(make_classifier(), {"learning_rate": [0.01]}, n_iter=1, cv=2)
    in_frame.fit(PAIR, PAIR_Y)
    labelled = ~np.isnan(PAIR_Y)
    with config_context(enable_metadata_routing=True):
        model = make_classifier().set_fit_request(language=True).set_score_request(language=True)
        search = make_search(model, {"learning_rate": [0.01]}, n_iter=1, cv=2)
        search.fit(TEXTS, PAIR_Y, language=TEXT_LANGUAGE)
        for name in ("mean_test_score", "mean_test_score_en", "mean_test_score_zh"):
            assert search.cv_results_[name] == in_frame.cv_results_[name]
        texts = PAIR["text"][labelled].tolist()
        score = search.score(texts, PAIR_Y[labelled], language=TEXT_LANGUAGE[labelled])
    assert score == in_frame.score(PAIR[labelled], PAIR_Y[labelled])
    assert score != search.score(texts, PAIR_Y[labelled])
