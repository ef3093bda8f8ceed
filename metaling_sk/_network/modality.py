"""What the front ends with a Transformer need to know of a kind of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metaling_sk._encoders.transformer_encoder import Reader, TransformerEncoder


@dataclass(frozen=True)
class Modality:
    """A kind of samples that Transformers encode, such as texts.

    Attributes
    ----------
    make_encoder : callable
        Makes the encoder that (parameters, samples, execution) ask for.
    save_encoder : callable
        Writes files of (encoder, folder), without the weights. Returns the rest of its state.
    restore_encoder : callable
        Makes an encoder of (state, weights, folder); the weights are not loaded.
    restore_reader : callable
        Makes the reader of an encoder of (state, folder).
    """

    make_encoder: Callable[..., TransformerEncoder]
    save_encoder: Callable[[Any, Path], dict[str, Any]]
    restore_encoder: Callable[[dict[str, Any], dict[str, torch.Tensor], Path], TransformerEncoder]
    restore_reader: Callable[[dict[str, Any], Path], Reader]
