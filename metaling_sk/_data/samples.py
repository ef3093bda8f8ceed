"""Every accepted form of X, y and language becomes one validated value: `Samples`.

All input errors are raised here; nothing downstream checks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

UNNAMED_LANGUAGE = "und"
"""The language of rows that name none: BCP-47's code for "undetermined"."""

MISSING = -1
"""The code of a missing label in `Samples.y`."""


@dataclass(frozen=True)
class Samples:
    """Validated rows: texts or features, the language of each and, at fit, its label.

    Attributes
    ----------
    texts : ndarray of str objects, shape (n_samples,), or None
    features : float ndarray or CSR array, shape (n_samples, n_features), or None
        Exactly one of `texts` and `features` is not None.
    language : ndarray of str objects, shape (n_samples,)
    y : ndarray of int64, shape (n_samples,), or None
        Indices into `classes`; `MISSING` where the row has no label.
    classes : ndarray, shape (n_classes,), or None
    """

    texts: np.ndarray | None
    features: np.ndarray | sparse.csr_array | None
    language: np.ndarray
    y: np.ndarray | None = None
    classes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.language)

    @property
    def is_text(self) -> bool:
        return self.texts is not None

    @property
    def labelled(self) -> np.ndarray:
        return self.y != MISSING

    def take(self, rows) -> Samples:
        """The rows at the given indices or under the given mask."""
        return replace(
            self,
            texts=None if self.texts is None else self.texts[rows],
            features=None if self.features is None else self.features[rows],
            language=self.language[rows],
            y=None if self.y is None else self.y[rows],
        )

    def to_frame(self, text_column: str, language_column: str) -> pd.DataFrame:
        """The canonical form of text samples."""
        return pd.DataFrame({text_column: self.texts, language_column: self.language}, dtype=object)


def check_samples(estimator, X, y=None, language=None, *, reset: bool, needs_y=None) -> Samples:
    """Validate X, y and language for an estimator.

    Parameters
    ----------
    estimator : estimator
        Read for `text_column` (an estimator without it takes only numbers), `language_column`
        and `missing_label`; at fit (`reset=True`) given `n_features_in_` and, for DataFrames,
        `feature_names_in_`.
    X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
    y : array-like, shape (n_samples,), optional
    language : str or array-like of str, optional
    reset : bool
        True in fit, False in every method that needs a fitted estimator.
    needs_y : bool, optional
        Whether y None, or one without any label, is an error; by default it is one when `reset`
        is true.

    Returns
    -------
    Samples
    """
    X = _unwrap(X)
    texts, column = _read_texts(X, estimator)
    if texts is None:
        X, column = _without_language_column(X, estimator)
        features = _check_features(estimator, X, reset=reset)
        n_samples = features.shape[0]
    else:
        _check_texts(texts)
        if _text_column(estimator) is None:
            raise ValueError(
                f"{type(estimator).__name__} takes numbers, but X holds text; turn it into "
                "numbers first, for example with EncoderVectorizer."
            )
        _check_kind(estimator, "text", reset=reset)
        features, n_samples = None, len(texts)
        if reset:
            _set_text_columns(estimator, X, column)
    samples = Samples(texts, features, check_language(column, language, n_samples))
    needs_y = reset if needs_y is None else needs_y
    if y is None:
        if needs_y:
            raise ValueError(
                f"{type(estimator).__name__} requires y to be passed, but the target y is None."
            )
        return samples
    codes, classes = check_labels(y, n_samples, estimator.missing_label, needed=needs_y)
    return replace(samples, y=codes, classes=classes)


