"""The private and version-dependent names of scikit-learn, all in one place.

The oldest and the newest version that are supported are tested. A name that a newer version moves
is looked up in both places here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer as BaseScorer
from sklearn.metrics._scorer import _MultimetricScorer as MultimetricScorer
from sklearn.metrics._scorer import _PassthroughScorer as PassthroughScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import validate_params as _validate_params
from sklearn.utils._set_output import _get_output_config as get_output_config
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "BaseScorer",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "MultimetricScorer",
    "NoCallbacks",
    "Options",
    "PassthroughScorer",
    "RealNotInt",
    "StrOptions",
    "check_matplotlib_support",
    "check_method_params",
    "check_sample_weight",
    "fit_context",
    "get_output_config",
    "new_callback_context",
    "num_samples",
    "safe_split",
    "validate_parameter_constraints",
    "validate_params",
]

Function = TypeVar("Function", bound=Callable)


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Function], Function]:
    """Decorate `fit` so that it validates the parameters of its estimator first."""
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def validate_params(
    constraints: dict, *, prefer_skip_nested_validation: bool
) -> Callable[[Function], Function]:
    """Decorate a function so that it validates its arguments first."""
    return _validate_params(
        constraints, prefer_skip_nested_validation=prefer_skip_nested_validation
    )


class NoCallbacks:
    """The callback context of scikit-learn before 1.9, which has no callbacks."""

    def subcontext(self, **task) -> NoCallbacks:
        """Return the context of a part of the task."""
        return self

    def call_on_fit_task_begin(self, **task) -> NoCallbacks:
        """Call no callback."""
        return self

    def call_on_fit_task_end(self, **task) -> bool:
        """Return that no callback asks to stop."""
        return False

    def propagate_callback_context(self, estimator) -> AbstractContextManager:
        """Give an estimator no callbacks."""
        return nullcontext()


def new_callback_context(estimator, **task):
    """Begin a fit that callbacks follow, and return its context."""
    if not hasattr(estimator, "_init_callback_context"):
        return NoCallbacks()
    return estimator._init_callback_context(**task)
