"""The samples of a search: their languages and classes, the folds, and subsets of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.base import is_classifier
from sklearn.model_selection import (
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils import get_tags

from metaling_sk._data.indicators import check_indicators, has_several_labels
from metaling_sk._data.input_forms import find_language_column, plain_table, unwrap
from metaling_sk._data.labels import MISSING, check_labels, is_missing, label_array
from metaling_sk._data.languages import (
    UNNAMED_LANGUAGE,
    read_language,
    read_language_groups,
)
from metaling_sk._data.strata import fold_groups, number_strata, rank_in_strata
from metaling_sk._utils.parameters import find_parameter
from metaling_sk._utils.sklearn_compat import num_samples
from metaling_sk.model_selection import LeaveOneLanguageOut, StratifiedLanguageKFold

N_SPLITS = 5

STRATIFIED = (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
"""The splitters of scikit-learn that keep the shares of classes."""

Split = tuple[np.ndarray, np.ndarray]
"""The indices of the training and of the test samples."""


@dataclass(frozen=True)
class SearchData:
    """The samples of a search.

    Attributes
    ----------
    X, y : array-like
        As they were passed to `fit`. y may be None.
    n_samples : int
        The number of samples.
    language : ndarray of str, shape (n_samples,), or None
        The language of each sample.
    language_is_metadata : bool
        Whether the language was passed beside X.
    class_indices : ndarray of int, shape (n_samples,), or None
        The class of each sample, its rarest label, or 0 where y holds no classes; `MISSING` if it
        cannot be scored. None if y is None or has several columns of other values.
    classes : ndarray or None
        All classes of y, or the positions of its labels.
    """

    X: Any = field(repr=False)
    y: Any = field(repr=False)
    n_samples: int
    language: np.ndarray | None
    language_is_metadata: bool
    class_indices: np.ndarray | None
    classes: np.ndarray | None

    @cached_property
    def strata(self) -> np.ndarray:
        """The stratum of each sample: a number for its language and class."""
        nothing = np.zeros(self.n_samples, dtype=int)
        return number_strata(
            nothing if self.language is None else self.language,
            nothing if self.class_indices is None else self.class_indices,
        )

    @cached_property
    def labelled(self) -> np.ndarray:
        """Whether each sample has a label."""
        if self.class_indices is None:
            return np.full(self.n_samples, True)
        return self.class_indices != MISSING

    def languages_of(self, indices: np.ndarray) -> list[str]:
        """The languages of some samples, sorted; none if X has no language."""
        return [] if self.language is None else sorted(set(self.language[indices]))


def divisible(X):
    """Turn what scikit-learn cannot take parts of, such as a `datasets.Dataset`, into a DataFrame.

    Parameters
    ----------
    X : object
        The input as the user gave it. The estimator may want a table of polars or pyarrow as it
        is, or a sequence of a kind of its own.

    Returns
    -------
    object
        A DataFrame, an array, or X itself.

    Raises
    ------
    ValueError
        If the samples of X have no order or cannot be read twice.
    """
    table = nw.from_native(X, eager_only=True, allow_series=True, pass_through=True)
    return X if isinstance(table, nw.DataFrame | nw.Series) else to_pandas(X)


def to_pandas(X):
    """Turn a table into a DataFrame of pandas; anything else stays as it is."""
    return X if isinstance(X, Sequence) else unwrap(X)


def read_data(estimator, X, y, language) -> SearchData:
    """Read the language and the class of each sample.

    Parameters
    ----------
    estimator : estimator
        Names the language column and the missing label if it has parameters for them.
    X, y : array-like
        All samples.
    language : str, array-like of str or None
        The language as metadata. Without it X may hold it.

    Returns
    -------
    SearchData
    """
    n_samples = num_samples(X)
    if y is None and get_tags(estimator).target_tags.required:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    name = find_parameter(estimator, "language_column", "language")
    languages = None
    table = to_pandas(X)
    column = find_language_column(table, estimator, name)
    if isinstance(table, pd.DataFrame) and column is not None and is_numeric_dtype(table[name]):
        column = None
    if column is not None or language is not None:
        languages = read_language(column, language, n_samples)
    class_indices = classes = None
    if y is not None:
        missing_label = find_parameter(estimator, "missing_label", None)
        read = _read_classes if is_classifier(estimator) else _read_others
        class_indices, classes = read(y, n_samples, missing_label)
    return SearchData(X, y, n_samples, languages, language is not None, class_indices, classes)


def _read_classes(y, n_samples: int, missing_label):
    """The class indices and classes of `SearchData`."""
    if not has_several_labels(y):
        return check_labels(y, n_samples, missing_label)
    try:
        indicators, names = check_indicators(y, n_samples, missing_label)
    except ValueError:
        return None, None  # Some classifiers take other targets of several columns.
    return fold_groups(indicators), np.arange(len(names))


def _read_others(y, n_samples: int, missing_label):
    """The same for targets that are no classes, such as numbers or translations."""
    if has_several_labels(y) or len(getattr(plain_table(y), "shape", (n_samples,))) > 1:
        return None, None
    try:
        return np.where(is_missing(label_array(y), missing_label), MISSING, 0), None
    except (TypeError, ValueError):
        return None, None  # Some estimators take other targets, such as structured arrays.


def split(
    estimator,
    data: SearchData,
    cv,
    split_params: dict,
    seed: int,
    *,
    score_unlabelled: bool = False,
) -> list[Split]:
    """Make the folds of a search, with samples that can be scored alone in the test parts.

    Parameters
    ----------
    estimator : estimator
        Decides whether the folds are stratified.
    data : SearchData
    cv : int, splitter, iterable or None
        As `MetaParamSearchCV` takes it.
    split_params : dict
        Passed to the splitter.
    seed : int
        The seed of the default folds.
    score_unlabelled : bool, default=False
        Whether samples without a label are scored as well.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ValueError
        If there is no split, or a test part has no sample that can be scored.
    """
    n_splits = N_SPLITS if cv is None else cv
    by_language = data.language is not None or not data.labelled.all()
    if isinstance(n_splits, Integral) and data.class_indices is not None and by_language:
        if split_params.get("groups") is None:
            return _split_by_language(data, int(n_splits), seed, score_unlabelled)
        cv = group_splitter(data, int(n_splits), seed)
    splitter = check_cv(cv, data.y, classifier=is_classifier(estimator))
    # These take neither missing labels, here a class like the others, nor several labels.
    stratifies = isinstance(splitter, STRATIFIED) and data.classes is not None
    y = data.class_indices if stratifies else data.y
    needs_language = isinstance(splitter, LeaveOneLanguageOut | StratifiedLanguageKFold)
    if needs_language and data.language is not None:
        groups = read_language_groups(data.language, split_params.get("groups"), data.n_samples)
        split_params = split_params | {"groups": groups}
    parts = map(_as_indices, splitter.split(data.X, y, **split_params))
    scored = data.labelled | score_unlabelled
    splits = [(train, test[scored[test]]) for train, test in parts]
    if not splits:
        raise ValueError("`cv` gave no split; was the iterator empty?")
    for number, (_, test) in enumerate(splits):
        if not len(test):
            raise ValueError(f"`cv`: the test part of split {number} has no row with a label.")
    return splits


def group_splitter(data: SearchData, n_splits: int, seed: int | None):
    """Return the splitter that keeps samples of a group in the same fold.

    Parameters
    ----------
    data : SearchData
        Decides whether there are classes whose shares can be kept.
    n_splits : int
        The number of folds.
    seed : int or None
        The seed of the draw.

    Returns
    -------
    StratifiedGroupKFold or GroupKFold
    """
    splitter = GroupKFold if data.classes is None else StratifiedGroupKFold
    return splitter(n_splits, shuffle=True, random_state=seed)


def _split_by_language(
    data: SearchData, n_splits: int, seed: int, score_unlabelled: bool
) -> list[Split]:
    """The folds of StratifiedLanguageKFold for the languages as they were read."""
    language = data.language
    if language is None:
        language = np.full(data.n_samples, UNNAMED_LANGUAGE, dtype=object)
    splitter = StratifiedLanguageKFold(
        n_splits, score_unlabelled=score_unlabelled, random_state=seed, missing_label=MISSING
    )
    # X without columns keeps the splitter from looking for a language in it.
    return list(splitter.split(np.empty((data.n_samples, 0)), data.class_indices, language))


def _as_indices(parts: Iterable) -> Split:
    """The training and test part of a split, masks and lists turned into indices."""
    train, test = map(np.asarray, parts)
    return (
        np.flatnonzero(train) if train.dtype == bool else train,
        np.flatnonzero(test) if test.dtype == bool else test,
    )


def nested_subset(
    indices: np.ndarray, strata: np.ndarray, fraction: float, seed: int
) -> np.ndarray:
    """Draw a share of some samples; a larger share contains a smaller one.

    Parameters
    ----------
    indices : ndarray of int
        The samples to draw from.
    strata : ndarray of shape (n_samples,)
        The stratum of each sample of the search.
    fraction : float
        The share of each stratum. At least one sample of each is drawn.
    seed : int
        The seed of the draw.

    Returns
    -------
    ndarray of int
        The indices of the drawn samples, sorted.
    """
    order = np.random.RandomState(seed).permutation(len(indices))
    rank, size = rank_in_strata(strata[indices], np.argsort(order))
    # 7 / 100 * 100 is 7.000000000000001.
    return np.sort(indices[rank < np.maximum(1, np.ceil(fraction * size - 1e-9))])
