"""One progress bar for a whole fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tqdm.auto import tqdm

DELAY = 1.0
"""Seconds before the bar shows: short fits leave no trace."""

_SILENT = ContextVar("silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """Inside, no bar is shown: somebody else shows one."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


class Progress:
    """A bar that goes through the stages of a fit, as a context manager.

    Parameters
    ----------
    verbose : int
        0 shows nothing.
    name : str
        What the bar begins with.
    """

    def __init__(self, verbose: int, name: str):
        self.verbose = verbose
        self.name = name
        self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error) -> None:
        if self._bar is not None:
            self._bar.close()

    def start(self, stage: str, total: int, unit: str = "step") -> None:
        """Begin a stage of `total` units."""
        if not self.verbose or _SILENT.get():
            return
        if self._bar is None:
            self._bar = tqdm(total=total, unit=unit, delay=DELAY, dynamic_ncols=True)
        else:
            self._bar.unit = unit
            self._bar.reset(total)
        self._bar.set_description(f"{self.name}: {stage}", refresh=False)
        self._bar.set_postfix_str("", refresh=False)

    def advance(self, n: int = 1, note: str | None = None) -> None:
        if self._bar is not None:
            if note is not None:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(n)

    def skip(self, n: int) -> None:
        """Units that were done before: they do not count for the time that is left."""
        if self._bar is not None:
            self._bar.initial += n
            self._bar.update(n)

    def describe(self, stage: str, note: str = "") -> None:
        """Say what is being done, on the same bar."""
        if self._bar is not None:
            self._bar.set_description(f"{self.name}: {stage}", refresh=False)
            self._bar.set_postfix_str(note, refresh=False)
