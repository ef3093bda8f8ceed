"""Contexts that seed the global random numbers and restore them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

N_SEEDS = 2**32


@contextmanager
def seeded(random_state) -> Iterator[np.random.RandomState]:
    """Seed torch from `random_state` inside the context and restore its state afterwards.

    Parameters
    ----------
    random_state : int, RandomState instance or None

    Yields
    ------
    RandomState
        For the draws that numpy makes inside.
    """
    rng = check_random_state(random_state)
    with _restored_torch_state():
        torch.manual_seed(int(rng.randint(2**31)))
        yield rng


@contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Seed the global states of numpy and torch and restore both afterwards.

    Estimators with `random_state=None`, and all of skorch's, draw from the global states.
    """
    state = np.random.get_state()  # noqa: NPY002
    with _restored_torch_state():
        np.random.seed(seed % N_SEEDS)  # noqa: NPY002
        torch.manual_seed(seed % N_SEEDS)
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _restored_torch_state():
    """A context that restores torch's global random state at its end."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    return torch.random.fork_rng(devices=devices)
