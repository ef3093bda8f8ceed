"""Pickles that refer to the checkpoints of encoders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SHORT: ContextVar[bool] = ContextVar("short pickles", default=False)


@contextmanager
def short_pickles() -> Iterator[None]:
    """Inside, pickles of encoders leave out what their checkpoints hold.

    To load such a pickle takes the checkpoint. If that has changed since, it is an error.
    """
    token = _SHORT.set(True)
    try:
        yield
    finally:
        _SHORT.reset(token)


def pickles_are_short() -> bool:
    """Return whether the caller is inside `short_pickles`."""
    return _SHORT.get()
