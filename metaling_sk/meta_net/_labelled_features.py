"""Labelled samples with fixed features, and the model of all languages that they give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import entropy

from metaling_sk._data.features import has_vectors_beside
from metaling_sk._data.languages import positions_by_language
from metaling_sk._data.strata import position_in_language
from metaling_sk.meta_net._linear_loss import LOG_LOSS, LinearLoss
from metaling_sk.meta_net._residual_head import (
    ResidualHead,
    ResidualHeadProblem,
    inner_products,
    is_wide,
)

N_FOLDS = 3
"""Number of folds of the cross-validation."""

MAX_SAMPLES = 2000
"""Largest number of samples of a language in the cross-validation."""


@dataclass(frozen=True)
class LabelledFeatures:
    """Labelled samples with fixed features.

    Attributes
    ----------
    features : ndarray or CSR array, shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Class indices, standardised numbers, or indicators of labels.
    language_index : ndarray of int, shape (n_samples,)
    n_outputs : int
    weight : ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
    products : ndarray of shape (n_samples, n_samples) or None
        Inner products, where they are known.
    loss : LinearLoss, default=LOG_LOSS
    position : ndarray of int, shape (n_samples,), or None
        Of each sample among all of its language, labelled or not; None where all are labelled.
    """

    features: np.ndarray | sparse.csr_array
    y: np.ndarray
    language_index: np.ndarray
    n_outputs: int
    weight: np.ndarray
    products: np.ndarray | None = None
    loss: LinearLoss = LOG_LOSS
    position: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def targets(self) -> np.ndarray:
        """What the outputs should be for each sample, shape (n_samples, n_outputs)."""
        return self.loss.targets(self.y, self.n_outputs)

    @cached_property
    def members(self) -> dict[int, np.ndarray]:
        """The indices of the samples of each language."""
        return positions_by_language(self.language_index)

    def take(self, indices: np.ndarray) -> LabelledFeatures:
        """The samples at the given indices."""
        return replace(
            self,
            features=self.features[indices],
            y=self.y[indices],
            language_index=self.language_index[indices],
            weight=self.weight[indices],
            products=None if self.products is None else self.products[np.ix_(indices, indices)],
            position=None if self.position is None else self.position[indices],
        )

    def with_products(self) -> LabelledFeatures:
        """The same samples with their inner products, if problems of parts of them need these."""
        if not is_wide(self.features):
            return self
        return replace(self, products=inner_products(self.features.astype(np.float64)))

    @classmethod
    def concatenate(cls, parts: list[LabelledFeatures]) -> LabelledFeatures:
        """The samples of several parts, without their features."""
        y, language_index, weight = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("y", "language_index", "weight")
        )
        features = np.empty((len(y), 0))
        return replace(
            parts[0],
            features=features,
            y=y,
            language_index=language_index,
            weight=weight,
            products=None,
            position=None,
        )

    @cached_property
    def spread(self) -> np.ndarray:
        """The share of the languages that each feature is spread over, shape (n_features,).

        Of its mean squares in the languages, as shares p of their sum, it is the exponential of
        their entropy, ``exp(-Σ p log p)``, divided by the number of languages.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # `problem` refuses such values.
            squares: Any = self.features**2
            means = [squares[members].mean(axis=0) for members in self.members.values()]
            return _evenness(np.maximum(means, np.finfo(float).tiny))

    @property
    def scale(self) -> np.ndarray:
        """Factors of the features in the model of all languages, shape (n_features,).

        Where one language has most of the samples, its n-grams would explain most labels, and
        little would be learnt from the vectors beside them, which it shares with the others. So in
        a union of both, features are scaled by a power of their spread: 0 if languages have as many
        samples, and almost 1 if one has nearly all. Of n-grams alone that would prefer the
        shortest, which all languages have and which say least.
        """
        if self.evenness == 1:
            return np.ones(self.features.shape[1])
        return self.spread ** (1 - self.evenness)

    @cached_property
    def evenness(self) -> float:
        """That of the numbers of samples of the languages in a union of both, and else 1."""
        if not has_vectors_beside(self.features):
            return 1.0
        return float(_evenness(np.array([len(x) for x in self.members.values()])))

    @property
    def head_penalties(self) -> tuple[float, ...]:
        """The L2 penalties of the model of all languages to choose from."""
        if not sparse.issparse(self.features):
            return self.loss.head_penalties
        return self.loss.sparse_head_penalties(len(self), self.n_outputs, self.evenness)

    def fit_heads(self, penalties: tuple[float, ...]) -> list[ResidualHead]:
        """Fit the model of all languages, with each of several penalties."""
        scale = sparse.diags_array(self.scale)
        features: Any = self.features @ scale
        problem = replace(self, features=features, products=None).problem()
        heads: list[Any] = [problem.fit(penalty) for penalty in penalties]
        return [replace(head, coef=head.coef @ scale) for head in heads]

    def fit_head(self, penalty: float) -> ResidualHead:
        """Fit the model of all languages."""
        return self.fit_heads((penalty,))[0]

    def problem(self, logits: np.ndarray | None = None) -> ResidualHeadProblem:
        """The problem of a linear model of all samples, on top of given logits."""
        logits = np.zeros((len(self), self.n_outputs)) if logits is None else logits
        return ResidualHeadProblem(
            self.features, self.targets, logits, self.weight, self.products, self.loss
        )

    def logits(self, head: ResidualHead) -> np.ndarray:
        """The logits of a linear model, shape (n_samples, n_outputs)."""
        return head.apply(np.zeros((len(self), self.n_outputs)), self.features)

    def losses(self, logits: np.ndarray) -> np.ndarray:
        """The weighted loss of each sample."""
        return (self.weight * self.loss.losses(logits, self.y)).sum(axis=1)

    def folds(self) -> np.ndarray:
        """The fold of each sample.

        Of each `N_FOLDS` samples of a language that follow each other, one goes to each fold, drawn
        without regard to the labels: if every fold had the same share of each class, the shares of
        few samples, which are random, would predict the samples that are held out. All languages
        have the same draws. So a sentence and its translations are in the same fold where all
        languages have them in the same order.
        """
        position = self.position
        if position is None:
            position = position_in_language(self.language_index)
        n_draws = position.max() // N_FOLDS + 1
        draws = np.random.RandomState(0).rand(n_draws, N_FOLDS).argsort(axis=1)
        return draws.ravel()[position]

    def balanced(self, size: float | None = None) -> LabelledFeatures:
        """The same samples with weights by which each language counts the same.

        Otherwise a language with many samples would choose for those with few.

        Parameters
        ----------
        size : float, optional
            A number of samples. A language with k times as many or as few counts 1 / k.
        """
        weight = self.weight.copy()
        for members in self.members.values():
            ratio = 1.0 if size is None else min(size, len(members)) / max(size, len(members))
            weight[members] *= ratio * len(self) / (len(self.members) * len(members))
        return replace(self, weight=weight)

    def subsample(self) -> LabelledFeatures:
        """At most `MAX_SAMPLES` of each language, evenly spread."""
        kept = [
            members[np.linspace(0, len(members) - 1, min(len(members), MAX_SAMPLES)).astype(int)]
            for members in self.members.values()
        ]
        return self.take(np.sort(np.concatenate(kept)))


def _evenness(amounts: np.ndarray) -> np.ndarray:
    """The exponential of the entropy of amounts, divided by their number: 1 if they are equal."""
    return np.exp(entropy(amounts)) / len(amounts)
