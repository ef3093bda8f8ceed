"""Contexts that seed the global random numbers and restore them afterwards.

Those of torch are seeded where it has been imported: whoever has not, draws none of it.

The global numbers belong to the process: threads that seed them wait for each other. The type of
new weights does, too: it is float32 in `seeded`, whatever it is outside.

A thread that waits for others, which may seed, must not have the right to seed meanwhile. Code of
others is therefore called in `others_may_seed`, and fits of searches, which are code of others as a
whole, wait for each other alone.
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

_DRAWING, _FITTING = ThreadLock(), ThreadLock()
"""The right to seed for what this package draws, and for the fits of searches."""

_HELD = local()
"""Of each thread, the locks that it holds and torch's state outside of the first `seeded`."""


@contextmanager
def _holding(lock: ThreadLock) -> Iterator[list[ThreadLock]]:
    """Hold a lock; yield all that the thread holds."""
    with lock:
        if not hasattr(_HELD, "locks"):
            _HELD.locks = []
        _HELD.locks.append(lock)
        try:
            yield _HELD.locks
        finally:
            _HELD.locks.pop()


@contextmanager
def _turn() -> Iterator[None]:
    """Hold the right to seed, and restore torch's global state at the end."""
    with _holding(_DRAWING) as locks:
        before = _get_state()
        if locks.count(_DRAWING) == 1:
            _HELD.outside = before
        try:
            yield
        finally:
            _set_state(before)


@contextmanager
def others_may_seed(*, as_outside: bool = True) -> Iterator[None]:
    """Give the right to seed away inside these contexts, for work that may use threads.

    `as_outside` says whether torch's state is meanwhile that outside of the first `seeded`.
    """
    locks = getattr(_HELD, "locks", [])
    if not locks:
        yield
        return
    is_seeded = _DRAWING in locks
    outside = getattr(_HELD, "outside", [])
    if is_seeded and as_outside:
        inside = _get_state()
        _set_state(outside)
    _HELD.locks = []
    for lock in reversed(locks):
        lock.release()
    try:
        yield
    finally:
        for lock in locks:
            lock.acquire()
        _HELD.locks, _HELD.outside = locks, outside
        if is_seeded and as_outside:
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
    with _holding(_FITTING):
        with _DRAWING:
            before, state = _get_state(), np.random.get_state()  # noqa: NPY002
            np.random.seed(seed % N_SEEDS)  # noqa: NPY002
            _seed_torch(seed % N_SEEDS)
        try:
            yield
        finally:
            with _DRAWING:
                _set_state(before)
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
