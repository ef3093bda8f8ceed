"""X in parts that are predicted one after the other, so that not all of it is in memory at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse

from metaling_sk._data.input_forms import is_dataset, plain_column

ROWS_AT_A_TIME = 10_000
"""Number of rows of a `datasets.Dataset` that are read at a time."""


def compute_in_parts(compute: Callable, X, language=None):
    """Compute something of each part of X, and concatenate the results.

    A `datasets.Dataset` is read `ROWS_AT_A_TIME` rows at a time. An iterator yields the parts
    itself. Anything else is in memory already, and is one part.

    Parameters
    ----------
    compute : callable
        Takes a part of X and its `language=`; returns an array with a row for each sample.
    X : object
        As `predict` takes it.
    language : str, array-like of str or None
        As `predict` takes it.

    Returns
    -------
    ndarray or CSR array of n_samples

    Raises
    ------
    ValueError
        If there is no part, or anything is wrong with one.
    """
    results: list = []
    n_done = 0
    for part, its_language in _split(X, language):
        try:
            results.append(compute(part, its_language))
        except ValueError as error:
            if part is X or n_done == 0:
                raise
            raise ValueError(f"In the part of X that begins at row {n_done}: {error}") from error
        n_done += results[-1].shape[0]
    if not results:
        raise ValueError("X is an iterator that yields nothing; it is used up, or was empty.")
    return join(results)


def join(results: list):
    """Concatenate dense or sparse arrays; a single one is returned as it is."""
    if len(results) == 1:
        return results[0]
    return sparse.vstack(results, "csr") if sparse.issparse(results[0]) else np.concatenate(results)


def _split(X, language) -> Iterator[tuple]:
    """Yield the parts of X, each with its languages."""
    if isinstance(X, Iterator):
        if not (language is None or isinstance(language, str)):
            raise ValueError(
                "`language` beside an iterator must be one string; give its tables a language "
                "column."
            )
        for part in X:
            if isinstance(part, (str, bytes)):
                raise ValueError(
                    f"X is a {type(X).__name__} of single texts; pass list(X), or yield lists or "
                    "tables of many rows."
                )
            yield part, language
    elif is_dataset(X) and X.num_rows > ROWS_AT_A_TIME and _is_even(language, X.num_rows):
        language = plain_column(language)
        for start in range(0, X.num_rows, ROWS_AT_A_TIME):
            rows = slice(start, min(start + ROWS_AT_A_TIME, X.num_rows))
            has_one = language is None or isinstance(language, str)
            part = X.select(range(rows.start, rows.stop))
            yield part, language if has_one else np.asarray(language, dtype=object)[rows]
    else:
        yield X, language


def _is_even(language, n_samples: int) -> bool:
    """Whether there is one language, or one for each sample."""
    return language is None or isinstance(language, str) or np.shape(language) == (n_samples,)
