"""How many threads compute."""

import threading

import numpy as np
import pytest
import torch
from meta_net_cases import make_numbers
from noted_threads import NotedThreads, n_threads_of_a_large_network
from threadpoolctl import threadpool_info, threadpool_limits
from tiny import make_classifier, make_pair

from metaling_sk import MetaNetClassifier
from metaling_sk._utils.threads import one_blas_thread, threads_for


def n_blas_threads():
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_the_main_thread_alone_changes_the_number_of_threads():
    seen = []

    def look():
        with one_blas_thread():
            seen.append(n_blas_threads())

    other = threading.Thread(target=look)
    with threadpool_limits(2, "blas"):
        before = n_blas_threads()
        other.start()
        other.join()
        with one_blas_thread():
            look()
            seen.append(n_blas_threads())
        assert seen == [before, {1}, {1}]
        assert n_blas_threads() == before


def test_a_meta_network_on_features_leaves_the_threads_and_does_not_depend_on_them():
    X, y, language = make_numbers(["as is 1", "as is 2"], 40)
    proba = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, "blas"):
            before = n_blas_threads()
            model = MetaNetClassifier(verbose=0, random_state=0).fit(X, y, language=language)
            assert n_blas_threads() == before
            proba.append(model.predict_proba(X, language=language))
    np.testing.assert_array_equal(*proba)


@pytest.mark.parametrize(("width", "n_threads"), [(10, 1), (2000, 2)])
def test_small_networks_take_one_thread(width, n_threads):
    """An embedding is no work: it is looked up."""
    network = torch.nn.Sequential(torch.nn.Embedding(10**6, 2), torch.nn.Linear(width, width))
    with threadpool_limits(2, "openmp"):
        with threads_for(network):
            assert torch.get_num_threads() == n_threads
        assert torch.get_num_threads() == 2


def test_n_threads_overrides_the_rule():
    network = torch.nn.Linear(10, 10)
    with threadpool_limits(2, "openmp"):
        with threads_for(network, 3):
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("n_threads", "expected"), [(None, {1}), (2, {2})])
def test_fit_and_predict_take_n_threads(n_threads, expected):
    X, y = make_pair(20, 20, n_labelled=20)
    noted = NotedThreads()
    model = make_classifier(n_threads=n_threads, callbacks=[noted], max_epochs=1).fit(X, y)
    model.net_.module_.register_forward_hook(noted)
    noted.seen.clear()
    model.predict(X)
    assert noted.seen == expected
    noted.seen.clear()
    model.fit(X, y)
    assert noted.seen == expected


def test_no_more_threads_than_cores_that_the_process_may_use(monkeypatch):
    """joblib counts them: it knows the quota of a container, which torch does not."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    with threadpool_limits(2, "openmp"):
        assert n_threads_of_a_large_network() == 1
        assert torch.get_num_threads() == 2
