"""Every accepted form of y becomes numbers."""

from __future__ import annotations

from numbers import Real

import numpy as np

from metaling_sk._data.input_forms import plain_column
from metaling_sk._data.labels import (
    check_length,
    check_no_infinity,
    is_missing,
    label_array,
    list_to_array,
)


def check_numbers(
    y, n_samples: int, missing_label=None, *, needed: bool = True
) -> tuple[np.ndarray, None]:
    """Validate a target of numbers, which is not written to.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The numbers; NaN, None or `missing_label` where there is none.
    n_samples : int
        The number of samples in X.
    missing_label : object, default=None
        One more value that stands for a missing label.
    needed : bool, default=True
        Whether a target without any number is an error.

    Returns
    -------
    numbers : ndarray of float64, shape (n_samples,)
        NaN for samples without a label.
    classes : None
        Numbers are no classes.

    Raises
    ------
    ValueError
        If the lengths differ, numbers are needed and all are missing, or they are no finite
        numbers, one for each sample.
    """
    y = plain_column(y)
    shape = (np.asarray(y) if hasattr(y, "__array__") else list_to_array(y)).shape
    if len(shape) > 1 and shape[1] != 1:
        raise ValueError(
            f"y has shape {shape}, but one number is predicted for each row. Fit one regressor for "
            "each column, for example with sklearn.multioutput.MultiOutputRegressor."
        )
    y = label_array(y)
    check_length(y, n_samples)
    labelled = np.flatnonzero(~is_missing(y, missing_label))
    if needed and not len(labelled):
        raise ValueError(
            "y has no label: every row is missing (NaN, None or `missing_label`). At least one "
            "row needs a number."
        )
    numbers = np.full(n_samples, np.nan)
    numbers[labelled] = as_numbers(y, labelled)
    check_no_infinity(numbers[labelled], labelled)
    return numbers, None


def as_numbers(y: np.ndarray, indices: np.ndarray, name: str = "y") -> np.ndarray:
    """Return the numbers at some indices of a target.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The target.
    indices : ndarray of int
        Where it has numbers.
    name : str, default="y"
        What messages call it.

    Returns
    -------
    ndarray of float64, shape (n_indices,)

    Raises
    ------
    ValueError
        If what is there is no number.
    """
    if y.dtype.kind not in "biuf":
        for index in indices:
            value = y[index]
            # Those of numpy are whole numbers, of days or nanoseconds.
            is_duration = isinstance(value, np.timedelta64)
            if is_duration or not isinstance(value, Real | np.bool_):
                value = value.item() if isinstance(value, np.str_) else value
                raise ValueError(
                    f"{name} holds {value!r} in row {index}, which is no number. pandas.to_numeric "
                    "makes numbers of strings; for classes there is a classifier."
                )
    return y[indices].astype(np.float64)
