"""One progress bar for a whole fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tqdm.auto import tqdm

DELAY = 1.0
"""Number of seconds before a bar is shown, so that short fits show none."""

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """Inside, no bar is shown, because the caller shows one."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


class Progress:
    """A progress bar for all stages of a fit, as a context manager.

    Parameters
    ----------
    verbose : int
        0 shows no bar.
    name : str
        The first word of the description.
    """

    def __init__(self, verbose: int, name: str):
        self.verbose = verbose
        self.name = name
        self._bar: tqdm | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error) -> None:
        if self._bar is not None:
            self._bar.close()

    @property
    def is_shown(self) -> bool:
        """Whether bars are shown."""
        return bool(self.verbose) and not _SILENT.get()

    def start(self, stage: str, total: int, unit: str = "step") -> None:
        """Begin a stage of `total` units, on the same bar."""
        if not self.is_shown:
            return
        if self._bar is None:
            self._bar = tqdm(total=total, unit=unit, delay=DELAY, dynamic_ncols=True)
        else:
            self._bar.unit = unit
            self._bar.reset(total)
        self._bar.set_description(f"{self.name}: {stage}", refresh=False)
        self._bar.set_postfix_str("", refresh=False)

    def advance(self, n: int = 1, note: str | None = None) -> None:
        """Add `n` units that are done, and show a note behind the bar."""
        if self._bar is not None:
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
        if self._bar is not None:
            self._bar.set_description(f"{self.name}: {stage}", refresh=False)
            self._bar.set_postfix_str(note, refresh=False)
