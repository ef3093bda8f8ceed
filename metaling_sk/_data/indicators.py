"""Every accepted form of y with several labels for each sample becomes a matrix of 0 and 1."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaling_sk._data.input_forms import plain_column, plain_table
from metaling_sk._data.labels import (
    MISSING,
    WAY_OUT,
    check_labels,
    check_length,
    is_missing,
    label_array,
)
from metaling_sk._utils.messages import name_rows, name_some


def has_several_labels(y) -> bool:
    """Return whether a target has several values for each sample.

    Parameters
    ----------
    y : object
        The target as the user gave it.

    Returns
    -------
    bool
        True for what has more or fewer columns than one, and for a sequence of lists or sets.
    """
    y = plain_column(plain_table(y))
    if len(getattr(y, "shape", ())) == 2:
        return y.shape[1] != 1
    has_objects = getattr(y, "dtype", None) in (None, np.dtype(object))
    if not (has_objects and pd.api.types.is_list_like(y)):
        return False
    given = (row for row in y if pd.api.types.is_list_like(row) or not pd.isna(row))
    first = next(given, None)
    if not pd.api.types.is_list_like(first):
        return False
    return any(np.shape(row) != (1,) for row in y)


def check_classes_or_indicators(
    y, n_samples: int, missing_label=None, *, needed: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Validate a target of one class or of several labels for each sample.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        The labels; NaN, None or `missing_label` where there is none.
    n_samples : int
        The number of samples in X.
    missing_label : object, default=None
        One more value that stands for a missing label.
    needed : bool, default=True
        Whether a target without any label is an error.

    Returns
    -------
    tuple of ndarrays
        What `check_labels` or `check_indicators` returns.

    Raises
    ------
    ValueError
        As these.
    """
    if has_several_labels(y):
        return check_indicators(y, n_samples, missing_label, needed=needed)
    return check_labels(y, n_samples, missing_label, needed=needed)


def check_indicators(
    y, n_samples: int | None, missing_label=None, *, needed: bool = True, name: str = "y"
) -> tuple[np.ndarray, np.ndarray]:
    """Validate a target with a column of 0 and 1 for each label, which is not written to.

    Parameters
    ----------
    y : array-like, sparse matrix or DataFrame of shape (n_samples, n_labels)
        1 where the label applies, 0 where it does not; NaN, None or `missing_label` where that is
        not known.
    n_samples : int or None
        The number of samples in X; None where there is no X.
    missing_label : object, default=None
        One more value that stands for a missing label.
    needed : bool, default=True
        Whether a target without any label is an error.
    name : str, default="y"
        What messages call it.

    Returns
    -------
    indicators : ndarray of int8, shape (n_samples, n_labels)
        0, 1, or `MISSING`.
    names : ndarray of shape (n_labels,)
        The names of the columns; their positions where they have none.

    Raises
    ------
    ValueError
        If the lengths differ, labels are needed and all are missing, or they are not 0 and 1.
    """
    values, names = _values_and_names(y, name)
    if n_samples is not None:
        check_length(values, n_samples)
    if not len(names):
        raise ValueError(f"{name} has no column; it needs one for each label.")
    known = ~is_missing(values.ravel(), missing_label).reshape(values.shape)
    if needed and not known.any():
        raise ValueError(
            f"{name} has no label: every row is missing (NaN, None or `missing_label`). At least "
            "one label needs rows with it and rows without it."
        )
    given = values[known]
    is_one = np.asarray(given == 1, dtype=bool)
    if len(wrong := np.flatnonzero(~(is_one | np.asarray(given == 0, dtype=bool)))):
        row, column = np.argwhere(known)[wrong[0]]
        value = values[row, column]
        value = value.item() if isinstance(value, np.generic) else value
        hint = " If it marks what is not known, pass missing_label=-1." if value == -1 else ""
        raise ValueError(
            f"{name} has shape {values.shape} and holds {value!r} in row {row}, column "
            f"{_plain(names[column])!r}.{hint} {WAY_OUT} For one class of several in each column "
            "there is sklearn.multioutput.MultiOutputClassifier."
        )
    indicators = np.full(values.shape, MISSING, dtype=np.int8)
    indicators[known] = is_one
    return indicators, names


