"""Texts through a frozen encoder."""

from __future__ import annotations

import copy

import numpy as np
import torch

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._encoders.disk_cache import active_disk_cache
from metaling_sk._encoders.memory_cache import CACHE, keys_of
from metaling_sk._encoders.text_encoder import TextEncoder


def freeze(encoder: TextEncoder, device: torch.device, dtype: torch.dtype | None) -> TextEncoder:
    """The encoder on its device, in its precision, not to be trained."""
    encoder = encoder.requires_grad_(False).eval().to(device, dtype or torch.float32)
    # Of the weights it had before: a copy of another encoder may have been trained since.
    vars(encoder).pop("fingerprint", None)
    encoder.trainable = "head"
    return encoder


def on_cpu(encoder: TextEncoder) -> TextEncoder:
    """An encoder that can be unpickled on a machine without a GPU."""
    is_there = next(encoder.parameters()).device.type == "cpu"
    return encoder if is_there else copy.deepcopy(encoder).cpu()


def encode(texts: np.ndarray, encoder: TextEncoder, batch_size: int, progress=None) -> np.ndarray:
    """The vector of each text, float32 of shape (n_texts, n_features).

    A text that this encoder has met before, in this process or in one that shares its store, is
    not encoded again.

    Parameters
    ----------
    texts : ndarray of str
    encoder : TextEncoder
        On its device, in its precision.
    batch_size : int
    progress : Progress, optional
    """
    keys = keys_of(encoder.fingerprint, texts)
    vectors = CACHE.get(keys)
    missing = {key: row for row, key in enumerate(keys) if vectors[row] is None}
    if missing:
        rows = np.array(list(missing.values()))

        def compute(positions):
            return _encode(texts[rows[positions]], encoder, batch_size, progress)

        store = active_disk_cache()
        if store is None:
            new = compute(slice(None))
        else:
            namespace = f"vectors-{encoder.fingerprint.hex()}"
            new = store.get_or_compute(namespace, list(missing), compute)
        if store is None or store.remember or store.is_full:
            CACHE.put(list(missing), new)
        found = dict(zip(missing, new, strict=True))
        vectors = [
            found[key] if vector is None else vector
            for key, vector in zip(keys, vectors, strict=True)
        ]
    return np.stack(vectors)


def _encode(texts, encoder, batch_size, progress) -> np.ndarray:
    rows = EncodedSamples(encoder.tokenize(texts), np.zeros(len(texts), dtype=np.int64))
    device = next(encoder.parameters()).device
    vectors = None
    if progress is not None:
        progress.start("encode", len(texts), "text")
    encoder.eval()
    with torch.inference_mode():
        for where in rows.indices(batch_size):
            batch = rows.collate(where).to(device)
            found = encoder(**batch.inputs).float().cpu().numpy()
            if vectors is None:
                vectors = np.empty((len(texts), found.shape[1]), dtype=np.float32)
            vectors[where] = found
            if progress is not None:
                progress.advance(len(where))
    return vectors
