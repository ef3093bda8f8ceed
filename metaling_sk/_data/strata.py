"""Strata: the groups of samples that have the same language and class or rarest label."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaling_sk._data.labels import MISSING, has_label


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


def position_in_language(language: np.ndarray) -> np.ndarray:
    """Return the position of each sample among all of its language, counted from 0."""
    languages = pd.Series(language)
    return languages.groupby(languages).cumcount().to_numpy()


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


def rarest_labels(indicators: np.ndarray) -> np.ndarray:
    """Return the rarest label that each sample has.

    To keep the share of these keeps about the share of every label, as the first steps of iterative
    stratification (Sechidis et al., 2011) do.

    Parameters
    ----------
    indicators : ndarray of int, shape (n_samples, n_labels)
        1, 0, or `MISSING`.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Indices of labels; their number for samples that have none, and `MISSING` for samples of
        which no label is known.
    """
    has = indicators == 1
    rarest_first = np.argsort(has.sum(axis=0), kind="stable")
    first = rarest_first[has[:, rarest_first].argmax(axis=1)]
    groups = np.where(has.any(axis=1), first, indicators.shape[1])
    return np.where(has_label(indicators), groups, MISSING)


def fold_groups(indicators: np.ndarray) -> np.ndarray:
    """Return the groups of samples of which every fold is to have the same share.

    Parameters
    ----------
    indicators : ndarray of int, shape (n_samples, n_labels)
        1, 0, or `MISSING`.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        The rarest label of each sample; `MISSING` where a label is not known, so that the sample
        cannot be scored.
    """
    return np.where((indicators == MISSING).any(axis=1), MISSING, rarest_labels(indicators))
