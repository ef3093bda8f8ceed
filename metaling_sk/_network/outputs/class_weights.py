"""The weights of classes in a loss.

Their mean over the labels is 1. A batch that lacks a class then counts less, instead of giving its
other classes the weight of all.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils.class_weight import compute_class_weight


def weigh_classes(class_weight, classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the weight of each class.

    Parameters
    ----------
    class_weight : dict or "balanced"
    classes : ndarray of shape (n_classes,)
    labels : ndarray of int, shape (n_samples,)
        Class indices.

    Returns
    -------
    ndarray of float, shape (n_classes,)

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or that of a class that does not occur.
    """
    # "balanced" can count no more than the classes that the labels have.
    balanced = isinstance(class_weight, str)
    present = np.unique(labels) if balanced else np.arange(len(classes))
    weights = np.ones(len(classes))
    if len(present):
        weights[present] = compute_class_weight(
            class_weight, classes=classes[present], y=classes[labels]
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            f"`class_weight` must hold finite numbers from 0 on, got {weights.tolist()} for the "
            f"classes {classes.tolist()}."
        )
    return weights


def scale_to_mean_one(weights: np.ndarray, of_labels: np.ndarray) -> np.ndarray:
    """Return weights that have a mean of 1 over the labels.

    Parameters
    ----------
    weights : ndarray of float
        The weights of the classes.
    of_labels : ndarray of float, shape (n_labels,)
        The weight of each label.

    Raises
    ------
    ValueError
        If the mean is not above 0.
    """
    if not len(of_labels):
        return weights
    mean = of_labels.mean()
    if not mean > 0:
        raise ValueError(
            f"`class_weight` gives the labels a mean weight of {mean:g}; it must be above 0."
        )
    return weights / mean
