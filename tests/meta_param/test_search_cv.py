import copy
import json
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import loguniform, randint, uniform
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.exceptions import DataConversionWarning, FitFailedWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, get_scorer, log_loss, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from tiny import make_classifier, make_pair

from metaling_sk import (
    LeaveOneLanguageOut,
    LinearTransferClassifier,
    MetaParamSearchCV,
    StratifiedLanguageKFold,
)
from metaling_sk.meta_param._folds import nested_subset, read_data, split
from metaling_sk.metrics import LogLossScorer

RNG = np.random.default_rng(0)
Y = np.arange(60) % 2
X = RNG.normal(size=(60, 3)) + Y[:, None]
WEIGHTS = RNG.uniform(0.1, 3, 60)
C = {"C": [0.01, 0.1, 1.0]}
LANGUAGE = np.array(["en", "zh", "zh"] * 20, dtype=object)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(language=LANGUAGE)
TIMES = {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"}


def make_search(estimator=None, distributions=C, **parameters):
    defaults = {"n_iter": 3, "cv": 3, "random_state": 0, "verbose": 0}
    estimator = LogisticRegression() if estimator is None else estimator
    return MetaParamSearchCV(estimator, distributions, **defaults | parameters)


def numbers(X):
    return X[["a", "b", "c"]]


def make_numeric(**parameters):
    """A pipeline for FRAME."""
    return make_pipeline(FunctionTransformer(numbers), LogisticRegression(**parameters))


NUMERIC_C = {"logisticregression__C": [0.01, 0.1, 1.0]}


class Known(ClassifierMixin, BaseEstimator):
    """Gives the true class, which X holds, this probability in each language."""

    def __init__(self, en=0.5, zh=0.5, epochs=1, extra=0.0):
        self.en, self.zh, self.epochs, self.extra = en, zh, epochs, extra

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.n_rows_ = len(X)
        return self

    def predict_proba(self, X):
        right = X["language"].map({"en": self.en, "zh": self.zh}).to_numpy() + self.extra
        first = np.where(X["truth"] == 0, right, 1 - right)
        return np.column_stack([first, 1 - first])

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


KNOWN = pd.DataFrame({"truth": Y, "language": np.repeat(["en", "zh"], 30)})


class Failing(LogisticRegression):
    """Fails, or has a loss that is not finite, as told."""

    def __init__(self, fail=None, C=1.0):
        super().__init__(C=C)
        self.fail = fail

    def fit(self, X, y, sample_weight=None):
        if self.fail == "fit" or (self.fail == "first" and not np.isin(X[0], X_FIRST).all()):
            raise ValueError("it is too cold")
        return super().fit(X, y, sample_weight)

    def predict_proba(self, X):
        if self.fail == "score":
            raise ValueError("it is too hot")
        probabilities = super().predict_proba(X)
        return probabilities * np.nan if self.fail == "nan" else probabilities


X_FIRST = X[:1]


def assert_same_results(ours, theirs):
    """All that RandomizedSearchCV has in cv_results_ but the times."""
    assert set(theirs) <= set(ours)
    for name in set(theirs) - TIMES:
        if name == "params" or name.startswith("param_"):
            assert list(ours[name]) == list(theirs[name])
        else:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12, err_msg=name)


def failing(match, category=ValueError):
    return pytest.raises(category, match=match)


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


def two_scores(estimator, X, y):
    accuracy = accuracy_score(y, estimator.predict(X))
    return {"accuracy": accuracy, "reverse": -accuracy}


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


def not_finite():
    """What scikit-learn says where a candidate has no score."""
    return pytest.warns(UserWarning, match="non-finite")


# Failures


FAILURES = {"fail": ["fit", None]}


@pytest.mark.parametrize("error_score", [np.nan, -9.0])
def test_a_candidate_that_fails(error_score):
    search = make_search(
        Failing(), FAILURES, n_iter=2, error_score=error_score, return_train_score=True
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, Y)
    (warning,) = [one for one in caught if issubclass(one.category, FitFailedWarning)]
    assert f"3 of 6 fits failed and are scored {error_score}" in str(warning.message)
    assert "ValueError: it is too cold" in str(warning.message)
    assert warning.filename == __file__
    results = search.cv_results_
    number = [params["fail"] for params in results["params"]].index("fit")
    assert results["failure"][number].startswith("split 0: ValueError: it is too cold; split 1:")
    assert results["failure"][1 - number] is None
    np.testing.assert_equal(results["mean_test_score"][number], error_score)
    np.testing.assert_equal(results["mean_train_score"][number], error_score)
    assert np.isfinite(results["mean_test_score"][1 - number])
    assert search.best_params_ == {"fail": None}


@pytest.mark.parametrize("how", ["fit", "score"])
def test_the_first_failure_is_raised(how):
    with failing("^it is too"):
        make_search(Failing(), {"fail": [None, how]}, n_iter=2, error_score="raise").fit(X, Y)


def test_the_first_failure_is_raised_from_workers():
    with failing("^it is too cold"):
        make_search(Failing(), FAILURES, n_iter=2, error_score="raise", n_jobs=2).fit(X, Y)


