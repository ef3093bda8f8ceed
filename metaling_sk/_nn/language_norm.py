"""Representations are centred and scaled by the statistics of their own language."""

from __future__ import annotations

import torch
from torch import nn

MOMENTUM = 0.1
"""Weight of a new batch in the running statistics."""

SMALLEST_SCALE = 1e-3


class LanguageNorm(nn.Module):
    """Centre and scale each row with the running mean and standard deviation of its language.

    A domain-specific batch normalisation [1]_ whose output for a row never depends on the rest
    of the batch: in training, too, it uses the running statistics.

    Parameters
    ----------
    n_languages : int
        Row 0 of the table stands for all languages together; it serves rows of languages that
        have not been seen.
    n_features : int

    References
    ----------
    .. [1] Chang et al. (2019). Domain-specific batch normalization for unsupervised domain
       adaptation. CVPR.
    """

    def __init__(self, n_languages: int, n_features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_languages + 1, n_features))
        self.register_buffer("scale", torch.ones(n_languages + 1, n_features))
        self.register_buffer("seen", torch.zeros(n_languages + 1, dtype=torch.bool))

    def forward(self, features: torch.Tensor, language: torch.Tensor) -> torch.Tensor:
        if self.training:
            self._update(features.detach(), language)
        row = language * self.seen[language]
        return (features - self.mean[row]) / self.scale[row]

    @torch.no_grad()
    def _update(self, features: torch.Tensor, language: torch.Tensor) -> None:
        for row in {0, *language.tolist()}:
            members = features if row == 0 else features[language == row]
            if len(members) > 1:
                weight = MOMENTUM if self.seen[row] else 1.0
                self.mean[row].lerp_(members.mean(dim=0), weight)
                self.scale[row].lerp_(members.std(dim=0).clamp_min(SMALLEST_SCALE), weight)
                self.seen[row] = True

    @torch.no_grad()
    def grow(self, n_languages: int) -> None:
        """Make room for more languages, as yet without statistics of their own."""
        n_new = n_languages + 1 - len(self.mean)
        if n_new > 0:
            self.mean = torch.cat([self.mean, self.mean[:1].expand(n_new, -1)])
            self.scale = torch.cat([self.scale, self.scale[:1].expand(n_new, -1)])
            self.seen = torch.cat([self.seen, self.seen.new_zeros(n_new)])

    @torch.no_grad()
    def set_language(self, row: int, features: torch.Tensor) -> None:
        """Give a language the statistics of these rows."""
        self.mean[row] = features.mean(dim=0)
        self.scale[row] = features.std(dim=0).clamp_min(SMALLEST_SCALE)
        self.seen[row] = True
