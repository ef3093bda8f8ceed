"""The models of all languages on fixed inputs: solved for instead of trained.

On fixed inputs every part has a convex objective: the head of all languages, the offset of each
language from it, and the factors that the offsets share [1]_. What is not known beforehand, the
penalties and the number of factors of each language, is chosen by cross-validation.

References
----------
.. [1] Ando & Zhang (2005). A framework for learning predictive structures from multiple tasks and
   unlabeled data. JMLR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax

from metaling_sk._utils.progress import Progress
from metaling_sk.meta_net._residual_head import ResidualHead, ResidualHeadProblem, inner_products

N_FOLDS = 3
"""Number of folds of the cross-validation."""

N_STEPS = 6
"""Number of steps on the progress bar."""

MAX_SAMPLES = 2000
"""Largest number of samples of a language in the cross-validation."""

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""L2 penalties to choose from, in units of the mean squared norm of the samples."""

PENALTY, SHARE = 1.0, 0.25
"""Where the choice starts."""

HEAD_PENALTY, HEAD_PENALTY_SPARSE = 1.0, 0.3
"""L2 penalty of the model of all languages, on dense and on sparse features.

They are not chosen by cross-validation: where the samples of a language are translations of those
of others, in another order, that would choose too little of it.
"""

SHARES = (0.0, 0.25, 0.5, 1.0)
"""Factors of the generated logits to choose from.

They are too sure of the samples that they were fitted to, so that less than 1 may be better.
"""

TEMPERATURES = np.geomspace(0.125, 8, 13)
"""Temperatures to choose from."""

N_ERRORS = 2.0
"""Number of standard errors from which on a difference of losses counts."""

MAX_FACTORS = 8
"""Largest number of factors."""


@dataclass(frozen=True)
class LabelledFeatures:
    """Labelled samples with fixed features.

    Attributes
    ----------
    features : ndarray or CSR array, shape (n_samples, n_features)
    y : ndarray of int, shape (n_samples,)
        Class indices.
    language_index : ndarray of int, shape (n_samples,)
    n_classes : int
    weight : ndarray of shape (n_samples,)
    products : ndarray of shape (n_samples, n_samples) or None
        Inner products, where they are known.
    """

    features: np.ndarray | sparse.csr_array
    y: np.ndarray
    language_index: np.ndarray
    n_classes: int
    weight: np.ndarray
    products: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def targets(self) -> np.ndarray:
        """1 for the class of each sample, shape (n_samples, n_classes)."""
        return np.eye(self.n_classes)[self.y]

    @cached_property
    def members(self) -> dict[int, np.ndarray]:
        """The indices of the samples of each language."""
        return {
            int(index): np.flatnonzero(self.language_index == index)
            for index in np.unique(self.language_index)
        }

    def take(self, indices: np.ndarray) -> LabelledFeatures:
        """The samples at the given indices."""
        return LabelledFeatures(
            self.features[indices],
            self.y[indices],
            self.language_index[indices],
            self.n_classes,
            self.weight[indices],
            None if self.products is None else self.products[np.ix_(indices, indices)],
        )

    def with_products(self) -> LabelledFeatures:
        """The same samples with their inner products, if problems of parts of them need these."""
        n_samples, n_features = self.features.shape
        if n_samples >= n_features or n_samples > MAX_SAMPLES:
            return self
        return replace(self, products=inner_products(self.features.astype(np.float64)))

    @classmethod
    def concatenate(cls, parts: list[LabelledFeatures]) -> LabelledFeatures:
        """The samples of several parts, without their features."""
        y, language_index, weight = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("y", "language_index", "weight")
        )
        return cls(np.empty((len(y), 0)), y, language_index, parts[0].n_classes, weight)

    def problem(self, logits: np.ndarray | None = None) -> ResidualHeadProblem:
        """The problem of a linear model of all samples, on top of given logits."""
        logits = np.zeros((len(self), self.n_classes)) if logits is None else logits
        return ResidualHeadProblem(self.features, self.targets, logits, self.weight, self.products)

    def losses(self, logits: np.ndarray) -> np.ndarray:
        """The weighted log-loss of each sample."""
        return -self.weight * log_softmax(logits, axis=1)[np.arange(len(self)), self.y]

    def folds(self) -> np.ndarray:
        """The fold of each sample.

        The samples of each class and language go to the folds in turn. So a sentence and its
        translations are in the same fold where all languages have them in the same order.
        """
        fold = np.empty(len(self), dtype=int)
        for members in self.members.values():
            for label in np.unique(self.y[members]):
                same = members[self.y[members] == label]
                fold[same] = (np.arange(len(same)) + label) % N_FOLDS
        return fold

    def balanced(self) -> LabelledFeatures:
        """The same samples with weights by which each language counts the same.

        Otherwise a language with many samples would choose for those with few.
        """
        weight = self.weight.copy()
        for members in self.members.values():
            weight[members] *= len(self) / (len(self.members) * len(members))
        return replace(self, weight=weight)

    def subsample(self) -> LabelledFeatures:
        """At most `MAX_SAMPLES` of each language, evenly spread."""
        kept = [
            members[np.linspace(0, len(members) - 1, min(len(members), MAX_SAMPLES)).astype(int)]
            for members in self.members.values()
        ]
        return self.take(np.sort(np.concatenate(kept)))


