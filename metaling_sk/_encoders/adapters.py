"""Bottleneck adapters: small layers that are added to those of an encoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Adapters(nn.Module):
    """One adapter per layer, ``h + up(gelu(down(h)))`` (Houlsby et al., 2019).

    The encoder computes at first what it computes without them.

    Parameters
    ----------
    n_layers, n_features : int
    width : int
        Units of each adapter.

    References
    ----------
    .. [1] Houlsby et al. (2019). Parameter-efficient transfer learning for NLP. ICML.
    """

    def __init__(self, n_layers: int, n_features: int, width: int):
        super().__init__()
        self.down = nn.Parameter(torch.randn(n_layers, width, n_features) / n_features**0.5)
        self.up = nn.Parameter(torch.zeros(n_layers, n_features, width))

    def forward(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """What the output of a layer becomes."""
        units = F.gelu(F.linear(hidden, self.down[layer]))
        return hidden + F.linear(units, self.up[layer])
