"""The labels and languages that metrics are computed from, and predictions for them."""

from __future__ import annotations

from collections.abc import Hashable
from inspect import signature

import numpy as np
import pandas as pd
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from metaling_sk._data.indicators import check_indicators, check_unmarked, has_several_labels
from metaling_sk._data.input_forms import find_language_column
from metaling_sk._data.labels import MISSING, check_same_type, label_array, plain_labels
from metaling_sk._data.languages import positions_by_language, read_language
from metaling_sk._data.number_labels import as_numbers
from metaling_sk._utils.messages import name_rows, name_some
from metaling_sk._utils.parameters import find_parameter
from metaling_sk._utils.sklearn_compat import BaseSearchCV, num_samples

SUMMARY = ["mean", "worst", "gap"]
"""The rows of a report below those of the languages."""


def check_complete_labels(y, name: str, others: str) -> np.ndarray:
    """Validate labels of which none may be missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        The labels, or a column of 0 and 1 for each of several labels.
    name : str
        What messages call them.
    others : str
        The arguments that have the same rows, for the message.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, n_labels)

    Raises
    ------
    ValueError
        If there is no label, or a label is missing.
    """
    if has_several_labels(y):
        indicators, _ = check_indicators(y, None, needed=False, name=name)
        _check_complete((indicators == MISSING).any(axis=1), name, others)
        return indicators.astype(np.int64)
    y = label_array(y, name)
    _check_complete(pd.isna(y), name, others)
    return plain_labels(y, name)


def check_known_labels(estimator, y) -> None:
    """Raise a ValueError if a label is what stands for a missing one in an estimator.

    Parameters
    ----------
    estimator : estimator
        It predicts; also a pipeline or search of one with `missing_label`.
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        What the predictions are compared with.
    """
    check_unmarked(y, find_parameter(estimator, "missing_label", None))


def name_labels(y, name: str) -> dict[int, str]:
    """Name the columns of several labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        The labels.
    name : str
        What messages call them.

    Returns
    -------
    dict of int to str
        The names of a table's columns by their positions, or the positions; empty for one label.
    """
    if not has_several_labels(y):
        return {}
    _, names = check_indicators(y, None, needed=False, name=name)
    return dict(enumerate(names))


def check_same_names(true: dict[int, str], predicted: dict[int, str]) -> None:
    """Raise a ValueError if the columns of two tables of labels have different names.

    Parameters
    ----------
    true, predicted : dict of int to str
        What `name_labels` returned. Positions are no names.
    """
    first, second = list(true.values()), list(predicted.values())
    have_names = all(isinstance(name, str) for name in first + second)
    if have_names and first and second and first != second:
        raise ValueError(
            f"The columns of the true labels are {first}, but those of the predicted ones are "
            f"{second}; pass the same columns in the same order."
        )


def check_complete_classes(y, name: str, others: str) -> np.ndarray:
    """Validate labels of which none may be missing and all are classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels.
    name, others : str
        As in `check_complete_labels`.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If there is no label, a label is missing, or they are not classes.
    """
    y = check_complete_labels(y, name, others)
    if is_continuous(y):
        raise ValueError(
            f"{name} holds continuous numbers, but these scores count classes. For numbers there "
            "is regression_report, and make_language_scorer computes any metric in each language."
        )
    check_classification_targets(y)
    return y


def is_continuous(y) -> bool:
    """Return whether what a target holds are numbers that are no classes."""
    if has_several_labels(y):
        return False
    y = label_array(y)
    return y.dtype.kind == "f" and type_of_target(y[np.isfinite(y)]) == "continuous"


def check_complete_numbers(y, name: str, others: str) -> np.ndarray:
    """Validate numbers of which none may be missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The numbers.
    name, others : str
        As in `check_complete_labels`.

    Returns
    -------
    ndarray of float64, shape (n_samples,)

    Raises
    ------
    ValueError
        If there is none, or they are no finite numbers, one for each sample.
    """
    y = label_array(y, name)
    _check_complete(pd.isna(y), name, others, "number")
    numbers = as_numbers(y, np.arange(len(y)), name)
    if len(infinite := np.flatnonzero(np.isinf(numbers))):
        raise ValueError(f"{name} is infinite in {name_rows(infinite)}.")
    return numbers


