"""What is done where the memory of a GPU does not suffice: batches are halved."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from metaling_sk._utils.messages import warn_user


def memory_error(error: BaseException) -> MemoryError:
    """Return the error that tells what to lower."""
    return MemoryError(
        "The memory of the GPU does not suffice: lower `batch_size` or `max_length`, or use "
        f"trainable='head'. ({error})"
    )


@contextmanager
def memory_errors() -> Iterator[None]:
    """Inside, whatever finds too little memory raises the error that tells what to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise memory_error(error) from error


def out_of_memory(compute: Callable[..., object], *args) -> torch.OutOfMemoryError | None:
    """Call a function; if the memory does not suffice, free it and return the error."""
    try:
        compute(*args)
    except torch.OutOfMemoryError as error:
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
        If the memory of the GPU does not suffice for a single sample.
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
                f"The memory of the GPU does not suffice to predict for batches of {size_before} "
                f"samples: from here on they have {size}. A smaller `batch_size` or `max_length` "
                "avoids the attempts."
            )
