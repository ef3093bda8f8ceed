"""The network: encoder, normalisation per language, head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from metaling_sk._network.language_norm import LanguageNorm


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


class IdentityEncoder(nn.Module):
    """The encoder of rows that are vectors already; adapters are all it can have.

    Attributes
    ----------
    adapters : ModuleList of Adapters
        Applied one after the other.
    n_layers, first_layer : int
        The features count as one layer, number 0.
    """

    n_layers, first_layer = 1, 0

    def __init__(self):
        super().__init__()
        self.adapters = nn.ModuleList()

    @property
    def is_identity(self) -> bool:
        """Whether the features stay as they are."""
        return not self.adapters

    def forward(self, features: torch.Tensor, adapt=None) -> torch.Tensor:
        for each in self.adapters:
            features = each(0, features)
        return features if adapt is None else adapt(0, features)


class ClassifierNetwork(nn.Module):
    """Rows of tokens or features, and their languages, to logits.

    Parameters
    ----------
    encoder : module
        Maps a batch's inputs to one vector per row.
    norm : LanguageNorm or None
    n_features, n_classes : int
    n_hidden : int, default=0
        Units of a hidden layer before the last one; 0: none.
    dropout : float, default=0.0
        On the representation.
    """

    def __init__(
        self,
        encoder: nn.Module,
        norm: LanguageNorm | None,
        n_features: int,
        n_classes: int,
        n_hidden: int = 0,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.encoder = encoder
        self.norm = norm
        self.n_features = n_features
        self.hidden = (
            nn.Sequential(nn.Linear(n_features, n_hidden), nn.GELU()) if n_hidden else None
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_hidden or n_features, n_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def encode(self, inputs: dict[str, torch.Tensor], language: torch.Tensor) -> torch.Tensor:
        """What the encoder makes of the rows, whatever their language."""
        return self.encoder(**inputs)

    def forward(self, inputs: dict[str, torch.Tensor], language: torch.Tensor) -> Output:
        features = self.encode(inputs, language)
        representation = features if self.norm is None else self.norm(features, language)
        if self.hidden is not None:
            representation = self.hidden(representation)
        return Output(self.head(self.dropout(representation)), representation)

    @property
    def is_linear(self) -> bool:
        """Whether training cannot change the representations."""
        return self.encoder.is_identity and self.hidden is None

    def get_config(self) -> dict[str, int | float]:
        """Return the sizes that `from_config` needs."""
        return {
            "n_features": self.n_features,
            "n_classes": self.head.out_features,
            "n_hidden": 0 if self.hidden is None else self.head.in_features,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_config(
        cls, config: dict, encoder: nn.Module, norm: LanguageNorm | None
    ) -> ClassifierNetwork:
        """Make a network of these sizes around an encoder and a norm."""
        sizes = (config[name] for name in ("n_features", "n_classes", "n_hidden", "dropout"))
        return cls(encoder, norm, *sizes)

    def grow(self, n_languages: int) -> None:
        """Make room for more languages."""
        if self.norm is not None:
            self.norm.grow(n_languages)