@dataclass(frozen=True)
class Factors:
    """What the offsets of languages have in common: ``offset_l ≈ Σ_j e_lj B_j``.

    Attributes
    ----------
    coef : ndarray of shape (n_factors, n_classes, n_features)
    intercept : ndarray of shape (n_factors, n_classes)
    embeddings : dict of int to ndarray of shape (n_factors,)
        The e of each language, by index.
    """

    coef: np.ndarray
    intercept: np.ndarray
    embeddings: dict[int, np.ndarray]

    def logits(self, features) -> np.ndarray:
        """The logits of each factor, shape (n_samples, n_factors, n_classes)."""
        n_factors, n_classes, n_features = self.coef.shape
        products = features @ self.coef.reshape(-1, n_features).T
        return products.reshape(len(products), n_factors, n_classes) + self.intercept

    def add_up(self, samples: LabelledFeatures) -> np.ndarray:
        """The sum of the factors of the language of each sample, shape (n_samples, n_classes)."""
        logits = self.logits(samples.features)
        found = np.zeros((len(samples), samples.n_classes))
        for index, members in samples.members.items():
            if index in self.embeddings:
                found[members] = np.einsum("j,njk->nk", self.embeddings[index], logits[members])
        return found

    def gated(self, n_factors: dict[int, int]) -> Factors:
        """Keep the first factors of each language only, and drop those that no language has."""
        n_kept = min(len(self.coef), max(n_factors[index] for index in self.embeddings))
        embeddings = {
            index: np.where(np.arange(n_kept) < n_factors[index], embedding[:n_kept], 0.0)
            for index, embedding in self.embeddings.items()
        }
        return Factors(self.coef[:n_kept], self.intercept[:n_kept], embeddings)


@dataclass(frozen=True)
class Choices:
    """What is chosen by cross-validation.

    Attributes
    ----------
    offset_penalty : float
        Penalty of the offsets that are factored.
    n_factors : dict of int to int
        The number of factors of each language, by index.
    share, penalty : float
        Of the residual heads, on top of what is generated.
    """

    offset_penalty: float
    n_factors: dict[int, int]
    share: float
    penalty: float


@dataclass(frozen=True)
class Solution:
    """The models of all languages.

    Attributes
    ----------
    head : ResidualHead
        The model of all languages together.
    factors : Factors
        What is added to it for each language.
    choices : Choices
    """

    head: ResidualHead
    factors: Factors
    choices: Choices


