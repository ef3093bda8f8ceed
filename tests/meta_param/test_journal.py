"""Searches that are killed go on from their checkpoint."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import searches
from full_disk import full_disk
from scipy.stats import loguniform
from searches import Noting, X, assert_same_results, make_search, y
from sklearn.linear_model import LogisticRegression

from metaling_sk import MetaParamSearchCV
from metaling_sk.meta_param._fit_spec import Fit
from metaling_sk.meta_param._fits import failed_result
from metaling_sk.meta_param._journal import Journal


def read_fits(folder):
    """Candidate, split and resource of each finished fit."""
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return [(line["candidate"], line["split"], line["n_resources"]) for line in lines[1:]]


def test_a_search_that_is_running_is_alone_and_goes_on_when_it_is_killed(tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen([sys.executable, searches.__file__, str(folder), "halving"])
    journal = folder / "journal.jsonl"
    while not journal.exists():
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(ValueError, match="another search is running"):
        make_search(folder, nap=0.02).fit(X, y)
    while len(journal.read_bytes().splitlines()) < 12:
        assert process.poll() is None, "the search ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = journal.read_bytes().splitlines(keepends=True)

    found = make_search(folder, nap=0.02).fit(X, y)
    after = journal.read_bytes().splitlines(keepends=True)
    assert after[: len(before) - 1] == before[:-1]
    fits = read_fits(folder)
    assert len(fits) == len(set(fits))
    assert_same_results(found, make_search().fit(X, y))


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
    with pytest.warns(UserWarning, match=f"{journal} is damaged in line 40"):
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


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The checkpoint of a search that is finished."""
    folder = tmp_path_factory.mktemp("finished")
    make_search(folder).fit(X, y)
    return folder


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
def test_checkpoint_of_another_search_is_refused(finished, change, named):
    content = (finished / "journal.jsonl").read_bytes()
    with pytest.raises(ValueError, match="holds a different search") as error:
        make_search(finished).set_params(**change).fit(X, y)
    assert named in str(error.value)
    assert (finished / "journal.jsonl").read_bytes() == content


def test_checkpoint_with_other_data_is_refused(finished):
    with pytest.raises(ValueError, match=r"\(X was .* is [^;]*\)"):
        make_search(finished).fit(X + 1, y)
    with pytest.raises(ValueError, match="y was"):
        make_search(finished).fit(X, 1 - y)


def test_n_jobs_and_verbose_are_no_difference(tmp_path):
    first = make_search(tmp_path).fit(X, y)
    assert_same_results(make_search(tmp_path, n_jobs=2, pre_dispatch=2).fit(X, y), first)


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


def test_a_finished_fit_is_that_of_its_parameters(tmp_path):
    """A search that goes on may have another candidate in its place, as with search="tpe"."""
    rows = np.arange(2)
    first, other = (
        Fit(candidate=0, params={"C": C}, split=0, n_resources=None, train=rows, test=rows)
        for C in (0.1, 1.0)
    )
    with Journal(tmp_path) as journal:
        journal.begin({}, seed=0)
        journal.add(first, failed_result("no memory", ""))
    with Journal(tmp_path) as journal:
        journal.begin({}, seed=0)
        assert journal.find(first)["failure"] == "no memory"
        assert journal.find(other) is None


def test_prior_from_a_checkpoint(tmp_path):
    make_search(tmp_path / "earlier").fit(X, y)
    search = make_search(prior=tmp_path / "earlier", search="random", n_iter=6).fit(X, y)
    earlier = make_search(tmp_path / "earlier").fit(X, y)
    assert search.cv_results_["params"][0]["alpha"] == earlier.best_params_["alpha"]


@pytest.mark.parametrize("n_bytes", [0, 3000])
def test_a_search_goes_on_after_a_full_disk(tmp_path, n_bytes):
    folder = tmp_path / "run"
    message = "^`checkpoint`: '.*journal.jsonl' cannot be written: .* the search goes on there"
    with pytest.raises(OSError, match=message), full_disk(n_bytes):
        make_search(folder).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # A line was cut.
        found = make_search(folder).fit(X, y)
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "lock"]
    assert_same_results(found, make_search().fit(X, y))
