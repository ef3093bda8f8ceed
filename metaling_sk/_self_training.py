"""Pseudo-labels: a model's surest predictions become labels."""

from __future__ import annotations

import numpy as np

FIRST_SHARE, LAST_SHARE = 0.2, 0.6


def round_shares(n_rounds: int) -> np.ndarray:
    """Share of the unlabelled rows that get a pseudo-label in each round."""
    return np.linspace(FIRST_SHARE, LAST_SHARE, n_rounds)


def pseudo_labels(
    probabilities: np.ndarray, topics: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rows a model is surest of, with their labels.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
    topics : ndarray of int, shape (n_samples,)
    shares : ndarray of shape (n_classes,)
        The share of each topic's rows that gets the label of each class.

    Returns
    -------
    rows, labels : ndarrays of int, shape (n_selected,)
        A row that is among the surest of two classes is left out.
    """
    chosen = np.zeros(probabilities.shape, dtype=bool)
    for topic in np.unique(topics):
        rows = np.flatnonzero(topics == topic)
        surest = rows[np.argsort(-probabilities[rows], axis=0, kind="stable")]
        for label, n_rows in enumerate((shares * len(rows)).astype(int)):
            chosen[surest[:n_rows, label], label] = True
    rows = np.flatnonzero(chosen.sum(axis=1) == 1)
    return rows, chosen[rows].argmax(axis=1)
