"""One training in two processes: the same losses and predictions as in one."""

import multiprocessing

import numpy as np
import parallel_jobs
import pytest


def run(job, argument, folder, size=2):
    """The results of a job, of one process after the other."""
    context = multiprocessing.get_context("spawn")
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
def fits_of_two(tmp_path_factory):
    return run(parallel_jobs.fit_all, None, tmp_path_factory.mktemp("group"))


@pytest.mark.parametrize("name", parallel_jobs.NAMES)
def test_all_processes_get_the_same(name, fits_of_two):
    (losses, probabilities), (other_losses, other_probabilities) = (
        fits[name] for fits in fits_of_two
    )
    np.testing.assert_array_equal(losses, other_losses)
    np.testing.assert_array_equal(probabilities, other_probabilities)


@pytest.mark.parametrize("name", [name for name in parallel_jobs.NAMES if "seed" not in name])
def test_the_losses_and_predictions_of_one_process(name, fits_of_two):
    check(name, fits_of_two)


def check(name, fits):
    losses, probabilities = parallel_jobs.fit(name)
    for found in fits:
        np.testing.assert_allclose(found[name][0], losses, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[name][1], probabilities, atol=1e-4)
    assert np.ptp(probabilities, axis=0).max() > 0.01  # something is learnt


def test_more_processes_than_samples_in_the_last_batch(tmp_path):
    check(
        "one term", [{"one term": fit} for fit in run(parallel_jobs.fit, "one term", tmp_path, 3)]
    )


def test_what_is_refused(tmp_path):
    for messages in run(parallel_jobs.fail, None, tmp_path):
        assert "pass the same X and y in all of them" in messages[0]
        assert "meta_algorithm='maml' trains in one process" in messages[1]


def test_the_main_process_warns_shows_and_saves(tmp_path):
    (warnings, output), (no_warnings, no_output) = run(
        parallel_jobs.warn_and_save, str(tmp_path), tmp_path
    )
    assert warnings == ["A row is empty."]
    assert "transfer" in output
    assert no_warnings == []
    assert no_output == ""
    assert (tmp_path / "0" / "estimator.json").exists()
    assert not (tmp_path / "1").exists()
