"""Gates that are relaxed in training and open or closed afterwards: hard concrete.

A gate is ``clamp(s (ζ − γ) + γ, 0, 1)``, where s is drawn from a concrete distribution in training
and is its location afterwards (Louizos et al., 2018, whose constants these are). Exact zeros have
a probability that can be differentiated.

References
----------
.. [1] Louizos, Welling & Kingma (2018). Learning sparse neural networks through L0 regularization.
   ICLR.
"""

from __future__ import annotations

import math

import torch

TEMPERATURE, LOWEST, HIGHEST = 2 / 3, -0.1, 1.1
"""β, γ and ζ."""


def draw(log_alpha: torch.Tensor) -> torch.Tensor:
    """Gates as they are in training, from 0 to 1."""
    u = torch.rand_like(log_alpha).clamp(1e-6, 1 - 1e-6)
    return _stretched(torch.sigmoid((torch.logit(u) + log_alpha) / TEMPERATURE))


def harden(log_alpha: torch.Tensor) -> torch.Tensor:
    """Gates as they are after training: those at exactly 0 are closed."""
    return _stretched(torch.sigmoid(log_alpha))


def probability_open(log_alpha: torch.Tensor) -> torch.Tensor:
    """How probable it is in training that a gate is not exactly 0."""
    return torch.sigmoid(log_alpha - TEMPERATURE * math.log(-LOWEST / HIGHEST))


def _stretched(s: torch.Tensor) -> torch.Tensor:
    return (s * (HIGHEST - LOWEST) + LOWEST).clamp(0, 1)
