"""An estimator whose method fails is as it was before, or not fitted: never half of each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch

PRIVATE_FITTED = ("_input_kind", "_random_state", "_adaptations")
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


@contextmanager
def untrained_on_error(net) -> Iterator[None]:
    """Restore the weights, the optimiser and the history of a skorch net, if the block raises.

    They are kept in the memory of the CPU meanwhile.
    """
    history = copy.deepcopy(net.history)
    trained = (net.module_, net.criterion_, net.optimizer_)
    states = [_on_cpu(each.state_dict()) for each in trained]
    try:
        yield
    except BaseException:
        for each, state in zip(trained, states, strict=True):
            each.load_state_dict(state)
        net.history = history
        raise


def _on_cpu(state):
    """A copy of a nested state, its tensors on the CPU."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {name: _on_cpu(value) for name, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_on_cpu(value) for value in state)
    return copy.deepcopy(state)
