"""Candidates that are drawn near the good ones of earlier searches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from math import ceil
from numbers import Number

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.utils import check_random_state
from sklearn.utils.random import sample_without_replacement

from metaling_sk.meta_param._space import Choices, Quantiles, Space, dimensions, places

GOOD_SHARE = 0.25
"""Share of an earlier search's candidates that count as good."""

MAX_GOOD = 10
"""The most candidates of an earlier search that count as good."""

FIRST_SHARE = 1 / 3
"""Share of the new candidates that are good ones as they are."""

PRIOR_PROBABILITY = 0.5
"""Probability with which each other new candidate is drawn near a good one."""

MIN_BANDWIDTH = 0.05
"""The least standard deviation, in quantiles, by which a number is moved."""

KEEP_PROBABILITY = 0.8
"""Probability with which a candidate near a good one has the same choice from a list."""

MAX_TRIES = 100
"""Draws for a candidate that has not been drawn before."""


def good_candidates(
    priors: list[pd.DataFrame], spaces: list[Space], share: float = GOOD_SHARE
) -> list[dict]:
    """Find the best candidates of the priors, in terms of this search.

    Parameters
    ----------
    priors : list of DataFrames
        As `read_priors` returns them.
    spaces : list of dict
        As `dimensions` returns them.
    share : float
        The share of each prior's candidates, at least 1 and at most `MAX_GOOD` of them.

    Returns
    -------
    list of dict
        The best of each prior first. A candidate has the parameters and values that one of the
        spaces has, and only those: the first space that has most of them. It may lack parameters.
        One that lacks all is left out.
    """
    best = [
        list(prior["params"].iloc[: min(MAX_GOOD, max(1, ceil(share * len(prior))))])
        for prior in priors
    ]
    good: dict[tuple, dict] = {}
    for rank in range(max(map(len, best), default=0)):
        for candidates in best:
            if rank < len(candidates):
                params = candidates[rank]
                shared = _restrict(params, spaces[space_of(params, spaces)])
                good.setdefault(_key(shared), shared)
    return [params for params in good.values() if params]


def space_of(params: dict, spaces: list[Space]) -> int:
    """The position of the first space that has most of these parameters and values."""
    return int(np.argmax([len(_restrict(params, space)) for space in spaces]))


def spread_first(good: list[dict], spaces: list[Space], n: int) -> list[dict]:
    """Choose the best candidate, then repeatedly the one that is farthest from those chosen.

    The distance of two candidates is the mean over the parameters that both have: the difference
    of quantiles, and of choices 1 if they differ. It is 1 if they share no parameter or belong to
    different spaces.

    Parameters
    ----------
    good : list of dict
        As `good_candidates` returns them.
    spaces : list of dict
        As `dimensions` returns them.
    n : int
        The number of candidates to choose, or all if there are fewer.

    Returns
    -------
    list of dict
    """
    places = [_place(params, spaces) for params in good]
    nearest = np.full(len(good), np.inf)
    chosen: list[int] = []
    while len(chosen) < min(n, len(good)):
        # argmax takes the first, and so the best, of those that are equally far.
        chosen.append(int(np.argmax(nearest)))
        distances = [_distance(place, places[chosen[-1]]) for place in places]
        nearest = np.minimum(nearest, distances)
        nearest[chosen] = -np.inf
    return [good[position] for position in chosen]


