"""The network of every language: one encoder and one head, adapted by generated weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk._encoders.adapters import Adapters
from metaling_sk._network.classifier import ClassifierNetwork, Encoder, Network, Output
from metaling_sk._network.data_parallel import encode_together
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk.meta_net._hypernetwork import NO_LANGUAGE, Generated, Hypernetwork


class MetaNetwork(Network):
    """A network that maps samples and their languages to the logits of generated models.

    The adapter of language l in layer k is ``h + B_k G_lk gelu(A_k h)``. Its core ``G_lk``, with
    its gates, is generated. The head of the language is ``W_0 + Σ_j c_lj U_j``, whose ``c_l`` is
    generated. So a batch with many languages goes through the large matrices in one pass, and a
    language costs little more than its embedding.

    Parameters
    ----------
    encoder : module
        An `IdentityEncoder` or a `TransformerEncoder`.
    norm : LanguageNorm or None
        Centres the vectors of each language.
    hypernetwork : Hypernetwork
        Generates the models.
    n_features : int
        Size of the vectors.
    n_classes : int
        Number of logits.
    dropout : float, default=0.0
        Dropout on the representation.
    """

    def __init__(
        self,
        encoder: Encoder,
        norm: LanguageNorm | None,
        hypernetwork: Hypernetwork,
        n_features: int,
        n_classes: int,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.encoder = encoder
        self.norm = norm
        self.n_features = n_features
        self.hypernetwork = hypernetwork
        n_layers, width = hypernetwork.n_layers, hypernetwork.width
        n_heads = hypernetwork.head.out_features
        scale = n_features**-0.5
        self.down = nn.Parameter(torch.randn(n_layers, width, n_features) * scale)
        self.up = nn.Parameter(torch.randn(n_layers, n_features, width) * width**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_features, n_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.basis = nn.Parameter(torch.randn(n_heads, n_classes, n_features) * scale)
        self.basis_bias = nn.Parameter(torch.zeros(n_heads, n_classes))

    def get_config(self) -> dict[str, Any]:
        """Return the sizes that `from_config` needs."""
        n_heads, n_classes, _ = self.basis.shape
        return {
            "n_features": self.n_features,
            "n_classes": n_classes,
            "dropout": self.dropout.p,
            "n_heads": n_heads,
            "hypernetwork": self.hypernetwork.get_config(),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], encoder: Encoder, norm: LanguageNorm | None
    ) -> MetaNetwork:
        """Make a network of these sizes around an encoder and a norm."""
        hypernetwork = Hypernetwork.from_config(config["hypernetwork"], config["n_heads"])
        sizes = (config[name] for name in ("n_features", "n_classes", "dropout"))
        return cls(encoder, norm, hypernetwork, *sizes)

    def forward(
        self,
        inputs: dict[str, torch.Tensor],
        language_index: torch.Tensor,
        generated: Generated | None = None,
    ) -> Output:
        """Classify a batch, each sample by a model of its own.

        Parameters
        ----------
        inputs : dict of str to Tensor
            The inputs of the encoder.
        language_index : int64 Tensor of shape (n_samples,)
            Index of the language of each sample.
        generated : Generated, optional
            The model of each sample; by default the model of its language.
        """
        if generated is None:
            generated = self.generate(language_index)
        features = self.encode(inputs, language_index, generated)
        return self.classify(features, language_index, generated)

    def classify(
        self,
        features: torch.Tensor,
        language_index: torch.Tensor,
        generated: Generated | None = None,
    ) -> Output:
        """Classify what `encode` returned for a batch."""
        if generated is None:
            generated = self.generate(language_index)
        representation = features if self.norm is None else self.norm(features, language_index)
        return Output(self._classify(self.dropout(representation), generated.head), representation)

    def encode(
        self,
        inputs: dict[str, torch.Tensor],
        language_index: torch.Tensor,
        generated: Generated | None = None,
    ) -> torch.Tensor:
        """Return the output of the encoder with the adapters of each sample, before the norm."""
        cores = (self.generate(language_index) if generated is None else generated).cores

        def encode(cores: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
            def adapt(layer: int, hidden: torch.Tensor) -> torch.Tensor:
                return self._adapt(layer, hidden, cores[:, layer])

            return self.encoder(**inputs, adapt=adapt)

        return encode_together(encode, {**inputs, "cores": cores})

    def generate(self, language_index: torch.Tensor) -> Generated:
        """Generate the model of the language of each sample."""
        return self.hypernetwork.generate(language_index)

    def generate_from(self, embedding: torch.Tensor, n_samples: int) -> Generated:
        """Generate the model of one embedding, and repeat it for each sample."""
        generated = self.hypernetwork(embedding.unsqueeze(0))
        return generated.take(torch.zeros(n_samples, dtype=torch.int64, device=embedding.device))

    @torch.no_grad()
    def meta_model(self) -> ClassifierNetwork:
        """Return a copy of the language-agnostic model as an ordinary network."""
        generated = self._generate_one(NO_LANGUAGE)
        encoder = copy.deepcopy(self.encoder)
        n_layers, width, n_features = self.down.shape
        adapters = Adapters(n_layers, n_features, width)
        adapters.down.copy_(self.down)
        adapters.up.copy_(self.up @ generated.cores[0])
        encoder.adapters.append(adapters)
        n_classes, n_representation = self.head.weight.shape
        model = ClassifierNetwork(
            encoder,
            copy.deepcopy(self.norm),
            n_representation,
            n_classes,
            dropout=self.dropout.p,
        )
        weight, bias = self.generated_head(NO_LANGUAGE)
        model.head.weight.copy_(weight)
        model.head.bias.copy_(bias)
        return model.to(self.head.weight.device)

    def widths(self, index: int) -> list[int]:
        """Return the number of open units of each layer in the model of a language."""
        return [int((core != 0).any(dim=1).sum()) for core in self._generate_one(index).cores[0]]

    def n_mixed_heads(self, index: int) -> int:
        """Return the number of basis heads in the head of a language."""
        return int(self._generate_one(index).head.count_nonzero())

    @torch.no_grad()
    def generated_head(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weight and the bias of the head of a language."""
        mixture = self._generate_one(index).head[0]
        weight = self.head.weight + torch.einsum("j,jkf->kf", mixture, self.basis)
        return weight, self.head.bias + mixture @ self.basis_bias

    def grow(self, n_languages: int) -> None:
        """Make room for more languages, which are not known."""
        self.hypernetwork.grow(n_languages)
        if self.norm is not None:
            self.norm.grow(n_languages)

    @torch.no_grad()
    def _generate_one(self, index: int) -> Generated:
        """The model of a language as it predicts: after training, and on its own."""
        self.eval()
        return self.generate(torch.tensor([index], device=self.head.weight.device))

    def _adapt(self, layer: int, hidden: torch.Tensor, cores: torch.Tensor) -> torch.Tensor:
        """Apply the adapters of a layer. After training, units with closed gates are skipped."""
        down, up = self.down[layer], self.up[layer]
        if not self.training:
            used = (cores != 0).any(dim=0)
            rows, columns = (used.any(dim=axis).nonzero().squeeze(1) for axis in (1, 0))
            if not len(rows):
                return hidden
            down, up, cores = down[columns], up[:, rows], cores[:, rows][:, :, columns]
        units = F.gelu(F.linear(hidden, down))
        flat = units.view(len(units), -1, units.shape[-1])
        mixed = torch.bmm(flat, cores.to(flat.dtype).transpose(1, 2))
        return hidden + F.linear(mixed.view(*units.shape[:-1], -1), up)

    def _classify(self, representation: torch.Tensor, mixture: torch.Tensor) -> torch.Tensor:
        """Return the logits of the head of each sample."""
        n_heads, n_classes, _ = self.basis.shape
        basis = F.linear(representation, self.basis.flatten(0, 1), self.basis_bias.flatten())
        basis = basis.view(-1, n_heads, n_classes)
        of_language = torch.einsum("nj,njk->nk", mixture.to(basis.dtype), basis)
        return self.head(representation) + of_language