@pytest.mark.parametrize("search", ["random", "halving"])
@pytest.mark.parametrize("how", ["fit", "score"])
def test_all_fail(search, how):
    failed = make_search(
        Failing(), {"fail": [how], "C": [1.0, 2.0]}, n_iter=2, search=search, resource="n_samples"
    )
    with failing("All the 6 fits failed(.|\n)*ValueError: it is too (cold|hot)"):
        failed.fit(X, Y)
    assert not hasattr(failed, "best_estimator_")


def test_a_loss_that_is_no_number():
    search = make_search(Failing(), {"fail": ["nan", None]}, n_iter=2)
    with not_finite(), pytest.warns(UserWarning, match="3 of 6 fits failed and are scored nan;"):
        search.fit(X, Y)
    number = [params["fail"] for params in search.cv_results_["params"]].index("nan")
    assert "split 1: score is nan" in search.cv_results_["failure"][number]
    assert search.best_params_ == {"fail": None}
    with pytest.warns(UserWarning, match="3 of 6 fits failed and are scored -5.0;"):
        search.set_params(error_score=-5.0).fit(X, Y)
    assert search.cv_results_["mean_test_score"][number] == -5
    # A score that is no number is no error.
    with not_finite(), pytest.warns(UserWarning, match="3 of 6 fits failed;"):
        search.set_params(error_score="raise").fit(X, Y)
    assert search.best_params_ == {"fail": None}


def test_one_of_several_metrics_fails():
    def picky(estimator, X, y):
        return 1 / (estimator.C - 1)

    search = make_search(
        distributions={"C": [1.0, 2.0]},
        n_iter=2,
        scoring={"accuracy": "accuracy", "picky": picky},
        refit="accuracy",
    )
    with not_finite(), pytest.warns(UserWarning, match="3 of 6 fits failed and(.|\n)*picky: "):
        search.fit(X, Y)
    number = [params["C"] for params in search.cv_results_["params"]].index(1)
    assert "split 0: picky: ZeroDivisionError" in search.cv_results_["failure"][number]
    assert np.isfinite(search.cv_results_["mean_test_accuracy"]).all()
    assert np.isnan(search.cv_results_["mean_test_picky"][number])
    with failing("division by zero", ZeroDivisionError):
        search.set_params(error_score="raise").fit(X, Y)


def test_candidates_that_fail_do_not_go_on():
    search = make_search(
        Failing(),
        {"fail": ["fit", None], "C": [0.5, 1.0]},
        n_iter=4,
        search="halving",
        resource="n_samples",
        factor=2,
        min_resources=20,
    )
    with pytest.warns((FitFailedWarning, UserWarning)):
        search.fit(X, Y)
    second = search.cv_results_["iter"] == 1
    assert [params["fail"] for params in search.cv_results_["params"]].count("fit") == 2
    assert all(
        params["fail"] is None
        for params, is_second in zip(search.cv_results_["params"], second, strict=True)
        if is_second
    )


def test_a_failure_counts_in_the_worst_language():
    """Else a candidate that fails where it is hard would win."""
    search = make_search(
        make_pipeline(FunctionTransformer(numbers), Failing()),
        {"failing__fail": ["first", None]},
        n_iter=2,
        select="worst_language",
    )
    with pytest.warns((FitFailedWarning, UserWarning)):
        search.fit(FRAME, Y)
    results = search.cv_results_
    number = [params["failing__fail"] for params in results["params"]].index("first")
    assert results["failure"][number] is not None
    assert np.isnan(results["worst_test_score"][number])
    assert search.best_params_ == {"failing__fail": None}
    with pytest.warns(FitFailedWarning):
        search.set_params(error_score=-7.0).fit(FRAME, Y)
    results = search.cv_results_
    assert results["worst_test_score"][number] < -7 / 3
    assert search.best_params_ == {"failing__fail": None}


class Interrupting(LogisticRegression):
    left = 0

    def __init__(self, C=1.0, max_iter=100):
        super().__init__(C=C, max_iter=max_iter)

    def fit(self, X, y):
        if Interrupting.left == 0:
            raise KeyboardInterrupt
        Interrupting.left -= 1
        return super().fit(X, y)


@pytest.mark.parametrize("search", ["random", "halving", "hyperband"])
def test_an_interrupt_leaves_what_is_finished(search):
    interrupted = make_search(
        Interrupting(),
        {"C": loguniform(0.1, 1)},
        search=search,
        resource="n_samples",
        cv=2,
        n_iter=4,
        min_resources=20,
    )
    Interrupting.left = 100
    whole = clone(interrupted).fit(X, Y)
    interrupted.fit(X, Y)
    Interrupting.left = 5
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, Y)
    for name in ("mean_test_score", "split1_test_score"):
        np.testing.assert_array_equal(interrupted.cv_results_[name], whole.cv_results_[name][:2])
    assert interrupted.cv_results_["params"] == whole.cv_results_["params"][:2]
    # Nothing of the fit before is mixed with it.
    assert not hasattr(interrupted, "best_estimator_")
    with pytest.raises(NotFittedError):
        interrupted.predict(X)
    Interrupting.left = 1
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, Y)
    assert not hasattr(interrupted, "cv_results_")


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


