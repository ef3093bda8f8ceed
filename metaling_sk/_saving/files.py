"""Names of files of a saved estimator, and the classes that may be in one."""

from __future__ import annotations

import metaling_sk
from metaling_sk._saving.saved_estimator import SavedMixin

WEIGHTS = "weights.safetensors"
"""Tensors and arrays of an estimator of this package."""

SKLEARN = "sklearn.skops"
"""An estimator of scikit-learn, in the place of the weights."""


def find_class(name: str) -> type[SavedMixin]:
    """Return the public class of this package with a name.

    Raises
    ------
    ValueError
        If there is none that can be loaded.
    """
    estimator_class = getattr(metaling_sk, name) if name in dir(metaling_sk) else None
    if not (isinstance(estimator_class, type) and issubclass(estimator_class, SavedMixin)):
        raise ValueError(f"metaling_sk has no estimator {name!r} that can be loaded")
    return estimator_class


def is_public(kind: type) -> bool:
    """Return whether `find_class` finds this very class."""
    try:
        return find_class(kind.__name__) is kind
    except ValueError:
        return False
