"""Training steps on their device: on a GPU each is there before the one before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from metaling_sk._data.batches import TrainingStep

Item = tuple[TrainingStep, None]
"""What an iterator of steps yields."""


def on_device(steps: Iterable[Item], device: torch.device) -> Iterable[Item]:
    """Yield steps on a device, each moved once.

    A GPU copies from pinned memory while it computes, and the next step is made meanwhile.

    Parameters
    ----------
    steps : iterable of (TrainingStep, None)
    device : torch.device
    """
    if device.type == "cuda":
        return _prefetched((_pinned(step).map(_copier(device)), y) for step, y in steps)
    return ((step.map(lambda tensor: tensor.to(device)), y) for step, y in steps)


def _pinned(step: TrainingStep) -> TrainingStep:
    return step.map(lambda tensor: tensor.pin_memory())


def _copier(device: torch.device):
    return lambda tensor: tensor.to(device, non_blocking=True)


def _prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, each of which a thread has made while the one before was used."""
    iterator = iter(items)
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, iterator, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, iterator, None)
            yield item
