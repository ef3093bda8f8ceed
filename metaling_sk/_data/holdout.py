"""Rows held out to find the best epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaling_sk._data.samples import Samples

MIN_ROWS = 10
"""Fewer held-out rows than this cannot tell which epoch is best: then none are held out."""


def split_validation(samples: Samples, fraction: float, rng: np.random.RandomState) -> np.ndarray:
    """Which rows are held out: the same share of every language × label, rounded down.

    Few labels are not held out: a group of fewer than ``1 / fraction`` rows stays whole, and all
    rows do where there are too few in all.

    Returns
    -------
    ndarray of bool, shape (n_samples,)
    """
    groups = pd.Series(rng.permutation(len(samples))).groupby(
        [pd.Series(samples.language), pd.Series(samples.y)]
    )
    rank = groups.rank(method="first").to_numpy()
    size = groups.transform("size").to_numpy()
    held_out = rank <= np.floor(fraction * size)
    return held_out & (held_out.sum() >= MIN_ROWS)
