"""Representations that are centred by the mean of their language."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

MOMENTUM = 0.1
"""Weight of a new batch in the running means."""

MIN_SAMPLES = 2
"""Least number of samples of a language in a batch that counts in the mean of the language."""


class LanguageNorm(nn.Module):
    """Subtract from the vector of each sample the running mean of its language.

    As in domain-specific batch normalisation [1]_, every language has statistics of its own.
    Running means are used in training as well, so that the output for a sample does not depend on
    the other samples of its batch. The scale is left to the encoder, which is trained.

    Parameters
    ----------
    n_languages : int
        Number of languages, which have the indices from 1. Index 0 is the mean over all
        languages; it serves languages that have no mean of their own.
    n_features : int
        Size of a vector.

    Attributes
    ----------
    mean : Tensor of shape (n_languages + 1, n_features)
        The running means.
    seen : bool Tensor of shape (n_languages + 1,)
        The languages that have a mean of their own.

    References
    ----------
    .. [1] Chang et al. (2019). Domain-specific batch normalization for unsupervised domain
       adaptation. CVPR.
    """

    mean: torch.Tensor
    seen: torch.Tensor

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
        n_indices, n_features = mean.shape
        return cls(n_indices - 1, n_features)

    def forward(self, features: torch.Tensor, language_index: torch.Tensor) -> torch.Tensor:
        """Centre the vectors of a batch; in training, update the means first.

        Parameters
        ----------
        features : Tensor of shape (n_samples, n_features)
        language_index : int64 Tensor of shape (n_samples,)
        """
        if self.training:
            self._update(features.detach(), language_index)
        return features - self.mean[language_index * self.seen[language_index]]

    @torch.no_grad()
    def _update(self, features: torch.Tensor, language_index: torch.Tensor) -> None:
        """Move the mean over all languages and that of each language in the batch."""
        if features.device.type != "cpu":
            self._update_at_once(features, language_index)
            return
        for index in {0, *language_index.tolist()}:
            members = features if index == 0 else features[language_index == index]
            if len(members) >= MIN_SAMPLES:
                self.mean[index].lerp_(members.mean(dim=0), MOMENTUM if self.seen[index] else 1.0)
                self.seen[index] = True

    @torch.no_grad()
    def _update_at_once(self, features: torch.Tensor, language_index: torch.Tensor) -> None:
        """Do the same, up to rounding, without a number that the CPU waits for."""
        indices = torch.arange(len(self.mean), device=features.device).unsqueeze(1)
        is_member = ((indices == 0) | (indices == language_index)).to(features.dtype)
        counts = is_member.sum(dim=1, keepdim=True)
        means = is_member @ features / counts.clamp_min(1)
        is_moved = counts >= MIN_SAMPLES
        seen = self.seen.unsqueeze(1)
        weight = torch.where(seen, MOMENTUM, 1.0) * is_moved
        self.mean.lerp_(means.to(self.mean.dtype), weight.to(self.mean.dtype))
        self.seen.logical_or_(is_moved.squeeze(1))

    def start(self, features: np.ndarray, language_index: np.ndarray) -> np.ndarray:
        """Take the means of these vectors before training, and return the vectors centred.

        Parameters
        ----------
        features : ndarray of shape (n_samples, n_features)
        language_index : ndarray of int64, shape (n_samples,)
        """
        device = self.mean.device
        arrays = torch.from_numpy(features), torch.from_numpy(language_index)
        centred = self.train()(*(array.to(device) for array in arrays))
        self.eval()
        return centred.cpu().numpy()

    @torch.no_grad()
    def grow(self, n_languages: int) -> None:
        """Make room for more languages, which have no mean of their own."""
        n_new = n_languages + 1 - len(self.mean)
        if n_new > 0:
            self.mean = torch.cat([self.mean, self.mean[:1].expand(n_new, -1)])
            self.seen = torch.cat([self.seen, self.seen.new_zeros(n_new)])

    @torch.no_grad()
    def set_language(self, index: int, features: torch.Tensor) -> None:
        """Give a language the mean of the vectors of its samples."""
        self.mean[index] = features.mean(dim=0)
        self.seen[index] = True

    @torch.no_grad()
    def forget(self, index: int) -> None:
        """Take the mean of a language away."""
        self.mean[index] = self.mean[0]
        self.seen[index] = False
