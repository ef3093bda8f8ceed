"""Samples held out to find the best epoch."""

from __future__ import annotations

import numpy as np

from metaling_sk._data.strata import number_strata, rank_in_strata

MIN_HELD_OUT = 10
"""With fewer held-out samples it is chance which epoch is best; then none are held out."""


def split_validation(
    language: np.ndarray, groups: np.ndarray, fraction: float, rng: np.random.RandomState
) -> np.ndarray:
    """Hold out the same share of every language and group, rounded down.

    Few labels are not held out: a language's group with fewer than ``1 / fraction`` samples stays
    whole, and all of them do if fewer than `MIN_HELD_OUT` samples would be held out.

    Parameters
    ----------
    language : ndarray of str objects, shape (n_samples,)
    groups : ndarray of int, shape (n_samples,)
        The class of each sample, or another group of labels.
    fraction : float
    rng : RandomState

    Returns
    -------
    ndarray of bool, shape (n_samples,)
        Whether each sample is held out.
    """
    strata = number_strata(language, groups)
    rank, size = rank_in_strata(strata, rng.permutation(len(language)))
    held_out = rank < np.floor(fraction * size)
    return held_out & (held_out.sum() >= MIN_HELD_OUT)
