"""The private and version-dependent names of scikit-learn, all in one place."""

from __future__ import annotations

from sklearn.base import _fit_context as fit_context
from sklearn.metrics._scorer import _BaseScorer as BaseScorer
from sklearn.metrics._scorer import _MultimetricScorer as MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    MissingValues,
    Options,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "BaseScorer",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "MissingValues",
    "MultimetricScorer",
    "Options",
    "RealNotInt",
    "StrOptions",
    "check_matplotlib_support",
    "check_method_params",
    "fit_context",
    "num_samples",
    "safe_split",
    "validate_parameter_constraints",
    "validate_params",
]
