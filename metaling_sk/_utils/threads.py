"""How many threads compute: one where the work is small.

Threads wait for each other after every operation. Where operations are small, or where others use
the cores too, that takes many times as long as the work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import joblib
import torch
from threadpoolctl import ThreadpoolController
from torch import nn

MIN_WEIGHTS = 1_000_000
"""Number of weights from which on a network is worth several threads."""


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


@contextmanager
def threads_for(network: nn.Module, n_threads: int | None = None) -> Iterator[None]:
    """Let torch compute in a suitable number of threads inside.

    The number of threads of OpenMP belongs to the thread of Python that sets it.

    Parameters
    ----------
    network : module
        The network to compute.
    n_threads : int, optional
        The number of threads. By default it is 1 if the network is small, else what torch is set
        to, and no more than the cores that this process may use: torch itself does not know of the
        quota of a container.
    """
    n_now = torch.get_num_threads()
    if n_threads is None:
        n_threads = 1 if _n_weights(network) < MIN_WEIGHTS else min(n_now, joblib.cpu_count())
    if n_threads == n_now:
        yield
    else:
        with _controller().limit(limits=n_threads, user_api="openmp"):
            yield


def _n_weights(network: nn.Module) -> int:
    """The number of weights that a token is multiplied by."""
    embeddings = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
    }
    return sum(w.numel() for w in network.parameters() if w.ndim == 2 and id(w) not in embeddings)


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
