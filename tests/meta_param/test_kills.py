"""Kills of searches and workers, and damaged files, change no result."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import searches
from searches import DISTRIBUTIONS, Dying, X, assert_same_results, y
from sklearn.linear_model import LogisticRegression

from metaling_sk import MetaParamSearchCV
from metaling_sk.meta_param._runner import HAS_INITIALIZER


def dying_search(log, at=(), checkpoint=None, **parameters):
    settings = {"n_iter": 9, "cv": 3, "random_state": 0, "verbose": 0} | parameters
    estimator = Dying(log=str(log), at=tuple(at))
    return MetaParamSearchCV(estimator, DISTRIBUTIONS, checkpoint=checkpoint, **settings)


def fit(search):
    search.fit(X, y)


def start(search):
    process = get_context("fork").Process(target=fit, args=[search])
    process.start()
    return process


@pytest.mark.parametrize("search", ["random", "halving", "hyperband", "freeze-thaw", "tpe"])
def test_search_that_is_killed_while_it_trains_and_scores(tmp_path, search):
    """Between the state of a candidate and its record, too."""
    rng = np.random.default_rng(0)
    expected = dying_search(tmp_path / "calls", search=search).fit(X, y)
    n_calls = (tmp_path / "calls").stat().st_size
    at = sorted(rng.choice(np.arange(1, n_calls - 10), size=10, replace=False).tolist())
    killed = dying_search(tmp_path / "log", at, tmp_path / "run", search=search)
    for _ in at:
        process = start(killed)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert_same_results(killed.fit(X, y), expected)
    assert killed.cv_results_["failure"].tolist() == [None] * len(killed.cv_results_["failure"])


def test_worker_that_dies_while_it_scores_changes_nothing(tmp_path):
    expected = dying_search(tmp_path / "calls", search="halving").fit(X, y)
    found = dying_search(tmp_path / "log", [60], search="halving", n_jobs=2).fit(X, y)
    assert (tmp_path / "log").stat().st_size > 60
    assert_same_results(found, expected)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("when", ["they start", "they do fits"])
def test_workers_end_with_their_search(tmp_path, when):
    if when == "they start" and not HAS_INITIALIZER:
        pytest.skip("this joblib passes no initializer to workers")
    # Not forked: the workers of this process cannot be used by another.
    command = [sys.executable, searches.__file__, str(tmp_path / "run"), "halving", "2"]
    process = subprocess.Popen(command, start_new_session=True)
    journal = tmp_path / "run" / "journal.jsonl"
    while not has_workers(process.pid) or (
        when == "they do fits" and len(journal.read_bytes().splitlines()) < 3
    ):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while commands_of(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_ends_workers_is_loaded_in_a_moment():
    code = "import metaling_sk.meta_param._orphans, sys; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def has_workers(session):
    return any(b"popen_loky" in command for command in commands_of(session))


def commands_of(session):
    """The command lines of the processes of a session."""
    commands = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                commands.append((path / "cmdline").read_bytes())
        except OSError:
            continue
    return commands


def quick_search(checkpoint=None, **parameters):
    return MetaParamSearchCV(
        LogisticRegression(),
        {"C": [0.01, 0.1, 1.0]},
        n_iter=3,
        cv=2,
        random_state=0,
        verbose=0,
        checkpoint=checkpoint,
        **parameters,
    )


def test_damaged_journals_are_computed_again(tmp_path):
    """A flipped bit anywhere, a part that is missing, a line that is there twice."""
    rng = np.random.default_rng(0)
    expected = quick_search(tmp_path).fit(X, y)
    journal = tmp_path / "journal.jsonl"
    intact = journal.read_bytes()
    for number in range(40):
        damaged = bytearray(intact)
        start, size = rng.integers(len(intact)), rng.integers(1, 300)
        if number % 4 == 2:
            del damaged[start : start + size]
        elif number % 4 == 3:
            damaged += damaged[start : start + size]
        else:
            damaged[start] ^= 1 << rng.integers(8)
        journal.write_bytes(damaged)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert_same_results(quick_search(tmp_path).fit(X, y), expected)
        assert all(str(journal) in str(warning.message) for warning in caught)
        assert caught or damaged.startswith(intact)


def test_a_damaged_line_is_named_and_computed_again(tmp_path):
    expected = quick_search(tmp_path).fit(X, y)
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    score = json.loads(lines[3])["result"]["test_scores"]["score"]
    other = repr(score).replace("0.", "0.9", 1).encode()
    lines[3] = lines[3].replace(repr(score).encode(), other)
    journal.write_bytes(b"".join(lines))
    with pytest.warns(UserWarning, match=rf"{journal} is damaged in line 4"):
        found = quick_search(tmp_path).fit(X, y)
    assert_same_results(found, expected)


@pytest.mark.parametrize("how", ["change", "cut"])
@pytest.mark.filterwarnings("ignore:.*is damaged in line 1;:UserWarning")
def test_a_damaged_first_line_begins_the_search_anew(tmp_path, how):
    expected = quick_search(tmp_path).fit(X, y)
    journal = tmp_path / "journal.jsonl"
    content = journal.read_bytes()
    changed = content.replace(b'"seed": 0', b'"seed": 1', 1)
    journal.write_bytes({"change": changed, "cut": content[:20]}[how])
    with pytest.warns(UserWarning, match=f"{journal}: the first line(.|\n)*begins anew"):
        found = quick_search(tmp_path).fit(X, y)
    assert_same_results(found, expected)
    assert (tmp_path / "journal.damaged").exists()


def test_short_writes_leave_whole_lines(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:50]))
    expected = quick_search(tmp_path).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_results(quick_search(tmp_path).fit(X, y), expected)
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 1 + 3 * 2


@pytest.mark.parametrize("how", ["flip", "cut", "swap"])
def test_damaged_states_are_trained_again(tmp_path, how):
    expected = dying_search(tmp_path / "calls", search="halving").fit(X, y)
    # In the second rung.
    killed = dying_search(tmp_path / "log", [60], tmp_path / "run", search="halving")
    process = start(killed)
    process.join()
    states = sorted((tmp_path / "run" / "states").glob("*/*.state"))
    assert states
    contents = [bytearray(path.read_bytes()) for path in states]
    for number, (path, content) in enumerate(zip(states, contents, strict=True)):
        if how == "flip":
            content[len(content) // 2] ^= 16
        path.write_bytes({"flip": content, "cut": content[:-9], "swap": contents[number - 1]}[how])
    with pytest.warns(UserWarning, match=r"The state .*\.state cannot be used"):
        assert_same_results(killed.fit(X, y), expected)
