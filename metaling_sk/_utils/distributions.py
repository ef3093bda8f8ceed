"""Distributions of scipy.stats."""

from __future__ import annotations

import scipy.stats

DISTRIBUTIONS = (scipy.stats.rv_continuous, scipy.stats.rv_discrete)
"""Types of the distributions of scipy.stats."""


def is_scipy_distribution(value) -> bool:
    """Return whether a value is a distribution of scipy.stats with its parameters frozen."""
    dist = getattr(value, "dist", None)
    own = getattr(scipy.stats, str(getattr(dist, "name", None)), None)
    return hasattr(value, "rvs") and isinstance(own, DISTRIBUTIONS) and type(own) is type(dist)
