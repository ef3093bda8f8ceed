"""A training that fails leaves the network as it was before."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def untrained_on_error(net) -> Iterator[None]:
    """Restore the weights, the optimiser and the history of a skorch net, if the block raises.

    They are kept in the memory of the CPU meanwhile.
    """
    history = net.history
    net.history = copy.deepcopy(history)
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
