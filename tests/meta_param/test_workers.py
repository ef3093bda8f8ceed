"""Searches in several processes, and workers that die."""

import sys
from pathlib import Path
from textwrap import dedent

import joblib
import numpy as np
import pytest
import searches
from joblib.externals.loky import get_reusable_executor
from noting_bert import NotingBert
from scipy.stats import loguniform
from searches import (
    DISTRIBUTIONS,
    Deadly,
    Threads,
    X,
    assert_same_results,
    make_search,
    y,
)
from sklearn.base import clone
from sklearn.model_selection import ShuffleSplit
from tiny import make_classifier, make_pair
from transformers import AutoTokenizer

from metaling_sk import MetaParamSearchCV
from metaling_sk.meta_param._runner import HAS_INITIALIZER


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
        Deadly(), {"deadly": [False, True]}, cv=ShuffleSplit(1), n_iter=2, n_jobs=2, verbose=0
    )
    with pytest.warns(UserWarning, match="non-finite"), pytest.warns(match="1 of 2 fits"):
        search.fit(X, y)
    results = search.cv_results_
    failure = dict(zip(results["param_deadly"].tolist(), results["failure"], strict=True))
    assert failure[False] is None
    assert "the worker process died" in failure[True]
    assert search.best_params_ == {"deadly": False}


@pytest.fixture
def kill_starting_workers(tmp_path, monkeypatch):
    """Have the next workers die before they have a fit, as many as is said."""
    code = """
        import os, sys
        if any("popen_loky" in argument for argument in sys.orig_argv):
            with open({log!r}, "a") as file:
                file.write(".")
                if file.tell() <= {number}:
                    os._exit(9)
    """

    def kill(number):
        log = str(tmp_path / "starts")
        (tmp_path / "sitecustomize.py").write_text(dedent(code).format(log=log, number=number))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        get_reusable_executor(reuse=True).shutdown()

    yield kill
    get_reusable_executor(reuse=True).shutdown()


def test_workers_that_die_before_they_begin_change_nothing(kill_starting_workers, tmp_path):
    kill_starting_workers(9)
    search = MetaParamSearchCV(
        Deadly(), {"deadly": [False, 0]}, cv=2, n_iter=2, n_jobs=2, verbose=0
    ).fit(X, y)
    assert (tmp_path / "starts").stat().st_size > 9
    assert search.cv_results_["failure"].tolist() == [None, None]


def test_workers_that_can_never_start(kill_starting_workers):
    kill_starting_workers(1000)
    with pytest.raises(RuntimeError, match="`n_jobs`: worker processes died 10 times in a row"):
        make_search(n_jobs=2).fit(X, y)


def test_large_arrays_that_cannot_be_written_for_workers(tmp_path):
    (tmp_path / "file").touch()
    large = np.resize(X, (len(X), 2**20 // len(X)))
    with (
        joblib.parallel_config("loky", temp_folder=tmp_path / "file" / "folder"),
        pytest.raises(OSError, match="`n_jobs`: .* write .* NotADirectoryError: .* JOBLIB_TEMP_F"),
    ):
        make_search(n_jobs=2).fit(large, y)


@pytest.mark.skipif(not HAS_INITIALIZER, reason="this joblib takes no initializer")
def test_workers_keep_the_initializer_of_the_user(tmp_path):
    initializer = (tmp_path / "initialized").touch
    with joblib.parallel_config("loky", n_jobs=2, initializer=initializer):
        make_search(n_jobs=2, n_iter=1, search="random").fit(X, y)
    assert (tmp_path / "initialized").exists()


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
