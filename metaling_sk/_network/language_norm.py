"""Representations are centred by the mean of their own language."""

from __future__ import annotations

import torch
from torch import nn

MOMENTUM = 0.1
"""Weight of a new batch in the running means."""

MIN_ROWS = 2
"""Rows of a language that a batch must have to count in its mean."""


class LanguageNorm(nn.Module):
    """Subtract from each row the running mean of its language.

    As in domain-specific batch normalisation [1]_, every language has statistics of its own.
    They are running means in training, too, so that no row's output depends on the rest of its
    batch; the scale is left to the encoder, which is being trained.

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
        self.register_buffer("seen", torch.zeros(n_languages + 1, dtype=torch.bool))

    @classmethod
    def from_weights(cls, weights: dict[str, torch.Tensor], prefix: str) -> LanguageNorm | None:
        """Make a norm of the shape of its weights in a network; None where there are none."""
        mean = weights.get(f"{prefix}mean")
        if mean is None:
            return None
        n_rows, n_features = mean.shape
        return cls(n_rows - 1, n_features)

    def forward(self, features: torch.Tensor, language: torch.Tensor) -> torch.Tensor:
        if self.training:
            self._update(features.detach(), language)
        return features - self.mean[language * self.seen[language]]

    @torch.no_grad()
    def _update(self, features: torch.Tensor, language: torch.Tensor) -> None:
        for row in {0, *language.tolist()}:
            members = features if row == 0 else features[language == row]
            if len(members) >= MIN_ROWS:
                self.mean[row].lerp_(members.mean(dim=0), MOMENTUM if self.seen[row] else 1.0)
                self.seen[row] = True

    @torch.no_grad()
    def grow(self, n_languages: int) -> None:
        """Make room for more languages, as yet without a mean of their own."""
        n_new = n_languages + 1 - len(self.mean)
        if n_new > 0:
            self.mean = torch.cat([self.mean, self.mean[:1].expand(n_new, -1)])
            self.seen = torch.cat([self.seen, self.seen.new_zeros(n_new)])

    @torch.no_grad()
    def set_language(self, row: int, features: torch.Tensor) -> None:
        """Give a language the mean of these rows."""
        self.mean[row] = features.mean(dim=0)
        self.seen[row] = True

    @torch.no_grad()
    def forget(self, row: int) -> None:
        """Take the mean of a language away."""
        self.mean[row] = self.mean[0]
        self.seen[row] = False