class _Split:
    """A fold that is held out, and the models of the other folds.

    `problems`, those of the languages in the other folds, are to be filled.
    """

    def __init__(self, train: LabelledFeatures, test: LabelledFeatures):
        self.train, self.test = train, test
        self.train_logits, self.test_logits = (
            np.zeros((len(x), x.n_classes)) for x in (train, test)
        )
        self.problems: dict[int, ResidualHeadProblem] = {}

    def set_logits(self, train_logits: np.ndarray, test_logits: np.ndarray) -> None:
        """Set the logits that residual heads stand on."""
        self.train_logits, self.test_logits = train_logits, test_logits
        self.problems = {
            index: problem.with_logits(train_logits[self.train.members[index]])
            for index, problem in self.problems.items()
        }

    def fit_head(self, penalty: float) -> None:
        """Set the logits to those of a model of all languages."""
        head = self.train.problem().fit(penalty)
        self.set_logits(*(_apply(head, x.features) for x in (self.train, self.test)))

    def residual_logits(self, share: float, penalty: float) -> np.ndarray:
        """The logits of the test samples with residual heads."""
        logits = self.test_logits.copy()
        for index, members in self.test.members.items():
            if index in self.problems:
                residual_head = self.problems[index].fit(penalty, share)
                features = self.test.features[members]
                logits[members] = residual_head.apply(logits[members], features)
        return logits

    def fit_factors(self, penalty: float) -> None:
        """Factor the offsets of the languages from the logits."""
        self.factors = factor({index: p.fit(penalty) for index, p in self.problems.items()})

    def factor_logits(self) -> np.ndarray:
        """The logits with each number of factors, shape (n_samples, 1 + MAX_FACTORS, n_classes)."""
        added = np.zeros((len(self.test), 1 + MAX_FACTORS, self.test.n_classes))
        products = self.factors.logits(self.test.features)
        for index, members in self.test.members.items():
            for number, weight in enumerate(self.factors.embeddings.get(index, ())):
                added[members, number + 1 :] += weight * products[members, number, None]
        return self.test_logits[:, None] + added

    def add_factors(self, n_factors: dict[int, int]) -> None:
        """Add the factors of each language to the logits."""
        factors = self.factors.gated({index: n_factors[index] for index in self.factors.embeddings})
        self.set_logits(
            self.train_logits + factors.add_up(self.train),
            self.test_logits + factors.add_up(self.test),
        )


def solve(samples: LabelledFeatures, progress: Progress) -> Solution:
    """Solve for the models of all languages.

    Parameters
    ----------
    samples : LabelledFeatures
    progress : Progress
        Shows how many steps are done.
    """
    progress.start("solve", N_STEPS)
    choices = choose(samples.subsample(), progress)
    head = samples.problem().fit(head_penalty(samples))
    logits = _apply(head, samples.features)
    offsets = {
        index: samples.take(members).problem(logits[members]).fit(choices.offset_penalty)
        for index, members in samples.members.items()
    }
    progress.advance()
    return Solution(head, factor(offsets).gated(choices.n_factors), choices)


def split(samples: LabelledFeatures) -> list[_Split]:
    """Split samples into folds, each of which is held out once."""
    fold = samples.folds()
    numbers = [number for number in range(N_FOLDS) if 0 < (fold == number).sum() < len(fold)]
    splits = [
        _Split(samples.take(np.flatnonzero(fold != n)), samples.take(np.flatnonzero(fold == n)))
        for n in numbers
    ]
    for index, members in samples.members.items():
        part = samples.take(members).with_products()
        for number, each in zip(numbers, splits, strict=True):
            train = np.flatnonzero(fold[members] != number)
            if len(train):
                each.problems[index] = part.take(train).problem()
    return splits


def choose(samples: LabelledFeatures, progress: Progress) -> Choices:
    """Choose the penalties and the number of factors of each language by cross-validation."""
    splits = split(samples)
    none = dict.fromkeys(samples.members, 0)
    if not splits:
        return Choices(PENALTY, none, 1.0, PENALTY)
    tested = LabelledFeatures.concatenate([each.test for each in splits]).balanced()

    def loss(share: float, penalty: float) -> float:
        logits = np.concatenate([each.residual_logits(share, penalty) for each in splits])
        return tempered_losses(tested, logits).sum()

    for each in splits:
        each.fit_head(head_penalty(samples))
    progress.advance()
    offset_penalty = climb(PENALTIES, PENALTY, lambda penalty: loss(1.0, penalty))
    progress.advance()
    for each in splits:
        each.fit_factors(offset_penalty)
    logits = np.concatenate([each.factor_logits() for each in splits])
    losses = [tempered_losses(tested, logits[:, number]) for number in range(logits.shape[1])]
    n_factors = none | {
        index: n_factors_of(np.stack(losses, axis=1)[members])
        for index, members in tested.members.items()
    }
    if any(n_factors.values()):
        for each in splits:
            each.add_factors(n_factors)
    progress.advance()
    penalty = climb(PENALTIES, PENALTY, lambda penalty: loss(SHARE, penalty))
    progress.advance()
    share = climb(SHARES, SHARE, lambda share: loss(share, penalty))
    penalty = climb(PENALTIES, penalty, lambda penalty: loss(share, penalty))
    progress.advance()
    return Choices(offset_penalty, n_factors, share, penalty)


