"""The network of every language: one encoder and one head, adapted by what is generated."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk._encoders.adapters import Adapters
from metaling_sk._network.classifier import ClassifierNetwork, Output
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk.meta_net._hypernetwork import NO_LANGUAGE, Generated, Hypernetwork


class MetaNetwork(nn.Module):
    """Rows of tokens or features, and their languages, to logits of generated models.

    In layer k the adapter of language l is ``h + B_k G_lk gelu(A_k h)``, whose core G_lk, gates
    included, is generated; its head is ``W_0 + Σ_j c_lj U_j``, whose c_l is. So a batch with rows
    of many languages goes through the large matrices in one pass, and a language costs little
    more than its embedding.

    Parameters
    ----------
    encoder : module
        `IdentityEncoder` or a `TextEncoder`.
    norm : LanguageNorm or None
    hypernetwork : Hypernetwork
    n_features, n_classes : int
    dropout : float, default=0.0
        On the representation.
    """

    def __init__(
        self,
        encoder: nn.Module,
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
        self._cache: dict[int, Generated] = {}

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
        cls, config: dict[str, Any], encoder: nn.Module, norm: LanguageNorm | None
    ) -> MetaNetwork:
        """Make a network of these sizes around an encoder and a norm."""
        hypernetwork = Hypernetwork.from_config(config["hypernetwork"], config["n_heads"])
        sizes = (config[name] for name in ("n_features", "n_classes", "dropout"))
        return cls(encoder, norm, hypernetwork, *sizes)

    def forward(
        self,
        inputs: dict[str, torch.Tensor],
        language: torch.Tensor,
        generated: Generated | None = None,
    ) -> Output:
        """What the rows' models make of them.

        Parameters
        ----------
        inputs : dict of str to Tensor
        language : Tensor of shape (n_rows,)
        generated : Generated, optional
            The model of each row; by default that of its language.
        """
        if generated is None:
            generated = self.generate(language)
        features = self.encode(inputs, language, generated)
        representation = features if self.norm is None else self.norm(features, language)
        return Output(self._classify(self.dropout(representation), generated.head), representation)

    def encode(
        self,
        inputs: dict[str, torch.Tensor],
        language: torch.Tensor,
        generated: Generated | None = None,
    ) -> torch.Tensor:
        """What the encoder, adapted to the language of each row, makes of it."""
        cores = (self.generate(language) if generated is None else generated).cores

        def adapt(layer: int, hidden: torch.Tensor) -> torch.Tensor:
            return self._adapt(layer, hidden, cores[:, layer])

        return self.encoder(**inputs, adapt=adapt)

    def generate(self, language: torch.Tensor) -> Generated:
        """The model of each row's language."""
        if self.training:
            languages, inverse = language.unique(return_inverse=True)
            return self.hypernetwork(self.hypernetwork.embed(languages)).take(inverse)
        codes = language.tolist()
        for code in set(codes) - set(self._cache):
            # One at a time: a language's model is the same whatever other languages there are.
            row = torch.tensor([code], device=language.device)
            self._cache[code] = self.hypernetwork(self.hypernetwork.embed(row))
        row_of = {code: row for row, code in enumerate(sorted(set(codes)))}
        rows = torch.tensor([row_of[code] for code in codes], device=language.device)
        models = [self._cache[code] for code in row_of]
        return Generated(
            torch.cat([model.cores for model in models]),
            torch.cat([model.head for model in models]),
        ).take(rows)

    def generate_from(self, embedding: torch.Tensor, n_rows: int) -> Generated:
        """The model that one embedding gives, for so many rows."""
        generated = self.hypernetwork(embedding.unsqueeze(0))
        return generated.take(torch.zeros(n_rows, dtype=torch.int64, device=embedding.device))

    def meta_model(self) -> ClassifierNetwork:
        """The model of no language in particular, as an ordinary network of its own."""
        self.eval()
        with torch.no_grad():
            generated = self.generate(torch.tensor([NO_LANGUAGE], device=self.head.weight.device))
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
            mixed = torch.einsum("j,jkf->kf", generated.head[0], self.basis)
            model.head.weight.copy_(self.head.weight + mixed)
            model.head.bias.copy_(self.head.bias + generated.head[0] @ self.basis_bias)
        return model.to(self.head.weight.device)

    def widths(self, language: int) -> list[int]:
        """How many units the adapter of each layer has in a language's model."""
        self.eval()
        with torch.no_grad():
            row = torch.tensor([language], device=self.head.weight.device)
            cores = self.generate(row).cores[0]
        return [int((core != 0).any(dim=1).sum()) for core in cores]

    def grow(self, n_languages: int) -> None:
        """Make room for more languages, which are not known as yet."""
        self.hypernetwork.grow(n_languages)
        if self.norm is not None:
            self.norm.grow(n_languages)

    def train(self, mode: bool = True) -> MetaNetwork:
        self._cache = {}
        return super().train(mode)

    def __getstate__(self):
        return super().__getstate__() | {"_cache": {}}

    def _adapt(self, layer: int, hidden: torch.Tensor, cores: torch.Tensor) -> torch.Tensor:
        """Add the adapters of a layer; closed gates are left out after training."""
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
        n_heads, n_classes, _ = self.basis.shape
        basis = F.linear(representation, self.basis.flatten(0, 1), self.basis_bias.flatten())
        basis = basis.view(-1, n_heads, n_classes)
        own = torch.einsum("nj,njk->nk", mixture.to(basis.dtype), basis)
        return self.head(representation) + own
