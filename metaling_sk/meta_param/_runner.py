"""Fits run through joblib; each is noted when it is finished, and outlives a worker that dies."""

from __future__ import annotations

from inspect import signature

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import others_may_seed
from metaling_sk._utils.writing import error_of_shared_files
from metaling_sk.meta_param._deaths import WorkerDeaths, is_worker_death
from metaling_sk.meta_param._fit_spec import Evaluation, Fit, FitResult
from metaling_sk.meta_param._fits import failed_result, fit_and_score
from metaling_sk.meta_param._folder import Marks
from metaling_sk.meta_param._folds import SearchData
from metaling_sk.meta_param._journal import Journal
from metaling_sk.meta_param._orphans import end_with
from metaling_sk.meta_param._plan import SearchPlan
from metaling_sk.meta_param._states import States
from metaling_sk.meta_param._warm_cache import CacheWarmer

WORKER_DIED = "the worker process died whenever it did this fit, perhaps for lack of memory"

HAS_INITIALIZER = "backend_kwargs" in signature(joblib.Parallel).parameters
"""Whether this version of joblib passes an initializer to its workers."""


class Runner:
    """Does the fits of a search, but for those that the journal has.

    Parameters
    ----------
    search : MetaParamSearchCV
        Its estimator is cloned for each fit. `n_jobs` and `pre_dispatch` are those of
        `joblib.Parallel`.
    data : SearchData
    plan : SearchPlan
    journal : Journal
    progress : Progress
        Advanced by the cost of each fit.

    Attributes
    ----------
    estimator : estimator
        A clone of the search's estimator.
    cost_to_go : float
        The cost of the fits to come that follow each other, in units of the progress bar.
    """

    def __init__(
        self, search, data: SearchData, plan: SearchPlan, journal: Journal, progress: Progress
    ):
        self.search = search
        self.estimator = clone(search.estimator)
        self.data = data
        self.spec = plan.fit_spec
        self.objective = plan.objective
        self.journal = journal
        self.progress = progress
        self.cost_to_go = 0.0
        self._n_splits = len(plan.splits)
        self._n_jobs = joblib.effective_n_jobs(search.n_jobs)
        self._paces: list[float] = []
        self._results: dict[tuple, dict[int, FitResult]] = {}
        self._cache_warmer = CacheWarmer(self.estimator, data, self.spec.folder)
        self.spec.folder.prepare()

    def results_of(self, evaluation: Evaluation | Fit) -> list[FitResult]:
        """The results of an evaluation's finished fits, in the order of the splits."""
        by_split = self._results.get((evaluation.candidate, evaluation.n_resources), {})
        return [by_split[split] for split in sorted(by_split)]

    def run(self, fits: list[Fit], cost: int, n_kept: int, context) -> None:
        """Do the fits of a rung.

        Parameters
        ----------
        fits : list of Fit
            All candidates of the rung in all splits.
        cost : int
            The cost of each fit in units of the progress bar.
        n_kept : int
            The number of candidates that go on to the next rung.
        context : CallbackContext
            The context of the search.
        """
        context = context.subcontext(
            task_name="rung", max_subtasks=len(fits), sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self.search)
        self._cost = cost
        self._standings = _Standings(n_kept, States(self.spec.folder.states, self.spec.seed))
        self._contexts = {
            fit.key: context.subcontext(task_name="candidate-split-evaluation", task_id=number)
            for number, fit in enumerate(fits)
        }
        missing = [fit for fit in fits if not self._take_from_journal(fit)]
        self._cache_warmer.warm({fit.candidate: fit.params for fit in missing}.values())
        deaths = WorkerDeaths()
        while missing:
            self._attempt(deaths.next_fits(missing), deaths)
            missing = [fit for fit in missing if not self._is_done(fit)]
        context.call_on_fit_task_end(estimator=self.search)

    def _take_from_journal(self, fit: Fit) -> bool:
        """Keep the result of a fit that was finished before; whether there is one."""
        result = self.journal.find(fit)
        if result is None:
            return False
        self.progress.skip(self._cost)
        self.cost_to_go -= self._cost / self._n_jobs
        self._keep(fit, result)
        return True

    def _attempt(self, fits: list[Fit], deaths: WorkerDeaths) -> None:
        """Do fits until they are done or a worker dies."""
        with self.spec.folder.open_marks() as marks:
            try:
                self._run(fits, marks)
            except Exception as error:
                if in_words := error_of_shared_files(error):
                    raise in_words from error
                if not is_worker_death(error):
                    raise
                missing = [fit for fit in fits if not self._is_done(fit)]
                deaths.count(error, missing, [fit for fit in missing if marks.has(fit.name)])
                self._fail([fit for fit in missing if deaths.is_deadly(fit)], error)

    def _fail(self, fits: list[Fit], death: Exception) -> None:
        """Give up fits whose worker dies in every attempt.

        Workers die for other reasons, too. The failure is therefore not written into the journal,
        and the next run with its checkpoint tries the fits again.
        """
        if fits and self.spec.error_score == "raise":
            raise death
        for fit in fits:
            self._keep(fit, failed_result(WORKER_DIED, str(death)))
            self.progress.advance(self._cost, self._standings.summary())

    def _run(self, fits: list[Fit], marks: Marks) -> None:
        """Do fits in parallel, and note each as soon as it is finished."""
        backend = get_active_backend()[0]
        streams = getattr(backend, "supports_return_generator", False)
        options: dict = {}
        is_loky = type(backend).__name__ == "LokyBackend"
        if is_loky and HAS_INITIALIZER and "initializer" not in backend.backend_kwargs:
            # Workers that never get a fit end with the search, too.
            options = {"initializer": end_with, "initargs": (self.spec.process,)}
        parallel = Parallel(
            n_jobs=self.search.n_jobs,
            pre_dispatch=self.search.pre_dispatch,
            return_as="generator_unordered" if streams else "list",
            **options,
        )
        # Only callbacks need the search. Without them it is not sent to the workers.
        caller = self.search if getattr(self.search, "_skl_callbacks", ()) else None
        calls = (
            delayed(_numbered)(
                number,
                clone(self.estimator),
                self.data.X,
                self.data.y,
                fit,
                self.spec,
                marks,
                caller,
                self._contexts[fit.key],
            )
            for number, fit in enumerate(fits)
        )
        with others_may_seed():  # This search may be what another one fits.
            for number, result in parallel(calls):
                self._note(fits[number], result)

    def _note(self, fit: Fit, result: FitResult) -> None:
        """Write a new result into the journal and show it on the progress bar."""
        self.journal.add(fit, result)
        self.cost_to_go -= self._cost / self._n_jobs
        self._estimate_time(result)
        self._keep(fit, result)
        self.progress.advance(self._cost, self._standings.summary())

    def _estimate_time(self, result: FitResult) -> None:
        """Show how long the search will take, once a worker has done its second fit.

        The first one of a process loads what all others need.
        """
        if not result["failure"] and len(self._paces) <= self._n_jobs:
            seconds = result["fit_time"] + result["score_time"]
            self._paces.append(seconds / self._cost)
            if len(self._paces) > self._n_jobs:
                self.progress.expect(min(self._paces) * self.cost_to_go)

    def _keep(self, fit: Fit, result: FitResult) -> None:
        """Keep a result, and the score of its candidate if that was the last split."""
        by_split = self._results.setdefault((fit.candidate, fit.n_resources), {})
        by_split[fit.split] = result
        if len(by_split) == self._n_splits:
            self._standings.add(fit.candidate, self.objective(self.results_of(fit)))

    def _is_done(self, fit: Fit) -> bool:
        return fit.split in self._results.get((fit.candidate, fit.n_resources), {})


class _Standings:
    """The scores of the candidates of a rung whose fits are all finished.

    Parameters
    ----------
    n_kept : int
        The number of candidates that go on.
    states : States
        The states of candidates that cannot go on any more are dropped.
    """

    def __init__(self, n_kept: int, states: States):
        self._n_kept = n_kept
        self._states = states
        self._scores: dict[int, float] = {}
        self._dropped: set[int] = set()

    def add(self, candidate: int, score: float) -> None:
        """Add the score of a candidate."""
        self._scores[candidate] = -np.inf if np.isnan(score) else score
        while len(self._scores) - len(self._dropped) > self._n_kept:
            remaining = [number for number in self._scores if number not in self._dropped]
            worst = min(remaining, key=lambda number: (self._scores[number], -number))
            self._states.drop(worst)
            self._dropped.add(worst)

    def summary(self) -> str | None:
        """The best score so far, for the progress bar."""
        best = max(self._scores.values(), default=-np.inf)
        return f"best={best:.4g}" if np.isfinite(best) else None


def _numbered(number: int, *args) -> tuple[int, FitResult]:
    """A result with the number of its fit, because results come in any order."""
    return number, fit_and_score(*args)
