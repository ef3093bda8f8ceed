"""Every accepted form of y becomes class indices and classes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from metaling_sk._data.input_forms import plain_column
from metaling_sk._utils.messages import name_rows

MISSING = -1
"""The class index of a sample without a label, and the indicator of what is not known.

Among numbers NaN stands for none.
"""

TYPES = {"O": "strings", "U": "strings", "S": "bytes", "M": "dates", "m": "durations"}
"""What labels are, by the kind of their dtype, where they are no numbers."""

WAY_OUT = (
    "Several labels for each row are a matrix with a column for each label, 1 where it applies and "
    "0 where it does not; sklearn.preprocessing.MultiLabelBinarizer makes one of lists of labels."
)


def has_label(y: np.ndarray) -> np.ndarray:
    """Return whether each sample has a label.

    Parameters
    ----------
    y : ndarray of int or of float, shape (n_samples,) or (n_samples, n_labels)
        Class indices or numbers; or indicators, of which a sample has some or none.
    """
    known = ~np.isnan(y) if y.dtype.kind == "f" else np.asarray(y != MISSING)
    return np.asarray(known if known.ndim == 1 else known.any(axis=1))


def check_labels(
    y, n_samples: int, missing_label=None, *, needed: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Validate a 1-D target, which is not written to.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels; NaN, None or `missing_label` where there is none.
    n_samples : int
        The number of samples in X.
    missing_label : object, default=None
        One more value that stands for a missing label.
    needed : bool, default=True
        Whether a target without any label is an error.

    Returns
    -------
    class_indices : ndarray of int64, shape (n_samples,)
        Indices into `classes`; `MISSING` for samples without a label.
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.

    Raises
    ------
    ValueError
        If the lengths differ, labels are needed and all are missing, or they are not classes.
    """
    y = label_array(y)
    check_length(y, n_samples)
    is_labelled = ~is_missing(y, missing_label)
    class_indices = np.full(n_samples, MISSING, dtype=np.int64)
    if not is_labelled.any():
        if not needed:
            return class_indices, np.array([])
        raise ValueError(
            "y has no label: every row is missing (NaN, None or `missing_label`). "
            "At least two classes need labelled rows."
        )
    labels = plain_labels(y[is_labelled])
    check_no_infinity(labels, np.flatnonzero(is_labelled))
    if type_of_target(labels) == "continuous":
        raise ValueError(
            "Unknown label type: continuous. y holds numbers, not classes: TransferRegressor and "
            "MetaNetRegressor learn them."
        )
    check_classification_targets(labels)
    classes, class_indices[is_labelled] = np.unique(labels, return_inverse=True)
    return class_indices, classes


def check_length(y: np.ndarray, n_samples: int) -> None:
    """Raise a ValueError unless there is a label, or a missing one, for each row of X."""
    if len(y) != n_samples:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: X has {n_samples} rows, y has {len(y)}."
        )


def check_no_infinity(labels: np.ndarray, rows: np.ndarray) -> None:
    """Raise a ValueError if a label is infinite. `rows` are the positions of the labels in y."""
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            f"y contains infinity in {name_rows(rows[np.isinf(labels)])}. Drop these rows, or make "
            "their y NaN if they have no label."
        )


SEVERAL_LABELS = (
    "TransferClassifier and MetaNetClassifier learn several labels together, and "
    "sklearn.multioutput.MultiOutputClassifier fits any other classifier to each column."
)
"""What there is for a y of several columns of labels."""


def label_array(y, name: str = "y", way_out: str = SEVERAL_LABELS) -> np.ndarray:
    """Return any target of one label for each sample as a 1-D array.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels.
    name : str, default="y"
        What messages call it.
    way_out : str
        Ends the error about several columns.

    Returns
    -------
    ndarray of shape (n_samples,)
        An array of objects if labels are missing.

    Raises
    ------
    ValueError
        If there are several labels for each sample, or it is no sequence of labels.
    """
    given = type(y).__name__
    y = plain_column(y)
    if isinstance(y, pd.api.extensions.ExtensionArray):
        y = pd.Series(y)
    if isinstance(y, pd.Series):
        y = y.to_numpy(dtype=object) if y.isna().any() else y.to_numpy()
    elif hasattr(y, "toarray"):  # sparse
        y = y.toarray()
    elif not hasattr(y, "__array__"):
        y = list_to_array(y)
    y = np.asarray(y)
    if y.ndim == 0:
        raise ValueError(
            f"{name} should be a 1d array, such as a list or a column, with a label for each row, "
            f"but is of type {given}."
        )
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1):
        raise ValueError(
            f"{name} has shape {y.shape}, but one label for each row is taken here; pass one "
            f"column at a time. {way_out}"
        )
    if np.iscomplexobj(y):
        raise ValueError(
            f"Complex data not supported: {name} holds complex numbers. Pass one real number or "
            f"class for each row, such as {name}.real."
        )
    return column_or_1d(y, warn=True)


