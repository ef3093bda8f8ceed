"""One training in two processes: the same losses and predictions as in one."""

import multiprocessing

import numpy as np
import parallel_jobs
import pytest

IMPORTED_ONCE = [
    "metaling_sk.transfer._classifier",
    "metaling_sk.meta_net._classifier",
    "transformers.models.bert.modeling_bert",
]
"""What all these processes need, in seconds; they are forked from one that has it."""


def run(job, argument, folder, size=2):
    """What a job returns in each of several processes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    results = context.Queue()
    store = folder / "store"
    processes = [
        context.Process(
            target=parallel_jobs.in_group,
            args=(rank, size, str(store), job, argument, results),
        )
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    found = dict(results.get(timeout=300) for _ in processes)
    for process in processes:
        process.join()
    return [found[rank] for rank in range(size)]


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """A folder, and what two processes did there."""
    folder = tmp_path_factory.mktemp("group")
    return folder, run(parallel_jobs.do_all, str(folder), folder)


@pytest.mark.parametrize("name", parallel_jobs.NAMES)
def test_all_processes_get_the_same(name, group):
    first, second = (done["fits"][name] for done in group[1])
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("name", [name for name in parallel_jobs.NAMES if "seed" not in name])
def test_the_losses_and_predictions_of_one_process(name, group):
    losses, probabilities = parallel_jobs.fit(name)
    for done in group[1]:
        np.testing.assert_allclose(done["fits"][name][0], losses, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(done["fits"][name][1], probabilities, atol=1e-4)
    assert np.ptp(probabilities, axis=0).max() > 0.01  # something is learnt


def test_what_is_refused(group):
    for done in group[1]:
        assert "pass the same X and y in all of them" in done["messages"][0]
        assert "meta_algorithm='maml' trains in one process" in done["messages"][1]


def test_the_main_process_warns_shows_and_saves(group):
    folder, (first, second) = group
    assert first["warnings"] == ["A row is empty."]
    assert "TransferClassifier: " in first["output"]
    assert second["warnings"] == []
    assert second["output"] == ""
    assert (folder / "0" / "estimator.json").exists()
    assert not (folder / "1").exists()
