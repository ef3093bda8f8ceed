"""What a search knows of its rows: language, class, folds, subsets."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags

from metaling_sk._data.labels import MISSING, check_labels
from metaling_sk._data.languages import UNNAMED_LANGUAGE, read_language
from metaling_sk._utils.sklearn_compat import num_samples
from metaling_sk.model_selection import LeaveOneLanguageOut, StratifiedLanguageKFold

N_SPLITS = 5


@dataclass(frozen=True)
class SearchData:
    """Attributes
    ----------
    n_samples : int
    language : ndarray of str, shape (n_samples,), or None
    codes : ndarray of int, shape (n_samples,), or None
        The class of each row, `MISSING` where it has no label; None where y is no class label.
    classes : ndarray, or None
    """

    n_samples: int
    language: np.ndarray | None
    codes: np.ndarray | None
    classes: np.ndarray | None

    @property
    def strata(self) -> np.ndarray:
        """A number per language and class."""
        frame = pd.DataFrame({"language": self.language, "code": self.codes}, range(self.n_samples))
        return frame.groupby(["language", "code"], dropna=False).ngroup().to_numpy()

    @property
    def labelled(self) -> np.ndarray:
        """Which rows can be scored."""
        if self.codes is None:
            return np.full(self.n_samples, True)
        return self.codes != MISSING

    def spoken(self, rows: np.ndarray) -> list[str]:
        """The languages of some rows."""
        return [] if self.language is None else sorted(set(self.language[rows]))


def read_data(estimator, X, y, language) -> SearchData:
    """Find the language and class of each row.

    Parameters
    ----------
    language : str, array-like of str or None
        As metadata; otherwise it is looked for in the columns of X.
    """
    n_samples = num_samples(X)
    if y is None and get_tags(estimator).target_tags.required:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    name = parameter(estimator, "language_column", "language")
    column = None
    if isinstance(X, pd.DataFrame) and name in X.columns and not is_numeric_dtype(X[name]):
        column = X[name].to_numpy(dtype=object)
    if column is not None or language is not None:
        language = read_language(column, language, n_samples)
    codes = classes = None
    if is_classifier(estimator) and y is not None and np.shape(y)[1:] in ((), (1,)):
        codes, classes = check_labels(y, n_samples, parameter(estimator, "missing_label", None))
    return SearchData(n_samples, language, codes, classes)


def split(estimator, X, y, cv, data: SearchData, split_params: dict, seed: int) -> list[tuple]:
    """The folds, once and for all; rows without a label are in no test part."""
    n_splits = N_SPLITS if cv is None else cv
    stratified = data.codes is not None and (data.language is not None or not data.labelled.all())
    if isinstance(n_splits, Integral) and stratified:
        language = data.language
        if language is None:
            language = np.full(data.n_samples, UNNAMED_LANGUAGE, dtype=object)
        splitter = StratifiedLanguageKFold(
            n_splits,
            random_state=seed,
            missing_label=parameter(estimator, "missing_label", None),
        )
        # The language that was found counts, whatever the columns of X are called.
        return list(splitter.split(np.empty((data.n_samples, 0)), y, language))
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    needs_language = isinstance(splitter, LeaveOneLanguageOut | StratifiedLanguageKFold)
    if needs_language and data.language is not None:
        split_params = {"groups": data.language} | split_params
    splits = [
        (train, test[data.labelled[test]])
        for train, test in map(_as_rows, splitter.split(X, y, **split_params))
    ]
    if not splits:
        raise ValueError("`cv` gave no split; was the iterator empty?")
    for number, (_, test) in enumerate(splits):
        if not len(test):
            raise ValueError(f"`cv`: the test part of split {number} has no row with a label.")
    return splits


def _as_rows(parts) -> tuple[np.ndarray, np.ndarray]:
    """Masks and lists as numbers of rows."""
    return tuple(
        np.flatnonzero(part) if part.dtype == bool else part for part in map(np.asarray, parts)
    )


def nested_subset(rows: np.ndarray, strata: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """A share of the rows, at least one of each stratum; a larger share contains a smaller one."""
    order = np.random.RandomState(seed).permutation(len(rows))
    rank = pd.Series(strata[rows][order]).groupby(strata[rows][order]).cumcount().to_numpy()
    sizes = pd.Series(strata[rows][order]).map(pd.Series(strata[rows]).value_counts()).to_numpy()
    # 7 / 100 * 100 is 7.000000000000001.
    return np.sort(rows[order[rank < np.maximum(1, np.ceil(fraction * sizes - 1e-9))]])


def parameter(estimator, name: str, default):
    """The value of a parameter of an estimator or of the last step that has it."""
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    found = [value for key, value in params.items() if key == name or key.endswith(f"__{name}")]
    return found[-1] if found else default
