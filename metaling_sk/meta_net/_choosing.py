"""What cannot be solved for: penalties and numbers of factors, chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from metaling_sk._utils.progress import Progress
from metaling_sk.meta_net._factors import MAX_FACTORS, factor
from metaling_sk.meta_net._labelled_features import N_FOLDS, LabelledFeatures
from metaling_sk.meta_net._residual_head import ResidualHead, ResidualHeadProblem
from metaling_sk.meta_net._residual_training import ResidualSettings

FEW_SAMPLES = 16
"""Languages with fewer samples get the residual settings for so many: fewer choose at random."""


@dataclass(frozen=True)
class Choices:
    """What is chosen by cross-validation.

    Attributes
    ----------
    head_penalty : float
        Penalty of the model of all languages.
    offset_penalty : float
        Penalty of the offsets that are factored.
    n_factors : dict of int to int
        The number of factors of each language, by index.
    residual : dict of int to ResidualSettings
        The penalty and the share of the residual head of each language, by index.
    """

    head_penalty: float
    offset_penalty: float
    n_factors: dict[int, int]
    residual: dict[int, ResidualSettings]


class _Split:
    """A fold that is held out, and the models of the other folds.

    `problems`, those of the languages in the other folds, are to be filled, and `columns`, what the
    test samples have in these problems.
    """

    def __init__(self, train: LabelledFeatures, test: LabelledFeatures):
        self.train, self.test = train, test
        self.train_logits, self.test_logits = (
            np.zeros((len(x), x.n_outputs)) for x in (train, test)
        )
        self.problems: dict[int, ResidualHeadProblem] = {}
        self.columns: dict[int, Any] = {}

    def set_logits(self, train_logits: np.ndarray, test_logits: np.ndarray) -> None:
        """Set the logits that residual heads stand on."""
        self.train_logits, self.test_logits = train_logits, test_logits
        self.problems = {
            index: problem.with_logits(train_logits[self.train.members[index]])
            for index, problem in self.problems.items()
        }

    def set_head(self, head: ResidualHead) -> None:
        """Set the logits to those of a model of all languages."""
        self.set_logits(*(x.logits(head) for x in (self.train, self.test)))

    def residual_logits(self, share: float, penalty: float, intercept_penalty: float) -> np.ndarray:
        """The logits of the test samples with residual heads."""
        logits = self.test_logits.copy()
        for index, members in self.test.members.items():
            if index in self.problems:
                solved = self.problems[index].solve(penalty, share, intercept_penalty)
                logits[members] = solved.apply(logits[members], self.columns[index])
        return logits

    def fit_factors(self, penalty: float) -> None:
        """Factor the offsets of the languages from the logits."""
        self.factors = factor({index: p.fit(penalty) for index, p in self.problems.items()})

    def factor_logits(self) -> np.ndarray:
        """The logits with each number of factors, shape (n_samples, 1 + MAX_FACTORS, n_outputs)."""
        added = np.zeros((len(self.test), 1 + MAX_FACTORS, self.test.n_outputs))
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
            train, test = (
                np.flatnonzero(x) for x in (fold[members] != number, fold[members] == number)
            )
            if len(train):
                each.problems[index] = part.take(train).problem()
                products = None if part.products is None else part.products[np.ix_(test, train)]
                each.columns[index] = each.problems[index].columns(part.features[test], products)
    return splits


def choose_head(samples: LabelledFeatures) -> ResidualHead:
    """Fit the model of all languages, with a penalty that is chosen by cross-validation."""
    splits = split(samples.subsample()) if len(samples.head_penalties) > 1 else []
    return samples.fit_head(_choose_head_penalty(samples, splits))


def choose(samples: LabelledFeatures, progress: Progress) -> Choices:
    """Choose the penalties and the number of factors of each language by cross-validation."""
    all_samples, samples = samples, samples.subsample()
    splits, loss = split(samples), samples.loss
    none = dict.fromkeys(samples.members, 0)
    head_penalty = _choose_head_penalty(all_samples, splits)
    if not splits:
        settings = ResidualSettings(loss.penalty, 1.0, loss.intercept_penalty, by_size=False)
        residual = dict.fromkeys(samples.members, settings)
        return Choices(head_penalty, loss.penalty, none, residual)
    tested = _tested(splits)
    balanced = tested.balanced()

    @cache
    def residual_logits(share: float, penalty: float, intercept_penalty: float) -> np.ndarray:
        found = [each.residual_logits(share, penalty, intercept_penalty) for each in splits]
        return np.concatenate(found)

    progress.advance()
    offset_penalty = climb(
        loss.penalties,
        loss.penalty,
        lambda penalty: tempered_losses(
            balanced, residual_logits(1.0, penalty, loss.intercept_penalty)
        ).sum(),
    )
    progress.advance()
    for each in splits:
        each.fit_factors(offset_penalty)
    logits = np.concatenate([each.factor_logits() for each in splits])
    losses = [tempered_losses(balanced, logits[:, number]) for number in range(logits.shape[1])]
    n_factors = none | {
        index: n_factors_of(np.stack(losses, axis=1)[members], loss.n_factor_errors)
        for index, members in balanced.members.items()
    }
    if any(n_factors.values()):
        for each in splits:
            each.add_factors(n_factors)
        residual_logits.cache_clear()
    progress.advance()
    # Rounded, because each size takes time.
    sizes = {
        index: round_size(max(len(members), FEW_SAMPLES))
        for index, members in samples.members.items()
    }
    settings_by_size = {
        size: choose_residual(tested.balanced(size), residual_logits)
        for size in sorted(set(sizes.values()))
    }
    progress.advance()
    residual = {index: settings_by_size[size] for index, size in sizes.items()}
    return Choices(head_penalty, offset_penalty, n_factors, residual)


def _choose_head_penalty(samples: LabelledFeatures, splits: list[_Split]) -> float:
    """Choose the penalty of the model of all languages, and set that of each split."""
    penalties, loss = samples.head_penalties, samples.loss
    if loss.n_head_errors is not None:
        penalty = _largest_alone(splits, penalties, loss.n_head_errors)
        for each in splits:
            each.set_head(each.train.fit_head(penalty))
        return penalty
    if not splits:
        return penalties[len(penalties) // 2]
    tested = _tested(splits).balanced()
    heads = [each.train.fit_heads(penalties) for each in splits]

    def total(number: int) -> float:
        pairs = zip(splits, heads, strict=True)
        logits = np.concatenate([each.test.logits(found[number]) for each, found in pairs])
        return tempered_losses(tested, logits).sum()

    best = min(range(len(penalties)), key=total)
    for each, found in zip(splits, heads, strict=True):
        each.set_head(found[best])
    return penalties[best]


def _largest_alone(splits: list[_Split], penalties: tuple[float, ...], n_errors: float) -> float:
    """Return the largest penalty that is not surely worse in models of one language each."""
    if not splits or len(penalties) == 1:
        return penalties[-1]
    tested = _tested(splits)

    @cache
    def losses(penalty: float) -> np.ndarray:
        found = [
            each.residual_logits(0.0, penalty, tested.loss.intercept_penalty) for each in splits
        ]
        return tempered_losses(tested, np.concatenate(found))

    best = min(penalties, key=lambda penalty: losses(penalty).sum())
    return largest_not_worse(penalties, best, losses, n_errors)


def _tested(splits: list[_Split]) -> LabelledFeatures:
    """All samples that are held out, without their features."""
    return LabelledFeatures.concatenate([each.test for each in splits])


def choose_residual(
    tested: LabelledFeatures,
    logits: Callable[[float, float, float], np.ndarray],
) -> ResidualSettings:
    """Choose the penalties and the share of residual heads.

    They change as little as they can unless languages agree that they gain: the sum of what each
    language gains must reach one standard error, with languages as the units, so that of two
    languages both must gain.

    Parameters
    ----------
    tested : LabelledFeatures
        Held-out samples.
    logits : callable
        Returns their logits for a share, a penalty, and a penalty of the intercept.
    """
    grid = tested.loss
    share, intercept_penalty = grid.share, grid.intercept_penalty

    def losses(share: float, penalty: float, intercept_penalty: float) -> np.ndarray:
        return tempered_losses(tested, logits(share, penalty, intercept_penalty))

    def of_penalty(penalty: float) -> np.ndarray:
        return losses(share, penalty, intercept_penalty)

    def of_intercept(intercept_penalty: float) -> np.ndarray:
        return losses(share, penalty, intercept_penalty)

    penalty = climb(grid.penalties, grid.penalty, lambda x: of_penalty(x).sum())
    share = climb(grid.shares, share, lambda x: losses(x, penalty, intercept_penalty).sum())
    penalty = climb(grid.penalties, penalty, lambda x: of_penalty(x).sum())
    intercept_penalty = climb(
        grid.intercept_penalties, intercept_penalty, lambda x: of_intercept(x).sum()
    )
    intercept_penalty = largest_not_worse(
        grid.intercept_penalties, intercept_penalty, of_intercept, grid.n_errors
    )
    penalty = largest_not_worse(grid.penalties, penalty, of_penalty, grid.n_errors)
    least = grid.penalties[-1]
    gains = losses(1.0, least, intercept_penalty) - of_penalty(penalty)
    by_language = np.bincount(tested.language_index, weights=gains)
    # Divided by a temperature, intercepts alone may pass for a model that is better than none.
    is_constant = penalty == least and len(grid.temperatures) > 1
    if is_constant or by_language.sum() < np.linalg.norm(by_language):
        penalty, share = least, 1.0
    return ResidualSettings(penalty, share, intercept_penalty, by_size=False)


def largest_not_worse(
    grid: tuple[float, ...],
    best: float,
    losses: Callable[[float], np.ndarray],
    n_errors: float,
) -> float:
    """Return the largest value of a grid that is not surely worse than the best one.

    Parameters
    ----------
    grid : tuple of float
        Rising.
    best : float
        The best value.
    losses : callable
        Returns the loss of each sample for a value.
    n_errors : float
        The number of standard errors from which on a difference is sure; 0 for the best value.
    """
    for value in reversed(grid):
        if value == best or not n_errors:
            break
        if not is_surely_worse(losses(value) - losses(best), n_errors):
            return value
    return best


def is_surely_worse(excess: np.ndarray, n_errors: float) -> bool:
    """Return whether the sum of differences of losses is more than so many standard errors.

    The errors are those around 0. So k samples are never surer than √k of them, even if they agree.
    """
    return bool(excess.sum() > n_errors * np.sqrt((excess**2).sum()))


def round_size(size: int) -> float:
    """Round to a half power of two."""
    return 2.0 ** (round(2 * np.log2(size)) / 2)


def tempered_losses(samples: LabelledFeatures, logits: np.ndarray) -> np.ndarray:
    """The loss of each sample, after the logits are divided by the best temperature.

    See `temperatures` of `LinearLoss`.
    """
    temperatures = samples.loss.temperatures
    return min((samples.losses(logits / t) for t in temperatures), key=np.sum)


def n_factors_of(losses: np.ndarray, n_errors: float) -> int:
    """Return the least number of factors that is not surely worse than the best number.

    Parameters
    ----------
    losses : ndarray of shape (n_samples, n_numbers)
        The loss of each sample with 0, 1, ... factors.
    n_errors : float
        The number of standard errors from which on a difference is sure.
    """
    best = losses[:, losses.mean(axis=0).argmin()]
    excess = (losses - best[:, None]).T
    return next(n for n, each in enumerate(excess) if not is_surely_worse(each, n_errors))


def climb(grid: tuple[float, ...], start: float, loss: Callable[[float], float]) -> float:
    """Return the value of a grid that has the least loss, found from neighbour to neighbour."""
    at = cache(lambda position: loss(grid[position]))
    position = grid.index(start)
    while True:
        near = range(max(position - 1, 0), min(position + 2, len(grid)))
        best = min(near, key=at)
        if not at(best) < at(position):  # also where a loss is no number
            return grid[position]
        position = best
