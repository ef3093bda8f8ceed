"""Hard concrete gates: relaxed in training, closed exactly or open afterwards [1]_.

A gate is ``clamp(s (ζ − γ) + γ, 0, 1)``. In training s is drawn from a concrete distribution;
afterwards it is the location of that distribution. The probability that a gate is exactly 0 can
be differentiated.

References
----------
.. [1] Louizos, Welling & Kingma (2018). Learning sparse neural networks through L0 regularization.
   ICLR.
"""

from __future__ import annotations

import math

import torch

TEMPERATURE, LOWEST, HIGHEST = 2 / 3, -0.1, 1.1
"""The constants β, γ and ζ of Louizos et al. (2018)."""


def draw(log_alpha: torch.Tensor) -> torch.Tensor:
    """Draw gates from 0 to 1, as in training."""
    u = torch.rand_like(log_alpha).clamp(1e-6, 1 - 1e-6)
    return _stretch(torch.sigmoid((torch.logit(u) + log_alpha) / TEMPERATURE))


def harden(log_alpha: torch.Tensor) -> torch.Tensor:
    """Return the gates after training. Those at exactly 0 are closed."""
    return _stretch(torch.sigmoid(log_alpha))


def probability_open(log_alpha: torch.Tensor) -> torch.Tensor:
    """Return the probability that a gate in training is not exactly 0."""
    return torch.sigmoid(log_alpha - TEMPERATURE * math.log(-LOWEST / HIGHEST))


def _stretch(s: torch.Tensor) -> torch.Tensor:
    """Stretch samples of a concrete distribution, so that 0 and 1 are reached, and clamp them."""
    return (s * (HIGHEST - LOWEST) + LOWEST).clamp(0, 1)
