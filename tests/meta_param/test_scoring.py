"""One metric or several, callables, `refit`."""

import numpy as np
import pandas as pd
import pytest
from search_cases import (
    KNOWN,
    C,
    Known,
    Semisupervised,
    X,
    Y,
    assert_same_results,
    failing,
    make_search,
    two_scores,
)
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import RandomizedSearchCV, cross_val_score

from metaling_sk.metrics import PredictionEntropyScorer
from metaling_sk.metrics._log_loss import LogLossScorer
from metaling_sk.model_selection import StratifiedLanguageKFold

# Several metrics, callables and `refit`

METRICS = [["accuracy", "neg_log_loss"], {"accuracy": "accuracy", "loss": "neg_log_loss"}]


def worst_index(results):
    return int(results["mean_test_accuracy"].argmin())


@pytest.mark.parametrize("scoring", METRICS, ids=["list", "dict"])
@pytest.mark.parametrize("refit", ["accuracy", False, worst_index])
@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_several_metrics(scoring, refit, error_score):
    parameters = {"scoring": scoring, "refit": refit, "return_train_score": True}
    parameters["error_score"] = error_score
    search = make_search(**parameters).fit(X, Y)
    expected = RandomizedSearchCV(
        LogisticRegression(), C, n_iter=3, cv=3, random_state=0, **parameters
    ).fit(X, Y)
    assert_same_results(search.cv_results_, expected.cv_results_)
    assert search.multimetric_ is True
    assert set(search.scorer_) == set(expected.scorer_)
    for name in ("best_index_", "best_params_", "best_score_", "best_estimator_"):
        assert hasattr(search, name) == hasattr(expected, name)
    if refit:
        assert search.best_index_ == expected.best_index_
    if refit == "accuracy":
        assert search.score(X, Y) == accuracy_score(Y, search.predict(X))


def test_one_metric_with_the_name_score():
    search = make_search(scoring={"score": "accuracy"}, refit="score").fit(X, Y)
    assert search.multimetric_ is True
    assert search.score(X, Y) == accuracy_score(Y, search.predict(X))


@pytest.mark.parametrize("refit", [True, "f1"])
def test_several_metrics_need_the_name_of_one(refit):
    with failing("refit must be set to a scorer key"):
        make_search(scoring=["accuracy", "neg_log_loss"], refit=refit).fit(X, Y)


def one_score(estimator, X, y):
    return accuracy_score(y, estimator.predict(X))


@pytest.mark.parametrize("scoring", [two_scores, one_score])
@pytest.mark.parametrize("refit", ["accuracy", "reverse", False, lambda results: 1])
@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_callable_scoring(scoring, refit, error_score):
    parameters = {"scoring": scoring, "refit": refit, "error_score": error_score}
    search = make_search(**parameters).fit(X, Y)
    expected = RandomizedSearchCV(
        LogisticRegression(), C, n_iter=3, cv=3, random_state=0, **parameters
    ).fit(X, Y)
    assert_same_results(search.cv_results_, expected.cv_results_)
    assert search.multimetric_ == expected.multimetric_
    for name in ("best_index_", "best_score_"):
        assert getattr(search, name, None) == getattr(expected, name, None)
    if refit and not callable(refit):
        assert search.score(X, Y) == expected.score(X, Y)


def test_callable_scoring_with_several_metrics_needs_the_name_of_one():
    with failing("refit must be set to a scorer key"):
        make_search(scoring=two_scores).fit(X, Y)
    for search in ("halving", "tpe"):
        with failing("`refit` must name the metric by which search="):
            make_search(
                scoring=two_scores, search=search, resource="max_iter", max_resources=9
            ).fit(X, Y)


@pytest.mark.parametrize("refit", ["accuracy", "reverse"])
def test_the_metric_that_refit_names_selects_in_halving(refit):
    for scoring in (two_scores, {"accuracy": "accuracy", "reverse": make_scorer(negative)}):
        search = make_search(
            Known(),
            {"en": [0.1, 0.4, 0.6, 0.9]},
            scoring=scoring,
            refit=refit,
            n_iter=4,
            search="halving",
            resource="epochs",
            max_resources=2,
            factor=2,
            cv=2,
        ).fit(KNOWN, Y)
        is_right = np.array([params["en"] > 0.5 for params in search.cv_results_["params"]])
        second = search.cv_results_["iter"] == 1
        assert is_right[second].tolist() == [refit == "accuracy"] * 2


def negative(y, predicted):
    return -accuracy_score(y, predicted)


@pytest.mark.parametrize("search", ["halving", "hyperband", "tpe"])
def test_several_metrics_without_refit_cannot_choose(search):
    with failing(f"`refit` must name the metric by which search='{search}'"):
        make_search(scoring=METRICS[0], refit=False, search=search).fit(X, Y)


def test_without_refit():
    search = make_search(refit=False).fit(X, Y)
    assert search.best_params_ in search.cv_results_["params"]
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert not hasattr(search, "best_estimator_") and not hasattr(search, "predict")


