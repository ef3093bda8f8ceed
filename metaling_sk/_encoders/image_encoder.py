"""A Transformer, or another network, that gives one vector per image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from metaling_sk._encoders.image_reader import ImageReader
from metaling_sk._encoders.transformer_encoder import Adapt, TransformerEncoder

POOLINGS = ("model", "mean", "cls")


class ImageEncoder(TransformerEncoder):
    """A network that gives one vector per image.

    Parameters
    ----------
    backbone : module
        Takes `pixel_values`, and returns an object with a `last_hidden_state` of shape (n_images,
        n_tokens, n_features) or (n_images, n_features, height, width).
    reader : ImageReader
    pooling : {"model", "mean", "cls"}
        How the vectors of the patches become one vector. "model" is the `pooler_output` of the
        backbone.
    layer : int or float
        See `TransformerEncoder`.
    origin : tuple, optional
        The key of the checkpoint that the backbone comes from.
    """

    reader: ImageReader

    def __init__(
        self,
        backbone: Any,
        reader: ImageReader,
        pooling: str,
        layer,
        origin: tuple | None = None,
    ):
        if pooling not in POOLINGS:
            raise ValueError(
                f"`pooling` must be 'auto', 'mean' or 'cls' for images, got {pooling!r}."
            )
        super().__init__(backbone, pooling, layer, origin)
        if pooling == "model" and self.top is not None:
            self.pooling = "mean"
        if self.pooling != "model" and getattr(backbone, "pooler", None) is not None:
            backbone.pooler = None
        self.reader = reader

    @property
    def settings(self) -> tuple:  # noqa: D102
        return self.pooling, self.top, self.reader.shape

    def encode(self, pixels: torch.Tensor, adapt: Adapt | None = None) -> torch.Tensor:
        """Encode a batch of images.

        Parameters
        ----------
        pixels : uint8 Tensor of shape (n_images, 3, height, width)
            Red, green and blue.
        adapt : callable, optional
            It is applied to the output of every layer, after the adapters.

        Returns
        -------
        Tensor of shape (n_images, n_features)
        """
        values = self.reader.standardise(pixels).to(next(self.parameters()).dtype)
        output, hidden = self.call_backbone(adapt, pixel_values=values)
        if self.pooling == "model":
            return _pooled(output).float().flatten(1)
        hidden = self.token_vectors(output, hidden, pixels)
        if hidden.ndim == 4:
            return self._pool_map(hidden)
        return hidden[:, 0].float() if self.pooling == "cls" else hidden.float().mean(dim=1)

    def probes(self):  # noqa: D102
        shape = 2, 3, *self.reader.shape
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        both = torch.from_numpy(pixels).to(next(self.parameters()).device)
        return (both[:1],), (both,)

    def _pool_map(self, hidden: torch.Tensor) -> torch.Tensor:
        """The mean of the vectors of a convolutional network."""
        if self.pooling == "cls":
            raise ValueError(
                f"`pooling`: {type(self.backbone).__name__} has no vector of the whole image "
                "beside those of its parts; use 'auto' or 'mean'."
            )
        return hidden.float().mean(dim=(2, 3))


def gives_pooled(output) -> bool:
    """Return whether the output of a backbone has one vector for each image."""
    return isinstance(getattr(output, "pooler_output", None), torch.Tensor)


def _pooled(output: Any) -> torch.Tensor:
    if not gives_pooled(output):
        raise ValueError("`pooling`: the encoder has no `pooler_output`; use 'mean'.")
    return output.pooler_output