def present_labels(y) -> np.ndarray:
    """Return labels of which none may be missing as a 1-D array.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If one of them is missing.
    """
    y = label_array(y)
    if len(missing := np.flatnonzero(pd.isna(y))):
        raise ValueError(
            f"y has no label in {name_rows(missing)}; leave these rows out, as the folds of "
            "StratifiedLanguageKFold do."
        )
    return y


def plain_labels(labels: np.ndarray, name: str = "y") -> np.ndarray:
    """Return labels as an array of numbers, of dates or of strings.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels, none of them missing.
    name : str, default="y"
        What holds the labels, for the message.

    Returns
    -------
    ndarray of shape (n_samples,)
        Of a dtype of numbers or dates, or of strings.

    Raises
    ------
    ValueError
        If there are both strings and other values, or anything else that is no label.
    """
    if labels.dtype != object:
        return labels
    are_strings = [isinstance(label, str) for label in labels]
    if all(are_strings):
        return labels
    if any(are_strings):
        raise ValueError(
            f"{name} mixes strings and other values as labels; give all labels the same type."
        )
    # numpy has no time zones.
    are_dates = all(isinstance(v, date) and getattr(v, "tzinfo", None) is None for v in labels)
    plain = list_to_array(labels.tolist(), "datetime64" if are_dates else None)
    if plain.dtype == object or plain.ndim > 1:
        label = next(filter(_is_no_label, labels), labels[0])
        raise ValueError(
            f"{name} holds {label!r} of type {type(label).__name__}. Labels are strings, numbers "
            "of up to 64 bits (integers below 2**63), booleans or dates without a time zone; turn "
            f"them into strings.{f' {WAY_OUT}' if pd.api.types.is_list_like(label) else ''}"
        )
    return plain


def check_same_type(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> None:
    """Raise a ValueError if what is compared can never be equal, because the types differ.

    Parameters
    ----------
    first, second : ndarray of n_samples
        Labels or numbers, as `plain_labels` returns them.
    names : tuple of (str, str)
        What messages call them.
    """
    types = [TYPES.get(values.dtype.kind, "numbers") for values in (first, second)]
    if types[0] == types[1] or not (first.size and second.size):
        return
    held = [
        f"{name} holds {kind} such as {repr(str(value)) if isinstance(value, str) else value}"
        for name, kind, value in zip(names, types, (first.flat[0], second.flat[0]), strict=True)
    ]
    raise ValueError(f"{', but '.join(held)}; pass both as the same type.")


def list_to_array(values, dtype=None) -> np.ndarray:
    """Return labels as an array, of objects where numpy has no other type that keeps them.

    Numbers beside strings would become strings, and integers of which some need all 64 bits would
    become floats.

    Parameters
    ----------
    values : object
        A list of labels, or anything else.
    dtype : str or None, default=None
        Their type, if it is known.

    Returns
    -------
    ndarray of shape (n_samples,), or (n_samples, n_columns) for rows of one length
        Of no dimension where the values are no list.
    """
    try:
        array = np.asarray(values, dtype=dtype)
    except ValueError:  # rows of different lengths
        return pd.Series(list(values), dtype=object).to_numpy()
    is_changed = (
        array.dtype.kind in "US" and any(not isinstance(value, (str, bytes)) for value in values)
    ) or (array.dtype.kind == "f" and all(type(value) is int for value in values))
    return np.array(list(values), dtype=object) if is_changed else array


def _is_no_label(value) -> bool:
    """Whether a value is none of the labels that there can be, or an integer that may be none."""
    is_large = isinstance(value, int) and value >= 2**63
    return is_large or pd.api.types.is_list_like(value) or np.asarray(value).dtype == object


def is_missing(y: np.ndarray, missing_label) -> np.ndarray:
    """Return whether each label is NaN, None or the marker of missing labels."""
    missing = np.asarray(pd.isna(y))
    if missing_label is not None and not pd.isna(missing_label):
        present = np.flatnonzero(~missing)  # pd.NA, for one, is neither equal nor unequal
        missing = missing.copy()
        missing[present] = [bool(y[index] == missing_label) for index in present]
    return missing
