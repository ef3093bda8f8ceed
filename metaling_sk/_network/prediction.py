"""The outputs of a network, in the order of the samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from scipy import sparse

from metaling_sk._data.batches import Batch, EncodedSamples
from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._network.classifier import Network
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk._utils.out_of_memory import for_each_batch
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.threads import threads_for

MIN_TOKENS = 256
"""Number of tokens from which on low precision is worth it, and a choice of the threads.

Low precision converts all weights. With multilingual-e5-small on a CPU that takes as long as it
saves with about 128 tokens. Both times go with the number of weights.
"""


@dataclass(frozen=True)
class Execution:
    """Where and how to compute.

    Attributes
    ----------
    device : torch.device
    dtype : torch.dtype or None
        Low precision of the computations; None is float32.
    batch_size : int
    progress : Progress
    n_threads : int, optional
        As in `threads_for`.
    n_later : int, default=0
        The number of samples that are predicted after these, on the same bar.
    """

    device: torch.device
    dtype: torch.dtype | None
    batch_size: int
    progress: Progress
    n_threads: int | None = None
    n_later: int = 0

    @classmethod
    def of(cls, estimator, batch_size: int, progress: Progress | None = None) -> Self:
        """Read what the parameters of an estimator say; by default no progress is shown."""
        device = find_device(estimator.device)
        return cls(
            device=device,
            dtype=autocast_dtype(estimator.dtype, device),
            batch_size=batch_size,
            progress=Progress(0, "") if progress is None else progress,
            n_threads=estimator.n_threads,
        )


class Outputs(NamedTuple):
    """The outputs of a network.

    Attributes
    ----------
    logits : ndarray of float64, shape (n_samples, n_classes)
    representations : ndarray or CSR array, shape (n_samples, n_features)
        The vectors that go into the head.
    """

    logits: np.ndarray
    representations: np.ndarray | sparse.csr_array


def predict(network: Network, encoded: EncodedSamples, execution: Execution) -> Outputs:
    """Compute the outputs of a network on what it reads; those of equal samples only once."""
    first, position = encoded.distinct()
    distinct = encoded.take(first)
    representations = np.empty((len(distinct), network.head.in_features), dtype=np.float32)
    logits = _predict(network, distinct, execution, representations)
    return Outputs(logits[position], representations[position])


def predict_logits(network: Network, encoded: EncodedSamples, execution: Execution) -> np.ndarray:
    """Compute the logits alone, which need less memory than the representations."""
    first, position = encoded.distinct()
    return _predict(network, encoded.take(first), execution, None)[position]


def encode(network: Network, encoded: EncodedSamples, execution: Execution) -> np.ndarray:
    """Compute what the encoder of a network makes of what it reads, before the norm."""
    first, position = encoded.distinct()
    distinct = encoded.take(first)
    vectors = np.empty((len(distinct), network.n_features), dtype=np.float32)

    def compute(batch: Batch, indices: np.ndarray) -> None:
        output = network.encode(batch.inputs, batch.language_index)
        vectors[indices] = output.float().cpu().numpy()

    _for_each_batch(network, distinct, execution, compute)
    return vectors[position]


def predict_of_vectors(network: Network, encoded: EncodedSamples, execution: Execution) -> Outputs:
    """Compute the outputs of a network on vectors that `encode` returned."""
    logits = np.empty((len(encoded), network.head.out_features))
    representations = np.empty((len(encoded), network.head.in_features), dtype=np.float32)

    def compute(batch: Batch, indices: np.ndarray) -> None:
        output = network.classify(batch.inputs["features"], batch.language_index)
        logits[indices] = output.logits.double().cpu().numpy()
        representations[indices] = output.representation.float().cpu().numpy()

    _for_each_batch(network, encoded, execution, compute)
    return Outputs(logits, representations)


def predict_in_float64(network: Network, encoded: EncodedSamples, execution: Execution) -> Outputs:
    """Compute the outputs of a network on features.

    In this precision the result of a sample does not depend on which others are in its batch.
    """
    network = copy.deepcopy(network).to(execution.device).double()
    if network.represents_by_input:
        inputs: Any = encoded.inputs
        return Outputs(_predict(network, encoded, execution, None, torch.float64), inputs)
    representations = np.empty((len(encoded), network.head.in_features), dtype=np.float32)
    logits = _predict(network, encoded, execution, representations, torch.float64)
    return Outputs(logits, representations)


def _predict(
    network: Network,
    encoded: EncodedSamples,
    execution: Execution,
    representations: np.ndarray | None,
    dtype: torch.dtype = torch.float32,
) -> np.ndarray:
    """The logits; the representations are written to the array, if one is given."""
    logits = np.empty((len(encoded), network.head.out_features))

    def compute(batch: Batch, indices: np.ndarray) -> None:
        output = network(batch.inputs, batch.language_index)
        logits[indices] = output.logits.double().cpu().numpy()
        if representations is not None:
            representations[indices] = output.representation.float().cpu().numpy()

    _for_each_batch(network, encoded, execution, compute, dtype)
    return logits


@torch.no_grad()
def _for_each_batch(
    network: Network,
    encoded: EncodedSamples,
    execution: Execution,
    compute: Callable[[Batch, np.ndarray], None],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Compute something of every batch, which is on the device, and of the indices of its samples.

    The network is ready to predict.
    """
    # To go through all modules takes as long as to predict one short text.
    if next(network.parameters()).device != execution.device:
        network.to(execution.device)
    if network.training:
        network.eval()

    def compute_at(indices: np.ndarray) -> None:
        compute(encoded.collate(indices, dtype=dtype).to(execution.device), indices)
        execution.progress.advance(len(indices))

    execution.progress.start("predict", len(encoded), "sample", execution.n_later)
    with suited_to_many(network, encoded, execution):
        for_each_batch(encoded.indices(execution.batch_size), compute_at, execution.batch_size)


@contextmanager
def suited_to_many(network, encoded: EncodedSamples, execution: Execution) -> Iterator[None]:
    """Choose the precision and the number of threads, where that is worth it or asked for."""
    is_read = isinstance(encoded.all_inputs, EncoderInputs)
    is_worth_it = is_read and encoded.lengths.sum() >= MIN_TOKENS
    has_choice = is_worth_it or execution.n_threads is not None
    threads = threads_for(network, execution.n_threads) if has_choice else nullcontext()
    with threads, autocast(execution.device, execution.dtype if is_worth_it else None):
        yield


def autocast(device: torch.device, dtype: torch.dtype | None):
    """Compute in low precision inside, where there is one, whatever the caller has set."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
