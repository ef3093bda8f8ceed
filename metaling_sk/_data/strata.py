"""Strata: the groups of samples that have the same language and class."""

from __future__ import annotations

import numpy as np
import pandas as pd


def number_strata(language: np.ndarray, class_indices: np.ndarray) -> np.ndarray:
    """Number the strata, in the order of their languages and then of their classes.

    Parameters
    ----------
    language : ndarray of shape (n_samples,)
        The language of each sample.
    class_indices : ndarray of int, shape (n_samples,)
        The class of each sample. Samples without a label are a class of their own.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        The stratum of each sample.
    """
    language_number, _ = pd.factorize(language, sort=True)
    class_number, classes = pd.factorize(class_indices, sort=True)
    return language_number * len(classes) + class_number


def rank_in_strata(strata: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rank the samples of each stratum by their positions in an order of all samples.

    Parameters
    ----------
    strata : ndarray of shape (n_samples,)
        The stratum of each sample.
    position : ndarray of int, shape (n_samples,)
        The position of each sample in the order; all are different.

    Returns
    -------
    rank : ndarray of int, shape (n_samples,)
        The rank of each sample in its stratum, counted from 0.
    size : ndarray of int, shape (n_samples,)
        The number of samples in the stratum of each sample.
    """
    groups = pd.Series(position).groupby(strata)
    rank = groups.rank(method="first").to_numpy().astype(int) - 1
    return rank, groups.transform("size").to_numpy()
