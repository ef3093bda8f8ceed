"""Bootstrap distributions of accuracy and F1."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import pandas as pd

from metaling_sk._utils.parameters import Number

BOOTSTRAP_CONSTRAINTS: dict = {
    "n_bootstraps": [Number(Integral, 0, None, closed="left")],
    "confidence": [Number(Real, 0, 1, closed="neither")],
    "random_state": ["random_state"],
}
"""What the parameters of intervals may be."""


class BootstrapCounts:
    """What is counted in samples that are drawn with replacement from the given ones.

    To draw as many samples as there are is to draw how often each pair of true and predicted labels
    occurs from a multinomial distribution, so no sample is looked at twice.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,) or (n_samples, n_labels)
        The true and the predicted labels; a column of 0 and 1 for each of several labels.
    n_bootstraps : int
        The number of draws.
    rng : RandomState
        The source of randomness.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur; of several labels their positions.
    accuracy : ndarray of float, shape (n_bootstraps,)
        The share of samples in each draw all of whose labels are predicted.
    hits, n_true, n_predicted : ndarray of float, shape (n_bootstraps, n_classes)
        The number of correct predictions, true and predicted labels of each class in each draw.
    """

    def __init__(self, y_true: np.ndarray, y_pred: np.ndarray, n_bootstraps: int, rng):
        self.classes = occurring_classes(y_true, y_pred)
        are_several = y_true.ndim == 2
        columns = [
            y[:, self.classes] if are_several else np.searchsorted(self.classes, y)[:, None]
            for y in (y_true, y_pred)
        ]
        pairs, counts = np.unique(np.hstack(columns), axis=0, return_counts=True)
        draws = rng.multinomial(len(y_true), counts / len(y_true), size=n_bootstraps)
        is_true, is_predicted = np.hsplit(pairs, 2)
        self.accuracy = draws @ (is_true == is_predicted).all(axis=1) / len(y_true)
        if not are_several:
            is_true, is_predicted = np.eye(len(self.classes))[pairs.T]
        self.hits = draws @ (is_true * is_predicted)
        self.n_true, self.n_predicted = draws @ is_true, draws @ is_predicted

    def f1_by_class(self) -> np.ndarray:
        """Return the F1 of each class, NaN in draws in which it does not occur."""
        return _divide(2 * self.hits, self.n_true + self.n_predicted)

    def f1(self, average: str) -> np.ndarray:
        """Return the averaged F1 of each draw, of shape (n_bootstraps,).

        Parameters
        ----------
        average : {"macro", "micro", "weighted"}
            As in scikit-learn, over the classes that occur in the draw.
        """
        if average == "micro":
            n_occurrences = (self.n_true + self.n_predicted).sum(axis=1)
            return _divide(2 * self.hits.sum(axis=1), n_occurrences)
        weights = np.ones_like(self.n_true) if average == "macro" else self.n_true
        f1 = self.f1_by_class()
        weights = np.where(np.isnan(f1), 0, weights)
        return _divide((np.nan_to_num(f1) * weights).sum(axis=1), weights.sum(axis=1))


def occurring_classes(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return the classes that occur, as true or predicted labels.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,) or (n_samples, n_labels)
        The true and the predicted labels; a column of 0 and 1 for each of several labels.

    Returns
    -------
    ndarray of shape (n_classes,)
        Sorted; of several labels their positions, and all of these where none occurs.
    """
    both = np.concatenate([y_true, y_pred])
    if both.ndim == 1:
        return np.unique(both)
    occurs = both.any(axis=0)
    return np.flatnonzero(occurs | ~occurs.any())


def _divide(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """The quotients, NaN where the denominator is 0."""
    quotients = np.full(denominators.shape, np.nan)
    return np.divide(numerators, denominators, out=quotients, where=denominators > 0)


def widen_intervals(report: pd.DataFrame, lows: list[str], confidence: float) -> pd.DataFrame:
    """Give intervals of perfect scores, and of scores of 0, a width.

    Samples that are all predicted right, or all wrong, are so in every draw. The other end of the
    interval is the exact one of Clopper and Pearson: the share at which this would happen by chance
    with the probability of a tail.

    Parameters
    ----------
    report : DataFrame
        With the column "support", the number of samples.
    lows : list of str
        The columns of the low ends.
    confidence : float
        The confidence level, between 0 and 1.
    """
    bound = ((1 - confidence) / 2) ** (1 / report["support"].clip(lower=1))
    for low in lows:
        high = f"{low.removesuffix('_low')}_high"
        is_perfect, is_wrong = report[low] == 1, report[high] == 0
        report[low] = report[low].mask(is_perfect, bound)
        report[high] = report[high].mask(is_wrong, 1 - bound)
    return report


def percentile_intervals(draws: dict[str, pd.DataFrame], confidence: float) -> pd.DataFrame:
    """Return the percentile intervals of the languages and of their mean.

    Parameters
    ----------
    draws : dict of str to DataFrame of shape (n_bootstraps, n_languages)
        The bootstrap draws of each score; NaN is left out. With a column for each language and
        class, there is a mean for each class.
    confidence : float
        The confidence level, between 0 and 1.

    Returns
    -------
    DataFrame of shape (n_languages + 1, 2 * n_scores)
        The columns ``<name>_low`` and ``<name>_high`` of each score.
    """
    tail = (1 - confidence) / 2
    intervals = []
    for name, values in draws.items():
        by_class = values.columns.nlevels > 1
        mean = values.T.groupby("class").mean().T if by_class else values.mean(axis="columns")
        values = pd.concat([values, pd.concat({"mean": mean}, axis="columns")], axis="columns")
        ends = values.quantile([tail, 1 - tail]).set_axis([f"{name}_low", f"{name}_high"])
        intervals.append(ends.T)
    names = ["language", "class"][: values.columns.nlevels]
    return pd.concat(intervals, axis="columns").rename_axis(index=names)
