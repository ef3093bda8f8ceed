"""The weights of classes in a loss."""

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
    """
    # "balanced" can count no more than the classes that the labels have.
    balanced = isinstance(class_weight, str)
    present = np.unique(labels) if balanced else np.arange(len(classes))
    weights = np.ones(len(classes))
    if len(present):
        weights[present] = compute_class_weight(
            class_weight, classes=classes[present], y=classes[labels]
        )
    return weights
