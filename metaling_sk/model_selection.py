"""Splitters that find the language in X; each works with every tool of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_array, check_random_state

from metaling_sk._data.labels import check_labels
from metaling_sk._data.languages import check_languages


class _LanguageSplitter(BaseCrossValidator):
    """Folds of the labelled rows; the unlabelled ones serve training alone."""

    # Metadata routing passes `groups` on without being asked to, as to sklearn's group splitters.
    __metadata_request__split = {"groups": True}

    def _read(self, X, y, groups) -> tuple[np.ndarray, np.ndarray]:
        """The language of each row and the code of its label."""
        if isinstance(X, pd.DataFrame) and self.language_column in X.columns:
            language = X[self.language_column].to_numpy(dtype=object)
        elif groups is not None:
            language = check_array(groups, ensure_2d=False, dtype=None).astype(object)
        else:
            raise ValueError(
                f"{type(self).__name__} found no language: X has no column "
                f"{self.language_column!r}. Name it in `language_column` or pass the language of "
                "each row as `groups`."
            )
        check_languages(language, "the language column of X")
        codes, _ = check_labels(y, len(language), self.missing_label)
        return language, codes


class StratifiedLanguageKFold(_LanguageSplitter):
    """Folds in which every class of every language has its share.

    Rows without a label are in the training part of every fold and in no test part.

    Parameters
    ----------
    n_splits : int, default=5
    shuffle : bool, default=True
        Whether to shuffle the rows before they are split.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling.
    language_column : str, default="language"
        Column of a DataFrame X. Where X has none, the languages are given as `groups`.
    missing_label : object, default=None
        The value of y in rows without a label, besides NaN and None.

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

    def __init__(
        self,
        n_splits=5,
        *,
        shuffle=True,
        random_state=None,
        language_column="language",
        missing_label=None,
    ):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        self.language_column = language_column
        self.missing_label = missing_label

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """The number of folds."""
        return self.n_splits

    def split(self, X, y, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Training and test rows of each fold.

        Parameters
        ----------
        X : DataFrame or array-like of n_samples
        y : array-like of shape (n_samples,)
        groups : array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Yields
        ------
        train, test : ndarrays of int

        Raises
        ------
        ValueError
            If no language is found, or there are fewer labelled rows than folds.
        """
        language, codes = self._read(X, y, groups)
        labelled = np.flatnonzero(codes >= 0)
        if len(labelled) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs at least as many labelled rows, "
                f"but y has {len(labelled)}."
            )
        folds = np.empty(len(codes), dtype=int)
        folds[labelled] = self._deal(language[labelled], codes[labelled])
        for fold in range(self.n_splits):
            test = labelled[folds[labelled] == fold]
            yield np.setdiff1d(np.arange(len(codes)), test, assume_unique=True), test

    def _deal(self, language: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """The fold of each row: the rows, sorted by language and class, are dealt out in turn.

        Unlike StratifiedKFold this takes groups with fewer rows than folds.
        """
        n_samples = len(codes)
        order = np.arange(n_samples)
        if self.shuffle:
            order = check_random_state(self.random_state).permutation(n_samples)
        order = order[np.lexsort((codes[order], pd.factorize(language, sort=True)[0][order]))]
        folds = np.empty(n_samples, dtype=int)
        folds[order] = np.arange(n_samples) % self.n_splits
        return folds


class LeaveOneLanguageOut(_LanguageSplitter):
    """Each language with labels is the test part once: how well do the others serve it?

    The test part is the language's labelled rows; its unlabelled ones, if any, are in the
    training part with all rows of the other languages.

    Parameters
    ----------
    language_column : str, default="language"
        Column of a DataFrame X. Where X has none, the languages are given as `groups`.
    missing_label : object, default=None
        The value of y in rows without a label, besides NaN and None.

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

    def get_n_splits(self, X, y, groups=None) -> int:
        """The number of languages with labels."""
        return len(self._languages(*self._read(X, y, groups)))

    def split(self, X, y, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Training and test rows of each fold, the languages in alphabetical order.

        Parameters
        ----------
        X : DataFrame or array-like of n_samples
        y : array-like of shape (n_samples,)
        groups : array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Yields
        ------
        train, test : ndarrays of int

        Raises
        ------
        ValueError
            If no language is found, or fewer than two languages have rows.
        """
        language, codes = self._read(X, y, groups)
        if len(set(language)) < 2:
            raise ValueError(
                f"LeaveOneLanguageOut needs at least two languages, but X has {set(language)}."
            )
        for code in self._languages(language, codes):
            test = (language == code) & (codes >= 0)
            yield np.flatnonzero(~test), np.flatnonzero(test)

    @staticmethod
    def _languages(language: np.ndarray, codes: np.ndarray) -> list[str]:
        return sorted(set(language[codes >= 0]))
