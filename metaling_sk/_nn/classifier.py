"""The network: encoder, normalisation per language, head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from metaling_sk._nn.language_norm import LanguageNorm


@dataclass
class Output:
    """What the network makes of a batch.

    Attributes
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    representation : Tensor of shape (n_rows, n_features)
        What the last, linear layer sees.
    """

    logits: torch.Tensor
    representation: torch.Tensor


class Classifier(nn.Module):
    """Rows of tokens or features, and their languages, to logits.

    Parameters
    ----------
    encoder : module or None
        Maps a batch's inputs to one vector per row; None where the inputs are features.
    norm : LanguageNorm or None
    n_features, n_classes : int
    n_hidden : int, default=0
        Units of a hidden layer before the last one; 0: none.
    dropout : float, default=0.0
        On the representation.
    """

    def __init__(
        self,
        encoder: nn.Module | None,
        norm: LanguageNorm | None,
        n_features: int,
        n_classes: int,
        n_hidden: int = 0,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.encoder = encoder
        self.norm = norm
        self.hidden = (
            nn.Sequential(nn.Linear(n_features, n_hidden), nn.GELU()) if n_hidden else None
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_hidden or n_features, n_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: dict[str, torch.Tensor], language: torch.Tensor) -> Output:
        features = inputs["features"] if self.encoder is None else self.encoder(**inputs)
        representation = features if self.norm is None else self.norm(features, language)
        if self.hidden is not None:
            representation = self.hidden(representation)
        return Output(self.head(self.dropout(representation)), representation)
