"""The dimensions of a search: what values each parameter has, and where a value lies in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Number, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

TAIL = 2.0**-53
"""Quantiles nearer to 0 or 1 than this count as this near: those of 0 and 1 may be infinite."""


@dataclass(frozen=True)
class Quantiles:
    """A scipy distribution of numbers; each has its place in the unit interval, its quantile.

    Where quantiles are spread evenly, the numbers are distributed as the distribution says.

    Examples
    --------
    >>> from scipy.stats import loguniform, randint
    >>> from metaling_sk.meta_param._space import Quantiles
    >>> round(Quantiles(loguniform(0.01, 1)).to_unit(0.1), 6)
    0.5
    >>> depth = Quantiles(randint(1, 5))
    >>> depth.to_unit(1), depth.from_unit(0.125)
    (0.125, 1)
    """

    distribution: Any

    def to_unit(self, value) -> float:
        """The quantile of a number; of a whole number the middle of its step."""
        quantile = self.distribution.cdf(value)
        if self._is_discrete:
            quantile -= self.distribution.pmf(value) / 2
        return float(np.clip(quantile, 0, 1))

    def from_unit(self, quantile: float) -> float | int:
        """The number at a quantile, inside the support and finite."""
        value = self.distribution.ppf(np.clip(quantile, TAIL, 1 - TAIL))
        return self.convert(np.clip(value, *self.distribution.support()))

    def contains(self, value) -> bool:
        """Whether this is a number that the distribution can draw."""
        if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(value):
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
    """A list of values of any kind.

    Values are equal if their contents are, as those of two estimators with the same parameters.
    Numbers are equal across types and so are lists and tuples, as files often confuse them, but
    True is not 1. Where a list holds both 1 and 1.0, each is itself.

    Examples
    --------
    >>> from metaling_sk.meta_param._space import Choices
    >>> choices = Choices([None, 1, 1.0, True, (1, 2)])
    >>> [choices.index_of(value) for value in (1, 1.0, True, [1, 2])]
    [1, 2, 3, 4]
    >>> choices.contains(False)
    False
    """

    values: list

    def index_of(self, value) -> int:
        """Where the list has this value; ValueError if it does not."""
        found = [index for index, own in enumerate(self.values) if equal(own, value)]
        if not found:
            raise ValueError(f"{value!r} is not among the values {self.values!r}.")
        alike = [index for index in found if _kind(self.values[index]) is _kind(value)]
        return (alike or found)[0]

    def contains(self, value) -> bool:
        """Whether the list has this value."""
        return any(equal(own, value) for own in self.values)

    def convert(self, value):
        """The object of the list that equals the value."""
        return self.values[self.index_of(value)]


@dataclass(frozen=True)
class Opaque:
    """An object of which nothing is known but that it can be sampled with `rvs`."""

    distribution: Any

    def contains(self, value) -> bool:
        """False: which values it may give is not known."""
        return False


Dimension = Quantiles | Choices | Opaque


def dimensions(param_distributions) -> list[dict[str, Dimension]]:
    """The dimensions of each dict of `param_distributions`.

    Parameters
    ----------
    param_distributions : dict or list of dict
        As ParameterSampler takes it: names with lists of values or with objects that have `rvs`.

    Raises
    ------
    ValueError
        If it is neither, or a parameter has neither a list of values nor a distribution.
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


def equal(a, b) -> bool:
    """Whether two values of a parameter are equal as those of `Choices` are."""
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
    except Exception:  # such as sparse matrices and tensors
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
    """The type of a value, numpy's numbers being Python's."""
    kinds = {bool: bool | np.bool_, int: Integral, float: Real, str: str}
    return next((kind for kind, types in kinds.items() if isinstance(value, types)), type(value))
