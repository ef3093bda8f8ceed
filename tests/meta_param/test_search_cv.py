"""Random search is that of scikit-learn, and wrong parameters are refused."""

import numpy as np
import pytest
from scipy.stats import loguniform, randint, uniform
from search_cases import TIMES, C, X, Y, assert_same_results, failing, make_search
from sklearn.cluster import KMeans
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import KFold, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from metaling_sk import MetaParamSearchCV

# As RandomizedSearchCV

CASES = {
    "classifier": (LogisticRegression(), {"C": loguniform(1e-3, 10)}, Y, None, "neg_log_loss"),
    "three classes": (
        LogisticRegression(),
        [{"C": [0.1, 1.0]}, {"C": uniform(1, 2), "fit_intercept": [False]}],
        np.array(["a", "b", "c"] * 20),
        None,
        "neg_log_loss",
    ),
    "accuracy": (LogisticRegression(), C, Y, "accuracy", "accuracy"),
    "tree": (
        DecisionTreeClassifier(random_state=0),
        {"max_depth": randint(1, 5)},
        Y,
        None,
        "neg_log_loss",
    ),
    "regressor": (Ridge(), {"alpha": loguniform(1e-3, 10)}, X[:, 0] ** 2, None, None),
    "many outputs": (Ridge(), {"alpha": [0.1, 1.0, 3.0]}, X[:, :2] ** 2, None, None),
    "clusters": (KMeans(random_state=0, n_init=1), {"n_clusters": [2, 3, 4]}, None, None, None),
    "no probabilities": (LinearSVC(random_state=0), C, Y, None, None),
    "hinge": (SGDClassifier(random_state=0), {"alpha": loguniform(1e-4, 1)}, Y, None, None),
}


@pytest.mark.parametrize(
    ("estimator", "distributions", "y", "scoring", "theirs"), CASES.values(), ids=CASES
)
@pytest.mark.parametrize(
    "cv", [None, 3, KFold(3, shuffle=True, random_state=1)], ids=["default", "int", "splitter"]
)
def test_random_search_is_that_of_sklearn(estimator, distributions, y, scoring, theirs, cv):
    search = make_search(
        estimator, distributions, scoring=scoring, cv=cv, return_train_score=True, random_state=7
    ).fit(X, y)
    expected = RandomizedSearchCV(
        estimator,
        distributions,
        n_iter=3,
        scoring=theirs,
        cv=cv,
        return_train_score=True,
        random_state=7,
    ).fit(X, y)
    assert_same_results(search.cv_results_, expected.cv_results_)
    assert search.best_index_ == expected.best_index_
    assert search.best_params_ == expected.best_params_
    assert search.best_score_ == pytest.approx(expected.best_score_, rel=1e-12)
    assert search.n_splits_ == expected.n_splits_
    assert search.multimetric_ is False and expected.multimetric_ is False
    assert search.refit_time_ >= 0
    np.testing.assert_array_equal(search.predict(X), expected.predict(X))
    assert search.score(X, y) == pytest.approx(expected.score(X, y), rel=1e-12)
    assert search.cv_results_["candidate"].tolist() == [0, 1, 2]
    assert search.cv_results_["failure"].tolist() == [None] * 3
    assert not {"iter", "n_resources", "bracket"} & set(search.cv_results_)


def test_a_column_of_labels():
    with pytest.warns(DataConversionWarning):
        search = make_search().fit(X, Y[:, None])
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"],
        make_search().fit(X, Y).cv_results_["mean_test_score"],
    )


def test_in_workers_as_alone():
    alone = make_search(n_iter=2).fit(X, Y)
    together = make_search(n_iter=2, n_jobs=2).fit(X, Y)
    for name in set(alone.cv_results_) - TIMES:
        np.testing.assert_array_equal(alone.cv_results_[name], together.cv_results_[name])
    np.testing.assert_array_equal(alone.predict_proba(X), together.predict_proba(X))


def test_the_seed():
    def candidates(random_state):
        search = make_search(distributions={"C": uniform(0.1)}, random_state=random_state)
        return [params["C"] for params in search.fit(X, Y).cv_results_["params"]]

    assert candidates(1) == candidates(1) != candidates(2)
    assert candidates(np.random.RandomState(1)) == candidates(np.random.RandomState(1))
    assert candidates(None) != candidates(None)


# Parameters that are refused

WRONG = {
    "search": ({"search": "grid"}, "'search' parameter"),
    "select": ({"select": "median"}, "'select' parameter"),
    "n_iter": ({"n_iter": 0}, "'n_iter' parameter"),
    "factor": ({"factor": 1}, "'factor' parameter"),
    "min_resources": ({"min_resources": 0}, "'min_resources' parameter"),
    "max_resources": ({"max_resources": "all"}, "'max_resources' parameter"),
    "distributions": ({"param_distributions": None}, "'param_distributions' parameter"),
    "no list": ({"param_distributions": {"C": 1.0}}, r"`param_distributions\['C'\]`"),
    "empty list": ({"param_distributions": {"C": []}}, r"`param_distributions\['C'\]`"),
    "no dict": ({"param_distributions": []}, "`param_distributions` must be a dict"),
    "list of no dicts": (
        {"param_distributions": [3], "search": "halving", "resource": "max_iter"},
        "`param_distributions` must be a dict",
    ),
    "unknown parameter": (
        {"param_distributions": {"D": [1]}, "n_iter": 1, "error_score": "raise"},
        "Invalid parameter 'D'",
    ),
    "unknown resource": (
        {"search": "halving"},
        "`resource`: LogisticRegression has no parameter 'max_epochs'",
    ),
    "searched twice": (
        {"search": "hyperband", "resource": "C", "max_resources": 3},
        "`resource`: 'C' is searched",
    ),
    "auto": ({"search": "halving", "resource": "tol"}, "`max_resources`='auto'.*own 'tol'.*0.0001"),
    "too few": (
        {"search": "halving", "resource": "max_iter", "min_resources": 9, "max_resources": 3},
        "`min_resources` is 9, more than the `max_resources` of 3",
    ),
    "more than all rows": (
        {"search": "halving", "resource": "n_samples", "max_resources": 61},
        "`max_resources` is 61, but X has 60 rows",
    ),
    "no language": ({"select": "worst_language"}, "`select`='worst_language' needs the language"),
    "empty cv": ({"cv": []}, "`cv` gave no split"),
    "scoring": ({"scoring": "good"}, "'scoring' parameter"),
}


@pytest.mark.parametrize(("parameters", "message"), WRONG.values(), ids=WRONG)
def test_what_it_refuses(parameters, message):
    with failing(message):
        make_search().set_params(**parameters).fit(X, Y)


def test_too_few_rows_for_the_smallest_subset():
    with failing("`min_resources` is 60, more than the `max_resources` of 59"):
        make_search(search="halving", resource="n_samples", min_resources="smallest", cv=15).fit(
            X[:59], Y[:59]
        )


def test_a_space_smaller_than_n_iter():
    with pytest.warns(UserWarning, match="smaller than n_iter=10"):
        search = make_search(n_iter=10).fit(X, Y)
    assert len(search.cv_results_["params"]) == 3


def test_the_resource_of_a_step_is_named():
    pipeline = make_pipeline(LogisticRegression())
    search = MetaParamSearchCV(
        pipeline, {"logisticregression__C": [1]}, search="halving", resource="max_iter"
    )
    with pytest.raises(ValueError, match="it has, such as 'logisticregression__max_iter', or"):
        search.fit(X, Y)
