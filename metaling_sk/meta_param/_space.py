"""The dimensions of a search: the values of each parameter and the places of values in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Integral, Number, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

TAIL = 2.0**-53
"""The least distance of a quantile from 0 and 1, whose numbers may be infinite."""


@dataclass(frozen=True)
class Quantiles:
    """A scipy distribution of numbers, whose place in the unit interval is their quantile.

    The numbers at uniformly distributed quantiles have the distribution.

    Parameters
    ----------
    distribution : scipy distribution
        With its parameters, such as ``loguniform(0.01, 1)``.

    Examples
    --------
    >>> from scipy.stats import loguniform, randint
    >>> from metaling_sk.meta_param._space import Quantiles
    >>> round(Quantiles(loguniform(0.01, 1)).place_of(0.1), 6)
    0.5
    >>> depth = Quantiles(randint(1, 5))
    >>> depth.place_of(1), depth.value_at(0.125)
    (0.125, 1)
    """

    distribution: Any

    def place_of(self, value) -> float:
        """The quantile of a number; of a whole number the middle of its step."""
        quantile = self.distribution.cdf(value)
        if self._is_discrete:
            quantile -= self.distribution.pmf(value) / 2
        return float(np.clip(quantile, 0, 1))

    def value_at(self, quantile: float) -> float | int:
        """The number at a quantile, inside the support and finite."""
        value = self.distribution.ppf(np.clip(quantile, TAIL, 1 - TAIL))
        return self.convert(np.clip(value, *self.distribution.support()))

    def contains(self, value) -> bool:
        """Whether this is a number that the distribution can draw."""
        if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(float(value)):
            return False
        low, high = self.distribution.support()
        possible = not self._is_discrete or self.distribution.pmf(value) > 0
        return bool(low <= value <= high and possible)

    def convert(self, value) -> float | int:
        """The number as Python's int or float."""
        value = float(value)
        return int(value) if self._is_discrete and value.is_integer() else value

    @property
    def _is_discrete(self) -> bool:
        return hasattr(self.distribution, "pmf")


@dataclass(frozen=True)
class Choices:
    """A list of values of any kind, whose place is their index.

    Values are equal if their contents are, such as two estimators with the same parameters.
    Numbers of different types may be equal, and so may lists and tuples, because files confuse
    them. True is not equal to 1. If a list holds both 1 and 1.0, each is itself.

    Parameters
    ----------
    values : list
        The values to choose from.

    Examples
    --------
    >>> from metaling_sk.meta_param._space import Choices
    >>> choices = Choices([None, 1, 1.0, True, (1, 2)])
    >>> [choices.place_of(value) for value in (1, 1.0, True, [1, 2])]
    [1, 2, 3, 4]
    >>> choices.contains(False)
    False
    """

    values: list

    def place_of(self, value) -> int:
        """The index of a value; a ValueError if the list does not have it."""
        indices = [index for index, choice in enumerate(self.values) if equal(choice, value)]
        if not indices:
            raise ValueError(f"{value!r} is not among the values {self.values!r}.")
        same_type = [index for index in indices if _kind(self.values[index]) is _kind(value)]
        return (same_type or indices)[0]

    def value_at(self, index: int):
        """The value at an index."""
        return self.values[index]

    def contains(self, value) -> bool:
        """Whether the list has a value."""
        return any(equal(choice, value) for choice in self.values)

    def convert(self, value):
        """The object of the list that equals a value."""
        return self.values[self.place_of(value)]


@dataclass(frozen=True)
class Opaque:
    """An object that can only be sampled.

    Parameters
    ----------
    distribution : object
        With a method `rvs`.
    """

    distribution: Any

    def contains(self, value) -> bool:
        """False: the values that it may give are unknown."""
        return False

    def convert(self, value):
        """The value as it is."""
        return value


Dimension = Quantiles | Choices | Opaque

Space = dict[str, Dimension]
"""The dimensions of one dict of `param_distributions`, by the names of the parameters."""


def places(params: dict, space: Space) -> dict[str, float]:
    """Return the places of a candidate's values: quantiles and indices."""
    return {
        name: dimension.place_of(params[name])
        for name, dimension in space.items()
        if name in params and not isinstance(dimension, Opaque)
    }


