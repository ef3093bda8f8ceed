"""Every accepted form of X, taken apart into texts or numbers and the language column."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from numbers import Number
from types import SimpleNamespace

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy import sparse

from metaling_sk._utils.messages import name_rows, name_some
from metaling_sk._utils.parameters import find_parameter

VECTORS_HINT = (
    " To pass vectors, such as embeddings, make them an array of one column per number: "
    "X=numpy.stack(column), with `language` beside it."
)

RECORDS_HINT = " pandas.json_normalize makes a table of records."

RENAME = {
    1: "Rename the column that holds the texts, or name it",
    2: "Rename the columns that hold the texts, or name them",
}
"""What to do where a column of texts is missing, by the number of texts of a sample."""

SHAPE = {
    1: "text needs one dimension, or two columns (text, language)",
    2: "pairs of texts need two columns, or three (first text, second text, language)",
}
"""The shape of an array of texts, by the number of texts of a sample."""


def unwrap(X):
    """Turn any table into a DataFrame of pandas, a tensor into an array, a sequence into a list.

    Parameters
    ----------
    X : object
        The input as the user gave it; neither polars, pyarrow nor `datasets` need be installed.

    Returns
    -------
    object
        A DataFrame, an array, a list, or X itself.

    Raises
    ------
    ValueError
        If the samples of X have no order or cannot be read twice.
    """
    if isinstance(X, np.ma.MaskedArray) and X.ndim > 2:
        X = list(X)  # images
    X = plain_table(plain_column(X))
    if isinstance(X, pd.DataFrame | pd.Series | np.ndarray):
        return X
    if isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame):
        raise ValueError(f"X is a {type(X).__module__} LazyFrame; pass X.collect().")
    if is_dataset(X):
        return X.to_pandas()
    if hasattr(X, "__array__") and not isinstance(X, np.generic) and not hasattr(X, "to_numpy"):
        return np.asarray(X)  # a tensor
    if hasattr(X, "column_names"):
        raise ValueError(
            f"X is of type {type(X).__name__}; pass one datasets.Dataset, such as X['train'], "
            "with all its rows at hand."
        )
    if isinstance(X, (Iterator, Set)):
        raise ValueError(
            f"X is of type {type(X).__name__}, which has no order or is read only once; pass a "
            "list."
        )
    if isinstance(X, Sequence) and not isinstance(X, (str, bytes)):
        return list(X)
    return X


def is_dataset(X) -> bool:
    """Whether this is a `datasets.Dataset`, which need not be in memory."""
    return hasattr(X, "num_rows") and hasattr(X, "to_pandas") and hasattr(X, "select_columns")


def plain_table(values):
    """Return a table of polars or pyarrow as a DataFrame of pandas, and anything else as it is.

    Parameters
    ----------
    values : object
        Labels as the user gave them.

    Returns
    -------
    object
    """
    if isinstance(values, pd.DataFrame | pd.Series | np.ndarray):
        return values
    table = nw.from_native(values, allow_series=True, pass_through=True)
    if not isinstance(table, nw.DataFrame):
        return values
    return pd.DataFrame({name: column_array(table[name]) for name in table.columns})


def plain_column(values):
    """Return a column of polars or pyarrow as an array, and anything else as it is.

    What a masked array hides is None, also where it is a row or a value of a list, and the strings
    of numpy's `StringDType` are objects.

    Parameters
    ----------
    values : object
        Labels or languages as the user gave them.

    Returns
    -------
    object
    """
    if isinstance(values, np.ma.MaskedArray):
        return _without_mask(values)
    if isinstance(values, list | tuple) and any(map(_is_masked_row, values)):
        return [_without_mask(value) if _is_masked_row(value) else value for value in values]
    if isinstance(values, np.ndarray) and values.dtype.kind == "T":
        return values.astype(object)
    if isinstance(values, pd.DataFrame | pd.Series | np.ndarray):
        return values
    column = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(column, nw.Series):
        return column_array(column)
    is_arrow_array = hasattr(values, "to_pylist") and not hasattr(values, "column_names")
    return _object_array(values.to_pylist()) if is_arrow_array else values


def column_array(column: nw.Series) -> np.ndarray:
    """Return a column of polars or pyarrow as an array, of objects if values are missing.

    Parameters
    ----------
    column : narwhals Series
        The column.

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    if column.dtype.is_numeric() and not column.is_null().any():
        return column.to_numpy()
    return _object_array(column.to_list())


