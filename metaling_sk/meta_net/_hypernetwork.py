"""From a language to the weights and the architecture of its model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk.meta_net import _gates as gates

N_UNITS = 64
"""Units of the hidden layer."""

EMBEDDING_SCALE = 0.1
"""Standard deviation of the embeddings at the start."""

OPEN = 2.0
"""Logit of a gate at the start."""

NO_LANGUAGE = 0
"""The row of the language-agnostic embedding."""


@dataclass
class Generated:
    """What the hypernetwork makes of some languages.

    Attributes
    ----------
    cores : Tensor of shape (n_languages, n_layers, width, width)
        The middle of the adapters, gates included: 0 where a gate is closed.
    head : Tensor of shape (n_languages, n_heads)
        How much of each basis head.
    probability_open : Tensor of shape (n_languages, n_layers, width), or None
        Of the gates, in training.
    """

    cores: torch.Tensor
    head: torch.Tensor
    probability_open: torch.Tensor | None = None

    def take(self, rows: torch.Tensor) -> Generated:
        """One for each of the given rows."""
        return Generated(self.cores[rows], self.head[rows], self.probability_open)


class Hypernetwork(nn.Module):
    """Maps (language embedding, layer embedding) to a layer's adapter, and to the head.

    The embedding of a language is ``e_0 + known (F P + δ)``: that of no language in particular,
    what its features F say, and what has been learnt of it. At first nothing is generated: the
    last layers are 0 [1]_, so every language has the same model.

    Parameters
    ----------
    n_languages : int
        Row 0 of the table stands for no language in particular, as for those not known.
    n_layers, width : int
        Of the adapters.
    n_heads : int
        Basis heads that a language's head is mixed of.
    n_dimensions : int
        Of the embeddings.
    features : Tensor of shape (n_languages, n_language_features), optional
        Standardised; 0 where nothing is said.
    learnt : bool Tensor of shape (n_languages,), optional
        The languages that training has rows of; by default all. Of the others there is nothing
        but what their features say.

    References
    ----------
    .. [1] Chang, Flokas & Lipson (2020). Principled weight initialization for hypernetworks. ICLR.
    """

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

    def get_config(self) -> dict[str, int]:
        """Return the sizes that `from_config` needs."""
        n_rows, n_language_features = self.features.shape
        return {
            "n_languages": n_rows - 1,
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

    def embed(self, languages: torch.Tensor) -> torch.Tensor:
        """The embeddings of languages, shape (n_languages, n_dimensions)."""
        own = self.features[languages] @ self.place.T + self.delta[languages]
        return self.agnostic + own * self.known[languages].unsqueeze(1)

    def forward(self, embeddings: torch.Tensor) -> Generated:
        """What is generated for each embedding."""
        n_languages = len(embeddings)
        units = self.trunk(
            torch.cat(
                [
                    embeddings.unsqueeze(1).expand(-1, self.n_layers + 1, -1),
                    self.layer.expand(n_languages, -1, -1),
                ],
                dim=2,
            )
        )
        layers, head = units[:, :-1], units[:, -1]
        log_alpha = self.gate(layers)
        gate = gates.draw(log_alpha) if self.training else gates.harden(log_alpha)
        cores = self.core(layers).view(n_languages, self.n_layers, self.width, self.width)
        cores = gate.unsqueeze(3) * cores * gate.unsqueeze(2)
        return Generated(cores, self.head(head), gates.probability_open(log_alpha))

    @torch.no_grad()
    def grow(self, n_languages: int) -> None:
        """Make room for more languages, which are not known as yet."""
        n_new = n_languages + 1 - len(self.known)
        if n_new > 0:
            self.delta = nn.Parameter(_with_rows(self.delta, n_new))
            self.features = _with_rows(self.features, n_new)
            self.known = _with_rows(self.known, n_new)

    def get_language(self, row: int) -> tuple[torch.Tensor, bool]:
        """What has been learnt of a language, and whether it is known."""
        return self.delta[row].detach().cpu().clone(), bool(self.known[row])

    @torch.no_grad()
    def set_language(self, row: int, embedding: torch.Tensor) -> None:
        """Give a language an embedding."""
        self.delta[row] = embedding - self.agnostic - self.place @ self.features[row]
        self.known[row] = True

    @torch.no_grad()
    def restore(self, row: int, delta: torch.Tensor, known: bool) -> None:
        """The inverse of `get_language`."""
        self.delta[row] = delta
        self.known[row] = known


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    return layer


def _with_rows(table: torch.Tensor, n_new: int) -> torch.Tensor:
    return torch.cat([table, table.new_zeros(n_new, *table.shape[1:])])