def check_unmarked(y, missing_label) -> None:
    """Raise a ValueError if a target that is to be compared with predictions holds the marker.

    Otherwise the marker would count as a label that no prediction can be.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        Labels, numbers or texts.
    missing_label : object
        The parameter of the estimator that predicts.
    """
    if missing_label is None or pd.isna(missing_label):
        return
    values = _values_and_names(y, "y")[0] if has_several_labels(y) else label_array(y)
    marked = is_missing(values.ravel(), missing_label).reshape(values.shape)
    rows = np.flatnonzero(marked if marked.ndim == 1 else marked.any(axis=1))
    if len(rows):
        raise ValueError(
            f"y has no label in {name_rows(rows)}, as missing_label={missing_label!r} says; leave "
            "these rows out, as the folds of StratifiedLanguageKFold do."
        )


def check_same_labels(names: np.ndarray, fitted: np.ndarray) -> None:
    """Raise a ValueError unless the columns of a target are those of a fit.

    Parameters
    ----------
    names : ndarray of shape (n_labels,)
        What `check_indicators` returned.
    fitted : ndarray of shape (n_labels,)
        The same of the fit.
    """
    if len(names) != len(fitted):
        raise ValueError(
            f"y has {len(names)} columns, but the fit was on {len(fitted)} labels; pass a column "
            "for each."
        )
    have_names = names.dtype == fitted.dtype == object
    if have_names and list(names) != list(fitted):
        raise ValueError(
            f"The columns of y are {list(names)}, but the labels of the fit {list(fitted)}; pass "
            "the same columns in the same order."
        )


def positive_probabilities(probabilities, classes, n_labels: int) -> np.ndarray:
    """Return the probability of each label, however a classifier of sklearn gives it.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_labels), or list of n_labels ndarrays
        What `predict_proba` returned; the arrays of a list have a column for each class.
    classes : ndarray, or list of n_labels ndarrays
        The `classes_` of the classifier.
    n_labels : int
        The number of labels that are expected.

    Returns
    -------
    ndarray of shape (n_samples, n_labels)

    Raises
    ------
    ValueError
        If there are other labels.
    """
    if isinstance(probabilities, list):
        columns = [
            np.asarray(part) @ (np.asarray(known) == 1)
            for part, known in zip(probabilities, classes, strict=True)
        ]
        probabilities = np.stack(columns, axis=1)
    if np.ndim(probabilities) != 2 or np.shape(probabilities)[1] != n_labels:
        raise ValueError(
            f"predict_proba has shape {np.shape(probabilities)}, but y has {n_labels} labels; the "
            "classifier must be one for several labels, such as "
            "sklearn.multiclass.OneVsRestClassifier, fitted on the same ones."
        )
    return np.asarray(probabilities)


def _values_and_names(y, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The values as a 2-D array, of objects where they are no numbers, and the names."""
    y = plain_column(plain_table(y))
    names = None
    if isinstance(y, pd.DataFrame):
        if not y.columns.is_unique:
            twice = name_some(y.columns[y.columns.duplicated()].unique())
            raise ValueError(f"{name} has several columns named {twice}; keep one of each name.")
        if all(isinstance(column, str) for column in y.columns):
            names = y.columns.to_numpy(dtype=object)
        plain = all(isinstance(dtype, np.dtype) for dtype in y.dtypes)
        values = y.to_numpy() if plain else y.to_numpy(dtype=object)
    else:
        values = _as_matrix(y, name)
    if values.dtype.kind not in "biuf":
        values = values.astype(object)
    return values, np.arange(values.shape[1]) if names is None else names


def _as_matrix(y, name: str) -> np.ndarray:
    if hasattr(y, "toarray"):  # sparse
        return y.toarray()
    rows = y if hasattr(y, "__array__") else list(y)
    try:
        values = np.asarray(rows)
    except ValueError:  # rows of different lengths
        values = np.empty(0)
    if values.ndim != 2:
        raise ValueError(
            f"{name} is no matrix: its rows are sets, lists of different lengths, or None. "
            f"{WAY_OUT}"
        )
    # Numbers beside strings would become strings.
    return np.array(rows, dtype=object) if values.dtype.kind in "US" else values


def _plain(name):
    return name.item() if isinstance(name, np.generic) else name