# Scoring


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


class Semisupervised(KNeighborsClassifier):
    def fit(self, X, y):
        self.seen_ = len(X)
        labelled = ~pd.isna(pd.Series(y)).to_numpy()
        return super().fit(X[labelled], np.asarray(y)[labelled].astype(int))


# Folds


def folds_of(estimator, X, y, cv, language=None, **params):
    data = read_data(estimator, X, y, language)
    return data, split(estimator, X, y, cv, data, params, 0)


@pytest.mark.parametrize("as_metadata", [False, True])
def test_default_folds_are_stratified_by_language_and_class(as_metadata):
    language = np.array(["en"] * 40 + ["zh"] * 20, dtype=object)
    y = np.where(np.arange(60) % 4 == 0, 1, 0)
    X_frame = FRAME.assign(language=language)
    texts = X_frame.drop(columns="language") if as_metadata else X_frame
    _, folds = folds_of(make_numeric(), texts, y, None, language if as_metadata else None)
    assert len(folds) == 5
    for train, test in folds:
        assert len(train) + len(test) == 60
        frame = pd.DataFrame({"language": language[test], "y": y[test]})
        assert frame.value_counts().to_dict() == {
            ("en", 0): 6,
            ("en", 1): 2,
            ("zh", 0): 3,
            ("zh", 1): 1,
        }
    assert len(set(np.concatenate([test for _, test in folds]))) == 60
    search = make_search(make_numeric(), NUMERIC_C, cv=None).fit(X_frame, y)
    assert search.n_splits_ == 5


def test_rows_without_a_label_only_train():
    y = Y.astype(object)
    y[:15] = None
    _, folds = folds_of(LogisticRegression(), X, y, 3)
    for train, test in folds:
        assert set(range(15)) <= set(train)
        assert np.mean(y[test].astype(int)) == pytest.approx(0.5, abs=0.1)
    _, folds = folds_of(LogisticRegression(), X, y, KFold(3))
    assert [len(test) for _, test in folds] == [5, 20, 20]
    with failing("`cv`: the test part of split 0 has no row with a label"):
        folds_of(LogisticRegression(), X, y, KFold(4))


def test_folds_without_language_and_missing_labels_are_those_of_sklearn():
    _, folds = folds_of(LogisticRegression(), X, Y, None)
    for (_, test), (_, expected) in zip(folds, StratifiedKFold(5).split(X, Y), strict=True):
        np.testing.assert_array_equal(test, expected)
    numeric = FRAME.assign(language=np.arange(60))
    data, folds = folds_of(LogisticRegression(), numeric, Y, None)
    assert data.language is None  # a column of numbers is a feature
    assert folds[0][1].tolist() == next(StratifiedKFold(5).split(X, Y))[1].tolist()


CVS = {
    "int": (4, 4),
    "splitter": (StratifiedKFold(2), 2),
    "iterable": ([(np.arange(30), np.arange(30, 60))], 1),
    "masks": ([(np.arange(60) < 30, np.arange(60) >= 30)], 1),
    "lists": ([(list(range(30)), list(range(30, 60)))], 1),
    "generator": (lambda: ((np.arange(30), np.arange(30, 60)) for _ in range(2)), 2),
    "language": (LeaveOneLanguageOut(), 2),
    "stratified": (StratifiedLanguageKFold(3, random_state=0), 3),
}


@pytest.mark.parametrize(("cv", "n_splits"), CVS.values(), ids=CVS)
def test_forms_of_cv(cv, n_splits):
    cv = cv() if callable(cv) else cv
    search = make_search(make_numeric(), NUMERIC_C, cv=cv).fit(FRAME, Y)
    assert search.n_splits_ == n_splits
    assert f"split{n_splits - 1}_test_score" in search.cv_results_
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("cv", [LeaveOneLanguageOut(), StratifiedLanguageKFold(2)])
def test_language_splitters_get_the_language_that_is_passed(cv):
    _, folds = folds_of(LogisticRegression(), X, Y, cv, LANGUAGE)
    assert len(folds) == 2
    if isinstance(cv, LeaveOneLanguageOut):
        assert [set(LANGUAGE[test]) for _, test in folds] == [{"en"}, {"zh"}]


def test_groups():
    groups = np.arange(60) // 10
    search = make_search(cv=GroupKFold(3)).fit(X, Y, groups=groups)
    expected = RandomizedSearchCV(
        LogisticRegression(), C, n_iter=3, cv=GroupKFold(3), random_state=0, scoring="neg_log_loss"
    ).fit(X, Y, groups=groups)
    assert_same_results(search.cv_results_, expected.cv_results_)
    with failing("'groups' parameter should not be None"):
        make_search(cv=GroupKFold(3)).fit(X, Y)


