"""How many threads compute: one where the work is small.

Threads wait for each other after every operation. Where operations are small, or where others use
the cores too, that takes many times as long as the work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Do the linear algebra of NumPy and SciPy in one thread inside.

    The number of threads belongs to the process, so other threads of Python than the main one
    leave it as it is.
    """
    if threading.current_thread() is threading.main_thread():
        with _controller().limit(limits=1, user_api="blas"):
            yield
    else:
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
