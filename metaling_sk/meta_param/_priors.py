"""Learned meta-parameters: results of earlier searches bias the candidates of this one."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from numbers import Number

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.utils import check_random_state
from sklearn.utils.random import sample_without_replacement

from metaling_sk._utils.sklearn_compat import BaseSearchCV
from metaling_sk.meta_param._space import Choices, Dimension, Quantiles, dimensions, equal

GOOD_SHARE = 0.25
"""The share of an earlier search's candidates that count as good."""

MAX_GOOD = 10
"""But no more than this many of each search."""

FIRST_SHARE = 1 / 3
"""The share of the candidates that are good ones as they are."""

PRIOR_PROBABILITY = 0.5
"""With which each later candidate is drawn near a good one."""

MIN_BANDWIDTH = 0.05
"""Of the kernels, in quantiles: the least that a number moves, in the standard deviation."""

KEEP_PROBABILITY = 0.8
"""With which a candidate near a good one has the same choice from a list."""

MAX_TRIES = 100
"""So often is a candidate drawn again that there has been before."""


def read_priors(prior) -> list[pd.DataFrame]:
    """The results of earlier searches, each sorted best first.

    Parameters
    ----------
    prior : search, dict, DataFrame, str, path, or list of them, or None
        Fitted searches, their `cv_results_`, or the folders in which they noted their progress.
        A DataFrame may have been through a CSV file.

    Returns
    -------
    list of DataFrames
        With the columns `params` and `score`. Where the search gave its candidates different
        amounts of a resource, a candidate counts with its largest, and comes before all that had
        less. A parameter that is itself the resource is left out. Candidates whose score is not
        finite are left out.

    Raises
    ------
    NotFittedError
        If a search is not fitted.
    ValueError
        If something is none of these, or there is no score in it.
    """
    if prior is None:
        return []
    return [_read(item) for item in (prior if isinstance(prior, list | tuple) else [prior])]


def good_candidates(
    priors: list[pd.DataFrame], dims: list[dict[str, Dimension]], share: float = GOOD_SHARE
) -> list[dict]:
    """The best candidates of the priors in terms of this space, the best of each prior first.

    Parameters
    ----------
    priors : list of DataFrames
        As `read_priors` returns them.
    dims : list of dict
        As `dimensions` returns them.
    share : float
        Of each prior's candidates, though at least 1 and at most MAX_GOOD.

    Returns
    -------
    list of dict
        Parameters and values that one of the dicts of `dims` has, and only those: the first dict
        that has most of them. A candidate may lack parameters; one that lacks all is left out.
    """
    best = [
        list(prior["params"].iloc[: min(MAX_GOOD, max(1, ceil(share * len(prior))))])
        for prior in priors
    ]
    good = {}
    for rank in range(max(map(len, best), default=0)):
        for candidates in best:
            if rank < len(candidates):
                params = candidates[rank]
                known = _known(params, dims[subspace_of(params, dims)])
                good.setdefault(_key(known), known)
    return [params for params in good.values() if params]


def subspace_of(params: dict, dims: list[dict[str, Dimension]]) -> int:
    """The position of the first dict of `dims` that has most of these parameters and values."""
    return int(np.argmax([len(_known(params, subspace)) for subspace in dims]))


def spread_first(good: list[dict], dims: list[dict[str, Dimension]], n: int) -> list[dict]:
    """The best candidate, then again and again the one that is farthest from those chosen.

    The distance of two candidates is the mean over the parameters that both have: the difference
    of quantiles, and of choices 1 if they differ. It is 1 where they share no parameter or belong
    to different dicts of `dims`.

    Parameters
    ----------
    good : list of dict
        As `good_candidates` returns them.
    dims : list of dict
    n : int
        How many are wanted; there are fewer where `good` has fewer.
    """
    places = [_place(params, dims) for params in good]
    nearest = np.full(len(good), np.inf)
    chosen = []
    while len(chosen) < min(n, len(good)):
        # argmax takes the first, and so the best, of those that are equally far.
        chosen.append(int(np.argmax(nearest)))
        distances = [_distance(place, places[chosen[-1]]) for place in places]
        nearest = np.minimum(nearest, distances)
        nearest[chosen] = -np.inf
    return [good[position] for position in chosen]


