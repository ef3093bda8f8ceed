"""A Transformer that gives one vector per recording."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import nn

from metaling_sk._encoders.audio_reader import AudioReader
from metaling_sk._encoders.pooling import POOLINGS, pool
from metaling_sk._encoders.transformer_encoder import Adapt, TransformerEncoder, probed


class AudioEncoder(TransformerEncoder):
    """A Transformer that gives one vector per recording.

    What checkpoints draw at random in training beside dropout is switched off: SpecAugment, which
    fails on short recordings, and leaving out layers.

    Parameters
    ----------
    backbone : module
        Takes what the reader makes and, where recordings have their own lengths, `attention_mask`.
        Returns an object with a `last_hidden_state` of shape (n_recordings, n_vectors, n_features).
    reader : AudioReader
    pooling : {"mean", "cls", "last"}
        How the vectors of the parts of a recording become one vector.
    layer : int or float
        See `TransformerEncoder`.
    origin : tuple, optional
        The key of the checkpoint that the backbone comes from.
    """

    reader: AudioReader

    def __init__(
        self,
        backbone: Any,
        reader: AudioReader,
        pooling: str,
        layer,
        origin: tuple | None = None,
    ):
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {list(POOLINGS)}, got {pooling!r}.")
        super().__init__(backbone, pooling, layer, origin)
        _draw_nothing(backbone)
        if not reader.is_fixed:
            _leave_out_padding(backbone)
        self.reader = reader

    @property
    def settings(self) -> tuple:  # noqa: D102
        return self.pooling, self.top

    def expected_vectors(self, n_heard: np.ndarray) -> np.ndarray:
        """About how many vectors recordings with so many steps that are heard have."""
        (sounds, mask), _ = self.probes()
        with probed(self):
            hidden, _ = self.encode_parts(sounds, mask)
        return np.ceil(n_heard * (hidden.shape[1] / sounds.shape[1]))

    def encode(
        self, sounds: torch.Tensor, attention_mask: torch.Tensor, adapt: Adapt | None = None
    ) -> torch.Tensor:
        """Encode a batch of recordings.

        Parameters
        ----------
        sounds : Tensor of shape (n_recordings, n_steps) or (n_recordings, n_steps, n_bands)
            What the reader makes of recordings, padded with zeros.
        attention_mask : int64 Tensor of shape (n_recordings, n_steps)
            1 for each step at which something is heard.
        adapt : callable, optional
            It is applied to the output of every layer, after the adapters.

        Returns
        -------
        Tensor of shape (n_recordings, n_features)
        """
        hidden, n_vectors = self.encode_parts(sounds, attention_mask, adapt)
        mask = torch.arange(hidden.shape[1], device=hidden.device) < n_vectors[:, None]
        return pool(hidden, mask.to(torch.int64), self.pooling)

    def encode_parts(
        self, sounds: torch.Tensor, attention_mask: torch.Tensor, adapt: Adapt | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode each part of the recordings of a batch.

        Parameters
        ----------
        sounds, attention_mask, adapt
            As in `forward`.

        Returns
        -------
        hidden : Tensor of shape (n_recordings, n_vectors, n_features)
        n_vectors : int64 Tensor of shape (n_recordings,)
            The number of vectors of what is heard; the others are padding.
        """
        values = sounds.to(next(self.parameters()).dtype)
        if self.reader.bands_first:
            values = values.transpose(1, 2)
        inputs = {self.reader.input_name: values}
        if not self.reader.is_fixed:
            inputs["attention_mask"] = attention_mask
        n_heard = attention_mask.sum(1)
        token = _N_HEARD.set(n_heard)
        try:
            output, hidden = self.call_backbone(adapt, **inputs)
        finally:
            _N_HEARD.reset(token)
        hidden = self.token_vectors(output, hidden, sounds)
        return hidden, self._count_vectors(n_heard, sounds.shape[1], hidden.shape[1])

    def probes(self):  # noqa: D102
        arrays = self.reader.extract(self.reader.noise()).arrays()
        device = next(self.parameters()).device
        sounds, mask = (torch.from_numpy(array).to(device) for array in arrays.values())
        n_steps = sounds.shape[1] if self.reader.is_fixed else int(mask[0].sum())
        return (sounds[:1, :n_steps], mask[:1, :n_steps]), (sounds, mask)

    def _count_vectors(self, n_heard: torch.Tensor, n_steps: int, n_most: int) -> torch.Tensor:
        """The number of vectors of the steps at which something is heard, for each recording."""
        count = getattr(self.backbone, "_get_feat_extract_output_lengths", None)
        if count is None or self.reader.input_name != "input_values" or self.reader.is_fixed:
            n_vectors = -(-n_heard * n_most // n_steps)
        else:
            n_vectors = count(n_heard)
        return n_vectors.clamp(1, n_most)


_N_HEARD: ContextVar[torch.Tensor | None] = ContextVar("steps that are heard", default=None)
"""Those of the recordings of this call, shape (n_recordings,)."""


class _HeardNorm:
    """A forward hook that lets a norm over time leave out the padding of each recording.

    Without it the first layer of wav2vec 2.0 and HuBERT gives a recording other vectors beside a
    longer one.

    Parameters
    ----------
    kernel_size, stride : int
        Of the convolution before the norm, which takes the wave.
    """

    def __init__(self, kernel_size: int, stride: int):
        self.kernel_size = kernel_size
        self.stride = stride

    def __call__(self, norm, args, output):
        n_heard, (hidden,) = _N_HEARD.get(), args
        if n_heard is None or len(hidden) != len(n_heard):
            return output
        n_steps = (n_heard - self.kernel_size) // self.stride + 1
        if (n_steps >= hidden.shape[2]).all():
            return output
        n_steps = n_steps[:, None, None]
        mask = torch.arange(hidden.shape[2], device=hidden.device) < n_steps
        values = hidden.float()
        mean = (values * mask).sum(2, keepdim=True) / n_steps
        centred = values - mean
        variance = (centred.square() * mask).sum(2, keepdim=True) / n_steps
        normed = centred * torch.rsqrt(variance + norm.eps)
        return (normed * norm.weight[:, None] + norm.bias[:, None]).to(output.dtype)


def _leave_out_padding(backbone: nn.Module) -> None:
    for layer in backbone.modules():
        norm: Any = getattr(layer, "layer_norm", None)
        conv: Any = getattr(layer, "conv", None)
        takes_wave = isinstance(conv, nn.Conv1d) and conv.in_channels == 1
        if takes_wave and isinstance(norm, nn.GroupNorm):
            norm.register_forward_hook(_HeardNorm(conv.kernel_size[0], conv.stride[0]))


def _draw_nothing(backbone: Any) -> None:
    config: Any = getattr(backbone, "config", None)
    for name, value in (("apply_spec_augment", False), ("layerdrop", 0.0)):
        if hasattr(config, name):
            setattr(config, name, value)
    if hasattr(backbone, "layerdrop"):
        backbone.layerdrop = 0.0