@given(
    strata=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    fractions=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    seed=st.integers(0, 5),
)
def test_subsets_are_nested_and_have_all_strata(strata, fractions, seed):
    strata = np.array(strata)
    rows = np.flatnonzero(np.arange(len(strata)) % 4 != 1)
    small, large = (nested_subset(rows, strata, part, seed) for part in sorted(fractions))
    assert set(small) <= set(large) <= set(rows)
    assert set(strata[small]) == set(strata[rows])
    for part, subset in zip(sorted(fractions), (small, large), strict=True):
        assert (np.diff(subset) > 0).all()
        for stratum, size in zip(*np.unique(strata[rows], return_counts=True), strict=True):
            own = (strata[subset] == stratum).sum()
            assert own == max(1, np.ceil(np.round(part * size, 6)))
    np.testing.assert_array_equal(nested_subset(rows, strata, 1.0, seed), rows)


def test_a_subset_has_the_share_asked_for():
    assert len(nested_subset(np.arange(100), np.zeros(100), 7 / 100, 0)) == 7


# Languages


def test_scores_by_language_are_those_of_their_rows():
    folds = list(StratifiedKFold(3).split(X, Y))
    search = make_search(make_numeric(), NUMERIC_C, cv=folds).fit(FRAME, Y)
    results = search.cv_results_
    for number, params in enumerate(results["params"]):
        losses = {"en": [], "zh": []}
        for train, test in folds:
            model = make_numeric().set_params(**params).fit(FRAME.iloc[train], Y[train])
            for code, found in losses.items():
                rows = test[LANGUAGE[test] == code]
                found.append(-log_loss(Y[rows], model.predict_proba(FRAME.iloc[rows])))
        for code, found in losses.items():
            assert results[f"mean_test_score_{code}"][number] == pytest.approx(np.mean(found))
            assert results[f"std_test_score_{code}"][number] == pytest.approx(np.std(found))
        assert results["worst_test_score"][number] == pytest.approx(
            min(map(np.mean, losses.values()))
        )


def test_a_language_is_absent_from_a_test_part():
    search = make_search(make_numeric(), NUMERIC_C, cv=LeaveOneLanguageOut()).fit(FRAME, Y)
    results = search.cv_results_
    np.testing.assert_allclose(results["mean_test_score_en"], results["split0_test_score"])
    np.testing.assert_allclose(results["mean_test_score_zh"], results["split1_test_score"])
    assert (results["std_test_score_en"] == 0).all()
    lower = np.minimum(results["split0_test_score"], results["split1_test_score"])
    np.testing.assert_allclose(results["worst_test_score"], lower)


def test_a_metric_that_a_language_has_no_score_of():
    """Such as the ROC AUC of a language with one class: it is left out, without a warning."""
    y = np.where(LANGUAGE == "en", 1, Y)
    search = make_search(make_numeric(), NUMERIC_C, scoring="roc_auc").fit(FRAME, y)
    assert np.isnan(search.cv_results_["mean_test_score_en"]).all()
    np.testing.assert_array_equal(
        search.cv_results_["worst_test_score"], search.cv_results_["mean_test_score_zh"]
    )


def test_several_metrics_by_language():
    scoring = {"accuracy": "accuracy", "accuracy_en": "neg_log_loss"}
    search = make_search(make_numeric(), NUMERIC_C, scoring=scoring, refit="accuracy")
    results = search.fit(FRAME, Y).cv_results_
    assert {"mean_test_accuracy_zh", "worst_test_accuracy", "mean_test_accuracy_en_en"} <= set(
        results
    )
    assert (results["mean_test_accuracy_en"] < 0).all()  # the metric of this name
    with failing("refit must be set to a scorer key"):
        search.set_params(scoring=two_scores, refit="accuracy_en").fit(FRAME, Y)


SELECT = [{"en": [0.99], "zh": [0.45]}, {"en": [0.6], "zh": [0.6]}]


@pytest.mark.parametrize("search", ["random", "halving"])
def test_the_worst_language_selects(search):
    parameters = {"search": search, "resource": "epochs", "max_resources": 2, "factor": 2}
    parameters |= {"n_iter": 2, "cv": 2}
    mean = make_search(Known(), SELECT, **parameters).fit(KNOWN, Y)
    assert mean.best_params_["en"] == 0.99
    assert mean.best_score_ == pytest.approx(np.log([0.99, 0.45]).mean())
    worst = make_search(Known(), SELECT, select="worst_language", **parameters).fit(KNOWN, Y)
    assert worst.best_params_["en"] == 0.6
    assert worst.best_score_ == pytest.approx(np.log(0.6))


def test_select_of_a_metric():
    search = make_search(
        Known(),
        SELECT,
        n_iter=2,
        cv=2,
        select="worst_language",
        scoring=["accuracy", "neg_log_loss"],
        refit="accuracy",
    ).fit(KNOWN, Y)
    assert search.best_params_["zh"] == 0.6
    assert search.best_score_ == 1
    with failing("`refit` must name the metric by which .*select='worst_language'"):
        search.set_params(refit=False).fit(KNOWN, Y)


PAIR, PAIR_Y = make_pair(20, 20, n_labelled=12)
TEXTS, TEXT_LANGUAGE = PAIR["text"].tolist(), PAIR["language"].to_numpy()