def _check_complete(is_missing: np.ndarray, name: str, others: str, what: str = "label") -> None:
    """Raise a ValueError unless there are labels and none is missing."""
    if len(is_missing) == 0:
        raise ValueError(f"{name} is empty; scores by language need at least one row.")
    missing = np.flatnonzero(is_missing)
    if missing.size:
        raise ValueError(
            f"{name} has no {what} in {name_rows(missing)}; leave these rows out of {others}."
        )


def check_language_array(language) -> np.ndarray:
    """Validate the language of each sample, where X does not hold it.

    Parameters
    ----------
    language : array-like of str, shape (n_samples,)
        The languages.

    Returns
    -------
    ndarray of str objects, shape (n_samples,)

    Raises
    ------
    ValueError
        If it is one string, or a language is not a string.
    """
    if isinstance(language, str):
        raise ValueError(f"`language` must name the language of each row, got only {language!r}.")
    return read_language(None, language, num_samples(language))


def pairs_by_language(
    y_true: np.ndarray, y_pred: np.ndarray, language: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split what is true and what is predicted by language, in alphabetical order.

    Raises
    ------
    ValueError
        If the shapes or types differ, or a language is called like a row of the summary.
    """
    if y_true.shape[1:] != y_pred.shape[1:]:
        raise ValueError(
            f"y_true and y_pred must have the same columns, got {y_true.shape} and {y_pred.shape}."
        )
    if not len(y_true) == len(y_pred) == len(language):
        raise ValueError(
            f"y_true, y_pred and `language` must have one value per row, but they have "
            f"{len(y_true)}, {len(y_pred)} and {len(language)} values."
        )
    check_same_type(y_true, y_pred, ("y_true", "y_pred"))
    positions = positions_by_language(language)
    if clashing := sorted(positions.keys() & set(SUMMARY)):
        raise ValueError(
            f"A language must not be called like a row of the summary, got {name_some(clashing)} "
            "in `language`; rename it."
        )
    return {name: (y_true[part], y_pred[part]) for name, part in positions.items()}


def languages_in(estimator, X, language, language_column: Hashable, owner: str) -> np.ndarray:
    """Read the language of each sample from X or from `language`.

    Parameters
    ----------
    estimator : estimator
        It takes X.
    X : DataFrame or array-like of n_samples
        The samples.
    language : str, array-like of str or None
        The language of each sample, where X has no language column.
    language_column : hashable
        The name of that column.
    owner : str
        Who needs the languages, for the message.

    Returns
    -------
    ndarray of str objects, shape (n_samples,)

    Raises
    ------
    ValueError
        If there is no language, or one is invalid.
    """
    column = find_language_column(X, estimator, language_column)
    if column is None and language is None:
        raise ValueError(
            f"{owner} found no language: X has no column {language_column!r}. Name it in "
            "`language_column`, pass `language`, or let LanguageIdentifier add the column."
        )
    return read_language(column, language, num_samples(X))


def predict_labels(estimator, X, language) -> np.ndarray | pd.DataFrame:
    """Predict the labels of samples.

    Parameters
    ----------
    estimator : estimator
        A fitted one.
    X : DataFrame or array-like of n_samples
        The samples.
    language : array-like of str or None
        The languages that were passed beside X.

    Returns
    -------
    ndarray of n_samples, or DataFrame
        What `predict` returns. Several labels are in columns with their names.
    """
    predicted = call_with_language(estimator, "predict", X, language)
    names = getattr(estimator, "label_names_", None)
    return predicted if names is None else pd.DataFrame(predicted, columns=names)


def call_with_language(estimator, method: str, X, language, *args):
    """Call a method of an estimator with X, and with the languages if it takes them.

    Parameters
    ----------
    estimator : estimator
        The owner of the method.
    method : str
        Such as "predict" or "fit".
    X : DataFrame or array-like of n_samples
        The samples.
    language : array-like of str or None
        The languages that were passed beside X.
    *args : object
        What comes after X.

    Returns
    -------
    object
        What the method returns.
    """
    if method != "fit":  # The other methods of a search take X alone.
        estimator = getattr(estimator, "best_estimator_", estimator)
    function = getattr(estimator, method)
    if language is None or not _takes_language(estimator, method):
        return function(X, *args)
    return function(X, *args, language=language)


def _takes_language(estimator, method: str) -> bool:
    """Return whether a method of an estimator, or of that of a search, takes the languages."""
    if isinstance(estimator, BaseSearchCV):
        estimator = estimator.estimator
    return "language" in signature(getattr(estimator, method)).parameters or (
        hasattr(estimator, "get_metadata_routing")
        and get_routing_for_object(estimator).consumes(method, ["language"])
    )