def check_labels(
    y, n_samples: int, missing_label=None, *, needed: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Codes (`MISSING` for unlabelled rows) and classes of a 1-D target; y is not written to.

    That no row has a label is an error where labels are `needed`.
    """
    y = label_array(y)
    if len(y) != n_samples:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: X has {n_samples} rows, y has {len(y)}."
        )
    labelled = ~_is_missing(y, missing_label)
    if not labelled.any():
        if not needed:
            return np.full(n_samples, MISSING, dtype=np.int64), np.array([])
        raise ValueError(
            "y has no label: every row is missing (NaN, None or `missing_label`). "
            "At least two classes need labelled rows."
        )
    values = plain_labels(y[labelled])
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("Input y contains infinity or a value too large for its dtype.")
    check_classification_targets(values)
    classes, inverse = np.unique(values, return_inverse=True)
    codes = np.full(n_samples, MISSING, dtype=np.int64)
    codes[labelled] = inverse
    return codes, classes


def label_array(y) -> np.ndarray:
    """Any target as a 1-D array; where labels are missing, one of objects."""
    if isinstance(y, pd.Series):
        y = y.to_numpy(dtype=object) if y.isna().any() else y.to_numpy()
    elif not hasattr(y, "__array__"):
        y = _list_to_array(y)
    return column_or_1d(y, warn=True)


def plain_labels(labels: np.ndarray, name: str = "y") -> np.ndarray:
    """Labels, none of them missing, as an array of numbers or of strings."""
    if labels.dtype != object:
        return labels
    are_strings = [isinstance(label, str) for label in labels]
    if all(are_strings):
        return labels
    if any(are_strings):
        raise ValueError(
            f"{name} mixes strings and other values as labels; give all labels the same type."
        )
    return np.asarray(labels.tolist())


def _list_to_array(values) -> np.ndarray:
    """An array that keeps None and mixed types as objects instead of turning them into strings."""
    array = np.asarray(values)
    if array.dtype.kind in "US" and any(not isinstance(value, (str, bytes)) for value in values):
        array = np.array(list(values), dtype=object)
    return array


def _is_missing(y: np.ndarray, missing_label) -> np.ndarray:
    missing = np.asarray(pd.isna(y))
    if missing_label is not None and not pd.isna(missing_label):
        missing = missing | np.fromiter((v == missing_label for v in y), bool, len(y))
    return missing


def _unwrap(X):
    """A `datasets.Dataset` as a DataFrame, any other sequence as a list (no import needed)."""
    if hasattr(X, "column_names"):
        if not (hasattr(X, "to_pandas") and hasattr(X, "num_rows")):
            raise ValueError(
                f"X is of type {type(X).__name__}; pass one datasets.Dataset, such as X['train'], "
                "with all its rows at hand."
            )
        return X.to_pandas()
    if isinstance(X, (Iterator, Set)):
        raise ValueError(
            f"X is of type {type(X).__name__}, which has no order or is read only once; pass a "
            "list."
        )
    if isinstance(X, Sequence) and not isinstance(X, (str, bytes)):
        return list(X)
    return X


def _text_column(estimator) -> str | None:
    """The name of the text column; None where the estimator takes only numbers."""
    return getattr(estimator, "text_column", None)


def _read_texts(X, estimator) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The texts and the language column of a text input; (None, None) when X is numbers."""
    if isinstance(X, (str, bytes)):
        raise ValueError("X is a single string; pass a list with one text: X=[text].")
    if isinstance(X, Mapping) and not sparse.issparse(X):
        raise ValueError("X is a dict; pass a table of rows: X=pandas.DataFrame(X).")
    if isinstance(X, pd.DataFrame):
        return _read_frame(X, estimator)
    if isinstance(X, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        X = X.to_numpy(dtype=object)
    elif isinstance(X, list):
        if not (X and all(_is_row(row) for row in X)):
            X = _objects(X)
        elif all(len(row) == 2 for row in X) and any(isinstance(row[0], str) for row in X):
            return _objects([row[0] for row in X]), _objects([row[1] for row in X])
    if not (isinstance(X, np.ndarray) and X.dtype.kind in "OUST"):
        return None, None
    if X.ndim == 1:
        return (None, None) if len(X) and _holds_numbers(X) else (X.astype(object), None)
    if X.ndim == 2 and X.shape[1] == 2 and any(isinstance(v, str) for v in X[:, 0]):
        return X[:, 0].astype(object), X[:, 1].astype(object)
    if X.ndim == 2 and any(isinstance(v, str) for v in X.ravel()[: X.shape[1]]):
        raise ValueError(
            f"X is an array of strings with {X.shape[1]} columns; text needs one dimension, or "
            "two columns (text, language); numbers need `language` beside them; and a DataFrame "
            "holds any of these."
        )
    return None, None


def _read_frame(X: pd.DataFrame, estimator) -> tuple[np.ndarray | None, np.ndarray | None]:
    text_column, language_column = _text_column(estimator), estimator.language_column
    if text_column is not None and text_column in X.columns:
        return _column(X, text_column), _column(X, language_column)
    others = [position for position, name in enumerate(X.columns) if name != language_column]
    strings = [X.columns[position] for position in others if _is_texts(X.iloc[:, position])]
    if text_column is None and strings:
        raise ValueError(
            f"{type(estimator).__name__} takes numbers, but these columns of X hold text: "
            f"{strings}. Drop them or turn them into numbers."
        )
    if strings or (X.shape[1] and not others):
        raise ValueError(
            f"X has no column {text_column!r}; its columns are {list(X.columns)}. "
            "Rename the column that holds the texts, or name it in `text_column`."
        )
    if not X.columns.is_unique:
        _column(X, X.columns[X.columns.duplicated()][0])
    return None, None


def _objects(values) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _is_row(value) -> bool:
    """Whether a value of a list is itself a row of values."""
    return pd.api.types.is_list_like(value) and not isinstance(value, (Mapping, Set))


def _holds_numbers(array: np.ndarray) -> bool:
    return array.dtype == object and all(
        isinstance(value, (int, float, complex, np.number)) and not pd.isna(value)
        for value in array
    )


def _is_texts(series: pd.Series) -> bool:
    return series.dtype.kind not in "biufc" and any(isinstance(v, str) for v in series)


def _column(X: pd.DataFrame, name: str) -> np.ndarray | None:
    if name not in X.columns:
        return None
    column = X[name]
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"X has {column.shape[1]} columns named {name!r}; keep one of them.")
    return column.to_numpy(dtype=object)


def _without_language_column(X, estimator):
    if isinstance(X, pd.DataFrame) and estimator.language_column in X.columns:
        column = _column(X, estimator.language_column)
        return X.drop(columns=estimator.language_column), column
    return X, None


def _check_texts(texts: np.ndarray) -> None:
    if len(texts) == 0:
        raise ValueError(
            "Found array with 0 sample(s): X is empty while a minimum of 1 is required."
        )
    wrong = [row for row, text in enumerate(texts) if not isinstance(text, str)]
    if wrong:
        row = wrong[0]
        missing = pd.api.types.is_scalar(texts[row]) and pd.isna(texts[row])
        what = "NaN or None" if missing else type(texts[row]).__name__
        raise ValueError(
            f"Every text must be a string, but X holds something else in {name_rows(wrong)} "
            f"(row {row}: {what}). Drop these rows or turn them into strings ('' is allowed)."
        )


def _check_kind(estimator, kind: str, *, reset: bool) -> None:
    if reset:
        estimator._input_kind = kind
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name) and kind == "text":
                delattr(estimator, name)
    elif getattr(estimator, "_input_kind", kind) != kind:
        fitted = {"text": "text", "features": "numeric features"}
        raise ValueError(
            f"This {type(estimator).__name__} was fitted on {fitted[estimator._input_kind]}, "
            f"but X holds {fitted[kind]}; pass the form it was fitted on."
        )


