"""Vectors of frozen encoders, kept so that a process never encodes a text twice."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock

import numpy as np

MAX_BYTES = 2 * 1024**3


class VectorCache:
    """The vectors used last, by encoder and text.

    Parameters
    ----------
    max_bytes : int
        Vectors that have not been used for longest go when the rest would take more.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self.max_bytes = max_bytes
        self._vectors: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, keys: list[bytes]) -> list[np.ndarray | None]:
        with self._lock:
            for key in keys:
                if key in self._vectors:
                    self._vectors.move_to_end(key)
            return [self._vectors.get(key) for key in keys]

    def put(self, keys: list[bytes], vectors: np.ndarray) -> None:
        with self._lock:
            for key, vector in zip(keys, vectors, strict=True):
                if key not in self._vectors:
                    self._bytes += vector.nbytes
                    self._vectors[key] = vector.copy()
            while self._bytes > self.max_bytes:
                self._bytes -= self._vectors.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        with self._lock:
            self._vectors.clear()
            self._bytes = 0


def keys_of(fingerprint: bytes, texts) -> list[bytes]:
    """A key per text."""
    return [
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=fingerprint).digest()
        for text in texts
    ]


CACHE = VectorCache()