def sample_with_prior(
    param_distributions, prior_frames: list[pd.DataFrame], n_iter: int, random_state=None
) -> list[dict]:
    """Candidates that begin with what was good before, and go on near it or anywhere.

    A third of the candidates (FIRST_SHARE) are good ones of the priors, spread out; parameters
    that the prior does not know are drawn. Each later one is, with a probability of a half
    (PRIOR_PROBABILITY), drawn as without a prior. Otherwise it is drawn from a kernel density of
    the good ones in quantiles [1]_: the one of rank r, counted from 0, with a weight of
    1 / (r + 1); numbers are moved by Gaussian noise with Scott's bandwidth, at least
    MIN_BANDWIDTH, reflected at the bounds; a choice from a list is kept with KEEP_PROBABILITY and
    else drawn evenly. To start from what was good in earlier tasks follows [2]_.

    However wrong the prior is, a third of the candidates is drawn as without it: at worst three
    times as many are needed to find the same.

    Parameters
    ----------
    param_distributions : dict or list of dict
        As ParameterSampler takes it.
    prior_frames : list of DataFrames
        As `read_priors` returns them. Without any the result is that of ParameterSampler.
    n_iter : int
        The number of candidates. Where all parameters have lists with fewer combinations, each
        combination is a candidate, the good ones first, and a UserWarning says so.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    list of dict
        All different as far as MAX_TRIES draws of each allow. Values are objects of the lists, or
        Python's numbers.

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
    >>> from metaling_sk.meta_param._priors import read_priors, sample_with_prior
    >>> english = {"params": [{"C": 0.1}, {"C": 10.0}], "mean_test_score": [0.7, 0.9]}
    >>> space = {"C": loguniform(1e-3, 1e3), "fit_intercept": [False, True]}
    >>> candidates = sample_with_prior(space, read_priors(english), 9, random_state=0)
    >>> len(candidates), candidates[0]["C"]
    (9, 10.0)
    """
    dims = dimensions(param_distributions)
    good = good_candidates(prior_frames, dims)
    if not good:
        if prior_frames:
            warnings.warn(
                "`prior` has no good candidate with a parameter and value of "
                "`param_distributions`: candidates are drawn as without it.",
                UserWarning,
                stacklevel=2,
            )
        return list(ParameterSampler(param_distributions, n_iter, random_state=random_state))
    draw = _Draw(dims, good, check_random_state(random_state))
    n_candidates = len(ParameterSampler(draw.spaces, n_iter))
    if n_candidates < n_iter:
        warnings.warn(
            f"The total space of parameters {n_candidates} is smaller than n_iter={n_iter}. "
            f"Running {n_candidates} iterations. For exhaustive searches, use GridSearchCV.",
            UserWarning,
            stacklevel=2,
        )
    candidates = _Distinct(draw.combinations(n_candidates))
    for params in spread_first(good, dims, ceil(FIRST_SHARE * n_candidates)):
        candidates.add(lambda params=params: draw.completed(params))
    while len(candidates) < n_candidates:
        near = draw.rng.uniform() < PRIOR_PROBABILITY
        candidates.add(draw.near_good if near else draw.anywhere)
    return list(candidates)


