"""Bottleneck adapters: small layers that are added to the layers of an encoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Adapters(nn.Module):
    """One adapter per layer, ``h + up(gelu(down(h)))`` [1]_.

    ``up`` is 0 at the start, so the encoder then computes the same as without adapters.

    Parameters
    ----------
    n_layers : int
        Number of layers of the encoder.
    n_features : int
        Size of the output of a layer.
    width : int
        Number of units in each adapter.

    References
    ----------
    .. [1] Houlsby et al. (2019). Parameter-efficient transfer learning for NLP. ICML.
    """

    def __init__(self, n_layers: int, n_features: int, width: int):
        super().__init__()
        self.down = nn.Parameter(torch.randn(n_layers, width, n_features) / n_features**0.5)
        self.up = nn.Parameter(torch.zeros(n_layers, n_features, width))

    def forward(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """Apply the adapter of a layer to the output of that layer.

        Parameters
        ----------
        layer : int
            Index of the layer, from 0.
        hidden : Tensor of shape (..., n_features)
            The output of the layer.

        Returns
        -------
        Tensor of shape (..., n_features)
        """
        units = F.gelu(F.linear(hidden, self.down[layer]))
        return hidden + F.linear(units, self.up[layer])
