"""Pixels of images of one size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs

PIXELS_PER_TOKEN = 256
"""A usual encoder computes one vector for a patch of 16 x 16 pixels."""


@dataclass(frozen=True)
class Pixels(EncoderInputs):
    """The pixels of images, all of the size that an encoder takes.

    Parameters
    ----------
    array : ndarray of uint8, shape (n_images, 3, height, width)
        Red, green and blue.
    """

    array: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    @property
    def lengths(self) -> np.ndarray:  # noqa: D102
        n_pixels = self.array.shape[2] * self.array.shape[3]
        return np.full(len(self), -(-n_pixels // PIXELS_PER_TOKEN))

    @property
    def values(self) -> list[np.ndarray]:  # noqa: D102
        return [self.array]

    def take(self, indices: np.ndarray) -> Pixels:  # noqa: D102
        return Pixels(self.array[indices])

    def contents(self) -> Iterator[bytes]:  # noqa: D102
        return (image.tobytes() for image in self.array)

    def arrays(self) -> dict[str, np.ndarray]:  # noqa: D102
        return {"pixels": self.array}
