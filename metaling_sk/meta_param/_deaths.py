"""Workers that die: which fit may be the reason, and when to give up."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import BrokenExecutor

from metaling_sk.meta_param._fit_spec import Fit

N_ATTEMPTS = 3
"""How often a fit whose worker has died is tried again, with no other fit beside it."""

N_STARTS = 10
"""How many times in a row workers may die before they have begun or finished a fit."""

DASK_ERRORS = ("FutureCancelledError", "KilledWorker")
"""Errors of distributed after a worker has died, by name because it is an extra."""


class WorkerDeaths:
    """The deaths of workers in a rung.

    A fit that was running when a worker died may be the reason. It is tried again alone, a few
    times. A worker that dies while it starts or waits has no fit to blame.
    """

    def __init__(self) -> None:
        self._n_deaths: Counter[tuple] = Counter()
        self._n_lost_starts = 0
        self._n_missing = 0

    def next_fits(self, missing: list[Fit]) -> list[Fit]:
        """The fits to do next: one that may be the reason of a death, otherwise all.

        Parameters
        ----------
        missing : list of Fit
            The fits of the rung that are not done.
        """
        suspects = [fit for fit in missing if self._n_deaths[fit.key]]
        return suspects[:1] or missing

    def count(self, death: Exception, missing: list[Fit], begun: list[Fit]) -> None:
        """Count a death.

        Parameters
        ----------
        death : Exception
            One for which `is_worker_death` is true.
        missing : list of Fit
            The fits that were given to the workers and are not done.
        begun : list of Fit
            Those of them that are known to have begun.

        Raises
        ------
        RuntimeError
            If workers die again and again before they begin a fit.
        """
        if not begun and not isinstance(death, BrokenExecutor):
            # Workers of dask may not see where fits note that they begin. Dask gives up only if
            # several workers have died with the same fit.
            begun = missing
        if begun or len(missing) != self._n_missing:
            self._n_lost_starts = 0
        self._n_lost_starts += not begun
        self._n_missing = len(missing)
        if self._n_lost_starts == N_STARTS:
            raise RuntimeError(
                f"`n_jobs`: worker processes died {N_STARTS} times in a row before they began a "
                "fit. Perhaps there is not enough memory to start them, or the estimator, its "
                "parameters or the data cannot be loaded in another process. Set n_jobs=1 to "
                f"search without workers. The last one died of this: {death}"
            ) from death
        self._n_deaths.update(fit.key for fit in begun)

    def is_deadly(self, fit: Fit) -> bool:
        """Whether a fit has had all its attempts."""
        return self._n_deaths[fit.key] > N_ATTEMPTS


def is_worker_death(error: Exception) -> bool:
    """Whether an error of joblib means that a worker process has died."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ in DASK_ERRORS
