"""What the front ends with a Transformer need to know of a kind of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metaling_sk._encoders.encode import freeze
from metaling_sk._encoders.saved_encoder import SavedEncoder
from metaling_sk._encoders.transformer_encoder import TransformerEncoder


@dataclass(frozen=True)
class Modality:
    """A kind of samples that Transformers encode, such as texts.

    Attributes
    ----------
    make_encoder : callable
        Makes the encoder for (`EncodingParameters`, samples, whether downloads are shown).
    saved : SavedEncoder
        How it is saved without its weights.
    """

    make_encoder: Callable[..., TransformerEncoder]
    saved: SavedEncoder

    def save_frozen(self, encoder: TransformerEncoder, folder: Path) -> dict[str, Any]:
        """Write the files of a frozen encoder. Return the rest of its state, with the weights."""
        return {"encoder": self.saved.save(encoder, folder), "weights": encoder.state_dict()}

    def restore_frozen(self, state: dict[str, Any], folder: Path) -> TransformerEncoder:
        """Make the frozen encoder of what `save_frozen` has returned."""
        weights = state["weights"]
        encoder = self.saved.restore(state["encoder"], weights, folder)
        freeze(encoder, torch.device("cpu"), next(iter(weights.values())).dtype)
        encoder.load_state_dict(weights)
        return encoder