@pytest.mark.parametrize("scoring", [None, "accuracy", ["neg_log_loss", "accuracy"]])
def test_the_language_of_texts_as_metadata(scoring):
    model = LinearTransferClassifier(target_languages="zh", n_topics=1, random_state=0)
    refit = "accuracy" if isinstance(scoring, list) else True
    search = make_search(model, {"C": [0.1, 2.0]}, n_iter=2, cv=2, scoring=scoring, refit=refit)
    passed = clone(search).fit(TEXTS, PAIR_Y, language=TEXT_LANGUAGE)
    in_frame = search.fit(PAIR, PAIR_Y)
    assert set(passed.cv_results_) == set(in_frame.cv_results_)
    assert any(name.endswith("_zh") for name in passed.cv_results_)
    for name in set(passed.cv_results_) - TIMES - {"params", "failure"}:
        np.testing.assert_array_equal(passed.cv_results_[name], in_frame.cv_results_[name])
    np.testing.assert_array_equal(
        passed.best_estimator_.predict_proba(TEXTS, language=TEXT_LANGUAGE),
        in_frame.predict_proba(PAIR),
    )


def test_predictions_get_the_language():
    """A model that saw two languages, and is scored as if all were one, would score differently."""
    model = make_classifier(target_languages="zh", max_epochs=1)
    y = np.where(np.isnan(PAIR_Y), 0, PAIR_Y)
    folds = [(np.arange(0, 40, 2), np.arange(1, 40, 2))]
    search = make_search(model, {"learning_rate": [0.01]}, n_iter=1, cv=folds, random_state=3)
    search.fit(TEXTS, y, language=TEXT_LANGUAGE)
    frame = clone(search).fit(PAIR, y)
    assert search.cv_results_["mean_test_score"] == frame.cv_results_["mean_test_score"]
    assert search.cv_results_["mean_test_score_zh"] == frame.cv_results_["mean_test_score_zh"]


def test_one_language_for_all():
    data = read_data(LogisticRegression(), X, Y, "en")
    assert set(data.language) == {"en"} and len(data.language) == 60


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (["en"] * 59, "X has 60 rows, `language` has 59"),
        ([None] + ["en"] * 59, "`language` holds something else in row 0"),
        (["zh"] * 60, "disagree"),
    ],
)
def test_languages_that_are_refused(language, message):
    frame = FRAME if "disagree" in message else FRAME.drop(columns="language")
    with failing(message):
        make_search(make_numeric(), NUMERIC_C).fit(frame, Y, language=language)


def test_the_language_column_is_the_one_of_the_estimator():
    frame = PAIR.rename(columns={"language": "lang"})
    model = LinearTransferClassifier(target_languages="zh", language_column="lang", n_topics=1)
    for estimator in (model, Pipeline([("same", FunctionTransformer()), ("model", model)])):
        assert set(read_data(estimator, frame, PAIR_Y, None).language) == {"en", "zh"}
    data, folds = folds_of(model, frame, PAIR_Y, LeaveOneLanguageOut())
    assert len(folds) == 2


# Metadata


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


# Among other tools of scikit-learn


def test_inside_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), make_search()).fit(X, Y)
    assert pipeline.classes_.tolist() == [0, 1]
    expected = make_search().fit(StandardScaler().fit_transform(X), Y)
    np.testing.assert_array_equal(
        pipeline.predict_proba(X), expected.predict_proba(StandardScaler().fit_transform(X))
    )


def test_around_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    distributions = {
        "logisticregression__C": [0.1, 1.0],
        "standardscaler": [None, StandardScaler()],
    }
    search = make_search(pipeline, distributions, n_iter=4).fit(X, Y)
    assert search.cv_results_["param_standardscaler"].shape == (4,)
    assert search.best_estimator_[-1].C == search.best_params_["logisticregression__C"]
    # Estimators among the parameters are cloned, not fitted.
    scaler = next(
        params["standardscaler"]
        for params in search.cv_results_["params"]
        if params["standardscaler"] is not None
    )
    assert not hasattr(scaler, "mean_")


def test_texts_in_a_list():
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    texts = ["good hotel", "bad hotel", "good food", "bad food"] * 4
    y = ["yes", "no"] * 8
    search = make_search(model, {"logisticregression__C": [0.1, 1.0]}, n_iter=2).fit(texts, y)
    assert search.predict(["good", "bad"]).tolist() == ["yes", "no"]
    assert search.classes_.tolist() == ["no", "yes"]


def test_nested_cross_validation():
    search = make_search(n_iter=2)
    scores = cross_val_score(search, X, Y, cv=3, error_score="raise")
    expected = [
        clone(search).fit(X[train], Y[train]).score(X[test], Y[test])
        for train, test in StratifiedKFold(3).split(X, Y)
    ]
    np.testing.assert_array_equal(scores, expected)


def test_around_a_search():
    inner = make_search(n_iter=2, cv=2)
    search = make_search(inner, {"random_state": [0, 1]}, n_iter=2, cv=2).fit(X, Y)
    assert search.best_estimator_.best_params_["C"] in C["C"]


def test_frozen_and_calibrated():
    search = make_search().fit(X, Y)
    frozen = FrozenEstimator(search).fit(X, Y)
    np.testing.assert_array_equal(frozen.predict(X), search.predict(X))
    calibrated = CalibratedClassifierCV(FrozenEstimator(search)).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    calibrated = CalibratedClassifierCV(make_search(n_iter=1), cv=2).fit(X, Y)
    assert calibrated.predict(X).shape == (60,)


