"""Random numbers of a fit that do not depend on where and when it runs."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

from metaling_sk._utils.device import fork_random_state

N_SEEDS = 2**32


@contextmanager
def seeded_globally(seed: int):
    """numpy and torch draw from `seed` inside, and go on as before outside.

    Estimators with random_state=None, and skorch's, take their random numbers from there.
    """
    state = np.random.get_state()  # noqa: NPY002
    with fork_random_state():
        np.random.seed(seed % N_SEEDS)  # noqa: NPY002
        torch.manual_seed(seed % N_SEEDS)
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def seed_of(seed: int, candidate: int, split: int) -> int:
    """The seed of a fit."""
    return int(np.random.SeedSequence([seed, candidate, split]).generate_state(1)[0])


@contextmanager
def seeded(random_state):
    """Torch draws from `random_state` inside, and goes on as before outside.

    Yields
    ------
    RandomState
    """
    rng = check_random_state(random_state)
    with fork_random_state():
        torch.manual_seed(int(rng.randint(2**31)))
        yield rng