def _set_text_columns(estimator, X, column) -> None:
    estimator.n_features_in_ = 1 if column is None else 2
    if isinstance(X, pd.DataFrame):
        names = [estimator.text_column, estimator.language_column]
        estimator.feature_names_in_ = np.array(names[: estimator.n_features_in_], dtype=object)


def _check_features(estimator, X, *, reset: bool):
    _check_kind(estimator, "features", reset=reset)
    X = validate_data(
        estimator, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=reset
    )
    return sparse.csr_array(X) if sparse.issparse(X) else X


def check_language(column, language, n_samples: int) -> np.ndarray:
    """One language code per row from the column of X, from `language=`, or unnamed."""
    if column is not None:
        check_codes(column, "the language column of X")
    if language is None:
        return _filled(UNNAMED_LANGUAGE, n_samples) if column is None else column
    if isinstance(language, str):
        language = _filled(language, n_samples)
    elif np.ndim(language) != 1:
        raise ValueError("`language` must be one string for all rows, or one string per row.")
    language = pd.Series(language).to_numpy(dtype=object)
    if len(language) != n_samples:
        raise ValueError(
            f"X and `language` have inconsistent numbers of samples: "
            f"X has {n_samples} rows, `language` has {len(language)}."
        )
    check_codes(language, "`language`")
    if column is not None and (wrong := np.flatnonzero(column != language)).size:
        row = wrong[0]
        raise ValueError(
            f"The language column of X and `language` disagree in {name_rows(wrong)} "
            f"(row {row}: {column[row]!r} and {language[row]!r}). Pass one of them."
        )
    return language


def check_codes(language: np.ndarray, where: str) -> None:
    """Raise unless every language code is a string."""
    wrong = [row for row, code in enumerate(language) if not isinstance(code, str)]
    if wrong:
        raise ValueError(
            f"Every language must be a string such as 'en', but {where} holds something else in "
            f"{name_rows(wrong)} (row {wrong[0]}: {language[wrong[0]]!r})."
        )


def _filled(value: str, n_samples: int) -> np.ndarray:
    return np.full(n_samples, value, dtype=object)


def name_rows(rows) -> str:
    """Rows in a message: 'row 3' or 'rows 3, 5, 8, ... (12 in all)'."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    shown = ", ".join(str(row) for row in rows[:5])
    return f"rows {shown}" + (f", ... ({len(rows)} in all)" if len(rows) > 5 else "")


def join(first: Samples, second: Samples) -> Samples:
    """The rows of both, which are of one kind and have the same classes."""

    def both(name):
        parts = [getattr(first, name), getattr(second, name)]
        if any(part is None for part in parts):
            return None
        return sparse.vstack(parts, "csr") if sparse.issparse(parts[0]) else np.concatenate(parts)

    fields = {name: both(name) for name in ("texts", "features", "language", "y")}
    return Samples(**fields, classes=first.classes)


def with_classes(samples: Samples, classes) -> Samples:
    """The same rows, their labels coded as indices into other, sorted classes."""
    classes = np.asarray(classes)
    found = samples.classes[np.unique(samples.y[samples.labelled])]
    if unknown := sorted(set(found.tolist()) - set(classes.tolist()), key=str):
        raise ValueError(
            f"y has labels that are none of the classes {classes.tolist()}: {unknown}."
        )
    y = samples.y.copy()
    y[samples.labelled] = np.searchsorted(classes, samples.classes[y[samples.labelled]])
    return replace(samples, y=y, classes=classes)


def check_two_classes(samples: Samples, estimator, where: str = "y") -> None:
    """Raise unless the labelled rows hold at least two classes."""
    n_classes = len(np.unique(samples.y[samples.labelled]))
    if n_classes < 2:
        raise ValueError(
            f"{type(estimator).__name__} needs labelled rows of at least two classes, but {where} "
            f"holds {n_classes} class{'' if n_classes == 1 else 'es'}."
        )
