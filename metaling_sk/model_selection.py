"""Cross-validation splitters that read the language of each sample from X."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target

from metaling_sk._data.indicators import check_indicators, has_several_labels
from metaling_sk._data.input_forms import find_language_column
from metaling_sk._data.labels import (
    MISSING,
    check_labels,
    check_length,
    is_missing,
    label_array,
    plain_labels,
)
from metaling_sk._data.languages import read_language_groups
from metaling_sk._data.strata import fold_groups, number_strata
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.sklearn_compat import num_samples, validate_parameter_constraints

__all__ = ["LeaveOneLanguageOut", "StratifiedLanguageKFold"]


MANY_SAMPLES = 20
"""More labels than this are no classes if most of them differ. scikit-learn warns of such."""


def _are_classes(labels: np.ndarray) -> bool:
    """Whether labels, none of them missing, are neither numbers nor texts such as translations."""
    is_distinct = len(labels) > MANY_SAMPLES and len(set(labels.tolist())) > len(labels) / 2
    return not is_distinct and type_of_target(labels) != "continuous"


class _LanguageSplitter(BaseCrossValidator):
    """Base of the splitters, which test on labelled samples only."""

    # Metadata routing passes `groups` on without being asked to, as to sklearn's group splitters.
    __metadata_request__split = {"groups": True}

    _parameter_constraints: dict = common_constraints("language_column", "missing_label")

    def _validate_params(self) -> None:
        """Raise unless every parameter is valid."""
        validate_parameter_constraints(
            self._parameter_constraints, vars(self), caller_name=type(self).__name__
        )

    def _read(self, X, y, groups) -> tuple[np.ndarray, np.ndarray]:
        """Return the language of each sample, and its group by `_read_groups`."""
        column = find_language_column(X, None, self.language_column)
        if column is None and groups is None:
            raise ValueError(
                f"{type(self).__name__} found no language: X has no column "
                f"{self.language_column!r}. Name it in `language_column` or pass the language of "
                "each row as `groups`."
            )
        n_samples = num_samples(groups if X is None else X)
        language = read_language_groups(column, groups, n_samples)
        return language, self._read_groups(y, n_samples)

    def _read_groups(self, y, n_samples: int) -> np.ndarray:
        """Return the class or rarest label of each sample; what are no classes is one group."""
        if has_several_labels(y):
            indicators, _ = check_indicators(y, n_samples, self.missing_label)
            return fold_groups(indicators)
        labels = label_array(y)
        missing = is_missing(labels, self.missing_label)
        if not _are_classes(plain_labels(labels[~missing])):
            check_length(labels, n_samples)
            return np.where(missing, MISSING, 0)
        class_indices, _ = check_labels(labels, n_samples, self.missing_label)
        return class_indices


class StratifiedLanguageKFold(_LanguageSplitter):
    """K-fold splitter that keeps the share of every class of every language.

    Samples without a label are in the training part of every fold and in no test part, unless
    `score_unlabelled` is True. Of several labels the share of the rarest one of each sample is
    kept, and samples that lack one are without a label. Where the labels are numbers such as 3.5,
    or translations, the share of every language is kept.

    Parameters
    ----------
    n_splits : int, default=5
        The number of folds, at least 2.
    shuffle : bool, default=True
        Whether to shuffle the samples before they are split.
    score_unlabelled : bool, default=False
        Whether the samples without a label are split like a further class, so that each is in one
        test part. Scorers that need no labels, such as `SoftNeighborhoodDensity`, score them; all
        others fail on them.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling.
    language_column : str, default="language"
        The column of a table X that holds the language. Without it, the languages are given
        as `groups`.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.model_selection import StratifiedLanguageKFold
    >>> X = pd.DataFrame({"text": list("abcdefgh"), "language": ["en"] * 4 + ["zh"] * 4})
    >>> y = [0, 1, 0, 1, 0, 1, None, None]
    >>> for train, test in StratifiedLanguageKFold(2, shuffle=False).split(X, y):
    ...     print(train.tolist(), test.tolist())
    [2, 3, 5, 6, 7] [0, 1, 4]
    [0, 1, 4, 6, 7] [2, 3, 5]
    """

    _parameter_constraints: dict = {
        **_LanguageSplitter._parameter_constraints,
        **common_constraints("random_state"),
        "n_splits": [Number(Integral, 2, None, closed="left")],
        "shuffle": ["boolean"],
        "score_unlabelled": ["boolean"],
    }

    def __init__(
        self,
        n_splits=5,
        *,
        shuffle=True,
        score_unlabelled=False,
        random_state=None,
        language_column="language",
        missing_label=None,
    ):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.score_unlabelled = score_unlabelled
        self.random_state = random_state
        self.language_column = language_column
        self.missing_label = missing_label
        self._validate_params()

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored.

        Returns
        -------
        int
            The number of folds.
        """
        return self.n_splits

    def split(self, X, y, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the training and test indices of each fold.

        Parameters
        ----------
        X : DataFrame or array-like of n_samples
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        groups : array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column. No other groups are kept
            together.

        Yields
        ------
        train : ndarray of int
            The indices of the training samples.
        test : ndarray of int
            The indices of the test samples.

        Raises
        ------
        ValueError
            If no language is found, `groups` are others than the language column of X, or there
            are fewer labelled samples than folds.
        """
        language, class_indices = self._read(X, y, groups)
        labelled = np.flatnonzero(class_indices != MISSING)
        if len(labelled) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs at least as many labelled rows, "
                f"but y has {len(labelled)}."
            )
        scored = np.arange(len(language)) if self.score_unlabelled else labelled
        fold_of_scored = self._deal(language[scored], class_indices[scored])
        for fold in range(self.n_splits):
            test = scored[fold_of_scored == fold]
            yield np.setdiff1d(np.arange(len(class_indices)), test, assume_unique=True), test

    def _deal(self, language: np.ndarray, class_indices: np.ndarray) -> np.ndarray:
        """Return the fold of each sample.

        The samples, sorted by language and class, are dealt out to the folds in turn. Unlike
        StratifiedKFold this takes languages and classes with fewer samples than folds.
        """
        n_samples = len(class_indices)
        order = np.arange(n_samples)
        if self.shuffle:
            order = check_random_state(self.random_state).permutation(n_samples)
        strata = number_strata(language, class_indices)
        order = order[np.argsort(strata[order], kind="stable")]
        folds = np.empty(n_samples, dtype=int)
        folds[order] = np.arange(n_samples) % self.n_splits
        return folds


class LeaveOneLanguageOut(_LanguageSplitter):
    """Splitter that tests on each language once, to measure transfer from the other languages.

    The test part holds the labelled samples of the language. Its unlabelled samples, if any, are
    in the training part, with all samples of the other languages. Languages without labels are
    not tested on.

    Parameters
    ----------
    language_column : str, default="language"
        The column of a table X that holds the language. Without it, the languages are given
        as `groups`.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.model_selection import LeaveOneLanguageOut
    >>> X = pd.DataFrame({"text": list("abcdef"), "language": ["en", "en", "id", "id", "zh", "zh"]})
    >>> y = [0, 1, 0, None, 1, 1]
    >>> for train, test in LeaveOneLanguageOut().split(X, y):
    ...     print(train.tolist(), test.tolist())
    [2, 3, 4, 5] [0, 1]
    [0, 1, 3, 4, 5] [2]
    [0, 1, 2, 3] [4, 5]
    """

    def __init__(self, *, language_column="language", missing_label=None):
        self.language_column = language_column
        self.missing_label = missing_label
        self._validate_params()

    def get_n_splits(self, X, y, groups=None) -> int:
        """Return the number of languages with labels.

        Parameters
        ----------
        X : DataFrame or array-like of n_samples
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        groups : array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column. No other groups are kept
            together.

        Returns
        -------
        int
            The number of folds.
        """
        return len(self._labelled_languages(*self._read(X, y, groups)))

    def split(self, X, y, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the training and test indices of each language, in alphabetical order.

        Parameters
        ----------
        X : DataFrame or array-like of n_samples
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        groups : array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column. No other groups are kept
            together.

        Yields
        ------
        train : ndarray of int
            The indices of the training samples.
        test : ndarray of int
            The indices of the test samples.

        Raises
        ------
        ValueError
            If no language is found, `groups` are others than the language column of X, or X holds
            fewer than two languages.
        """
        language, class_indices = self._read(X, y, groups)
        if len(set(language)) < 2:
            raise ValueError(
                f"LeaveOneLanguageOut needs at least two languages, but X has {set(language)}."
            )
        for left_out in self._labelled_languages(language, class_indices):
            is_test = (language == left_out) & (class_indices != MISSING)
            yield np.flatnonzero(~is_test), np.flatnonzero(is_test)

    @staticmethod
    def _labelled_languages(language: np.ndarray, class_indices: np.ndarray) -> list[str]:
        return sorted(set(language[class_indices != MISSING]))