def sample_with_prior(
    param_distributions, priors: list[pd.DataFrame], n_iter: int, random_state=None
) -> list[dict]:
    """Draw candidates: first those that were good before, then some near them or anywhere.

    A third of the candidates (`FIRST_SHARE`) are good ones of the priors, spread out; parameters
    that the prior does not have are drawn. Each later one is, with a probability of a half
    (`PRIOR_PROBABILITY`), drawn as without a prior. Otherwise it is drawn from a kernel density of
    the good ones in quantiles [1]_: the one of rank r, counted from 0, with a weight of
    1 / (r + 1); numbers are moved by Gaussian noise with Scott's bandwidth, at least
    `MIN_BANDWIDTH`, reflected at the bounds; a choice from a list is kept with `KEEP_PROBABILITY`
    and else drawn evenly. To start from what was good in earlier tasks follows [2]_.

    However wrong the prior is, a third of the candidates is drawn as without it: at worst three
    times as many are needed to find the same.

    Parameters
    ----------
    param_distributions : dict or list of dict
        As ParameterSampler takes it.
    priors : list of DataFrames
        As `read_priors` returns them. Without any the result is that of ParameterSampler.
    n_iter : int
        The number of candidates. If all parameters have lists with fewer combinations, each
        combination is a candidate, the good ones first, and a UserWarning says so.
    random_state : int, RandomState instance or None, default=None
        The seed of the draws.

    Returns
    -------
    list of dict
        All different as far as `MAX_TRIES` draws of each allow. Values are objects of the lists,
        or Python's numbers.

    Warns
    -----
    UserWarning
        If nothing that was good in the priors is in this space.

    References
    ----------
    .. [1] Bergstra et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
    .. [2] Feurer, Springenberg & Hutter (2015). Initializing Bayesian hyperparameter optimization
       via meta-learning. AAAI.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from metaling_sk.meta_param._prior_results import read_priors
    >>> from metaling_sk.meta_param._prior_sampling import sample_with_prior
    >>> english = {"params": [{"C": 0.1}, {"C": 10.0}], "mean_test_score": [0.7, 0.9]}
    >>> space = {"C": loguniform(1e-3, 1e3), "fit_intercept": [False, True]}
    >>> candidates = sample_with_prior(space, read_priors(english), 9, random_state=0)
    >>> len(candidates), candidates[0]["C"]
    (9, 10.0)
    """
    spaces = dimensions(param_distributions)
    good = good_candidates(priors, spaces)
    if not good:
        if priors:
            warnings.warn(
                "`prior` has no good candidate with a parameter and value of "
                "`param_distributions`: candidates are drawn as without it.",
                UserWarning,
                stacklevel=2,
            )
        return list(ParameterSampler(param_distributions, n_iter, random_state=random_state))
    sampler = _PriorSampler(spaces, good, check_random_state(random_state))
    n_candidates = len(ParameterSampler(sampler.distributions, n_iter))
    if n_candidates < n_iter:
        warnings.warn(
            f"The total space of parameters {n_candidates} is smaller than n_iter={n_iter}. "
            f"Running {n_candidates} iterations. For exhaustive searches, use GridSearchCV.",
            UserWarning,
            stacklevel=2,
        )
    candidates = _DistinctCandidates(sampler.combinations(n_candidates))
    for params in spread_first(good, spaces, ceil(FIRST_SHARE * n_candidates)):
        candidates.add(partial(sampler.complete, params))
    while len(candidates) < n_candidates:
        near_good = sampler.rng.uniform() < PRIOR_PROBABILITY
        candidates.add(sampler.draw_near_good if near_good else sampler.draw_anywhere)
    return list(candidates)


class _PriorSampler:
    """Draws one candidate at a time.

    Parameters
    ----------
    spaces : list of dict
        As `dimensions` returns them.
    good : list of dict
        As `good_candidates` returns them, best first.
    rng : RandomState

    Attributes
    ----------
    distributions : list of dict
        The lists and distributions of the spaces.
    """

    def __init__(self, spaces: list[Space], good: list[dict], rng: np.random.RandomState):
        self.spaces = spaces
        self.good = good
        self.rng = rng
        self.distributions = [
            {
                name: dimension.values if isinstance(dimension, Choices) else dimension.distribution
                for name, dimension in space.items()
            }
            for space in spaces
        ]
        self._all_lists = all(
            isinstance(dimension, Choices) for space in spaces for dimension in space.values()
        )
        self._space_of_good = [space_of(params, spaces) for params in good]
        self._bandwidths = [
            _bandwidths(self._good_in(position), space) for position, space in enumerate(spaces)
        ]
        weights = 1 / np.arange(1, len(good) + 1)
        self._weights = weights / weights.sum()

    def draw_anywhere(self) -> dict:
        """Draw a candidate as without a prior."""
        if self._all_lists:
            return self._sample(self.distributions)
        return self._sample_space(self.rng.randint(len(self.spaces)))

    def complete(self, params: dict) -> dict:
        """Draw the parameters that a good candidate lacks."""
        return self._sample_space(space_of(params, self.spaces)) | params

    def draw_near_good(self) -> dict:
        """Draw a candidate from the kernel density of the good ones."""
        number = self.rng.choice(len(self.good), p=self._weights)
        params = self.complete(self.good[number])
        position = self._space_of_good[number]
        for name, value in sorted(self.good[number].items()):
            dimension = self.spaces[position][name]
            if isinstance(dimension, Quantiles):
                noise = self.rng.normal(scale=self._bandwidths[position][name])
                params[name] = dimension.value_at(_reflect(dimension.place_of(value) + noise))
            elif isinstance(dimension, Choices) and self.rng.uniform() >= KEEP_PROBABILITY:
                params[name] = dimension.values[self.rng.randint(len(dimension.values))]
        return params

    def combinations(self, n: int) -> Iterator[dict]:
        """Draw n different combinations of the lists; none if there are distributions."""
        if self._all_lists:
            grid = ParameterGrid(self.distributions)
            for number in sample_without_replacement(
                len(grid), min(n, len(grid)), random_state=self.rng
            ):
                yield grid[number]

    def _good_in(self, position: int) -> list[dict]:
        """The good candidates that belong to a space."""
        return [
            params
            for params, other in zip(self.good, self._space_of_good, strict=True)
            if other == position
        ]

    def _sample_space(self, position: int) -> dict:
        params = self._sample([self.distributions[position]])
        for name, dimension in self.spaces[position].items():
            if isinstance(dimension, Quantiles):
                params[name] = dimension.convert(params[name])
        return params

    def _sample(self, distributions: list[dict]) -> dict:
        return next(iter(ParameterSampler(distributions, 1, random_state=self.rng)))


