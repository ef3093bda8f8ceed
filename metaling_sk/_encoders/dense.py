"""Dense modules of sentence-transformers: a linear layer and its activation on pooled vectors."""

from __future__ import annotations

import torch
from torch import nn

ACTIVATIONS = ("GELU", "Identity", "ReLU", "SiLU", "Sigmoid", "Tanh")
"""Activations, by their names in `torch.nn`."""


class Dense(nn.Module):
    """A linear layer and its activation.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Size of the vectors before and after it.
    has_bias : bool
        Whether the linear layer has a bias.
    activation : str
        One of `ACTIVATIONS`.
    """

    def __init__(self, n_inputs: int, n_outputs: int, has_bias: bool, activation: str):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"{activation!r} is not one of the activations {ACTIVATIONS}")
        self.linear = nn.Linear(n_inputs, n_outputs, bias=has_bias)
        self.activation = activation
        self._activate = getattr(nn, activation)()

    @classmethod
    def from_weights(
        cls, weights: dict[str, torch.Tensor], activation: str, prefix: str = ""
    ) -> Dense:
        """Make a module of the shape of its weights, which are not loaded.

        Parameters
        ----------
        weights : dict of str to Tensor
            Weights by their names.
        activation : str
            One of `ACTIVATIONS`.
        prefix : str, default=""
            What stands before the names of the weights of this module.

        Raises
        ------
        KeyError, ValueError
            If there are no such weights, or there is no such activation.
        """
        n_outputs, n_inputs = weights[f"{prefix}linear.weight"].shape
        return cls(n_inputs, n_outputs, f"{prefix}linear.bias" in weights, activation)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Compute the new vectors in float32, whatever the precision of the weights is."""
        return self._activate(self.linear(vectors.to(self.linear.weight.dtype))).float()
