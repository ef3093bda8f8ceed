"""An estimator whose method fails is as it was before, or not fitted: never half of each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

PRIVATE_FITTED = (
    "_input_kind",
    "_random_state",
    "_adaptations",
    "_head_start",
    "_source_weight",
)
"""Attributes of a fit whose names do not end with an underscore."""

CHANGED_IN_PLACE = ("norm", "hypernetwork")
"""The parts of a network that methods change after `fit`, apart from training."""


@contextmanager
def unfitted_on_error(estimator) -> Iterator[None]:
    """Remove everything that a fit sets, if the block raises."""
    try:
        yield
    except BaseException:
        for name in list(vars(estimator)):
            if name in PRIVATE_FITTED or (name.endswith("_") and not name.startswith("_")):
                delattr(estimator, name)
        raise


@contextmanager
def unchanged_on_error(estimator) -> Iterator[None]:
    """Restore the estimator as it was before, if the block raises.

    Parameters
    ----------
    estimator : estimator
        In the block its fitted attributes are replaced and not written to, except for the parts
        `CHANGED_IN_PLACE` of its network.
    """
    before = vars(estimator).copy()
    parts = {}
    if "net_" in before:
        network = before["net_"].module_
        children = dict(network.named_children())
        parts = copy.deepcopy(
            {name: children[name] for name in CHANGED_IN_PLACE if name in children}
        )
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        for name, part in parts.items():
            setattr(network, name, part)
        raise
