"""Layers that compute in another way for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from torch import nn


class _Forward:
    """Stands for the `forward` of a layer; in copies and pickles of the layer its own one does."""

    def __init__(self, layer: nn.Module, compute: Callable):
        self.layer = layer
        self.compute = compute

    def __call__(self, *args, **kwargs):
        return self.compute(*args, **kwargs)

    def __reduce__(self):
        return getattr, (self.layer, "forward")


@contextmanager
def forward_replaced(forwards: Mapping[nn.Module, Callable]) -> Iterator[None]:
    """Inside, layers compute by other functions. Hooks on layers are called as before.

    Parameters
    ----------
    forwards : mapping of Module to callable
        What takes the place of the `forward` of each layer.
    """
    for layer, compute in forwards.items():
        vars(layer)["forward"] = _Forward(layer, compute)
    try:
        yield
    finally:
        for layer in forwards:
            del vars(layer)["forward"]
