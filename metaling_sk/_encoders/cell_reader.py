"""What the readers of images and of recordings share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.large_arrays import collect
from metaling_sk._encoders.disk_cache import active_disk_cache

Inputs = TypeVar("Inputs", bound=EncoderInputs)


class CellReader(ABC, Generic[Inputs]):
    """Reads cells by a processor of transformers. It does not change.

    Attributes
    ----------
    processor_name : str
        What the processor is called in messages.
    dtype : dtype
        That of what becomes of a cell.
    unit, n_at_once
        See `Reader`.
    """

    processor_name: ClassVar[str]
    dtype: ClassVar[type[np.generic]]
    unit: ClassVar[str]
    n_at_once: ClassVar[int]

    def __init__(self, processor):
        self.processor = processor

    @staticmethod
    @abstractmethod
    def read_processor(name, **options) -> Any:
        """Read the processor of a checkpoint or of a saved encoder."""

    @property
    def settings(self) -> dict[str, Any]:
        """What a saved reader needs beside its processor."""
        return {}

    def __call__(self, cells: np.ndarray) -> Inputs:
        """Read cells, one after the other.

        Raises
        ------
        ValueError
            If a cell cannot be read.
        """
        disk_cache = active_disk_cache()
        if disk_cache is None:
            return self._join(self._read(cells))
        rows = disk_cache.get_or_compute(
            f"{self.unit}-{self.digest.hex()}",
            self.keys(self.digest, cells),
            lambda indices: collect(self._read(cells[indices]), self.dtype),
        )
        return self._join(rows)

    def keys(self, fingerprint: bytes, cells: np.ndarray) -> list[bytes]:
        """Return a key for each cell: a digest of its file or content and the fingerprint."""
        return [cell.key(fingerprint) for cell in cells]

    @cached_property
    def digest(self) -> bytes:
        """A digest of everything that decides what becomes of a cell."""
        settings = map(str, self.settings.values())
        parts = type(self.processor).__name__, *settings, self.processor.to_json_string()
        return blake2b(" ".join(parts).encode(), digest_size=16).digest()

    @abstractmethod
    def _read(self, cells: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what becomes of each cell, a 1-D array."""

    @abstractmethod
    def _join(self, rows: Iterable[np.ndarray]) -> Inputs:
        """The inputs of an encoder, of what `_read` yields."""

    def _refusal(self, reason: str) -> ValueError:
        return ValueError(
            f"`encoder`: its {self.processor_name}, a {type(self.processor).__name__}, cannot be "
            f"used: {reason}."
        )

    def __deepcopy__(self, memo) -> Self:
        return self
