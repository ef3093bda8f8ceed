"""How many threads compute."""

import threading

import numpy as np
import pytest
import torch
from meta_net_cases import make_numbers
from threadpoolctl import threadpool_info, threadpool_limits

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