def text_columns_of(estimator) -> list[Hashable]:
    """Return the names of the columns of texts.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    list of Hashable
        One name, or two for pairs of texts; none for an estimator that takes only numbers.

    Raises
    ------
    ValueError
        If `text_column` is a list of anything but the names of two columns.
    """
    names = getattr(estimator, "text_column", None)
    if not isinstance(names, list):
        return [] if names is None else [names]
    if not (len(names) == 2 and all(isinstance(name, Hashable) for name in names)):
        raise ValueError(
            "`text_column` must be the name of a column or, for pairs of texts, a list of two "
            f"names, got {names!r}."
        )
    if names[0] == names[1]:
        raise ValueError(
            f"`text_column` names {names[0]!r} twice; name the columns of both texts of a pair."
        )
    if estimator.language_column in names:
        raise ValueError(
            f"`text_column` and `language_column` both name {estimator.language_column!r}; name "
            "the columns of the texts in one and that of the languages in the other."
        )
    return names


def read_texts(
    X, estimator, fitted_kind: str | None = None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Read the texts and the language column of an input.

    Parameters
    ----------
    X : object
        What `unwrap` returned.
    estimator : estimator
        Gives the names of the columns.
    fitted_kind : str, optional
        What it was fitted on, where that tells what X must hold.

    Returns
    -------
    texts : ndarray of shape (n_samples,) or, for pairs, (n_samples, 2), or None
        None if X holds numbers. The values are not validated yet.
    language_column : ndarray of shape (n_samples,), or None
        None if X holds numbers or has no language column.

    Raises
    ------
    ValueError
        If X is of no accepted form or its columns are not clear.
    """
    if isinstance(X, (str, bytes)):
        raise ValueError("X is a single string; pass a list with one text: X=[text].")
    if isinstance(X, Mapping) and not sparse.issparse(X):
        rows = "[X]" if all(map(pd.api.types.is_scalar, X.values())) else "X"
        raise ValueError(f"X is a dict; pass a table of rows: X=pandas.DataFrame({rows}).")
    names = text_columns_of(estimator)
    if isinstance(X, pd.DataFrame):
        return _read_frame(X, estimator, names, fitted_kind)
    n_texts = max(len(names), 1)
    if isinstance(X, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        X = X.to_numpy(dtype=object)
    elif isinstance(X, list):
        if not (X and all(_is_sequence(sample) for sample in X)):
            X = _object_array(X)
        elif len(set(map(len, X))) > 1:
            odd = next(row for row, sample in enumerate(X) if len(sample) != len(X[0]))
            raise ValueError(
                f"The rows of X differ in length: row 0 holds {len(X[0])} values, row {odd} "
                f"{len(X[odd])}. Give each row the same number of values."
            )
        elif _are_rows_with_text(X, n_texts):
            columns = [_object_array(values) for values in zip(*X, strict=True)]
            return _join(columns[:n_texts]), columns[-1] if len(columns) > n_texts else None
    if not (isinstance(X, np.ndarray) and X.dtype.kind in "OUST"):
        return None, None
    return _read_array(X, n_texts)


def split_language_column(X, language_column: Hashable):
    """Separate the language column of a numeric input.

    Parameters
    ----------
    X : object
        What `unwrap` returned.
    language_column : Hashable
        The name of the column.

    Returns
    -------
    X : object
        The input without the column.
    column : ndarray of shape (n_samples,), or None
        None if X has no such column.
    """
    if isinstance(X, pd.DataFrame) and language_column in X.columns:
        return X.drop(columns=language_column), _column(X, language_column)
    return X, None


def find_language_column(X, estimator, language_column: Hashable) -> np.ndarray | None:
    """Find the languages in the input of any estimator, without a look at the rest.

    Parameters
    ----------
    X : object
        The input, in any form.
    estimator : estimator
        If it takes texts, or its last step does, X may be rows of a text and its language.
    language_column : Hashable
        The name of the column where X is a table.

    Returns
    -------
    ndarray of shape (n_samples,), or None
        None if X holds no languages. The values are not validated yet.
    """
    X = unwrap(X)
    if isinstance(X, pd.DataFrame):
        return _column(X, language_column)
    names = find_parameter(estimator, "text_column", None)
    width = 1 + (len(names) if isinstance(names, list) else 1)
    is_rows = isinstance(X, list | np.ndarray) and len(X) and _is_sequence(X[0])
    if names is None or not is_rows or len(X[0]) != width:
        return None
    return read_texts(X, SimpleNamespace(text_column=names, language_column=language_column))[1]


def replace_columns(table: pd.DataFrame, columns: Mapping[Hashable, np.ndarray]) -> pd.DataFrame:
    """Return a table with some columns replaced or added.

    Parameters
    ----------
    table : DataFrame
        The table, which is not written to.
    columns : mapping of Hashable to ndarray of shape (n_samples,)
        The columns by their names, which need not be strings.

    Returns
    -------
    DataFrame
    """
    table = table.copy(deep=False)
    for name, values in columns.items():
        table[name] = values
    return table


def check_texts(texts: np.ndarray, names: Sequence[Hashable]) -> None:
    """Raise unless there is at least one text and every text is a string.

    Parameters
    ----------
    texts : ndarray of shape (n_samples,) or, for pairs, (n_samples, 2)
        The values in place of texts.
    names : sequence of Hashable
        The names of their columns.

    Raises
    ------
    ValueError
        If there is no text, or something else than a string.
    """
    if len(texts) == 0:
        raise ValueError(
            "Found array with 0 sample(s): X is empty while a minimum of 1 is required."
        )
    if texts.ndim == 1:
        _check_strings(texts, "X")
        return
    for name, column in zip(names, texts.T, strict=True):
        _check_strings(column, f"column {name!r} of X")


def _check_strings(texts: np.ndarray, source: str) -> None:
    wrong = [index for index, text in enumerate(texts) if not isinstance(text, str)]
    if wrong:
        first = wrong[0]
        is_missing = pd.api.types.is_scalar(texts[first]) and pd.isna(texts[first])
        kind = "NaN or None" if is_missing else type(texts[first]).__name__
        raise ValueError(
            f"Every text must be a string, but {source} holds something else in {name_rows(wrong)} "
            f"(row {first}: {kind}). Drop these rows or turn them into strings ('' is allowed)."
            f"{VECTORS_HINT if _is_sequence(texts[first]) else ''}"
            f"{RECORDS_HINT if _is_mapping(texts[first]) else ''}"
        )


def _read_frame(
    X: pd.DataFrame, estimator, names: list[Hashable], fitted_kind: str | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    language_column = estimator.language_column
    lacking = [name for name in names if name not in X.columns]
    if names and not lacking:
        return _join([_column(X, name) for name in names]), _column(X, language_column)
    others = [position for position, name in enumerate(X.columns) if name != language_column]
    with_texts = [X.columns[position] for position in others if _holds_texts(X.iloc[:, position])]
    takes = f"{type(estimator).__name__} takes numbers"
    if names and fitted_kind == "features":
        takes, names = f"This {type(estimator).__name__} was fitted on numeric features", []
    if not names and with_texts:
        raise ValueError(
            f"{takes}, but these columns of X hold text: {with_texts}. Drop them or turn them into "
            "numbers."
        )
    if names and (with_texts or (X.shape[1] and not others) or len(lacking) < len(names)):
        hint = ""
        if isinstance(names[0], tuple) and set(names[0]) <= set(X.columns):
            hint = f" For pairs of texts pass a list: {list(names[0])}."
        if 0 < len(with_texts) < len(others):
            hint += (
                f" If the numbers in X are the features, these columns must not hold text: "
                f"{name_some(with_texts)}. Drop them or turn them into numbers, or name that of "
                "the languages in `language_column`."
            )
        raise ValueError(
            f"X has no column {' and no column '.join(map(repr, lacking))}; its columns are "
            f"{name_some(X.columns)}. {RENAME[len(names)]} in `text_column`.{hint}"
        )
    with_records = [X.columns[i] for i in others if any(map(_is_mapping, X.iloc[:1, i]))]
    with_vectors = [X.columns[i] for i in others if any(map(_is_sequence, X.iloc[:1, i]))]
    if with_records or with_vectors:
        media = [
            f"`{name}`" for name in ("image_column", "audio_column") if hasattr(estimator, name)
        ]
        raise ValueError(
            f"These columns of X hold lists or dicts: {name_some(with_records + with_vectors)}."
            f"{RECORDS_HINT if with_records else ''}{VECTORS_HINT if with_vectors else ''}"
            + (f" Images and recordings are named in {' and '.join(media)}." if media else "")
        )
    if neither := [X.columns[i] for i in others if not _could_be_numbers(X.iloc[:, i])]:
        raise ValueError(
            f"These columns of X hold neither numbers nor text: {name_some(neither)}. Drop them or "
            "turn them into numbers."
        )
    if not X.columns.is_unique:
        _column(X, X.columns[X.columns.duplicated()][0])
    return None, None


def _read_array(X: np.ndarray, n_texts: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Read an array of objects or strings."""
    if X.ndim == 1:
        if len(X) and _holds_numbers(X):
            return None, None
        if n_texts == 2:
            raise ValueError(
                "X holds one text in each row, but `text_column` names two columns. Pass a "
                "DataFrame with both, or a list of pairs (first text, second text)."
            )
        return X.astype(object), None
    if X.ndim != 2:
        return None, None
    width = X.shape[1]
    in_texts = X[:, :n_texts].ravel()
    if _has_width(width, n_texts) and any(isinstance(value, str) for value in in_texts):
        columns = list(X.astype(object).T)
        return _join(columns[:n_texts]), columns[-1] if width > n_texts else None
    if any(isinstance(value, str) for value in X.ravel()[:width]):
        raise ValueError(
            f"X is an array of strings with {width} columns; {SHAPE[n_texts]}; numbers need "
            "`language` beside them; and a DataFrame holds any of these."
        )
    return None, None


def _join(columns: list) -> np.ndarray:
    """One column of texts as it is, or two as the columns of an array."""
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _has_width(width: int, n_texts: int) -> bool:
    """Whether rows of this length are texts with their language, or pairs of texts alone."""
    return width == n_texts + 1 or width == n_texts == 2


def _column(X: pd.DataFrame, name: Hashable) -> np.ndarray | None:
    if name not in X.columns:
        return None
    column = X[name]
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"X has {column.shape[1]} columns named {name!r}; keep one of them.")
    return column.to_numpy(dtype=object)