class _Draw:
    """Draws of one candidate each.

    Parameters
    ----------
    dims : list of dict
    good : list of dict
        Best first.
    rng : RandomState

    Attributes
    ----------
    spaces : list of dict
        The lists and distributions of `dims`.
    """

    def __init__(self, dims, good, rng):
        self.dims = dims
        self.good = good
        self.rng = rng
        self.spaces = [
            {
                name: dimension.values if isinstance(dimension, Choices) else dimension.distribution
                for name, dimension in subspace.items()
            }
            for subspace in dims
        ]
        self._all_lists = all(
            isinstance(dimension, Choices) for subspace in dims for dimension in subspace.values()
        )
        self._positions = [subspace_of(params, dims) for params in good]
        self._bandwidths = [
            _bandwidths(
                [
                    params
                    for params, own in zip(good, self._positions, strict=True)
                    if own == position
                ],
                subspace,
            )
            for position, subspace in enumerate(dims)
        ]
        self._weights = 1 / np.arange(1, len(good) + 1)
        self._weights /= self._weights.sum()

    def anywhere(self) -> dict:
        """A draw as without a prior."""
        if self._all_lists:
            return self._sample(self.spaces)
        return self._sample_subspace(self.rng.randint(len(self.spaces)))

    def completed(self, params: dict) -> dict:
        """A good candidate, the parameters that it lacks drawn."""
        return self._sample_subspace(subspace_of(params, self.dims)) | params

    def near_good(self) -> dict:
        """A draw from the kernel density of the good candidates."""
        number = self.rng.choice(len(self.good), p=self._weights)
        params = self.completed(self.good[number])
        position = self._positions[number]
        for name, value in sorted(self.good[number].items()):
            dimension = self.dims[position][name]
            if isinstance(dimension, Quantiles):
                noise = self.rng.normal(scale=self._bandwidths[position][name])
                params[name] = dimension.from_unit(_reflect(dimension.to_unit(value) + noise))
            elif self.rng.uniform() >= KEEP_PROBABILITY:
                params[name] = dimension.values[self.rng.randint(len(dimension.values))]
        return params

    def combinations(self, n: int) -> Iterator[dict]:
        """Different combinations of the lists, n or all; none where there are distributions."""
        if self._all_lists:
            grid = ParameterGrid(self.spaces)
            for number in sample_without_replacement(
                len(grid), min(n, len(grid)), random_state=self.rng
            ):
                yield grid[number]

    def _sample_subspace(self, position: int) -> dict:
        params = self._sample([self.spaces[position]])
        for name, dimension in self.dims[position].items():
            if isinstance(dimension, Quantiles):
                params[name] = dimension.convert(params[name])
        return params

    def _sample(self, spaces: list[dict]) -> dict:
        return next(iter(ParameterSampler(spaces, 1, random_state=self.rng)))


class _Distinct(list):
    """A list of different candidates, as far as there are any.

    Parameters
    ----------
    unseen : iterator of dict
        Candidates to take where draws give none that is new.
    """

    def __init__(self, unseen):
        super().__init__()
        self._unseen = unseen
        self._keys = set()

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


def _read(item) -> pd.DataFrame:
    """One prior of `read_priors`."""
    frame = _as_frame(item)
    scores = pd.to_numeric(frame[_score_column(frame, getattr(item, "refit", None))])
    results = pd.DataFrame({"params": _params(frame), "score": scores.to_numpy(dtype=float)})
    if "n_resources" in frame and frame["n_resources"].notna().any():
        n_resources = pd.to_numeric(frame["n_resources"]).fillna(0).to_numpy()
        results = _furthest(results.assign(n_resources=n_resources))
    results = results[np.isfinite(results["score"])]
    if results.empty:
        raise ValueError(f"`prior` has no candidate with a finite score: {_short(item)}.")
    by = [name for name in ("n_resources", "score") if name in results]
    results = results.sort_values(by, ascending=False, kind="stable", ignore_index=True)
    return results[["params", "score"]]


def _as_frame(item) -> pd.DataFrame:
    if isinstance(item, str | os.PathLike):
        from metaling_sk.meta_param._journal import read_results

        return read_results(item)
    if isinstance(item, BaseSearchCV) and not hasattr(item, "cv_results_"):
        raise NotFittedError(
            f"`prior` has a {type(item).__name__} that is not fitted yet; fit it first, or leave "
            "it out."
        )
    results = getattr(item, "cv_results_", item)
    if not isinstance(results, Mapping | pd.DataFrame) or "params" not in results:
        raise ValueError(
            "`prior` must be fitted searches, their `cv_results_` or the folders of their "
            f"checkpoints, got {_short(item)}."
        )
    return pd.DataFrame(results)


