"""One progress bar for a whole fit."""

from __future__ import annotations

from tqdm.auto import tqdm

DELAY = 1.0
"""Seconds before the bar shows: short fits leave no trace."""


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
        if not self.verbose:
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
