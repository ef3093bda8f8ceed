"""The vectors that a frozen encoder gives to samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.large_arrays import new_array
from metaling_sk._encoders.disk_cache import active_disk_cache
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._utils.imported import plain_torch
from metaling_sk._utils.out_of_memory import for_each_batch
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.threads import threads_for


def freeze(
    encoder: TransformerEncoder, device: torch.device, dtype: torch.dtype | None
) -> TransformerEncoder:
    """Move an encoder to a device and a precision, and exclude it from training.

    Parameters
    ----------
    encoder : TransformerEncoder
        The encoder; it is changed in place.
    device : torch.device
        Where it is to compute.
    dtype : torch.dtype or None
        The precision of its weights; None is float32.

    Returns
    -------
    TransformerEncoder
        The same encoder.
    """
    encoder = encoder.requires_grad_(False).eval().to(device, dtype or torch.float32)
    # A copy of another encoder has the fingerprint of that one, although it may have been trained.
    vars(encoder).pop("fingerprint", None)
    encoder.trainable = "head"
    return encoder


def on_cpu(encoder: TransformerEncoder) -> TransformerEncoder:
    """Return the encoder, or a copy on the CPU that can be unpickled without a GPU."""
    is_on_cpu = next(encoder.parameters()).device.type == "cpu"
    return encoder if is_on_cpu else copy.deepcopy(encoder).cpu()


def encode(
    samples: np.ndarray,
    encoder: TransformerEncoder,
    batch_size: int,
    progress: Progress | None = None,
    n_threads: int | None = None,
) -> np.ndarray:
    """Return the vector of each sample.

    The encoder computes only the vectors that neither this process nor another one with the same
    disk cache has computed before.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,), or (n_samples, 2) for pairs of texts
        The texts or images.
    encoder : TransformerEncoder
        The encoder, on its device and in its precision.
    batch_size : int
        Number of samples that are encoded at a time.
    progress : Progress, optional
        Shows how many samples are encoded.
    n_threads : int, optional
        As in `threads_for`.

    Returns
    -------
    ndarray of float32, shape (n_samples, n_features)
    """
    keys = encoder.reader.keys(encoder.fingerprint, samples)
    known = CACHE.get(keys)
    index_of = {key: index for index, key in enumerate(keys) if known[index] is None}
    computed: Sequence[np.ndarray] = []
    if index_of:
        missing = samples[list(index_of.values())]

        def compute(indices) -> np.ndarray:
            return _encode(missing[indices], encoder, batch_size, progress, n_threads)

        computed = _read_or_compute(list(index_of), encoder.fingerprint, compute)
    if isinstance(computed, np.ndarray) and len(computed) == len(keys):
        return computed  # All samples are new and distinct.
    for position, key in enumerate(index_of):
        index_of[key] = position
    n_features = next(len(vector) for vector in (*computed[:1], *known) if vector is not None)
    vectors = new_array((len(keys), n_features), np.float32)
    for row, (key, vector) in enumerate(zip(keys, known, strict=True)):
        vectors[row] = computed[index_of[key]] if vector is None else vector
    return vectors


def _read_or_compute(
    keys: list[bytes], fingerprint: bytes, compute: Callable[..., Any]
) -> Sequence[np.ndarray]:
    """Return the vectors of distinct samples that the memory cache lacks."""
    disk_cache = active_disk_cache()
    vectors: Sequence[np.ndarray]
    if disk_cache is None:
        vectors = compute(slice(None))
    else:
        vectors = disk_cache.get_or_compute(f"vectors-{fingerprint.hex()}", keys, compute)
    if disk_cache is None or disk_cache.remember or disk_cache.is_full:
        CACHE.put(keys, vectors)
    return vectors


def _encode(samples, encoder, batch_size, progress, n_threads) -> np.ndarray:
    """Compute the vectors of samples, of which so many are read at a time as the reader says."""
    device = next(encoder.parameters()).device
    vectors: np.ndarray | None = None

    def compute(indices: np.ndarray) -> None:
        nonlocal vectors
        batch = part.collate(indices).to(device)
        output = encoder(**batch.inputs).float().cpu().numpy()
        if vectors is None:
            vectors = new_array((len(samples), output.shape[1]), np.float32)
        vectors[start + indices] = output
        if progress is not None:
            progress.advance(len(indices))

    if progress is not None:
        progress.start("encode", len(samples), encoder.reader.unit)
    encoder.eval()
    n_at_once = encoder.reader.n_at_once or len(samples)
    with plain_torch(), torch.inference_mode(), threads_for(encoder, n_threads):
        for start in range(0, len(samples), n_at_once):
            inputs = encoder.reader(samples[start : start + n_at_once])
            part = EncodedSamples(inputs, np.zeros(len(inputs), dtype=np.int64))
            for_each_batch(part.indices(batch_size), compute, batch_size)
    assert vectors is not None  # there is at least one sample
    return vectors
