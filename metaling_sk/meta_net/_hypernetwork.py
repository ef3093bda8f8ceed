"""The hypernetwork: from a language to the weights and the architecture of its model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk.meta_net import _gates as gates

N_UNITS = 64
"""Number of units of the hidden layer."""

EMBEDDING_SCALE = 0.1
"""Standard deviation of the embeddings at the start."""

OPEN = 2.0
"""Logit of a gate at the start."""

NO_LANGUAGE = 0
"""Index of the language-agnostic embedding, which languages that are not known have as well."""


@dataclass(frozen=True)
class Generated:
    """The generated weights of several models.

    Attributes
    ----------
    cores : Tensor of shape (n_models, n_layers, width, width)
        The matrices in the middle of the adapters, with their gates: 0 where a gate is closed.
    head : Tensor of shape (n_models, n_heads)
        The weight of each basis head in the head.
    probability_open : Tensor of shape (n_models, n_layers, width), or None
        The probability that a gate is open in training. `take` leaves it as it is.
    """

    cores: torch.Tensor
    head: torch.Tensor
    probability_open: torch.Tensor | None = None

    def take(self, indices: torch.Tensor) -> Generated:
        """Return the models with the given indices."""
        return Generated(self.cores[indices], self.head[indices], self.probability_open)


@dataclass(frozen=True)
class ModelCache:
    """Generated models that are kept. It does not change, so that threads may share it.

    Attributes
    ----------
    state : tuple or None
        The state of the hypernetwork that generated the models.
    models : dict of int to Generated
        The model of each language, by index.
    """

    state: tuple | None
    models: dict[int, Generated]


EMPTY_CACHE = ModelCache(None, {})


class Hypernetwork(nn.Module):
    """A network that maps the embedding of a language to the weights of a model.

    It maps pairs of the embedding of a language and that of a layer to an adapter of the layer,
    and to the head. The embedding of a language is ``e_0 + known (F P + δ)``: the language-agnostic
    embedding ``e_0``, plus a projection of the features F of the language, plus an offset δ that
    is learnt. The last layers are 0 at the start [1]_, so that all languages have the same model.

    Parameters
    ----------
    n_languages : int
        Number of languages, which have the indices from 1; see `NO_LANGUAGE`.
    n_layers : int
        Number of layers that have an adapter.
    width : int
        Largest number of units in an adapter.
    n_heads : int
        Number of basis heads that the head of a language is mixed of.
    n_dimensions : int
        Size of the embeddings.
    features : Tensor of shape (n_languages, n_language_features), optional
        Standardised features of the languages; 0 for a missing value.
    learnt : bool Tensor of shape (n_languages,), optional
        The languages that have training samples; by default all. The embedding of any other
        language depends on its features only.

    Attributes
    ----------
    known : bool Tensor of shape (n_languages + 1,)
        The languages whose embedding is not the language-agnostic one.

    References
    ----------
    .. [1] Chang, Flokas & Lipson (2020). Principled weight initialization for hypernetworks. ICLR.
    """

    known: torch.Tensor
    features: torch.Tensor

    def __init__(
        self, n_languages, n_layers, width, n_heads, n_dimensions, features=None, learnt=None
    ):
        super().__init__()
        self.n_layers = n_layers
        self.width = width
        self.agnostic = nn.Parameter(torch.randn(n_dimensions) * EMBEDDING_SCALE)
        if features is None:
            features = torch.zeros(n_languages, 0)
        if learnt is None:
            learnt = torch.ones(n_languages, dtype=torch.bool)
        delta = torch.randn(n_languages + 1, n_dimensions) * EMBEDDING_SCALE
        delta[NO_LANGUAGE] = 0
        delta[1:][~learnt] = 0
        self.delta = nn.Parameter(delta)
        self.register_buffer("known", F.pad(learnt | features.any(dim=1), (1, 0)))
        self.register_buffer("features", F.pad(features, (0, 0, 1, 0)))
        n_language_features = features.shape[1]
        place = torch.randn(n_dimensions, n_language_features)
        self.place = nn.Parameter(place * EMBEDDING_SCALE / max(1, n_language_features) ** 0.5)
        self.layer = nn.Parameter(torch.randn(n_layers + 1, n_dimensions) * EMBEDDING_SCALE)
        self.trunk = nn.Sequential(nn.Linear(2 * n_dimensions, N_UNITS), nn.GELU())
        self.core = _zero(nn.Linear(N_UNITS, width * width, bias=False))
        self.gate = _zero(nn.Linear(N_UNITS, width))
        nn.init.constant_(self.gate.bias, OPEN)
        self.head = _zero(nn.Linear(N_UNITS, n_heads, bias=False))
        self._cache = EMPTY_CACHE

    def get_config(self) -> dict[str, int]:
        """Return the sizes that `from_config` needs."""
        n_indices, n_language_features = self.features.shape
        return {
            "n_languages": n_indices - 1,
            "n_layers": self.n_layers,
            "width": self.width,
            "n_dimensions": len(self.agnostic),
            "n_language_features": n_language_features,
        }

    @classmethod
    def from_config(cls, config: dict[str, int], n_heads: int) -> Hypernetwork:
        """Make a hypernetwork of these sizes."""
        return cls(
            config["n_languages"],
            config["n_layers"],
            config["width"],
            n_heads,
            config["n_dimensions"],
            torch.zeros(config["n_languages"], config["n_language_features"]),
        )

    @torch.no_grad()
    def mix_by_embedding(self) -> None:
        """Make the weights of the basis heads the first numbers of the embedding.

        Two units of the hidden layer hold each number, because ``gelu(x) - gelu(-x) = x``.
        """
        weight, bias = self.trunk.parameters()
        positions = torch.arange(self.head.out_features)
        for parameter in (self.layer, weight, bias, self.head.weight):
            parameter.zero_()
        for sign, units in ((1.0, 2 * positions), (-1.0, 2 * positions + 1)):
            weight[units, positions] = sign
            self.head.weight[positions, units] = sign

    def embed(self, language_index: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of languages.

        Parameters
        ----------
        language_index : int64 Tensor of shape (n_languages,)

        Returns
        -------
        Tensor of shape (n_languages, n_dimensions)
        """
        offset = self.features[language_index] @ self.place.T + self.delta[language_index]
        return self.agnostic + offset * self.known[language_index].unsqueeze(1)

    def forward(self, embeddings: torch.Tensor) -> Generated:
        """Generate a model for each embedding.

        Parameters
        ----------
        embeddings : Tensor of shape (n_models, n_dimensions)
        """
        n_models = len(embeddings)
        units = self.trunk(
            torch.cat(
                [
                    embeddings.unsqueeze(1).expand(-1, self.n_layers + 1, -1),
                    self.layer.expand(n_models, -1, -1),
                ],
                dim=2,
            )
        )
        layers, head = units[:, :-1], units[:, -1]
        log_alpha = self.gate(layers)
        gate = gates.draw(log_alpha) if self.training else gates.harden(log_alpha)
        cores = self.core(layers).view(n_models, self.n_layers, self.width, self.width)
        cores = gate.unsqueeze(3) * cores * gate.unsqueeze(2)
        return Generated(cores, self.head(head), gates.probability_open(log_alpha))

    def generate(self, language_index: torch.Tensor) -> Generated:
        """Generate the model of the language of each sample.

        Models are kept after training, until a weight changes. Threads may generate at the same
        time: models are kept only when they are complete.

        Parameters
        ----------
        language_index : int64 Tensor of shape (n_samples,)
        """
        languages, positions = language_index.unique(return_inverse=True)
        if self.training:
            return self(self.embed(languages)).take(positions)
        models = self._models(languages)
        return Generated(
            torch.cat([model.cores for model in models]),
            torch.cat([model.head for model in models]),
        ).take(positions)

    def _models(self, languages: torch.Tensor) -> list[Generated]:
        """Return the model of each of several different languages."""
        state, cache = self._state(), self._cache
        kept = cache.models if state is not None and state == cache.state else {}
        indices = languages.tolist()
        # Models are generated one at a time, because rounding depends on how many there are.
        new = {
            index: self(self.embed(language))
            for index, language in zip(indices, languages.split(1), strict=True)
            if index not in kept
        }
        models = kept | new
        if new and state is not None:
            self._cache = ModelCache(state, models)
        return [models[index] for index in indices]

    def _state(self) -> tuple | None:
        """Return what decides the models that are generated; None where none are to be kept.

        A tensor has a version, which every operation on it in place raises. Models are not kept
        where they have a gradient, nor where the tensors have no version (inference mode).
        """
        tensors = [*self.parameters(), *self.buffers()]
        if torch.is_grad_enabled() or any(tensor.is_inference() for tensor in tensors):
            return None
        kind = self.agnostic.device.type
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        versions = tuple(
            (id(tensor), tensor._version, tensor.dtype, tensor.device) for tensor in tensors
        )
        return versions, precision

    @torch.no_grad()
    def grow(self, n_languages: int) -> None:
        """Make room for more languages, which are not known."""
        n_new = n_languages + 1 - len(self.known)
        if n_new > 0:
            self.delta = nn.Parameter(F.pad(self.delta, (0, 0, 0, n_new)))
            self.features = F.pad(self.features, (0, 0, 0, n_new))
            self.known = F.pad(self.known, (0, n_new))

    def get_language(self, index: int) -> tuple[torch.Tensor, bool]:
        """Return the offset δ of a language, and whether the language is known."""
        return self.delta[index].detach().cpu().clone(), bool(self.known[index])

    @torch.no_grad()
    def set_language(self, index: int, embedding: torch.Tensor) -> None:
        """Give a language an embedding."""
        self.delta[index] = embedding - self.agnostic - self.place @ self.features[index]
        self.known[index] = True

    @torch.no_grad()
    def restore(self, index: int, delta: torch.Tensor, known: bool) -> None:
        """Restore what `get_language` returned."""
        self.delta[index] = delta
        self.known[index] = known

    def train(self, mode: bool = True) -> Hypernetwork:
        if mode:
            # Fused optimisers change weights without raising their versions.
            self._cache = EMPTY_CACHE
        return super().train(mode)

    def __getstate__(self):
        # Copies have other tensors, for which the cache does not hold.
        return super().__getstate__() | {"_cache": EMPTY_CACHE}


def _zero(layer: nn.Linear) -> nn.Linear:
    """Set the weights of a layer to 0."""
    nn.init.zeros_(layer.weight)
    return layer
