"""One progress bar for a whole fit."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook

from metaling_sk._utils.processes import process_rank

DELAY = 1.0
"""Number of seconds before a bar is shown, so that short fits show none."""

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)
_CALLER: ContextVar[str | None] = ContextVar("caller", default=None)


@contextmanager
def silent() -> Iterator[None]:
    """Inside, no bar is shown, because the caller shows one."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


@contextmanager
def called(name: str) -> Iterator[None]:
    """Inside, bars have the name of a function that the user has called."""
    token = _CALLER.set(name)
    try:
        yield
    finally:
        _CALLER.reset(token)


class Progress:
    """A progress bar for all stages of a fit, as a context manager.

    Workers show nothing. Where the output is no terminal and no notebook, there is a line for each
    stage that took longer than `DELAY`, instead of a bar. In scikit-learn's cross-validation and
    searches, which fit many times, the bar is gone when the fit is done.

    Parameters
    ----------
    verbose : int
        0 shows nothing.
    name : str
        The class of the estimator, or the function, which begins every description.
    """

    def __init__(self, verbose: int, name: str):
        self.verbose = verbose
        self.name = _CALLER.get() or name
        self._bar: tqdm | None = None
        self._stage: tuple[str, str, float] | None = None
        self._described = ""
        self._n_done = 0
        self._begun = 0.0
        self._goes_on = False

    @classmethod
    def of(cls, estimator) -> Progress:
        """Return the progress of an estimator, named after its class."""
        return cls(estimator.verbose, type(estimator).__name__)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind, *error) -> None:
        if kind is None:
            self._end_stage()
        if self._bar is not None:
            if kind is None:  # A training that stops early is done, too.
                self._bar.total = self._bar.n
            self._bar.close()

    @property
    def is_shown(self) -> bool:
        """Whether progress is shown."""
        is_main = process_rank() == 0 and not _is_worker()
        has_output = sys.stderr is not None  # A program without a console has none.
        return bool(self.verbose) and is_main and has_output and not _SILENT.get()

    def start(self, stage: str, total: int, unit: str = "step", n_later: int = 0) -> None:
        """Begin a stage of `total` units, on the same bar.

        About `n_later` units of the same kind follow in later stages. They count in the length of
        the bar, so that the time that it expects is that of all these stages.
        """
        if not self.is_shown:
            return
        if not _shows_bars():
            goes_on = self._goes_on and self._stage is not None and self._stage[:2] == (stage, unit)
            self._goes_on = n_later > 0
            if not goes_on:
                self._end_stage()
                self._stage, self._n_done = (stage, unit, time.monotonic()), 0
            return
        n_done: float = 0
        if self._bar is not None and self._goes_on and self._bar.unit == unit:
            n_done = self._bar.n
        self._goes_on = n_later > 0
        self._described = stage
        if self._bar is not None and self._is_drawn:
            self.describe(stage)
            self._bar.unit = unit
            # Otherwise tqdm would wait again, and not remove in the end what it draws here.
            self._bar.delay = 0
            # `reset` draws, and would find a speed below 0.
            self._bar.initial = 0
            self._bar.reset(n_done + total + n_later)
            # The steps of earlier stages do not count in the speed of this one.
            self._bar.n = self._bar.last_print_n = self._bar.initial = n_done
            self._bar.refresh()
            return
        if self._bar is None:
            self._begun = time.monotonic()
        else:
            self._bar.close()
        self._bar = tqdm(
            total=n_done + total + n_later,
            initial=n_done,
            unit=unit,
            delay=max(0.0, self._begun + DELAY - time.monotonic()),
            dynamic_ncols=True,
            leave=not _is_in_cross_validation(),
            desc=f"{self.name}: {stage}",
        )

    @property
    def _is_drawn(self) -> bool:
        """Whether the bar has been drawn, by the rule of tqdm."""
        assert self._bar is not None
        return self._bar.last_print_t >= self._bar.start_t + (self._bar.delay or 0)

    def expect(self, seconds: float) -> None:
        """Say how long all that is to come will take, where that is longer than `DELAY`.

        It is on the bar from now on or, where there is no bar, a line at once.
        """
        if not self.is_shown or seconds <= DELAY:
            return
        duration = format_duration(seconds)
        if self._bar is None:
            print(f"{self.name}: about {duration} to go", file=sys.stderr, flush=True)
        else:
            self.name = f"{self.name} (about {duration})"
            self._bar.set_description(f"{self.name}: {self._described}", refresh=self._is_drawn)

    def advance(self, n: int = 1, note: str | Callable[[], str] | None = None) -> None:
        """Add `n` units that are done, and show a note behind the bar.

        A note that is a function is asked only if the bar may be drawn.
        """
        self._n_done += n
        if self._bar is not None:
            if callable(note):
                due = self._bar.last_print_t + self._bar.mininterval
                note = note() if time.time() >= due else None
            if note is not None:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(n)

    def skip(self, n: int) -> None:
        """Add `n` units that were done before, which do not count in the speed."""
        if self._bar is not None:
            self._bar.initial += n
            self._bar.update(n)

    def describe(self, stage: str, note: str = "") -> None:
        """Change the description and the note of the bar."""
        self._described = stage
        if self._bar is not None:
            self._bar.set_description(f"{self.name}: {stage}", refresh=False)
            self._bar.set_postfix_str(note, refresh=False)

    def _end_stage(self) -> None:
        """Print a line about the stage that is done, where there is no bar."""
        if self._stage is not None:
            stage, unit, start = self._stage
            self._stage = None
            seconds = time.monotonic() - start
            if seconds > DELAY:
                amount = f"{self._n_done} {unit}{'s' * (self._n_done != 1)}"
                print(f"{self.name}: {stage}, {amount} in {seconds:.0f} s", file=sys.stderr)


def format_duration(seconds: float) -> str:
    """Round a duration to two digits of a unit that fits.

    Examples
    --------
    >>> from metaling_sk._utils.progress import format_duration
    >>> [format_duration(seconds) for seconds in (0.4, 47, 840, 10_000, 2e5)]
    ['1 s', '47 s', '14 min', '2.8 h', '56 h']
    """
    if seconds < 99.5:
        return f"{max(1, seconds):.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.2g} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 9.95 else f"{hours:.0f} h"


def _is_worker() -> bool:
    """Whether this is a process or a thread of a pool."""
    is_main_process = multiprocessing.current_process().name == "MainProcess"
    return not (is_main_process and threading.current_thread() is threading.main_thread())


def _shows_bars() -> bool:
    """Whether the output is a terminal, or a notebook with widgets."""
    is_terminal = getattr(sys.stderr, "isatty", bool)  # What takes its place may lack this.
    return issubclass(tqdm, tqdm_notebook) or is_terminal()


def _is_in_cross_validation() -> bool:
    """Whether scikit-learn's cross-validation or a search has called."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection."):
            return True
        frame = frame.f_back
    return False
