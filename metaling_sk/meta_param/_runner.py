"""Fits run through joblib; each is noted when it is finished, and outlives a worker that dies."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from joblib.parallel import get_active_backend
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._network.estimator import LanguageClassifier
from metaling_sk._utils.progress import Progress, silent
from metaling_sk.meta_param._fits import Fit, FitSpec, States, fit_and_score, was_running
from metaling_sk.meta_param._journal import Journal, describe

WORKER_DIED = "the worker process died whenever it did this fit, perhaps for lack of memory"

ENCODING = ("encoder", "trainable", "pooling", "layer", "max_length", "device", "dtype")
"""Parameters that decide what a text's vector is."""

DASK_ERRORS = ("FutureCancelledError", "KilledWorker")
"""What distributed raises when a worker dies and takes data with it, by name: it is an extra."""


class Runner:
    """Does fits, unless the journal has them.

    Parameters
    ----------
    estimator : estimator
        Cloned for each fit.
    setting : FitSpec
    journal : Journal
    progress : Progress
        Advanced by what each fit costs.
    n_jobs, pre_dispatch : as in joblib.Parallel

    Attributes
    ----------
    results : dict
        The results of the finished fits by (candidate, n_resources) and split.
    """

    def __init__(
        self,
        estimator,
        X,
        y,
        setting: FitSpec,
        journal: Journal,
        progress: Progress,
        n_jobs,
        pre_dispatch,
        caller,
    ):
        self.estimator, self.X, self.y = estimator, X, y
        self.setting = setting
        self.journal = journal
        self.progress = progress
        self.n_jobs, self.pre_dispatch = n_jobs, pre_dispatch
        self.caller = caller
        self.results: dict[tuple, dict[int, dict]] = {}
        self.states = States(setting.folder)
        self.store = setting.folder / "store"
        self._encoded: set[str] = set()
        shutil.rmtree(setting.folder / "running", ignore_errors=True)
        for name in ("running", "states"):
            (setting.folder / name).mkdir(exist_ok=True)

    def found(self, row) -> list[dict]:
        """The results of a row's finished fits, in the order of the splits."""
        found = self.results.get((row.candidate, row.n_resources), {})
        return [found[split] for split in sorted(found)]

    def run(self, fits: list[Fit], cost: int, n_kept: int, select, context) -> None:
        """Do the fits of a rung.

        Parameters
        ----------
        cost : int
            Of each, in units of the bar.
        n_kept : int
            How many candidates go on; the states of others are dropped as soon as may be.
        select : callable
            What a candidate's results are worth.
        context : CallbackContext
        """
        self._cost, self._n_kept, self._select = cost, n_kept, select
        self._n_splits = len({fit.split for fit in fits})
        self._scores: dict[int, float] = {}
        self._dropped: set[int] = set()
        self._contexts = {
            _key(fit): context.subcontext(task_name="candidate-split-evaluation", task_id=number)
            for number, fit in enumerate(fits)
        }
        missing = []
        for fit in fits:
            found = self.journal.find(fit.candidate, fit.split, fit.n_resources, fit.params)
            if found is None:
                missing.append(fit)
            else:
                self.progress.skip(cost)
                self._keep(fit, found)
        self._encode_ahead(missing)
        while missing:
            try:
                self._run(missing)
            except Exception as error:
                if not _is_worker_death(error):
                    raise
                self._run_one_by_one(self._suspects(missing))
            missing = [fit for fit in missing if not self._is_done(fit)]

    def _encode_ahead(self, fits: list[Fit]) -> None:
        """Encode the texts once for every frozen encoder of these fits, before workers need them.

        So a vector does not depend on which fold comes first.
        """
        if not isinstance(self.estimator, LanguageClassifier):
            return
        language = self.setting.language if self.setting.language_is_metadata else None
        for params in {fit.candidate: fit.params for fit in fits}.values():
            clf = clone(self.estimator)
            # A candidate that fails here will fail in its fits, where it is noted.
            with suppress(Exception), silent(), use_disk_cache(self.store, remember=True):
                clf.set_params(**params)
                encoding = json.dumps(describe({name: getattr(clf, name) for name in ENCODING}))
                if encoding not in self._encoded:
                    self._encoded.add(encoding)
                    clf._encode_ahead(self.X, language)

    def _run(self, fits: list[Fit]) -> None:
        streams = getattr(get_active_backend()[0], "supports_return_generator", False)
        parallel = Parallel(
            n_jobs=self.n_jobs,
            pre_dispatch=self.pre_dispatch,
            return_as="generator_unordered" if streams else "list",
        )
        # Callbacks see the search; else it stays here, with all that it holds.
        caller = self.caller if getattr(self.caller, "_skl_callbacks", ()) else None
        calls = (
            delayed(_numbered)(
                number,
                clone(self.estimator),
                self.X,
                self.y,
                fit,
                self.setting,
                caller,
                self._contexts[_key(fit)],
            )
            for number, fit in enumerate(fits)
        )
        for number, result in parallel(calls):
            self._note(fits[number], result)

    def _run_one_by_one(self, fits: list[Fit]) -> None:
        for fit in fits:
            try:
                self._run([fit])
            except Exception as error:
                if not _is_worker_death(error) or self.setting.error_score == "raise":
                    raise
                result = {"failure": WORKER_DIED, "traceback": str(error), "languages": {}}
                result |= {"test_scores": None, "train_scores": None}
                self._note(fit, result | {"fit_time": 0.0, "score_time": 0.0})

    def _suspects(self, fits: list[Fit]) -> list[Fit]:
        """Those that were running when a worker died: one of them may be the reason."""
        left = [fit for fit in fits if not self._is_done(fit)]
        return [fit for fit in left if was_running(self.setting.folder, fit)] or left

    def _note(self, fit: Fit, result: dict) -> None:
        self.journal.add(fit.candidate, fit.split, fit.n_resources, fit.params, result)
        self._keep(fit, result)
        self.progress.advance(self._cost, self._best_so_far())

    def _keep(self, fit: Fit, result: dict) -> None:
        found = self.results.setdefault((fit.candidate, fit.n_resources), {})
        found[fit.split] = result
        if len(found) == self._n_splits:
            score = self._select([found[split] for split in sorted(found)])
            self._scores[fit.candidate] = -np.inf if np.isnan(score) else score
            self._drop_state_of_worst()

    def _drop_state_of_worst(self) -> None:
        """Of the candidates that are finished, no more than will go on keep their states."""
        while len(self._scores) - len(self._dropped) > self._n_kept:
            left = [number for number in self._scores if number not in self._dropped]
            worst = min(left, key=lambda number: (self._scores[number], -number))
            self.states.drop(worst)
            self._dropped.add(worst)

    def _best_so_far(self) -> str | None:
        best = max(self._scores.values(), default=-np.inf)
        return f"best={best:.4g}" if np.isfinite(best) else None

    def _is_done(self, fit: Fit) -> bool:
        return fit.split in self.results.get((fit.candidate, fit.n_resources), {})


def remove_states(folder: Path) -> None:
    """Remove what only a running search needs."""
    for name in ("states", "store", "running"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _numbered(number: int, *args) -> tuple[int, dict]:
    return number, fit_and_score(*args)


def _key(fit: Fit) -> tuple:
    return fit.candidate, fit.split, fit.n_resources


def _is_worker_death(error: Exception) -> bool:
    return isinstance(error, BrokenExecutor) or type(error).__name__ in DASK_ERRORS