class _DistinctCandidates(list):
    """A list of candidates that are different as far as there are enough.

    Parameters
    ----------
    unseen : iterator of dict
        Candidates to take if draws give none that is new.
    """

    def __init__(self, unseen: Iterator[dict]):
        super().__init__()
        self._unseen = unseen
        self._keys: set[tuple] = set()

    def add(self, draw: Callable[[], dict]) -> None:
        """Append the first new candidate of the draws, then of the unseen ones, else any."""
        for _ in range(MAX_TRIES):
            params = draw()
            if _key(params) not in self._keys:
                break
        else:
            rest = (other for other in self._unseen if _key(other) not in self._keys)
            params = next(rest, params)
        self._keys.add(_key(params))
        self.append(params)


def _restrict(params: dict, space: Space) -> dict:
    """The parameters and values that the space has, in the form that it has them in."""
    return {
        name: space[name].convert(value)
        for name, value in params.items()
        if name in space and space[name].contains(value)
    }


def _key(params: dict) -> tuple:
    """What tells candidates of one search apart: numbers, strings and the objects of the lists."""
    return tuple(
        (name, type(value), value if isinstance(value, Number | str) else id(value))
        for name, value in sorted(params.items())
    )


def _place(params: dict, spaces: list[Space]) -> tuple[int, dict[str, float]]:
    """The space of a candidate and its coordinates there."""
    position = space_of(params, spaces)
    return position, places(params, spaces[position])


def _distance(first: tuple[int, dict], second: tuple[int, dict]) -> float:
    """The distance of two places."""
    (first_space, a), (second_space, b) = first, second
    shared = a.keys() & b.keys()
    if first_space != second_space or not shared:
        return 1.0
    # Different choices are at least 1 apart, as their coordinates are whole.
    return float(np.mean([min(1, abs(a[name] - b[name])) for name in sorted(shared)]))


def _reflect(quantile: float) -> float:
    """A quantile outside the unit interval, reflected at its bounds."""
    quantile = abs(quantile) % 2
    return 2 - quantile if quantile > 1 else quantile


def _bandwidths(good: list[dict], space: Space) -> dict[str, float]:
    """Scott's: the standard deviation of n points in d dimensions times n^(-1 / (d + 4))."""
    numbers = {
        name: dimension for name, dimension in space.items() if isinstance(dimension, Quantiles)
    }
    bandwidths = {}
    for name, dimension in numbers.items():
        points = [dimension.place_of(params[name]) for params in good if name in params]
        spread = np.std(points, ddof=1) if len(points) > 1 else 0
        scott = max(1, len(points)) ** (-1 / (len(numbers) + 4))
        bandwidths[name] = max(MIN_BANDWIDTH, float(spread * scott))
    return bandwidths