def test_html():
    search = make_search()
    assert "MetaParamSearchCV" in search._repr_html_()
    html = search.fit(X, Y)._repr_html_()
    assert "best_estimator_: LogisticRegression" in html
    assert "MetaParamSearchCV(" in repr(search)


def test_pickling_and_cloning(tmp_path):
    search = make_search()
    with pytest.raises(NotFittedError):
        search.predict(X)
    assert pickle.loads(pickle.dumps(search)).get_params()["n_iter"] == 3
    search.fit(X, Y)
    joblib.dump(search, tmp_path / "search.joblib")
    for other in (
        pickle.loads(pickle.dumps(search)),
        copy.deepcopy(search),
        joblib.load(tmp_path / "search.joblib"),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), search.predict_proba(X))
        assert other.score(X, Y) == search.score(X, Y)
        assert other.best_params_ == search.best_params_
    copied = clone(search)
    assert not hasattr(copied, "cv_results_")
    assert copied.get_params()["estimator__C"] == 1.0
    search.set_params(estimator__fit_intercept=False, n_iter=1)
    assert search.fit(X, Y).best_estimator_.intercept_ == 0
    assert len(search.cv_results_["params"]) == 1


def test_fit_forgets_the_last_fit():
    search = make_search(
        make_numeric(), NUMERIC_C, search="halving", resource="n_samples", min_resources=20
    ).fit(FRAME, Y)
    assert hasattr(search, "n_resources_") and hasattr(search, "feature_names_in_")
    search.set_params(estimator=LogisticRegression(), param_distributions=C, search="random")
    search.fit(X, Y)
    assert not hasattr(search, "n_resources_") and not hasattr(search, "feature_names_in_")
    search.set_params(refit=False).fit(X, Y)
    assert not hasattr(search, "best_estimator_")


def test_features_and_classes():
    search = make_search(estimator=LogisticRegression()).fit(FRAME[["a", "b", "c"]], Y)
    assert search.n_features_in_ == 3
    assert search.feature_names_in_.tolist() == ["a", "b", "c"]
    assert search.classes_.tolist() == [0, 1]
    assert not hasattr(make_search(Ridge(), {"alpha": [1.0]}, n_iter=1).fit(X, Y), "classes_")
    for name in ("n_features_in_", "classes_"):
        assert not hasattr(make_search(), name)


