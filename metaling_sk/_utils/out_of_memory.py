"""What is done where the memory does not suffice: batches are halved."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from metaling_sk._utils.messages import warn_user

CPU_ALLOCATOR = "DefaultCPUAllocator"
"""What torch names where the system refuses memory; its error is of no class of its own."""


def memory_error(error: BaseException) -> MemoryError:
    """Return the error that tells what to lower."""
    return MemoryError(
        "The memory does not suffice: lower `batch_size` or `max_length` (of recordings "
        f"`max_seconds`), or use trainable='head'. ({error})"
    )


@contextmanager
def memory_errors() -> Iterator[None]:
    """Inside, whatever finds too little memory raises the error that tells what to lower."""
    try:
        yield
    except RuntimeError as error:
        if not _is_of_memory(error):
            raise
        raise memory_error(error) from error


def out_of_memory(compute: Callable[..., object], *args) -> RuntimeError | None:
    """Call a function; if the memory does not suffice, free it and return the error."""
    try:
        compute(*args)
    except RuntimeError as error:
        if not _is_of_memory(error):
            raise
        # The frames of the traceback hold the tensors of the failed attempt.
        failure = error.with_traceback(None)
    else:
        return None
    gc.collect()  # Earlier models may wait for it.
    torch.cuda.empty_cache()  # it does nothing without a GPU
    return failure


def for_each_batch(
    batches: Iterable[np.ndarray], compute: Callable[[np.ndarray], object], batch_size: int
) -> None:
    """Compute something of every batch; of smaller ones where the memory does not suffice.

    Parts are halved until they fit, because how many samples are computed together changes nothing
    but the time. Later batches have the size that has fitted.

    Parameters
    ----------
    batches : iterable of ndarray of int
        The indices of each batch.
    compute : callable
        Takes indices. It gets those again for which it has raised an error.
    batch_size : int
        The largest size of a batch.

    Raises
    ------
    MemoryError
        If the memory does not suffice for a single sample.
    """
    size = batch_size
    for indices in batches:
        size_before = size
        while len(indices):
            part = indices[:size]
            error = out_of_memory(compute, part)
            if error is None:
                indices = indices[size:]
            elif len(part) == 1:
                raise memory_error(error)
            else:
                size = -(-len(part) // 2)
        if size < size_before:
            warn_user(
                f"The memory does not suffice to predict for batches of {size_before} samples: "
                f"from here on they have {size}. A smaller `batch_size` or `max_length` avoids the "
                "attempts."
            )


def _is_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or CPU_ALLOCATOR in str(error)
