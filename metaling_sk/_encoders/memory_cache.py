"""The vectors of frozen encoders in memory, so that a process encodes each text once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from metaling_sk._utils.locks import ThreadLock

MAX_BYTES = 2 * 1024**3
"""Default limit of the size of the vectors in the cache."""


class VectorCache:
    """The vectors that were used last, by encoder and text. Threads may share it.

    Parameters
    ----------
    max_bytes : int
        Largest size of all vectors together. Beyond it those are dropped whose last use is
        longest ago.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self.max_bytes = max_bytes
        self._vectors: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._n_bytes = 0
        self._lock = ThreadLock()

    def get(self, keys: list[bytes]) -> list[np.ndarray | None]:
        """Return the vector of each key, or None where there is none."""
        with self._lock:
            for key in keys:
                if key in self._vectors:
                    self._vectors.move_to_end(key)
            return [self._vectors.get(key) for key in keys]

    def put(self, keys: list[bytes], vectors: Iterable[np.ndarray]) -> None:
        """Add copies of the vectors."""
        with self._lock:
            for key, vector in zip(keys, vectors, strict=True):
                if key not in self._vectors:
                    self._n_bytes += vector.nbytes
                    self._vectors[key] = vector.copy()
                while self._n_bytes > self.max_bytes:
                    self._n_bytes -= self._vectors.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Drop all vectors."""
        with self._lock:
            self._vectors.clear()
            self._n_bytes = 0


def keys_of(fingerprint: bytes, texts: Iterable[str | np.ndarray]) -> list[bytes]:
    """Return a key for each text or pair of texts: a digest of it and the fingerprint."""
    return [
        _digest(fingerprint, text.encode("utf-8", "surrogatepass"))
        if isinstance(text, str)
        else _digest(fingerprint, *(part.encode("utf-8", "surrogatepass") for part in text))
        for text in texts
    ]


def _digest(fingerprint: bytes, first: bytes, second: bytes | None = None) -> bytes:
    if second is None:
        return blake2b(first, digest_size=16, key=fingerprint).digest()
    # The length tells where the first text ends, and `person` tells a pair from one text.
    digest = blake2b(len(first).to_bytes(8), digest_size=16, key=fingerprint, person=b"pair")
    digest.update(first)
    digest.update(second)
    return digest.digest()


CACHE = VectorCache()
"""The cache of this process."""