def _score_column(frame: pd.DataFrame, refit) -> str:
    named = f"mean_test_{refit}" if isinstance(refit, str) else "mean_test_score"
    for column in ("mean_test_score", named):
        if column in frame:
            return column
    metrics = [column for column in frame if str(column).startswith("mean_test_")]
    raise ValueError(
        f"`prior` has no column 'mean_test_score', only {metrics}. Rename the one that counts, or "
        "pass a search whose `refit` names its metric."
    )


def _params(frame: pd.DataFrame) -> list[dict]:
    """The parameters of each row, of which a CSV file leaves no more than their text."""
    columns = [name for name in map(str, frame.columns) if name.startswith("param_")]
    rows = frame[["params", *columns]].to_dict("records")
    params = []
    for row in rows:
        given = row.pop("params")
        if isinstance(given, str):
            given = _from_text(given)
        if not isinstance(given, Mapping):
            given = {
                name.removeprefix("param_"): _from_text(value) if isinstance(value, str) else value
                for name, value in row.items()
                if not pd.isna(value)
            }
        params.append(dict(given))
    return params


def _from_text(text: str):
    """The Python literal that this is the text of, or the text."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _furthest(results: pd.DataFrame) -> pd.DataFrame:
    """Of each candidate the last row with the most resources; the resource is no parameter."""
    resource = [
        name
        for name in results["params"].iloc[0]
        if all(
            isinstance(value := params.get(name), Number) and value == n_resources
            for params, n_resources in zip(results["params"], results["n_resources"], strict=True)
        )
    ]
    kept, by_text = {}, {}
    for row in reversed(np.argsort(results["n_resources"].to_numpy(), kind="stable")):
        params = results["params"].iloc[row]
        params = {name: value for name, value in params.items() if name not in resource}
        # The text may be cut short, so that what it is of decides.
        alike = by_text.setdefault(repr(params), [])
        if not any(equal(params, other) for other in alike):
            alike.append(params)
            kept[row] = params
    return results.iloc[list(kept)].assign(params=list(kept.values()))


def _short(item) -> str:
    text = " ".join(repr(item).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _known(params: dict, subspace: dict[str, Dimension]) -> dict:
    """The parameters and values that the subspace has, as it has them."""
    return {
        name: subspace[name].convert(value)
        for name, value in params.items()
        if name in subspace and subspace[name].contains(value)
    }


def _key(params: dict) -> tuple:
    """What tells candidates of one search apart: numbers, strings and the objects of the lists."""
    return tuple(
        (name, type(value), value if isinstance(value, Number | str) else id(value))
        for name, value in sorted(params.items())
    )


def _place(params: dict, dims: list[dict[str, Dimension]]) -> tuple[int, dict]:
    position = subspace_of(params, dims)
    coordinates = {}
    for name, value in params.items():
        dimension = dims[position][name]
        is_number = isinstance(dimension, Quantiles)
        coordinates[name] = dimension.to_unit(value) if is_number else dimension.index_of(value)
    return position, coordinates


def _distance(a: tuple[int, dict], b: tuple[int, dict]) -> float:
    (position, a), (other, b) = a, b
    shared = a.keys() & b.keys()
    if position != other or not shared:
        return 1.0
    # Different choices are at least 1 apart, as their coordinates are whole.
    return float(np.mean([min(1, abs(a[name] - b[name])) for name in sorted(shared)]))


def _reflect(quantile: float) -> float:
    quantile = abs(quantile) % 2
    return 2 - quantile if quantile > 1 else quantile


def _bandwidths(good: list[dict], subspace: dict[str, Dimension]) -> dict[str, float]:
    """Scott's: the standard deviation of n points in d dimensions times n^(-1 / (d + 4))."""
    numbers = {name: own for name, own in subspace.items() if isinstance(own, Quantiles)}
    bandwidths = {}
    for name, dimension in numbers.items():
        points = [dimension.to_unit(params[name]) for params in good if name in params]
        spread = np.std(points, ddof=1) if len(points) > 1 else 0
        scott = max(1, len(points)) ** (-1 / (len(numbers) + 4))
        bandwidths[name] = max(MIN_BANDWIDTH, spread * scott)
    return bandwidths
