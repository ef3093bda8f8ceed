"""Worker processes end with the process of their search."""

from __future__ import annotations

import os
import threading
import time
from multiprocessing import parent_process

INTERVAL = 1.0
"""Seconds between two looks at the parent."""

_watched: set[int] = set()


def end_with(search_process: int) -> None:
    """End this process soon after that of the search, if it is one of its workers.

    A search that is killed cannot stop its workers. They would finish their fits and wait for
    more. Workers that are no children of the search, such as those of dask, have masters of their
    own.

    Parameters
    ----------
    search_process : int
        The id of the process of the search.
    """
    parent = parent_process()
    started_by = os.getppid() if parent is None else parent.pid
    is_worker = os.name == "posix" and search_process not in (os.getpid(), *_watched)
    if is_worker and started_by == search_process:
        _watched.add(search_process)
        threading.Thread(target=_watch, args=(search_process,), daemon=True).start()


def _watch(search_process: int) -> None:
    # An orphan gets another parent.
    while os.getppid() == search_process:
        time.sleep(INTERVAL)
    os._exit(1)
