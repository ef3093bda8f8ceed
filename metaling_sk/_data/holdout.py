"""Samples held out to find the best epoch."""

from __future__ import annotations

import numpy as np

from metaling_sk._data.samples import Samples
from metaling_sk._data.strata import number_strata, rank_in_strata

MIN_HELD_OUT = 10
"""With fewer held-out samples it is chance which epoch is best; then none are held out."""


def split_validation(samples: Samples, fraction: float, rng: np.random.RandomState) -> np.ndarray:
    """Hold out the same share of every language and class, rounded down.

    Few labels are not held out: a language's class with fewer than ``1 / fraction`` samples stays
    whole, and all of them do if fewer than `MIN_HELD_OUT` samples would be held out.

    Returns
    -------
    ndarray of bool, shape (n_samples,)
        Whether each sample is held out.
    """
    assert samples.y is not None
    strata = number_strata(samples.language, samples.y)
    rank, size = rank_in_strata(strata, rng.permutation(len(samples)))
    held_out = rank < np.floor(fraction * size)
    return held_out & (held_out.sum() >= MIN_HELD_OUT)
