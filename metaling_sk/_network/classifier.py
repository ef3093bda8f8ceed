"""The network of a classifier: encoder, normalisation per language, head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from metaling_sk._data.sparse_features import SparseFeatures
from metaling_sk._encoders.transformer_encoder import Adapt, TransformerEncoder
from metaling_sk._network.data_parallel import encode_together
from metaling_sk._network.language_norm import LanguageNorm


@dataclass
class Output:
    """The output of a network for a batch.

    Attributes
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        The output of the last layer.
    representation : Tensor of shape (n_samples, n_features)
        The input of the last layer, before dropout.
    """

    logits: torch.Tensor
    representation: torch.Tensor


class IdentityEncoder(nn.Module):
    """The encoder of samples that are features. It has no weights but those of adapters.

    Attributes
    ----------
    adapters : ModuleList of Adapters
        They are applied to the features, one after the other.
    n_layers, first_layer : int
        The features count as one layer, number 0.
    """

    n_layers, first_layer = 1, 0

    def __init__(self):
        super().__init__()
        self.adapters = nn.ModuleList()

    @property
    def is_identity(self) -> bool:
        """Whether the output is the features as they are."""
        return not self.adapters

    def forward(self, features: Any, adapt: Adapt | None = None) -> Any:
        """Apply the adapters, and then `adapt`, to features, which stay sparse without any."""
        if isinstance(features, SparseFeatures) and (self.adapters or adapt is not None):
            features = features.to_dense()
        for adapter in self.adapters:
            features = adapter(0, features)
        return features if adapt is None else adapt(0, features)


class LinearLayer(nn.Linear):
    """A linear layer that multiplies sparse features as they are."""

    def forward(self, input: torch.Tensor | SparseFeatures) -> torch.Tensor:
        """Return the outputs of features."""
        if isinstance(input, SparseFeatures):
            return input.times(self.weight) + self.bias
        return super().forward(input)


Encoder = TransformerEncoder | IdentityEncoder
"""What maps the inputs of a batch to one vector per sample."""


class Network(nn.Module):
    """What the networks of all classifiers have.

    Attributes
    ----------
    encoder : Encoder
        Maps the inputs of a batch to one vector per sample.
    norm : LanguageNorm or None
        Centres the vectors of each language.
    n_features : int
        Size of these vectors.
    head : Linear
        The last layer.
    """

    encoder: Encoder
    norm: LanguageNorm | None
    n_features: int
    head: nn.Linear

    @property
    def represents_by_input(self) -> bool:
        """Whether the representations of features are the features themselves."""
        return True

    def encode(self, inputs: dict[str, torch.Tensor], language_index: torch.Tensor) -> torch.Tensor:
        """Return the output of the encoder for a batch, before the norm."""
        raise NotImplementedError

    def classify(self, features: torch.Tensor, language_index: torch.Tensor) -> Output:
        """Classify what `encode` returned for a batch."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the sizes that `from_config` needs."""
        raise NotImplementedError

    def grow(self, n_languages: int) -> None:
        """Make room for more languages."""
        raise NotImplementedError


class ClassifierNetwork(Network):
    """A network that maps samples and their languages to logits.

    Parameters
    ----------
    encoder : module
        Maps the inputs of a batch to one vector per sample.
    norm : LanguageNorm or None
        Centres the vectors of each language.
    n_features : int
        Size of these vectors.
    n_classes : int
        Number of logits.
    n_hidden : int, default=0
        Number of units of a hidden layer before the last one; 0 for no hidden layer.
    dropout : float, default=0.0
        Dropout on the representation.
    """

    def __init__(
        self,
        encoder: Encoder,
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
            nn.Sequential(LinearLayer(n_features, n_hidden), nn.GELU()) if n_hidden else None
        )
        self.dropout = nn.Dropout(dropout)
        self.head = LinearLayer(n_hidden or n_features, n_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def encode(self, inputs: dict[str, torch.Tensor], language_index: torch.Tensor) -> torch.Tensor:
        """Return the output of the encoder for a batch, before the norm."""
        return encode_together(self.encoder, inputs)

    def forward(self, inputs: dict[str, torch.Tensor], language_index: torch.Tensor) -> Output:
        """Classify a batch.

        Parameters
        ----------
        inputs : dict of str to Tensor
            The inputs of the encoder.
        language_index : int64 Tensor of shape (n_samples,)
            Index of the language of each sample; 0 is a language that the network does not know.
        """
        return self.classify(self.encode(inputs, language_index), language_index)

    def classify(self, features: torch.Tensor, language_index: torch.Tensor) -> Output:
        """Classify what `encode` returned for a batch."""
        representation = features if self.norm is None else self.norm(features, language_index)
        if self.hidden is not None:
            representation = self.hidden(representation)
        dropped = self.dropout(representation) if self.dropout.p else representation
        return Output(self.head(dropped), representation)

    @property
    def is_linear(self) -> bool:
        """Whether training cannot change the representations."""
        return self.encoder.is_identity and self.hidden is None

    @property
    def represents_by_input(self) -> bool:  # noqa: D102
        return self.is_linear

    def get_config(self) -> dict[str, Any]:
        """Return the sizes that `from_config` needs."""
        return {
            "n_features": self.n_features,
            "n_classes": self.head.out_features,
            "n_hidden": 0 if self.hidden is None else self.head.in_features,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_config(
        cls, config: dict, encoder: Encoder, norm: LanguageNorm | None
    ) -> ClassifierNetwork:
        """Make a network of these sizes around an encoder and a norm."""
        sizes = (config[name] for name in ("n_features", "n_classes", "n_hidden", "dropout"))
        return cls(encoder, norm, *sizes)

    def grow(self, n_languages: int) -> None:
        """Make room for more languages."""
        if self.norm is not None:
            self.norm.grow(n_languages)
