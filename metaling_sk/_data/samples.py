"""Every accepted form of X, y and language becomes one validated value: `Samples`.

All input errors are raised on this way; nothing downstream checks again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from metaling_sk._data.cell_kinds import cell_kind_of, refuse_parameters
from metaling_sk._data.cells import CellKind
from metaling_sk._data.features import check_features
from metaling_sk._data.input_forms import (
    check_texts,
    read_texts,
    split_language_column,
    text_columns_of,
    unwrap,
)
from metaling_sk._data.labels import MISSING, check_labels, has_label
from metaling_sk._data.languages import read_language
from metaling_sk._data.suspicions import (
    suspect_classes,
    suspect_columns,
    suspect_lost,
    suspect_marker,
    suspect_names,
    suspect_numbered,
    suspect_order,
    suspect_swapped,
    suspect_unnamed,
)
from metaling_sk._utils.messages import forget_warnings

BY_SAMPLE = ("texts", "features", "cells", "language", "y")
"""The fields of `Samples` that have a value for each sample, or none at all."""


@dataclass(frozen=True)
class Samples:
    """Validated samples: texts, features or cells, languages and, at fit, labels.

    Exactly one of `texts`, `features` and `cells` is not None.

    Parameters
    ----------
    texts : ndarray of str objects, shape (n_samples,) or (n_samples, 2), or None
        The text of each sample, or its pair of texts.
    features : float ndarray or CSR array, shape (n_samples, n_features), or None
        The numbers of each sample.
    language : ndarray of str objects, shape (n_samples,)
        The language of each sample.
    y : ndarray of shape (n_samples,) or (n_samples, n_labels), or None
        Class indices, `MISSING` for samples without a label; numbers, NaN for samples without one;
        or indicators of several labels, `MISSING` where they are not known. None if labels are not
        needed.
    classes : ndarray of shape (n_classes,) or (n_labels,), or None
        The labels that the class indices or the columns of indicators stand for; None for numbers.
    pair_columns : list of two Hashable, or None
        The names of the columns of pairs of texts; None where a sample has one text.
    cells : ndarray of Cell, shape (n_samples,), or None
        What each sample is, such as an image, which is not read yet.
    cell_kind : CellKind or None
        The kind of the cells.
    """

    texts: np.ndarray | None
    features: np.ndarray | sparse.csr_array | None
    language: np.ndarray
    y: np.ndarray | None = None
    classes: np.ndarray | None = None
    pair_columns: list[Hashable] | None = None
    cells: np.ndarray | None = None
    cell_kind: CellKind | None = None

    def __len__(self) -> int:
        return len(self.language)

    @property
    def is_text(self) -> bool:
        """Whether the samples are texts."""
        return self.texts is not None

    @property
    def is_pairs(self) -> bool:
        """Whether each sample is a pair of texts."""
        return self.pair_columns is not None

    @property
    def plain_texts(self) -> np.ndarray | pd.DataFrame:
        """The texts as a transformer of sklearn takes them: an array, or a table of pairs."""
        assert self.texts is not None
        return self.texts if self.pair_columns is None else self.to_frame(self.pair_columns)

    @property
    def kind(self) -> str:
        """What the samples are, in words, such as "texts", "images" or "numeric features"."""
        if self.cell_kind is not None:
            return self.cell_kind.name
        return "texts" if self.is_text else "numeric features"

    @property
    def column_parameter(self) -> str:
        """The parameter of estimators that names the column of the samples."""
        return "text_column" if self.cell_kind is None else self.cell_kind.parameter

    @property
    def content(self):
        """The texts, the cells or the features."""
        return next(x for x in (self.texts, self.cells, self.features) if x is not None)

    @property
    def is_multilabel(self) -> bool:
        """Whether each sample can have several labels."""
        return self.y is not None and self.y.ndim == 2

    @property
    def labelled(self) -> np.ndarray:
        """Mask of the samples of which a label is known."""
        return np.ones(len(self), dtype=bool) if self.y is None else has_label(self.y)

    @property
    def labels(self) -> np.ndarray:
        """Class indices, numbers or indicators of the samples that have a label."""
        assert self.y is not None
        return self.y[self.labelled]

    @property
    def given_labels(self) -> np.ndarray:
        """The labels, as they were given, of the samples that have one."""
        if self.classes is None or self.is_multilabel:
            return self.labels
        return self.classes[self.labels]

    @property
    def present_classes(self) -> np.ndarray:
        """The classes that have a labelled sample."""
        assert self.classes is not None
        return self.classes[np.unique(self.labels)]

    def take(self, indices) -> Samples:
        """Select samples.

        Parameters
        ----------
        indices : array-like of int or bool
            Indices of samples, or a mask.

        Returns
        -------
        Samples
            The selected samples, with the same classes.
        """
        values = {name: getattr(self, name) for name in BY_SAMPLE}
        taken = {name: value[indices] for name, value in values.items() if value is not None}
        return replace(self, **taken)

    def split(self, size: int | None) -> Iterator[Samples]:
        """Yield parts of so many samples, in order; None is all of them, which are not copied."""
        if size is None:
            yield self
            return
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def given_content(self) -> np.ndarray:
        """The texts, or the cells as they were given, shape (n_samples,), or (n_samples, 2)."""
        if self.cells is None:
            return self.content
        given = np.empty(len(self), dtype=object)
        given[:] = [cell.value for cell in self.cells]
        return given

    def to_frame(self, column, language_column: Hashable | None = None) -> pd.DataFrame:
        """Return texts or cells as a DataFrame.

        Parameters
        ----------
        column : Hashable or list of two Hashable
            The name of the column of texts or cells, or those of pairs of texts.
        language_column : Hashable, default=None
            The name of the column of languages; None for no such column.

        Returns
        -------
        DataFrame of n_samples rows
            The texts or cells, and the languages.
        """
        content = self.given_content()
        names, values = (column, content.T) if self.is_pairs else ([column], [content])
        columns = dict(zip(names, values, strict=True))
        if language_column is not None:
            columns[language_column] = self.language
        return pd.DataFrame(columns, dtype=object)


def check_samples(
    estimator,
    X,
    y=None,
    language=None,
    *,
    reset: bool,
    needs_y: bool | None = None,
    uses_language: bool = True,
) -> Samples:
    """Validate X, y and language for an estimator, and warn of what looks like a mistake.

    Parameters
    ----------
    estimator : estimator
        Its `text_column` (an estimator without it takes only numbers), `language_column` and
        `missing_label` are read, and `_check_y`, which validates y: `check_labels` for classes, the
        default, `check_numbers` or `check_classes_or_indicators`. At fit (`reset=True`) its
        `n_features_in_` and, for DataFrames, `feature_names_in_` are set. A fitted estimator that
        treats languages differently has them in `_known_languages`.
    X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
        The labels.
    language : str or array-like of str, default=None
        The language of each sample, if X has no language column.
    reset : bool
        True in fit, False in every method that needs a fitted estimator.
    needs_y : bool, default=None
        Whether a missing y, or one without any label, is an error. None is the same as `reset`.
    uses_language : bool, default=True
        Whether a table without the language column that was named is warned of.

    Returns
    -------
    Samples
        The validated samples.

    Raises
    ------
    ValueError
        If anything is wrong with X, y or the languages.
    """
    if reset:
        forget_warnings(estimator)
        suspect_lost(estimator)
    suspect_order(estimator, "X", X=X, y=y, language=language)
    samples = _read_samples(estimator, unwrap(X), language, reset, uses_language)
    _suspect_languages(estimator, set(samples.language), reset=reset)
    if reset and samples.texts is not None and not samples.is_pairs:
        suspect_swapped(estimator, samples.texts, samples.language)
    needs_y = reset if needs_y is None else needs_y
    if y is not None:
        return _with_y(estimator, samples, y, reset, needs_y)
    if needs_y:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    return samples


def _read_samples(estimator, X, language, reset: bool, uses_language: bool) -> Samples:
    """The samples of what `unwrap` returned, without y."""
    texts = cells = features = None
    names = text_columns_of(estimator)
    cell_kind = cell_kind_of(estimator)
    if reset:
        refuse_parameters(estimator, cell_kind)
    if cell_kind is not None:
        _check_kind(estimator, cell_kind.name, reset=reset)
        cells, language_column = cell_kind.read(X, estimator)
        names = [cell_kind.column_of(estimator)]
    else:
        fitted_kind = None if reset else getattr(estimator, "_input_kind", None)
        texts, language_column = read_texts(X, estimator, fitted_kind)
        if texts is not None:
            _check_text_input(estimator, texts, names, reset=reset)
        else:
            X, language_column = split_language_column(X, estimator.language_column)
            _check_kind(estimator, "features", reset=reset)
            features = check_features(estimator, X, reset=reset)
    if reset and features is None:
        _set_columns(estimator, X, names, has_language=language_column is not None)
    if language is None and language_column is None:
        suspect_columns(estimator, X, uses_language=uses_language)
    content: Any = next(each for each in (texts, cells, features) if each is not None)
    return Samples(
        texts,
        features,
        read_language(language_column, language, content.shape[0]),
        pair_columns=names if texts is not None and len(names) == 2 else None,
        cells=cells,
        cell_kind=cell_kind,
    )


def _with_y(estimator, samples: Samples, y, reset: bool, needs_y: bool) -> Samples:
    """The samples with their labels, or whatever `_check_y` of the estimator makes of y."""
    check_y = getattr(estimator, "_check_y", check_labels)
    y, classes = check_y(y, len(samples), estimator.missing_label, needed=needs_y)
    samples = replace(samples, y=y, classes=classes)
    if reset and classes is not None and not samples.is_multilabel:
        suspect_classes(estimator, classes)
    are_translations = classes is None and y.dtype == object
    if samples.labelled.all() and not (are_translations or samples.is_multilabel):
        suspect_marker(estimator, samples.given_labels, samples.language)
        if reset and classes is not None:
            suspect_numbered(estimator, classes)
    return samples


def join(first: Samples, second: Samples) -> Samples:
    """Concatenate samples of one kind that have the same classes.

    Parameters
    ----------
    first, second : Samples
        Both of one kind.

    Returns
    -------
    Samples
        First the samples of `first`, then those of `second`.
    """

    def concatenate(name):
        parts = [getattr(first, name), getattr(second, name)]
        if any(part is None for part in parts):
            return None
        is_sparse = any(map(sparse.issparse, parts))
        return sparse.vstack(parts, "csr") if is_sparse else np.concatenate(parts)

    return replace(first, **{name: concatenate(name) for name in BY_SAMPLE})


def without_labels(samples: Samples, classes) -> Samples:
    """Say that no sample has a label.

    Parameters
    ----------
    samples : Samples
        Samples whose y is None.
    classes : array-like of shape (n_classes,)
        The classes that there are, or none.

    Returns
    -------
    Samples
        The same samples with class indices, which are all `MISSING`.
    """
    y = np.full(len(samples), MISSING, dtype=np.int64)
    return replace(samples, y=y, classes=np.asarray(classes))


def with_classes(samples: Samples, classes) -> Samples:
    """Express the labels as indices into other classes.

    Parameters
    ----------
    samples : Samples
        Samples with labels.
    classes : array-like of shape (n_classes,)
        Sorted classes, among them all labels of the samples.

    Returns
    -------
    Samples
        The same samples with the new classes.

    Raises
    ------
    ValueError
        If a label is none of the classes.
    """
    assert samples.y is not None and samples.classes is not None
    classes = np.asarray(classes)
    present = samples.present_classes
    if unknown := sorted(set(present.tolist()) - set(classes.tolist()), key=str):
        raise ValueError(
            f"y has labels that are none of the classes {classes.tolist()}: {unknown}."
        )
    y = samples.y.copy()
    y[samples.labelled] = np.searchsorted(classes, samples.classes[y[samples.labelled]])
    return replace(samples, y=y, classes=classes)


def check_two_classes(samples: Samples, estimator) -> None:
    """Raise unless the labelled samples hold at least two classes.

    Parameters
    ----------
    samples : Samples
        Samples with labels.
    estimator : estimator
        What needs the classes, for the message.

    Raises
    ------
    ValueError
        If there is no class or only one.
    """
    n_classes = len(np.unique(samples.labels))
    if n_classes < 2:
        raise ValueError(
            f"{type(estimator).__name__} needs labelled rows of at least two classes, but y "
            f"holds {n_classes} class{'' if n_classes == 1 else 'es'}."
        )


def check_single_texts(samples: Samples, estimator, way_out: str) -> None:
    """Raise if the samples are pairs of texts.

    Parameters
    ----------
    samples : Samples
    estimator : estimator
        What takes one text, for the message.
    way_out : str
        A sentence that says what to do.

    Raises
    ------
    ValueError
        If they are pairs.
    """
    if samples.is_pairs:
        raise ValueError(
            f"{type(estimator).__name__} takes one text in each row, but `text_column` names two "
            f"columns: {samples.pair_columns}. {way_out}"
        )


def _suspect_languages(estimator, names: set[str], *, reset: bool) -> None:
    if reset:
        suspect_names(estimator, names, names)
        return
    known = getattr(estimator, "_known_languages", ())
    suspect_names(estimator, names - set(known), known)
    suspect_unnamed(estimator, names, known)


def _check_text_input(estimator, texts: np.ndarray, names: list[Hashable], *, reset: bool) -> None:
    check_texts(texts, names)
    if not names:
        raise ValueError(
            f"{type(estimator).__name__} takes numbers, but X holds text; turn it into "
            "numbers first, for example with EncoderVectorizer."
        )
    _check_kind(estimator, "text" if len(names) == 1 else "pairs", reset=reset)


def _check_kind(estimator, kind: str, *, reset: bool) -> None:
    """Remember the kind of input at fit, and raise if another kind is given later."""
    if reset:
        estimator._input_kind = kind
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name) and kind != "features":
                delattr(estimator, name)
    elif getattr(estimator, "_input_kind", kind) != kind:
        names = {"pairs": "pairs of texts", "features": "numeric features"}
        raise ValueError(
            f"This {type(estimator).__name__} was fitted on "
            f"{names.get(estimator._input_kind, estimator._input_kind)}, but X holds "
            f"{names.get(kind, kind)}; pass the form it was fitted on."
        )


def _set_columns(estimator, X, names: list[Hashable], *, has_language: bool) -> None:
    estimator.n_features_in_ = len(names) + has_language
    if isinstance(X, pd.DataFrame):
        columns = [*names, estimator.language_column][: estimator.n_features_in_]
        estimator.feature_names_in_ = np.array(columns, dtype=object)


def count_samples(samples: Samples) -> pd.DataFrame:
    """Count the samples of each language with and without a label."""
    language = pd.Series(samples.language)
    labelled = language[samples.labelled].value_counts()
    counts = pd.DataFrame({"labelled": labelled, "all": language.value_counts()}).fillna(0)
    counts["unlabelled"] = counts.pop("all") - counts["labelled"]
    return counts.astype(int).sort_index()
