"""Images become pixels of the size that an encoder takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
import transformers

from metaling_sk._data.images import import_pillow
from metaling_sk._data.large_arrays import concatenate
from metaling_sk._data.pixels import Pixels
from metaling_sk._encoders.cell_reader import CellReader

IMAGES_AT_A_TIME = 256
"""Number of images whose pixels are in memory for a frozen encoder."""

PROBE_SIZES = ((40, 30), (30, 50))
"""Widths and heights of images that show what a processor does."""

TOLERANCE = 1e-3
"""Largest difference of a standardised pixel from what the processor makes of it."""

LEVELS = 255
"""The value of white."""


class ImageReader(CellReader[Pixels]):
    """Reads images, and resizes and crops them with an image processor. It does not change.

    What a processor does to the colours after that is linear: it is left to the encoder, so that
    pixels stay as small as they are.

    Parameters
    ----------
    processor : transformers image processor

    Attributes
    ----------
    shape : tuple of int
        Height and width of the pixels.
    factor, offset : ndarray of float32, shape (3,)
        What pixels are multiplied by, and what is added then, by colour.

    Raises
    ------
    ValueError
        If the processor makes anything else of images than pixels of one size.
    """

    processor_name = "image processor"
    dtype = np.uint8
    unit = "image"
    n_at_once = IMAGES_AT_A_TIME

    def __init__(self, processor):
        super().__init__(processor)
        Image, _ = import_pillow()
        rng = np.random.default_rng(0)
        noise = [
            Image.fromarray(rng.integers(0, LEVELS + 1, (height, width, 3), dtype=np.uint8))
            for width, height in PROBE_SIZES
        ]
        plain = [Image.new("RGB", PROBE_SIZES[0], colour) for colour in ("black", "white")]
        try:
            resized = [self._resize(image) for image in noise]
            standardised = [self._process(image) for image in noise]
            ends = [self._process(image) for image in plain]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._refusal(f"it makes no pixels of images ({error})") from error
        if len({image.shape for image in resized}) > 1:
            raise self._refusal(
                f"it leaves images of other proportions in other sizes ({resized[0].shape[1:]} and "
                f"{resized[1].shape[1:]}); set its `size` to a height and a width"
            )
        self.shape: tuple[int, int] = resized[0].shape[1:]
        black, white = (image.reshape(3, -1)[:, 0].astype(np.float64) for image in ends)
        self.factor = ((white - black) / LEVELS).astype(np.float32)
        self.offset = black.astype(np.float32)
        for pixels, wanted in zip(resized, standardised, strict=True):
            difference = self.standardise(torch.from_numpy(pixels[None])).numpy()[0] - wanted
            if abs(difference).max() > TOLERANCE:
                raise self._refusal(
                    "what it does to colours is not linear, or other in other parts of an image"
                )

    @staticmethod
    def read_processor(name, **options) -> Any:  # noqa: D102
        # transformers imports its models with the class.
        return transformers.AutoImageProcessor.from_pretrained(name, backend="pil", **options)

    def standardise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return pixels as the processor makes them, in float32.

        Parameters
        ----------
        pixels : uint8 Tensor of shape (n_images, 3, height, width)
            Pixels that have been read.
        """
        shape = 1, 3, 1, 1
        factor, offset = (
            torch.from_numpy(array).to(pixels.device).reshape(shape)
            for array in (self.factor, self.offset)
        )
        return pixels.float() * factor + offset

    def _read(self, images: np.ndarray) -> Iterator[np.ndarray]:
        return (self._resize(image.read()).ravel() for image in images)

    def _join(self, rows: Iterable[np.ndarray]) -> Pixels:
        return Pixels(concatenate(rows, self.dtype).reshape(-1, 3, *self.shape))

    def _resize(self, image) -> np.ndarray:
        """The pixels of an image of pillow, in the size that the encoder takes."""
        pixels = self._process(image, do_rescale=False, do_normalize=False)
        if pixels.ndim != 3 or len(pixels) != 3 or pixels.dtype != np.uint8:
            raise ValueError(f"it returns an array of {pixels.dtype} of shape {pixels.shape}")
        return pixels

    def _process(self, image, **options) -> np.ndarray:
        (pixels,) = self.processor(image, return_tensors="np", **options)["pixel_values"]
        return pixels