FORMS = {
    "sparse matrix": sparse.csr_matrix(X),
    "sparse array": sparse.csr_array(X),
    "list": X.tolist(),
    "tuple": tuple(X.tolist()),
    "odd index": pd.DataFrame(X, index=[f"row {number % 7}" for number in range(60)]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_x(form):
    names = isinstance(form, pd.DataFrame)
    y = pd.Series(Y, index=np.arange(60)[::-1]) if names else Y.tolist()
    search = make_search().fit(form.rename(columns=str) if names else form, y)
    expected = make_search().fit(X, Y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_kernels():
    kernel = X @ X.T
    search = make_search(
        SVC(kernel="precomputed"), C, return_train_score=True, error_score="raise"
    ).fit(kernel, Y)
    expected = RandomizedSearchCV(
        SVC(kernel="precomputed"), C, n_iter=3, cv=3, random_state=0, return_train_score=True
    ).fit(kernel, Y)
    assert_same_results(search.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("search", ["random", "halving"])
def test_inputs_are_not_written_to(search):
    frame, y, language = FRAME.drop(columns="language"), Y.astype(object), LANGUAGE.copy()
    y[0] = None
    before = frame.copy(deep=True), y.copy(), language.copy()
    make_search(
        make_pipeline(FunctionTransformer(numbers), Semisupervised()),
        {"semisupervised__n_neighbors": [2, 3]},
        n_iter=2,
        search=search,
        resource="n_samples",
        min_resources=30,
    ).fit(frame, y)
    pd.testing.assert_frame_equal(frame, before[0])
    assert y.tolist() == before[1].tolist()
    assert language.tolist() == before[2].tolist()
    arrays = X.copy(), Y.copy()
    for array in arrays:
        array.flags.writeable = False
    make_search(search=search, resource="n_samples", min_resources=30).fit(*arrays)


def test_global_random_states_are_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    make_search(SGDClassifier(loss="log_loss"), {"alpha": [0.1, 1]}, n_iter=2).fit(X, Y)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_estimators_without_a_seed_are_repeatable():
    search = make_search(SGDClassifier(loss="log_loss"), {"alpha": [1e-4, 1]}, n_iter=2)
    first, again = search.fit(X, Y).predict_proba(X), search.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(first, again)


def test_silence(capfd):
    make_search().fit(X, Y)
    make_search(verbose=1).fit(X, Y)  # too short for a bar to be shown
    assert capfd.readouterr() == ("", "")


# Resources


def test_halving():
    search = make_search(
        Known(),
        {"en": uniform(0.1, 0.8), "zh": uniform(0.1, 0.8)},
        n_iter=9,
        search="halving",
        resource="epochs",
        max_resources=9,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    assert search.n_candidates_ == [9, 3, 1]
    assert search.n_resources_ == [1, 3, 9]
    assert results["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    assert results["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    assert [params["epochs"] for params in results["params"]] == results["n_resources"].tolist()
    assert "bracket" not in results
    # In each rung those go on that were best in the one before.
    scores = results["mean_test_score"]
    best = np.argsort(-scores[:9], kind="stable")[:3]
    assert results["candidate"][9:12].tolist() == sorted(best.tolist())
    assert search.best_index_ == 12
    assert search.best_estimator_.epochs == 9


def test_min_resources():
    search = make_search(
        Known(),
        {"en": [0.2, 0.3, 0.4, 0.5]},
        n_iter=4,
        search="halving",
        resource="epochs",
        max_resources=20,
        factor=2,
        cv=2,
    )
    assert search.fit(KNOWN, Y).n_resources_ == [5, 10, 20]
    assert search.set_params(min_resources="smallest").fit(KNOWN, Y).n_resources_ == [1, 2, 4]
    assert search.set_params(min_resources=3).fit(KNOWN, Y).n_resources_ == [3, 6, 12]
    search.set_params(max_resources="auto", estimator__epochs=4, min_resources="exhaust")
    assert search.fit(KNOWN, Y).n_resources_ == [1, 2, 4]


def test_the_best_may_be_one_with_fewer_epochs():
    search = make_search(
        Known(),
        {"en": [0.3, 0.6, 0.9]},
        n_iter=3,
        search="halving",
        resource="epochs",
        max_resources=3,
        scoring=fading,
        cv=2,
    ).fit(KNOWN, Y)
    assert search.best_params_ == {"en": 0.9, "epochs": 1}
    assert search.best_index_ == search.cv_results_["mean_test_score"].argmax()


def test_the_best_is_one_that_had_most_samples():
    search = make_search(
        Known(),
        {"en": [0.3, 0.6, 0.9]},
        n_iter=3,
        search="halving",
        resource="n_samples",
        factor=2,
        scoring=lambda estimator, X, y: estimator.en - estimator.n_rows_,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    assert len(search.n_resources_) > 1
    assert results["mean_test_score"].argmax() != search.best_index_
    assert results["n_resources"][search.best_index_] == max(search.n_resources_)


def fading(estimator, X, y):
    return estimator.en - estimator.epochs


def test_hyperband():
    search = make_search(
        Known(),
        {"en": uniform(0.1, 0.8)},
        n_iter=14,
        search="hyperband",
        resource="epochs",
        max_resources=9,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    frame = pd.DataFrame({name: results[name] for name in ("bracket", "iter", "n_resources")})
    sizes = frame.value_counts(sort=False).reset_index()
    sizes = sizes.sort_values(["bracket", "iter"])
    assert search.n_candidates_ == sizes["count"].tolist()
    assert search.n_resources_ == sizes["n_resources"].tolist()
    assert search.n_resources_ == [1, 3, 9, 3, 9, 9]
    assert results["candidate"].max() == 13
    first = frame["iter"] == 0
    assert first.sum() == 14
    assert search.cv_results_["n_resources"][search.best_index_] == 9
    most = results["n_resources"] == 9
    assert search.best_score_ == results["mean_test_score"][most].max()


def test_samples_keep_every_class_of_every_language():
    seen = []

    def note(X):
        seen.append(X)
        return numbers(X)

    y = np.where(np.arange(60) % 4 == 0, 1, 0)
    search = make_search(
        make_pipeline(FunctionTransformer(note), LogisticRegression()),
        {"logisticregression__C": [0.01, 0.1, 1.0, 9.0]},
        n_iter=4,
        cv=2,
        search="halving",
        resource="n_samples",
        factor=2,
        error_score="raise",
        refit=False,
    ).fit(FRAME, y)
    assert search.n_resources_ == [16, 32]
    sizes = [len(frame) for frame in seen[::2]]
    assert len(sizes) == (4 + 2) * 2
    labels = pd.Series(y)
    for frame, n_resources in zip(seen[::2], [16] * 8 + [32] * 4, strict=True):
        groups = frame.assign(y=labels[frame.index])[["language", "y"]].value_counts()
        assert len(groups) == 4
        assert n_resources / 2 <= len(frame) <= n_resources / 2 + 4
    assert "n_samples" not in search.cv_results_["params"][0]


def test_samples_of_everything_are_everything():
    search = make_search(n_iter=1, search="halving", resource="n_samples").fit(X, Y)
    assert search.n_resources_ == [60]
    C1 = search.cv_results_["params"][0]
    expected = cross_val_score(LogisticRegression(**C1), X, Y, cv=3, scoring="neg_log_loss")
    assert search.best_score_ == pytest.approx(expected.mean())


def test_resource_of_a_step():
    search = make_search(
        make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)),
        {"sgdclassifier__alpha": loguniform(1e-4, 1)},
        search="halving",
        resource="sgdclassifier__max_iter",
        max_resources=9,
        n_iter=3,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the refit, which has not converged
        search.fit(X, Y)
    assert search.n_resources_ == [3, 9]
    assert search.best_params_["sgdclassifier__max_iter"] == 9


def test_epochs_of_a_network():
    """As in the docstring."""
    search = make_search(
        make_classifier(target_languages="zh"),
        {"learning_rate": loguniform(1e-4, 1e-2)},
        n_iter=2,
        search="halving",
        max_resources=2,
        factor=2,
        cv=2,
        select="worst_language",
    ).fit(PAIR, PAIR_Y)
    assert search.n_resources_ == [1, 2] and search.n_candidates_ == [2, 1]
    assert search.best_estimator_.max_epochs == search.best_params_["max_epochs"]
    assert len(search.best_estimator_.history_) == search.best_params_["max_epochs"]
    assert {"mean_test_score_en", "mean_test_score_zh"} <= set(search.cv_results_)


# Callbacks


class Recording:
    """Appends what is called to a file, which workers can do too."""

    def __init__(self, path):
        self.path = path

    def _write(self, hook, context, **more):
        path = []
        while context is not None:
            path.insert(0, (context.task_name, context.task_id))
            context = context.parent
        with open(self.path, "a") as file:
            file.write(json.dumps({"hook": hook, "path": path} | more) + "\n")

    def setup(self, estimator, context):
        self._write("setup", context)

    def teardown(self, estimator, context):
        self._write("teardown", context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        n_samples = None if X is None else X.shape[0]
        weights = (metadata or {}).get("sample_weight")
        n_weights = None if weights is None else len(weights)
        self._write("begin", context, n_samples=n_samples, n_weights=n_weights)

    def on_fit_task_end(self, estimator, context):
        self._write("end", context, estimator=type(estimator).__name__)

    def read(self):
        with open(self.path) as file:
            return [json.loads(line) for line in file]


class Propagated(Recording):
    max_propagation_depth = None


def tasks(calls, hook):
    return sorted(tuple(map(tuple, call["path"])) for call in calls if call["hook"] == hook)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", [Recording, Propagated])
@pytest.mark.parametrize("search", ["random", "halving", "hyperband", "epochs"])
def test_callbacks(n_jobs, kind, search, tmp_path):
    callback = kind(tmp_path / "calls")
    estimator, name, resource = LogisticRegression(), "logisticregression__C", "n_samples"
    if search == "epochs":
        estimator = SGDClassifier(loss="log_loss", random_state=0)
        name, resource = "sgdclassifier__alpha", "sgdclassifier__max_iter"
    model = make_pipeline(StandardScaler(), estimator)
    searching = make_search(
        model,
        {name: loguniform(0.1, 1)},
        n_jobs=n_jobs,
        cv=2,
        n_iter=3,
        resource=resource,
        search="halving" if search == "epochs" else search,
        max_resources=60,
    ).set_callbacks(callback)
    with warnings.catch_warnings():
        # Of sklearn: a pipeline's steps do not take callbacks; and of what has not converged.
        warnings.simplefilter("ignore")
        searching.fit(X, Y)
    calls = callback.read()
    assert [calls[0]["hook"], calls[-1]["hook"]] == ["setup", "teardown"]
    assert [call["hook"] for call in calls].count("setup") == 1
    begun = tasks(calls, "begin")
    assert begun == tasks(calls, "end")
    assert len(set(begun)) == len(begun)
    begun = [call for call in calls if call["hook"] == "begin"]
    fits = [call for call in begun if len(call["path"]) == 4 and call["path"][1][0] == "search"]
    assert len(fits) == 2 * len(searching.cv_results_["params"])
    assert all(call["n_samples"] for call in fits)
    # The search pickles, and its best estimator carries nothing of it.
    assert not hasattr(searching.best_estimator_, "_parent_callback_ctx")
    pickle.loads(pickle.dumps(searching)).predict(X)


def test_callbacks_see_the_weights(tmp_path):
    callback = Recording(tmp_path / "calls")
    make_search(n_iter=1, cv=2).set_callbacks(callback).fit(X, Y, sample_weight=WEIGHTS)
    begun = [call for call in callback.read() if call["hook"] == "begin" and call["n_samples"]]
    assert [(call["n_samples"], call["n_weights"]) for call in begun] == [
        (60, 60),
        (30, 30),
        (30, 30),
        (60, 60),
    ]


def test_callbacks_end_after_a_failure(tmp_path):
    callback = Recording(tmp_path / "calls")
    search = make_search(Failing(), FAILURES, n_iter=2).set_callbacks(callback)
    with pytest.warns((FitFailedWarning, UserWarning)):
        search.fit(X, Y)
    assert tasks(callback.read(), "begin") == tasks(callback.read(), "end")
    with failing("it is too cold"):
        search.set_params(error_score="raise").fit(X, Y)
    assert callback.read()[-1]["hook"] == "teardown"


@pytest.mark.parametrize("search", ["random", "halving"])
def test_progress_bar_of_sklearn(search, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    make_search(n_iter=3, search=search, resource="n_samples", min_resources=20).set_callbacks(
        ProgressBar(max_propagation_depth=0)
    ).fit(X, Y)
    assert "MetaParamSearchCV" in capsys.readouterr().out
