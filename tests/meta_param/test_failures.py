"""Candidates that fail, and searches that are interrupted."""

import shutil
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from search_cases import FAILURES, FRAME, Failing, X, Y, failing, make_search, numbers
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import make_meta_net


def not_finite():
    """What scikit-learn says where a candidate has no score."""
    return pytest.warns(UserWarning, match="non-finite")


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
    left, error = 0, KeyboardInterrupt

    def __init__(self, C=1.0, max_iter=100):
        super().__init__(C=C, max_iter=max_iter)

    def fit(self, X, y):
        if Interrupting.left == 0:
            raise Interrupting.error
        Interrupting.left -= 1
        return super().fit(X, y)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("search", ["random", "halving", "hyperband", "freeze-thaw"])
def test_an_interrupt_or_an_error_leaves_what_is_finished(search, error, monkeypatch):
    monkeypatch.setattr(Interrupting, "error", error)
    interrupted = make_search(
        Interrupting(),
        {"C": loguniform(0.1, 1)},
        search=search,
        resource="n_samples",
        cv=2,
        n_iter=4,
        min_resources=20,
        error_score="raise",
    )
    Interrupting.left = 100
    whole = clone(interrupted).fit(X, Y)
    interrupted.fit(X, Y)
    Interrupting.left = 5
    with pytest.raises(error):
        interrupted.fit(X, Y)
    for name in ("mean_test_score", "split1_test_score"):
        np.testing.assert_array_equal(interrupted.cv_results_[name], whole.cv_results_[name][:2])
    assert interrupted.cv_results_["params"] == whole.cv_results_["params"][:2]
    # Nothing of the fit before is mixed with it.
    assert not hasattr(interrupted, "best_estimator_")
    with pytest.raises(NotFittedError):
        interrupted.predict(X)
    Interrupting.left = 1
    with pytest.raises(error):
        interrupted.fit(X, Y)
    assert not hasattr(interrupted, "cv_results_")


class Deleting(SGDClassifier):
    """Removes the folder of its search, as what tidies up temporary files does."""

    folder = ""

    def partial_fit(self, X, y, classes=None):
        shutil.rmtree(Deleting.folder, ignore_errors=True)
        return super().partial_fit(X, y, classes)


@pytest.mark.parametrize("search", ["halving", "freeze-thaw"])
def test_a_folder_that_is_removed_meanwhile_costs_only_time(search, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Deleting, "folder", str(tmp_path))
    parameters = {"search": search, "resource": "max_iter", "max_resources": 9, "min_resources": 3}
    scores = []
    for kind in (SGDClassifier, Deleting):
        estimator = kind(loss="log_loss", random_state=0)
        search = make_search(estimator, {"alpha": [1, 0.1, 0.01]}, **parameters)
        scores.append(search.fit(X, Y).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


# Rungs that tell nothing


@pytest.mark.parametrize("search", ["freeze-thaw", "halving"])
def test_epochs_of_a_model_without_epochs_are_warned_of(search):
    model, space = make_meta_net(learning_rate="auto"), {"residual_penalty": [1.0, 100.0]}
    parameters = {"search": search, "factor": 2, "n_iter": 2, "cv": 2, "refit": False}
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(24, 2)), columns=["a", "b"])
    y = (X["a"] > 0).astype(int)
    X["language"] = ["en", "zh"] * 12
    with pytest.warns(UserWarning, match="`resource`: more 'max_epochs' has changed no score"):
        make_search(model, space, max_resources=2, **parameters).fit(X, y)
    make_search(model, space, resource="n_samples", **parameters).fit(X, y)
