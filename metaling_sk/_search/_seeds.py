"""Random numbers of a fit that do not depend on where and when it runs."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import torch

from metaling_sk._device import fork_random_state

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
