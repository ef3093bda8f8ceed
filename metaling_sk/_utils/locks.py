"""Locks that a forked process finds free: it lacks the threads that could release them."""

from __future__ import annotations

import os
from threading import RLock
from weakref import WeakSet

_LOCKS: WeakSet[ThreadLock] = WeakSet()


class ThreadLock:
    """A lock of the threads of a process, which one thread may hold several times.

    Examples
    --------
    >>> from metaling_sk._utils.locks import ThreadLock
    >>> lock = ThreadLock()
    >>> with lock, lock:
    ...     print("held")
    held
    """

    def __init__(self):
        self._renew()
        _LOCKS.add(self)

    def acquire(self) -> None:
        """Wait until no other thread holds the lock, and hold it."""
        self._lock.acquire()

    def release(self) -> None:
        """Give the lock away, after as many calls as there were of `acquire`."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *error) -> None:
        self.release()

    def _renew(self) -> None:
        self._lock = RLock()


def _free_locks_of_lost_threads() -> None:
    for lock in list(_LOCKS):
        if lock._lock.acquire(blocking=False):  # The thread that has forked may hold it.
            lock._lock.release()
        else:
            lock._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks_of_lost_threads)