def _is_masked_row(value) -> bool:
    """Whether an item of a list has a mask, and is no image."""
    return isinstance(value, np.ma.MaskedArray) and value.ndim < 2


def _without_mask(values: np.ma.MaskedArray):
    if not np.ma.is_masked(values):
        return values.data
    array = values.data.astype(object)
    array[np.ma.getmaskarray(values)] = None
    return array[()]


def _object_array(values) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _is_mapping(sample) -> bool:
    return isinstance(sample, Mapping)


def _is_sequence(sample) -> bool:
    """Whether a sample of a list is a sequence of values, not one value."""
    return pd.api.types.is_list_like(sample) and not isinstance(sample, (Mapping, Set))


def _are_rows_with_text(samples: list, n_texts: int) -> bool:
    return _has_width(len(samples[0]), n_texts) and any(
        isinstance(value, str) for sample in samples for value in sample[:n_texts]
    )


def _holds_numbers(array: np.ndarray) -> bool:
    return array.dtype == object and all(
        # NaN, which may stand for a missing text, is not equal to itself.
        isinstance(value, (int, float, complex, np.number)) and value == value
        for value in array
    )


def _could_be_numbers(series: pd.Series) -> bool:
    """Whether a column without texts holds numbers alone, of which some may be missing."""
    if series.dtype.kind in "biufc":
        return True
    return series.dtype.kind not in "mM" and all(
        isinstance(value, Number | np.bool_ | str)
        or (pd.api.types.is_scalar(value) and pd.isna(value))
        for value in series
    )


def _holds_texts(series: pd.Series) -> bool:
    return series.dtype.kind not in "biufc" and any(isinstance(value, str) for value in series)
