"""What a trained encoder reads of many samples, whatever their kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Self

import numpy as np


class EncoderInputs(ABC):
    """What a trained encoder reads of many samples, such as tokens or pixels."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @property
    @abstractmethod
    def lengths(self) -> np.ndarray:
        """About how many vectors the encoder computes for each sample, shape (n_samples,)."""

    @property
    @abstractmethod
    def values(self) -> list[np.ndarray]:
        """The values of all samples, one after another."""

    @abstractmethod
    def take(self, indices: np.ndarray) -> Self:
        """Select samples."""

    @abstractmethod
    def contents(self) -> Iterator[bytes]:
        """Yield for each sample what decides its vector."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return the inputs of the encoder by name, each with one row for each sample."""
