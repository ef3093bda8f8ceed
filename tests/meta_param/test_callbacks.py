"""Callbacks of scikit-learn."""

import pickle
import warnings

import pytest
from scipy.stats import loguniform
from search_cases import (
    FAILURES,
    WEIGHTS,
    Failing,
    Propagated,
    Recording,
    X,
    Y,
    failing,
    make_search,
)
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")


def tasks(calls, hook):
    return sorted(tuple(map(tuple, call["path"])) for call in calls if call["hook"] == hook)


@pytest.mark.parametrize("kind", [Recording, Propagated])
@pytest.mark.parametrize(
    ("search", "n_jobs"),
    [
        ("random", 1),
        ("halving", 1),
        ("halving", 2),
        ("hyperband", 1),
        ("freeze-thaw", 1),
        ("epochs", 1),
    ],
)
def test_callbacks(search, n_jobs, kind, tmp_path):
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
