"""Bootstrap distributions of accuracy and F1."""

from __future__ import annotations

import numpy as np
import pandas as pd


class BootstrapCounts:
    """What is counted in samples that are drawn with replacement from the given ones.

    To draw as many samples as there are is to draw how often each pair of true and predicted class
    occurs from a multinomial distribution, so no sample is looked at twice.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,)
        The true and the predicted labels.
    n_bootstraps : int
        The number of draws.
    rng : RandomState
        The source of randomness.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur.
    hits, n_true, n_predicted : ndarray of float, shape (n_bootstraps, n_classes)
        The number of correct predictions, true and predicted labels of each class in each draw.
    """

    def __init__(self, y_true: np.ndarray, y_pred: np.ndarray, n_bootstraps: int, rng):
        self.classes, indices = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
        pairs, counts = np.unique(indices.reshape(2, -1), axis=1, return_counts=True)
        draws = rng.multinomial(len(y_true), counts / len(y_true), size=n_bootstraps)
        is_true, is_predicted = np.eye(len(self.classes))[pairs]
        self.hits = draws @ (is_true * is_predicted)
        self.n_true, self.n_predicted = draws @ is_true, draws @ is_predicted

    def accuracy(self) -> np.ndarray:
        """Return the accuracy of each draw, of shape (n_bootstraps,)."""
        return self.hits.sum(axis=1) / self.n_true.sum(axis=1)

    def f1_by_class(self) -> np.ndarray:
        """Return the F1 of each class, NaN in draws in which it does not occur."""
        n_occurrences = self.n_true + self.n_predicted
        f1 = np.full(n_occurrences.shape, np.nan)
        return np.divide(2 * self.hits, n_occurrences, out=f1, where=n_occurrences > 0)

    def f1(self, average: str) -> np.ndarray:
        """Return the averaged F1 of each draw, of shape (n_bootstraps,).

        Parameters
        ----------
        average : {"macro", "micro", "weighted"}
            As in scikit-learn, over the classes that occur in the draw.
        """
        if average == "micro":
            return self.accuracy()
        weights = np.ones_like(self.n_true) if average == "macro" else self.n_true
        f1 = self.f1_by_class()
        weights = np.where(np.isnan(f1), 0, weights)
        return (np.nan_to_num(f1) * weights).sum(axis=1) / weights.sum(axis=1)


def percentile_intervals(draws: pd.DataFrame, name: str, confidence: float) -> pd.DataFrame:
    """Return the percentile interval of each column of bootstrap draws.

    Parameters
    ----------
    draws : DataFrame of shape (n_bootstraps, n_scores)
        The draws; NaN is left out.
    name : str
        The score, which names the columns.
    confidence : float
        The confidence level, between 0 and 1.

    Returns
    -------
    DataFrame of shape (n_scores, 2)
        The columns ``<name>_low`` and ``<name>_high``.
    """
    tail = (1 - confidence) / 2
    return draws.quantile([tail, 1 - tail]).set_axis([f"{name}_low", f"{name}_high"]).T