def dimensions(param_distributions) -> list[Space]:
    """Find the dimensions of each dict of `param_distributions`.

    Parameters
    ----------
    param_distributions : dict or list of dict
        As ParameterSampler takes it: names with lists of values or with objects that have `rvs`.

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If it is neither, or a parameter has no list of values and no distribution.
    """
    spaces = param_distributions
    if isinstance(spaces, Mapping):
        spaces = [spaces]
    is_list = isinstance(spaces, list | tuple) and len(spaces) > 0
    if not is_list or not all(isinstance(space, Mapping) for space in spaces):
        raise ValueError(
            "`param_distributions` must be a dict of parameter names with lists of values or "
            f"distributions, or a list of such dicts, got {param_distributions!r}."
        )
    return [{name: _dimension(name, space[name]) for name in space} for space in spaces]


def check_names(estimator, spaces: list[Space]) -> None:
    """Raise if the estimator has no parameter of a name that is searched for.

    Parameters
    ----------
    estimator : estimator
    spaces : list of dict
        As `dimensions` returns them. A name such as "clf__C" may belong to any of the values of
        "clf" in the same dict.

    Raises
    ------
    ValueError
        If `set_params` does not take a name.
    """
    for space in spaces:
        for name, dimension in space.items():
            owners = [owner for owner in space if name.startswith(f"{owner}__")]
            choices = [_examples(space[owner]) for owner in owners]
            errors = [
                _name_error(estimator, dict(zip(owners, values, strict=True)), name, dimension)
                for values in product(*choices)
            ]
            if all(errors):
                raise ValueError(
                    f"`param_distributions` has {name!r}, which is no parameter of "
                    f"{type(estimator).__name__}: {errors[0]}"
                )


def _name_error(estimator, owners: dict, name: str, dimension: Dimension) -> str | None:
    """What `set_params` says about a name that it does not know; None if it knows it."""
    params = owners | {name: _examples(dimension)[0]}
    try:
        clone(estimator).set_params(**clone(params, safe=False))
    except Exception as error:
        # What is wrong with the value is the failure of a candidate.
        is_name = "Invalid parameter" in str(error) or isinstance(error, AttributeError)
        return str(error) if is_name else None
    return None


def _examples(dimension: Dimension) -> list:
    """Values that may be set: all of a list, and None in place of what a distribution draws."""
    return dimension.values if isinstance(dimension, Choices) else [None]


def equal(a, b) -> bool:
    """Whether two values of a parameter are equal in the sense of `Choices`."""
    if a is b:
        return True
    if (_kind(a) is bool) != (_kind(b) is bool):
        return False
    if isinstance(a, Number) and isinstance(b, Number):
        return bool(a == b or (a != a and b != b))
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if _kind(a) is not _kind(b):
        return False
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(equal(a[name], b[name]) for name in a)
    if isinstance(a, BaseEstimator):
        return equal(a.get_params(deep=False), b.get_params(deep=False))
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and equal(a.tolist(), b.tolist())
    if isinstance(a, pd.DataFrame | pd.Series | pd.Index):
        return a.equals(b)
    try:
        return bool(a == b)
    except Exception:  # sparse matrices and tensors have no single truth value
        return False


def _dimension(name: str, values) -> Dimension:
    if hasattr(values, "rvs"):
        has_quantiles = all(hasattr(values, method) for method in ("cdf", "ppf", "support"))
        return Quantiles(values) if has_quantiles else Opaque(values)
    is_array = isinstance(values, np.ndarray | pd.Series | pd.Index) and values.ndim > 0
    is_list = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    if not (is_array or is_list) or not len(values):
        raise ValueError(
            f"`param_distributions[{name!r}]` must be a list with at least one value, or a "
            f"distribution such as scipy.stats.uniform(0, 1), got {values!r}."
        )
    return Choices(list(values))


def _kind(value) -> type:
    """The type of a value; a number of numpy has that of Python."""
    kinds = {bool: bool | np.bool_, int: Integral, float: Real, str: str}
    return next((kind for kind, types in kinds.items() if isinstance(value, types)), type(value))
