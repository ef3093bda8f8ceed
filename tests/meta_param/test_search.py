"""Searches that resume, crash, go on and scale out."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
import searches
from scipy.stats import loguniform
from searches import (
    DISTRIBUTIONS,
    Deadly,
    Noting,
    NotingBert,
    Threads,
    make_blobs,
    make_search,
)
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import make_classifier, make_pair
from transformers import AutoTokenizer

from metaling_sk import MetaParamSearchCV

X, y = make_blobs()
TIMES = ("fit_time", "score_time")


def assert_same_results(a, b):
    assert list(a.cv_results_) == list(b.cv_results_)
    for name, column in a.cv_results_.items():
        if not name.endswith(TIMES):
            np.testing.assert_array_equal(column, b.cv_results_[name], name)
    assert a.best_params_ == b.best_params_
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


def read_fits(folder):
    """Candidate, split and resource of each finished fit."""
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return [(line["candidate"], line["split"], line["n_resources"]) for line in lines[1:]]


# Resume, not refit


def test_promoted_candidate_is_trained_only_further(tmp_path):
    log = tmp_path / "log"
    search = make_search(log=str(log)).fit(X, y)
    epochs = Counter(line.split()[1] for line in log.read_text().splitlines() if "epoch" in line)
    results = search.cv_results_
    assert results["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    best = results["params"][-1]["alpha"]
    # 9 epochs in each of 3 splits, and none twice.
    refitted = search.best_params_["max_epochs"]
    is_best = search.best_params_["alpha"] == best
    assert epochs[repr(best)] == 3 * 9 + refitted * is_best
    assert sum(epochs.values()) == 3 * (6 * 1 + 2 * 3 + 1 * 9) + refitted
    assert "fit" not in log.read_text()


@pytest.mark.parametrize(
    ("estimator", "resource"),
    [
        (SGDClassifier(loss="log_loss", max_iter=4), "max_iter"),
        (MLPClassifier(hidden_layer_sizes=4, max_iter=4), "max_iter"),
        (
            make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", max_iter=4)),
            "sgdclassifier__max_iter",
        ),
    ],
)
def test_resumed_training_is_that_of_one_go(estimator, resource):
    """Whether a candidate stopped on the way to its last epoch does not change it."""
    name = resource.replace("max_iter", "alpha")
    settings = {"cv": 3, "random_state": 0, "verbose": 0, "resource": resource, "refit": False}
    stopping = MetaParamSearchCV(
        estimator, {name: [1e-4, 1e-2]}, search="halving", n_iter=2, factor=2, **settings
    ).fit(X, y)
    assert stopping.n_resources_ == [2, 4]
    at_once = MetaParamSearchCV(
        estimator, {name: [1e-4, 1e-2]}, search="halving", n_iter=2, min_resources=4, **settings
    ).fit(X, y)
    found = stopping.cv_results_
    last = found["n_resources"].argmax()
    same = at_once.cv_results_["candidate"].tolist().index(found["candidate"][last])
    for split in range(3):
        column = f"split{split}_test_score"
        assert found[column][last] == at_once.cv_results_[column][same]


def test_skorch_net_resumes():
    from skorch import NeuralNetClassifier
    from torch import nn

    net = NeuralNetClassifier(
        nn.Linear,
        module__in_features=4,
        module__out_features=2,
        criterion=nn.CrossEntropyLoss,
        max_epochs=4,
        train_split=None,
        verbose=0,
    )
    search = MetaParamSearchCV(
        net,
        {"lr": [0.01, 0.1, 1.0]},
        search="halving",
        n_iter=3,
        factor=2,
        cv=2,
        scoring="accuracy",
        random_state=0,
        verbose=0,
    ).fit(X.astype(np.float32), y)
    assert search.n_resources_ == [2, 4]
    assert len(search.best_estimator_.history) == search.best_params_["max_epochs"]
    assert search.best_score_ > 0.6


def test_text_classifier_resumes_on_a_schedule_over_all_rungs():
    X, y = make_pair(24, 24, n_labelled=12)
    search = MetaParamSearchCV(
        make_classifier(source_languages="en", max_epochs=4),
        {"learning_rate": loguniform(1e-4, 1e-2)},
        search="halving",
        n_iter=4,
        factor=2,
        cv=2,
        random_state=0,
        verbose=0,
    ).fit(X, y)
    assert search.n_resources_ == [1, 2, 4]
    results = search.cv_results_
    last = results["n_resources"].argmax()
    clf = make_classifier(source_languages="en").set_params(**results["params"][last])
    from metaling_sk.metrics import log_loss_scorer
    from metaling_sk.model_selection import StratifiedLanguageKFold

    train, test = next(StratifiedLanguageKFold(2, random_state=0).split(X, y))
    clf.partial_fit(X.iloc[train], y[train], classes=[0.0, 1.0], n_epochs=4, planned_epochs=4)
    score = log_loss_scorer([0.0, 1.0])(clf, X.iloc[test], y[test])
    assert results["split0_test_score"][last] == pytest.approx(score, abs=1e-6)


def test_estimators_without_partial_fit_are_fitted_anew():
    search = MetaParamSearchCV(
        LogisticRegression(),
        {"C": loguniform(1e-3, 1e3)},
        search="halving",
        resource="max_iter",
        max_resources=400,
        n_iter=4,
        factor=2,
        random_state=0,
        verbose=0,
    ).fit(X, y)
    results = search.cv_results_
    assert results["n_resources"].max() == 400
    assert [params["max_iter"] for params in results["params"]] == results["n_resources"].tolist()
    assert search.best_estimator_.max_iter == search.best_params_["max_iter"]


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make_search().fit(X, y)
    with pytest.raises(ValueError, match="All the"):
        make_search().fit(np.full_like(X, np.nan), y)
    assert list(tmp_path.iterdir()) == []


# Crash and continue


@pytest.mark.parametrize("search", ["halving", "random", "tpe"])
def test_killed_search_goes_on(tmp_path, search):
    folder = tmp_path / "run"
    script = searches.__file__
    process = subprocess.Popen([sys.executable, str(script), str(folder), search])
    journal = folder / "journal.jsonl"
    while not journal.exists() or len(journal.read_bytes().splitlines()) < 12:
        assert process.poll() is None, "the search ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = journal.read_bytes().splitlines(keepends=True)

    found = make_search(folder, search=search, nap=0.02).fit(X, y)
    after = journal.read_bytes().splitlines(keepends=True)
    assert after[: len(before) - 1] == before[:-1]
    fits = read_fits(folder)
    assert len(fits) == len(set(fits))
    assert_same_results(found, make_search(search=search).fit(X, y))


def test_finished_search_fits_nothing_again(tmp_path):
    log = tmp_path / "log"
    first = make_search(tmp_path / "run", log=str(log)).fit(X, y)
    log.write_text("")
    second = make_search(tmp_path / "run", log=str(log)).fit(X, y)
    n_epochs = second.best_params_["max_epochs"]
    assert log.read_text().split()[::2] == ["epoch"] * n_epochs  # of the refit
    assert_same_results(first, second)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["journal.jsonl", "lock"]


def test_line_that_was_being_written_is_no_fit(tmp_path):
    expected = make_search(tmp_path).fit(X, y)
    journal = tmp_path / "journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[:-20])
    found = make_search(tmp_path).fit(X, y)
    assert_same_results(found, expected)
    assert len(read_fits(tmp_path)) == len(set(read_fits(tmp_path))) == 39


def test_lost_states_cost_only_time(tmp_path):
    expected = make_search(tmp_path).fit(X, y)
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    # The states of the first rung went with the end of the search.
    journal.write_bytes(b"".join(lines[: 1 + 27 + 2]))
    assert_same_results(make_search(tmp_path).fit(X, y), expected)


def test_random_state_none_goes_on_with_the_same_candidates(tmp_path):
    first = make_search(tmp_path, random_state=None).fit(X, y)
    assert_same_results(make_search(tmp_path, random_state=None).fit(X, y), first)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_iter": 10}, "n_iter was 9, is 10"),
        ({"random_state": 1}, "random_state was 0, is 1"),
        ({"estimator": Noting(loss="hinge")}, "estimator was"),
        ({"param_distributions": {"alpha": loguniform(1e-4, 1.0)}}, "param_distributions was"),
        ({"cv": 4}, "folds was"),
        ({"scoring": "accuracy"}, 'scoring was null, is "accuracy"'),
        ({"prior": {"params": [{"alpha": 0.1}], "mean_test_score": [1.0]}}, "prior was"),
    ],
)
def test_checkpoint_of_another_search_is_refused(tmp_path, change, named):
    make_search(tmp_path).fit(X, y)
    content = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(ValueError, match="holds a different search") as error:
        make_search(tmp_path).set_params(**change).fit(X, y)
    assert named in str(error.value)
    assert (tmp_path / "journal.jsonl").read_bytes() == content


def test_checkpoint_with_other_data_is_refused(tmp_path):
    make_search(tmp_path).fit(X, y)
    with pytest.raises(ValueError, match=r"\(X was .* is [^;]*\)"):
        make_search(tmp_path).fit(X + 1, y)
    with pytest.raises(ValueError, match="y was"):
        make_search(tmp_path).fit(X, 1 - y)


def test_n_jobs_and_verbose_are_no_difference(tmp_path):
    first = make_search(tmp_path).fit(X, y)
    assert_same_results(make_search(tmp_path, n_jobs=2, pre_dispatch=2).fit(X, y), first)


def test_two_searches_at_once_in_a_folder_are_refused(tmp_path):
    folder = tmp_path / "run"
    script = searches.__file__
    process = subprocess.Popen([sys.executable, str(script), str(folder), "halving"])
    try:
        while not (folder / "journal.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(ValueError, match="another search is running"):
            make_search(folder, nap=0.02).fit(X, y)
    finally:
        process.kill()
        process.wait()


def test_failed_fit_is_not_repeated(tmp_path):
    """It is finished, with its reason."""
    search = MetaParamSearchCV(
        LogisticRegression(),
        {"solver": ["lbfgs", "unheard"]},
        cv=2,
        n_iter=2,
        checkpoint=tmp_path,
        random_state=0,
        verbose=0,
    )
    for _ in range(2):
        with pytest.warns(UserWarning, match="non-finite"), pytest.warns(match="2 of 4 fits"):
            search.fit(X, y)
        (reason,) = [reason for reason in search.cv_results_["failure"] if reason]
        assert "unheard" in reason
    assert len(read_fits(tmp_path)) == 4


def test_prior_from_a_checkpoint(tmp_path):
    make_search(tmp_path / "earlier").fit(X, y)
    search = make_search(prior=tmp_path / "earlier", search="random", n_iter=6).fit(X, y)
    earlier = make_search(tmp_path / "earlier").fit(X, y)
    assert search.cv_results_["params"][0]["alpha"] == earlier.best_params_["alpha"]


# Scale out


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_backends_find_the_same(backend):
    expected = make_search().fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert_same_results(make_search(n_jobs=2).fit(X, y), expected)


def test_workers_share_the_cores():
    cores = joblib.cpu_count()
    search = MetaParamSearchCV(
        Threads(), {"number": [0, 1]}, scoring=lambda clf, X, y: clf.score(X, y), cv=2, n_iter=2
    ).set_params(n_jobs=2, verbose=0)
    search.fit(X, y)
    assert search.cv_results_["mean_test_score"].max() <= max(1, cores // 2)


def test_candidate_that_kills_its_worker_fails_alone():
    search = MetaParamSearchCV(
        Deadly(), {"deadly": [False, True]}, cv=2, n_iter=2, n_jobs=2, verbose=0
    )
    with pytest.warns(UserWarning, match="non-finite"), pytest.warns(match="2 of 4 fits"):
        search.fit(X, y)
    results = search.cv_results_
    failure = dict(zip(results["param_deadly"].tolist(), results["failure"], strict=True))
    assert failure[False] is None
    assert "the worker process died" in failure[True]
    assert search.best_params_ == {"deadly": False}


def test_fit_whose_worker_dies_once_is_repeated(tmp_path):
    search = MetaParamSearchCV(
        Deadly(once=str(tmp_path / "died")),
        {"deadly": [False, True]},
        cv=2,
        n_iter=2,
        n_jobs=2,
        verbose=0,
    ).fit(X, y)
    assert (tmp_path / "died").exists()
    assert search.cv_results_["failure"].tolist() == [None, None]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(sys.path.insert, 0, str(Path(searches.__file__).parent))
        yield client


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dask_finds_the_same(cluster):
    expected = make_search().fit(X, y)
    with joblib.parallel_config(backend="dask"):
        assert_same_results(make_search(n_jobs=-1).fit(X, y), expected)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dask_worker_that_is_killed_costs_its_fits_only(cluster, tmp_path):
    search = MetaParamSearchCV(
        Deadly(once=str(tmp_path / "died")), {"deadly": [False, True]}, cv=2, n_iter=2, verbose=0
    )
    with joblib.parallel_config(backend="dask"):
        search.set_params(n_jobs=-1).fit(X, y)
    assert (tmp_path / "died").exists()
    assert search.cv_results_["failure"].tolist() == [None, None]


def test_search_can_be_cloned_and_named_in_a_grid():
    assert clone(make_search()).get_params()["search"] == "halving"
    assert DISTRIBUTIONS["alpha"] is make_search().param_distributions["alpha"]


def test_frozen_encoder_sees_each_text_once(tmp_path, bert):
    """In two workers, all folds and candidates, and the refit."""
    log = tmp_path / "log"
    X, y = make_pair(30, 30, n_labelled=20)
    backbone = NotingBert.from_pretrained(bert)
    backbone.config.log = str(log)
    clf = make_classifier(
        encoder=(backbone, AutoTokenizer.from_pretrained(bert)),
        trainable="head",
        source_languages="en",
        learning_rate=0.01,
    )
    search = MetaParamSearchCV(
        clf,
        {"learning_rate": loguniform(1e-3, 1e-1), "layer": [0.5, 1.0]},
        n_iter=6,
        cv=3,
        n_jobs=2,
        random_state=0,
        verbose=0,
    ).fit(X, y)
    layers = {params["layer"] for params in search.cv_results_["params"]}
    assert layers == {0.5, 1.0}
    search.predict(X)
    encoded = sum(map(int, log.read_text().split()))
    assert encoded == len(layers) * X["text"].nunique()
