"""Representations are centred and scaled by the statistics of their own language."""

from __future__ import annotations

import torch
from torch import nn

MOMENTUM = 0.1
"""Weight of a new batch in the running statistics."""

MIN_ROWS = 8
"""Rows of a language that a training batch must have to be centred and scaled by itself."""

EPSILON = 1e-2


class LanguageNorm(nn.Module):
    """Centre and scale each row with the mean and standard deviation of its language.

    Domain-specific batch normalisation [1]_: in training by the rows of the same language in the
    batch, in prediction by running averages of their statistics, so that a prediction does not
    depend on the other rows.

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
        row = language * self.seen[language]
        mean, scale = self.mean[row], self.scale[row]
        if self.training:
            mean, scale = mean.clone(), scale.clone()
            for code in set(language.tolist()):
                members = language == code
                part = features[members]
                if len(part) >= MIN_ROWS:
                    mean[members], scale[members] = part.mean(dim=0), part.std(dim=0)
                    self._average(code, part.detach())
            if len(features) >= MIN_ROWS:
                self._average(0, features.detach())
        return (features - mean) / (scale + EPSILON)

    @torch.no_grad()
    def _average(self, row: int, features: torch.Tensor) -> None:
        weight = MOMENTUM if self.seen[row] else 1.0
        self.mean[row].lerp_(features.mean(dim=0), weight)
        self.scale[row].lerp_(features.std(dim=0), weight)
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
        self.scale[row] = features.std(dim=0)
        self.seen[row] = True