def test_refit_callable():
    search = make_search(refit=lambda results: int(results["mean_test_score"].argmin())).fit(X, Y)
    assert search.best_index_ == search.cv_results_["mean_test_score"].argmin()
    assert not hasattr(search, "best_score_")
    assert search.best_estimator_.C == search.best_params_["C"]
    with failing("not an integer", TypeError):
        make_search(refit=lambda results: 0.5).fit(X, Y)


# Any metric, any labels


def test_a_fold_without_a_class_has_a_loss():
    y = np.array(["a", "b", "c"])[np.minimum(np.arange(60) // 25, 2)]
    folds = [(np.arange(50), np.arange(50, 60)), (np.arange(10, 60), np.arange(10))]
    search = make_search(cv=folds).fit(X, y)
    first = LogisticRegression(C=search.cv_results_["params"][0]["C"]).fit(X[:50], y[:50])
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(np.log(np.finfo(float).eps))
    second = clone(first).fit(X[10:], y[10:])
    assert search.cv_results_["split1_test_score"][0] == pytest.approx(
        -log_loss(y[:10], second.predict_proba(X[:10]), labels=["a", "b", "c"])
    )
    assert isinstance(search.scorer_, LogLossScorer)
    assert search.score(X, y) == pytest.approx(-log_loss(y, search.predict_proba(X)))


@pytest.mark.parametrize("scoring", ["roc_auc", "f1_macro", "neg_brier_score", "average_precision"])
def test_any_scoring_of_sklearn(scoring):
    search = make_search(scoring=scoring).fit(X, Y)
    params = search.cv_results_["params"][1]
    expected = cross_val_score(LogisticRegression(**params), X, Y, cv=3, scoring=scoring)
    found = [search.cv_results_[f"split{number}_test_score"][1] for number in range(3)]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", None, ["accuracy", "f1"], two_scores])
@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("form", [np.array, pd.Series, list])
def test_labels_that_are_missing(scoring, missing, form):
    """They are objects where None is among them, and no test part has them."""
    y = Y.astype(object) if missing is None else Y.astype(float)
    y[::3] = missing
    search = make_search(
        Semisupervised(),
        {"n_neighbors": [3, 5]},
        n_iter=2,
        scoring=scoring,
        refit="accuracy" if isinstance(scoring, list) or scoring is two_scores else True,
        return_train_score=True,
        error_score="raise",
    ).fit(X, form(y.tolist()) if form is list else form(y))
    assert np.isfinite(search.best_score_)
    name = "accuracy" if search.multimetric_ else "score"
    assert np.isfinite(search.cv_results_[f"mean_train_{name}"]).all()


# Scorers that need no labels

TARGET_Y = np.where(KNOWN["language"] == "zh", np.nan, Y)


@pytest.mark.parametrize("y", [TARGET_Y, pd.Series(TARGET_Y).map({0: "no", 1: "yes"}).to_list()])
@pytest.mark.parametrize("cv", [3, StratifiedLanguageKFold(3, score_unlabelled=True)])
def test_a_score_without_labels_selects(y, cv):
    search = make_search(
        Known(),
        {"zh": [0.6, 0.5, 0.9]},
        scoring=PredictionEntropyScorer(calibrated=False),
        cv=cv,
        return_train_score=True,
        error_score="raise",
    ).fit(KNOWN, y)
    results = search.cv_results_
    assert search.best_params_ == {"zh": 0.9}
    np.testing.assert_array_equal(results["mean_test_score_zh"], results["mean_test_score"])
    assert np.isnan(results["mean_test_score_en"]).all()
    assert np.isfinite(results["mean_train_score"]).all()


def test_scores_with_and_without_labels_are_not_of_the_same_rows():
    scoring = {"accuracy": "accuracy", "entropy": PredictionEntropyScorer()}
    with failing(r"`scoring`: \['accuracy'\] need labels and \['entropy'\] score rows without"):
        make_search(Known(), {"zh": [0.6]}, scoring=scoring, refit=False).fit(KNOWN, TARGET_Y)


def source_and_target(estimator, X, y):
    labelled = ~np.isnan(y)
    return {
        "source": accuracy_score(y[labelled], estimator.predict(X[labelled])),
        "target": PredictionEntropyScorer()(estimator, X, y),
    }


def test_a_function_scores_rows_with_and_without_labels():
    search = make_search(
        Known(),
        {"en": [0.4, 0.9], "zh": [0.6]},
        n_iter=2,
        scoring=source_and_target,
        refit="source",
        cv=StratifiedLanguageKFold(3, score_unlabelled=True),
    ).fit(KNOWN, TARGET_Y)
    assert search.best_params_["en"] == 0.9
    assert sorted(search.cv_results_["mean_test_source"]) == [0, 1]
    assert np.isfinite(search.cv_results_["mean_test_target"]).all()
