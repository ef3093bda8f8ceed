"""Numbers in the place of texts, validated."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from metaling_sk._utils.messages import name_rows


def check_features(estimator, X, *, reset: bool) -> np.ndarray | sparse.csr_array:
    """Validate numbers, their columns and the names of these.

    Parameters
    ----------
    estimator : estimator
        It keeps the number and the names of the columns at fit.
    X : object
        What the user gave, without the language column.
    reset : bool
        Whether this is `fit`.

    Returns
    -------
    float ndarray or CSR array of shape (n_samples, n_features)
        The numbers; a sparse array in canonical format.

    Raises
    ------
    ValueError
        If X is no table of finite numbers, or its columns are not those of `fit`.
    TypeError
        If an object in X cannot become a float, or some names of columns alone are strings.
    """
    if getattr(X, "dtype", np.dtype(float)).kind in "mM":
        raise ValueError("X is an array of dates or durations; turn them into numbers.")
    # The names of columns first: an error about them is none about numbers.
    validate_data(estimator, X, reset=reset, skip_check_array=True, ensure_2d=False)
    try:
        X = validate_data(
            estimator,
            X,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            ensure_all_finite=False,  # scikit-learn's own message names no row
            reset=reset,
        )
    except (OverflowError, TypeError) as error:
        raise TypeError(
            f"X must be a table of numbers, of which none is missing: {error}"
        ) from error
    if len(rows := rows_not_finite(X)):
        raise ValueError(
            f"Every number must be finite, but X holds NaN or infinity in {name_rows(rows)}. Drop "
            "these rows or fill in their numbers."
        )
    is_sparse = sparse.issparse(X)
    if not is_sparse:
        return X
    features = sparse.csr_array(X)
    if not features.has_canonical_format:
        features = features.copy()
        features.sum_duplicates()
    return features


def rows_not_finite(features) -> np.ndarray:
    """Return the rows that hold NaN or infinity.

    Parameters
    ----------
    features : float ndarray or CSR array of shape (n_samples, n_features)
        The numbers.

    Returns
    -------
    ndarray of int
        Their positions, in order.
    """
    is_sparse = sparse.issparse(features)
    values = features.data if is_sparse else features
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):  # needs no array of the size of the values
            return np.empty(0, dtype=int)
    wrong = ~np.isfinite(values)  # or their sum is too large for a float
    places = sparse.csr_array((wrong, features.indices, features.indptr)) if is_sparse else wrong
    return np.unique(places.nonzero()[0])


def has_vectors_beside(features: np.ndarray | sparse.csr_array) -> bool:
    """Whether these are sparse features, such as n-grams, with vectors beside them.

    Counts and TF-IDF are not negative, and vectors are.
    """
    return sparse.issparse(features) and bool(features.min() < 0)
