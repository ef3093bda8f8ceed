"""What the front ends with a Transformer need to know of a kind of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metaling_sk._encoders.encode import freeze
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

    def save_frozen(self, encoder: TransformerEncoder, folder: Path) -> dict[str, Any]:
        """Write the files of a frozen encoder. Return the rest of its state, with the weights."""
        return {"encoder": self.save_encoder(encoder, folder), "weights": encoder.state_dict()}

    def restore_frozen(self, state: dict[str, Any], folder: Path) -> TransformerEncoder:
        """Make the frozen encoder of what `save_frozen` has returned."""
        weights = state["weights"]
        encoder = self.restore_encoder(state["encoder"], weights, folder)
        freeze(encoder, torch.device("cpu"), next(iter(weights.values())).dtype)
        encoder.load_state_dict(weights)
        return encoder
