"""One training in several processes: each of them encodes its part of every batch.

The encoder is nearly all of the work. What stands on it (the norm, the head, the objective) is
computed by every process for the whole batch, from the vectors that all of them have encoded. So
every objective is what it is in one process, also where it compares the samples of a batch with
each other, and no process can decide otherwise than the main one.

`DistributedDataParallel`, which accelerate uses, averages losses of parts of a batch instead, and
wraps a module whose `forward` is called once in a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral

import numpy as np
import torch
import torch.distributed as dist
from sklearn.utils import check_random_state
from torch import nn

from metaling_sk._data.batches import Steps
from metaling_sk._utils.processes import n_processes, process_rank

_SHARES_BATCHES: ContextVar[bool] = ContextVar("shares batches", default=False)


@contextmanager
def sharing_batches(is_wanted: bool) -> Iterator[None]:
    """Inside, `encode_together` shares batches among the processes, if that is wanted."""
    token = _SHARES_BATCHES.set(is_wanted)
    try:
        yield
    finally:
        _SHARES_BATCHES.reset(token)


def encode_together(
    encode: Callable[..., torch.Tensor], inputs: dict[str, torch.Tensor]
) -> torch.Tensor:
    """Return ``encode(**inputs)``, of which each process computes the rows of its own.

    Parameters
    ----------
    encode : callable
        Maps tensors to the vectors of samples, each independent of the others.
    inputs : dict of str to Tensor, each of n_samples rows
        The same in all processes.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
    """
    if not _SHARES_BATCHES.get():
        return encode(**inputs)
    n_samples = len(next(iter(inputs.values())))
    size, rank = n_processes(), process_rank()
    # Every process takes as many rows, also where there are not enough; the last ones are cut off.
    rows = torch.arange(rank, rank + size * -(-n_samples // size), size).clamp_max(n_samples - 1)
    vectors = encode(**{name: tensor[rows.to(tensor.device)] for name, tensor in inputs.items()})
    return _Gather.apply(vectors)[:n_samples]


class _Gather(torch.autograd.Function):
    """The rows of all processes in turn.

    All processes compute the same loss from them. So the gradient of a row is known to its own
    process; it is multiplied by the number of processes, as gradients are averaged over them.
    """

    @staticmethod
    def forward(ctx, vectors):
        parts = [torch.empty_like(vectors) for _ in range(n_processes())]
        dist.all_gather(parts, vectors.contiguous())
        return torch.stack(parts, dim=1).flatten(0, 1)

    @staticmethod
    def backward(ctx, gradient):
        return gradient[process_rank() :: n_processes()] * n_processes()


def average_gradients(parameters: Iterable[torch.Tensor]) -> None:
    """Give every process the mean of the gradients of all."""
    gradients = [weight.grad for weight in parameters if weight.grad is not None]
    for work in [dist.all_reduce(gradient, async_op=True) for gradient in gradients]:
        work.wait()
    for gradient in gradients:
        gradient.div_(n_processes())


def agree_on(values: torch.Tensor) -> torch.Tensor:
    """Give every process the values of the main one, in place."""
    dist.broadcast(values, src=0)
    return values


def agree_on_start(modules: Iterable[nn.Module], steps: Steps) -> None:
    """Give every process the weights of the main one.

    Raises
    ------
    ValueError
        If the processes have not the same samples.
    """
    checksums: list[int | None] = [None] * n_processes()
    dist.all_gather_object(checksums, steps.checksum())
    if len(set(checksums)) > 1:
        raise ValueError(
            f"The {n_processes()} processes of `torch.distributed` train on different samples: "
            "pass the same X and y in all of them; each takes its part of every batch by itself."
        )
    for module in modules:
        for tensor in module.state_dict(keep_vars=True).values():
            agree_on(tensor.data)


def agree_on_random_state(random_state) -> np.random.RandomState:
    """Return a random state that draws the same in every process."""
    rng = check_random_state(random_state)
    if n_processes() == 1 or isinstance(random_state, Integral):
        return rng
    seeds = [int(rng.randint(2**31))]
    dist.broadcast_object_list(seeds, src=0)
    return np.random.RandomState(seeds[0])
