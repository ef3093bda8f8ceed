"""Fitted estimators that are given as parameters of others, plain or in a `FrozenEstimator`."""

from __future__ import annotations

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted


def unfreeze(value, parameter: str):
    """Return the estimator that a `FrozenEstimator` holds, and any other value as it is.

    Parameters
    ----------
    value : object
        What the user gave.
    parameter : str
        The name of the parameter, for the message.

    Returns
    -------
    object

    Raises
    ------
    NotFittedError
        If the estimator in a `FrozenEstimator` is not fitted.
    """
    while isinstance(value, FrozenEstimator):
        value = value.estimator
        if not is_fitted(value):
            raise not_fitted(value, parameter)
    return value


def is_fitted(estimator) -> bool:
    """Return whether an object is an estimator that is fitted or need not be."""
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def not_fitted(estimator, parameter: str) -> NotFittedError:
    """Return the error about an estimator that must be fitted before it is given as a parameter."""
    return NotFittedError(
        f"`{parameter}`: this {type(estimator).__name__} is not fitted. Fit it first, and pass "
        f"{parameter}=sklearn.frozen.FrozenEstimator(fitted) to cross-validation and searches: "
        "they clone estimators, and a clone keeps nothing fitted unless it is frozen."
    )
