"""Kill searches at random moments, let them go on, and compare with searches that were not killed.

A search runs in a process of its own with a checkpoint. It is killed at a random moment, either
with all of its workers or one worker alone, and started again until it ends. Its results have to
be those of a search without any kill, and no process of a killed search may live on.

    python benchmarks/kills.py --kills 100 --seed 0
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from scipy.stats import loguniform
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metaling_sk import MetaParamSearchCV

KINDS = ("random", "halving", "hyperband", "tpe")
N_JOBS = (1, 2)
COUNTED = ("searches", "searches with other results", "processes that lived on", "errors")
GRACE = 15.0
"""Seconds after which no process of a killed search may be left."""


class SlowClassifier(SGDClassifier):
    """Takes a moment to train and to predict, so that kills meet both."""

    def __init__(self, alpha=1e-4, loss="log_loss", max_epochs=9, nap=0.01, random_state=None):
        super().__init__(loss=loss, alpha=alpha, random_state=random_state)
        self.max_epochs = max_epochs
        self.nap = nap

    def fit(self, X, y):
        time.sleep(self.nap)
        return super().fit(X, y)

    def partial_fit(self, X, y, classes=None):
        time.sleep(self.nap)
        return super().partial_fit(X, y, classes=classes)

    def predict_proba(self, X):
        time.sleep(2 * self.nap)
        return super().predict_proba(X)


def make_search(kind: str, n_jobs: int, checkpoint: str | None, nap: float) -> MetaParamSearchCV:
    """A search of a few seconds."""
    return MetaParamSearchCV(
        make_pipeline(StandardScaler(), SlowClassifier(nap=nap)),
        {"slowclassifier__alpha": loguniform(1e-5, 1.0)},
        search=kind,
        n_iter=9,
        cv=3,
        resource="slowclassifier__max_epochs",
        random_state=0,
        n_jobs=n_jobs,
        checkpoint=checkpoint,
        verbose=0,
    )


def make_data() -> tuple[np.ndarray, np.ndarray]:
    """Two classes that overlap."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=120)
    return rng.normal(size=(120, 4)) + y[:, None], y


def results_of(search: MetaParamSearchCV) -> dict:
    """All results but the times, as text that JSON can hold."""
    results = {
        name: [repr(value) for value in column]
        for name, column in search.cv_results_.items()
        if not name.endswith(("fit_time", "score_time"))
    }
    best = search.best_estimator_.predict_proba(make_data()[0]).tolist()
    return results | {"best": [repr(search.best_params_), repr(best)]}


def run_search(kind: str, n_jobs: int, folder: str, nap: float) -> None:
    """Search and write the results into the folder; this is the process that is killed."""
    os.setsid()
    search = make_search(kind, n_jobs, folder, nap).fit(*make_data())
    part = Path(folder) / "results.part"
    part.write_text(json.dumps(results_of(search)))
    part.replace(Path(folder) / "results.json")
    # A forked process would wait for its idle workers.
    os._exit(0)


def processes_of(group: int) -> list[int]:
    """The processes of a group that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def workers_of(group: int) -> list[int]:
    """The worker processes of the search that leads a group, without joblib's helper."""
    found = []
    for process in processes_of(group):
        try:
            command = (Path("/proc") / str(process) / "cmdline").read_bytes()
        except OSError:
            continue
        if process != group and b"popen_loky" in command:
            found.append(process)
    return found


def start(*arguments) -> BaseProcess:
    """Start a process that searches. It is forked, since an import takes longer than the search."""
    process = get_context("fork").Process(target=run_search, args=arguments)
    process.start()
    return process


def kill(process: BaseProcess, how: str, rng: random.Random) -> str | None:
    """Kill a search or a worker; what was killed."""
    try:
        if how == "worker":
            workers = workers_of(process.pid)
            if not workers:
                return None
            os.kill(rng.choice(workers), signal.SIGKILL)
        elif how == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return how


def run_killed(kind: str, n_jobs: int, rng: random.Random, counts: Counter, nap: float) -> dict:
    """Run a search to its end, with up to five kills on the way."""
    with tempfile.TemporaryDirectory() as folder:
        n_kills = 0
        while not (Path(folder) / "results.json").exists():
            process = start(kind, n_jobs, folder, nap)
            journal = Path(folder) / "journal.jsonl"
            size = journal.stat().st_size if journal.exists() else 0
            while process.is_alive():
                # The search has begun to write; then it is killed at any moment.
                grown = journal.exists() and journal.stat().st_size > size
                if n_kills < 5 and (grown or rng.random() < 0.002):
                    time.sleep(rng.uniform(0, 0.6))
                    choices = ["search", "group"] + ["worker"] * 3 * (n_jobs > 1)
                    what = kill(process, rng.choice(choices), rng)
                    if what is not None:
                        n_kills += 1
                        counts[f"kills of a {what}"] += 1
                    size = journal.stat().st_size if journal.exists() else 0
                time.sleep(0.01)
            process.join()
            counts["errors"] += process.exitcode not in (0, -signal.SIGKILL)
            deadline = time.monotonic() + GRACE
            while processes_of(process.pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            for orphan in processes_of(process.pid):
                counts["processes that lived on"] += 1
                command = Path(f"/proc/{orphan}/cmdline").read_bytes().replace(b"\0", b" ")
                print("lived on:", command.decode(), flush=True)
                os.kill(orphan, signal.SIGKILL)
        return json.loads((Path(folder) / "results.json").read_text())


def main(arguments=None) -> Counter:
    """Run the campaign; returns the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nap", type=float, default=0.02)
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--n-jobs", nargs="+", type=int, default=N_JOBS)
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    counts = Counter(dict.fromkeys(COUNTED, 0))
    settings = [(kind, n_jobs) for kind in options.kinds for n_jobs in options.n_jobs]
    expected: dict = {}
    number = 0
    while sum(counts[f"kills of a {what}"] for what in ("search", "group", "worker")) < (
        options.kills
    ):
        kind, n_jobs = settings[number % len(settings)]
        number += 1
        if (kind, n_jobs) not in expected:
            with tempfile.TemporaryDirectory() as folder:
                start(kind, n_jobs, folder, options.nap).join()
                expected[kind, n_jobs] = json.loads((Path(folder) / "results.json").read_text())
        found = run_killed(kind, n_jobs, rng, counts, options.nap)
        want = expected[kind, n_jobs]
        counts["searches"] += 1
        if found != want:
            counts["searches with other results"] += 1
            differing = [name for name in want if found.get(name) != want[name]]
            print(f"{kind}, n_jobs={n_jobs}: {differing} differ", flush=True)
        print(kind, n_jobs, dict(counts), flush=True)
    return counts


if __name__ == "__main__":
    main()
