"""Contexts that seed the global random numbers and restore them afterwards.

Those of torch are seeded where it has been imported: whoever has not, draws none of it.

The global numbers belong to the process: threads that seed them wait for each other. The type of
new weights does, too: it is float32 in `seeded`, whatever it is outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from metaling_sk._utils.imported import imported, plain_torch
from metaling_sk._utils.locks import ThreadLock

N_SEEDS = 2**32

GLOBAL = check_random_state(None)
"""The random state that numpy itself has."""

_LOCK, _HELD = ThreadLock(), local()
"""The right to seed; and of each thread, how often it holds it and the state outside."""


@contextmanager
def _turn() -> Iterator[None]:
    """Hold the right to seed, and restore torch's global state at the end."""
    with _LOCK:
        before = _get_state()
        _HELD.times = getattr(_HELD, "times", 0) + 1
        if _HELD.times == 1:
            _HELD.outside = before
        try:
            yield
        finally:
            _HELD.times -= 1
            _set_state(before)


@contextmanager
def others_may_seed() -> Iterator[None]:
    """Give the right to seed away inside a `seeded` context, for work that may use threads."""
    times = getattr(_HELD, "times", 0)
    if not times:
        yield
        return
    inside = _get_state()
    _set_state(_HELD.outside)
    _HELD.times = 0
    for _ in range(times):
        _LOCK.release()
    try:
        yield
    finally:
        for _ in range(times):
            _LOCK.acquire()
        _HELD.times = times
        _set_state(inside)


def _get_state() -> list[Any]:
    """The type of new weights, the random states of the CPU and of the current GPU.

    Nothing without torch.
    """
    torch = imported("torch")
    if torch is None:
        return []
    states = [torch.get_default_dtype(), torch.get_rng_state()]
    return states + [torch.cuda.get_rng_state()] if torch.cuda.is_available() else states


def _set_state(states: list[Any]) -> None:
    if states:
        torch = imported("torch")
        torch.set_default_dtype(states[0])
        torch.set_rng_state(states[1])
        for state in states[2:]:
            torch.cuda.set_rng_state(state)


def _seed_torch(seed: int, *, float32: bool = False) -> None:
    """Seed torch, if it is imported; `float32` is the type of new weights, whatever was set."""
    torch = imported("torch")
    if torch is not None:
        torch.manual_seed(seed)
        if float32:
            torch.set_default_dtype(torch.float32)


@contextmanager
def seeded(random_state) -> Iterator[np.random.RandomState]:
    """Seed torch from `random_state` inside the context and restore its state afterwards.

    New weights are of float32 inside and can be trained, whatever the caller has set in torch.

    Parameters
    ----------
    random_state : int, RandomState instance or None

    Yields
    ------
    RandomState
        For the draws that numpy makes inside.
    """
    rng = check_random_state(random_state)
    with _turn(), plain_torch():
        _seed_torch(int(rng.randint(2**31)), float32=True)
        yield rng


@contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Seed the global states of numpy and torch and restore both afterwards.

    Estimators with `random_state=None`, and all of skorch's, draw from the global states.
    """
    with _turn():
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(seed % N_SEEDS)  # noqa: NPY002
        _seed_torch(seed % N_SEEDS)
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


@contextmanager
def undrawn_on_error(random_state) -> Iterator[None]:
    """Restore a RandomState instance if the block raises.

    The global one of numpy is left alone, which others draw from at the same time.

    Parameters
    ----------
    random_state : int, RandomState instance or None
    """
    if not isinstance(random_state, np.random.RandomState) or random_state is GLOBAL:
        yield
        return
    before = random_state.get_state()
    try:
        yield
    except BaseException:
        random_state.set_state(before)
        raise