def head_penalty(samples: LabelledFeatures) -> float:
    """The penalty of the model of all languages."""
    return HEAD_PENALTY_SPARSE if sparse.issparse(samples.features) else HEAD_PENALTY


def tempered_losses(samples: LabelledFeatures, logits: np.ndarray) -> np.ndarray:
    """The loss of each sample, after the logits are divided by the best temperature.

    Otherwise what is chosen would depend on how sure the predictions are, not on whether they are
    right.
    """
    return min((samples.losses(logits / t) for t in TEMPERATURES), key=np.sum)


def factor(offsets: dict[int, ResidualHead]) -> Factors:
    """Factor the offsets of languages: the first factors leave the least squares.

    The embeddings have a mean square of 1.

    Parameters
    ----------
    offsets : dict of int to ResidualHead
        The offset of each language, by index.
    """
    heads = list(offsets.values())
    rows = [sparse.csr_array(head.coef.reshape((1, -1))) for head in heads]
    coef = sparse.vstack(rows, format="csr")
    intercept = np.array([head.intercept for head in heads])
    values, vectors = np.linalg.eigh((coef @ coef.T).toarray() + intercept @ intercept.T)
    kept = np.flatnonzero(values > values[-1] * 1e-9)[::-1][:MAX_FACTORS]
    vectors = vectors[:, kept]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(kept))])
    scale = np.sqrt(len(heads))
    shape = (len(kept), *heads[0].coef.shape)
    return Factors(
        (vectors.T @ coef / scale).reshape(shape),
        vectors.T @ intercept / scale,
        dict(zip(offsets, vectors * scale, strict=True)),
    )


def n_factors_of(losses: np.ndarray) -> int:
    """Return the least number of factors that is not surely worse than the best number.

    Parameters
    ----------
    losses : ndarray of shape (n_samples, n_numbers)
        The loss of each sample with 0, 1, ... factors.
    """
    best = losses[:, losses.mean(axis=0).argmin()]
    excess = losses - best[:, None]
    error = excess.std(axis=0) / np.sqrt(len(losses))
    return int(np.flatnonzero(excess.mean(axis=0) <= N_ERRORS * error)[0])


def climb(grid: tuple[float, ...], start: float, loss: Callable[[float], float]) -> float:
    """Return the value of a grid that has the least loss, found from neighbour to neighbour."""
    losses: dict[int, float] = {}

    def at(position: int) -> float:
        if position not in losses:
            losses[position] = loss(grid[position])
        return losses[position]

    position = grid.index(start)
    while True:
        near = range(max(position - 1, 0), min(position + 2, len(grid)))
        best = min(near, key=at)
        if at(best) >= at(position):
            return grid[position]
        position = best


def place(
    logits: np.ndarray, factor_logits: np.ndarray, targets: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Place a new language among the others by its labelled samples.

    The embedding e minimises ``Σ_i w_i L(logits_i + Σ_j e_j B_ij, t_i) + ‖e‖² / 2``: before a
    label is known, e is normally distributed with a variance of 1, as the embeddings of the others
    are.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Of the model of all languages.
    factor_logits : ndarray of shape (n_samples, n_factors, n_classes)
        B.
    targets : ndarray of shape (n_samples, n_classes)
        Probabilities t of the classes.
    weight : ndarray of shape (n_samples,)
        w.

    Returns
    -------
    ndarray of shape (n_factors,)
    """

    def loss(embedding):
        log_p = log_softmax(logits + np.einsum("j,njk->nk", embedding, factor_logits), axis=1)
        error = weight[:, None] * (np.exp(log_p) - targets)
        value = -(weight[:, None] * targets * log_p).sum() + (embedding**2).sum() / 2
        return value, np.einsum("nk,njk->j", error, factor_logits) + embedding

    return minimize(loss, np.zeros(factor_logits.shape[1]), jac=True, method="L-BFGS-B").x


def _apply(head: ResidualHead, features) -> np.ndarray:
    return head.apply(np.zeros((features.shape[0], len(head.intercept))), features)
