"""Mean and scale of every feature, per language and over all rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import StandardScaler

MIN_ROWS = 2
"""A language with fewer rows than this has no statistics of its own."""


@dataclass(frozen=True)
class LanguageStatistics:
    """What it takes to centre and scale rows by their own language.

    Attributes
    ----------
    languages : tuple of str
        The languages that have statistics of their own; all others take the global ones.
    mean, scale : ndarrays of float64, shape (n_languages + 1, n_features)
        One row per language, in the order of `languages`, and the global statistics last. The
        scale is the standard deviation, and 1 where a column is constant.
    scaled : ndarray of bool, shape (n_features,)
        The columns that are centred and scaled: all of a dense matrix; of a sparse one those
        that are not zero in most rows. The others have mean 0 and scale 1.

    Examples
    --------
    >>> import numpy as np
    >>> from metaling_sk._data.language_statistics import LanguageStatistics
    >>> language = np.array(["en", "en", "zh", "zh"], dtype=object)
    >>> features = np.array([[0.0], [2.0], [10.0], [14.0]])
    >>> statistics = LanguageStatistics.fit(features, language)
    >>> statistics.apply(features, language).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    languages: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    scaled: np.ndarray

    @classmethod
    def fit(cls, features, language: np.ndarray) -> LanguageStatistics:
        """The statistics of each language in `language` and of all rows together.

        Parameters
        ----------
        features : float ndarray or CSR array, shape (n_samples, n_features)
        language : ndarray of str objects, shape (n_samples,)
        """
        scaled = _mostly_nonzero(features)
        codes, languages = pd.factorize(language)
        enough = np.flatnonzero(np.bincount(codes) >= MIN_ROWS)
        rows = [np.flatnonzero(codes == code) for code in enough]
        moments = [_moments(features[these], scaled) for these in rows]
        moments.append(_moments(features, scaled))
        mean, scale = map(np.stack, zip(*moments, strict=True))
        return cls(tuple(languages[enough]), mean, scale, scaled)

    def add(self, features, language: str) -> LanguageStatistics:
        """Statistics that know one more language, or know it anew; the others stay the same.

        Parameters
        ----------
        features : float ndarray or CSR array, shape (n_samples, n_features)
            Rows of that language only.
        language : str

        Returns
        -------
        LanguageStatistics
            A new value; this one does not change.
        """
        if features.shape[0] < MIN_ROWS:
            raise ValueError(
                f"The statistics of {language!r} need at least {MIN_ROWS} rows of X, "
                f"got {features.shape[0]}; give more text of this language, labelled or not."
            )
        others = self.without(language)
        mean, scale = _moments(features, self.scaled)
        return replace(
            self,
            languages=(*others.languages, language),
            mean=np.insert(others.mean, -1, mean, axis=0),
            scale=np.insert(others.scale, -1, scale, axis=0),
        )

    def without(self, language: str) -> LanguageStatistics:
        """Statistics that do not know a language."""
        kept = [row for row, name in enumerate(self.languages) if name != language]
        return replace(
            self,
            languages=tuple(self.languages[row] for row in kept),
            mean=self.mean[[*kept, -1]],
            scale=self.scale[[*kept, -1]],
        )

    def apply(self, features, language: np.ndarray, *, with_mean=True, with_std=True):
        """Centre and scale each row by its own language, or globally where it is unknown.

        Parameters
        ----------
        features : float ndarray or CSR array, shape (n_samples, n_features)
            Not written to.
        language : ndarray of str objects, shape (n_samples,)
        with_mean, with_std : bool, default=True
            Whether to centre and whether to scale.

        Returns
        -------
        ndarray or CSR array
            Of the form and precision of `features`.
        """
        if sparse.issparse(features):
            columns = np.flatnonzero(self.scaled)
            block = features[:, columns].toarray()
            self._apply_to(block, columns, language, with_mean, with_std)
            return _replace_columns(features, columns, block)
        features = features.copy()
        self._apply_to(features, slice(None), language, with_mean, with_std)
        return features

    def _apply_to(self, block, columns, language, with_mean, with_std) -> None:
        codes, languages = pd.factorize(language)
        known = {name: row for row, name in enumerate(self.languages)}
        row_of_code = np.array([known.get(name, len(known)) for name in languages], dtype=int)
        row_of_sample = row_of_code[codes]
        for row in np.unique(row_of_sample):
            samples = row_of_sample == row
            values = block[samples]
            if with_mean:
                values -= self.mean[row, columns]
            if with_std:
                values /= self.scale[row, columns]
            block[samples] = values

    def get_state(self) -> dict[str, Any]:
        """Return everything that `from_state` needs."""
        return {
            "languages": list(self.languages),
            "mean": self.mean,
            "scale": self.scale,
            "scaled": self.scaled,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LanguageStatistics:
        """Restore the statistics."""
        return cls(tuple(state["languages"]), state["mean"], state["scale"], state["scaled"])


def _mostly_nonzero(features) -> np.ndarray:
    """Which columns to scale: all of a dense matrix, the densely filled ones of a sparse one."""
    n_samples, n_features = features.shape
    if not sparse.issparse(features):
        return np.ones(n_features, dtype=bool)
    filled = np.bincount(features.indices[features.data != 0], minlength=n_features)
    return 2 * filled > n_samples


def _moments(features, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of each column; 0 and 1 in columns that are not to be scaled."""
    if sparse.issparse(features):
        features = features.astype(np.float64)
    scaler = StandardScaler(with_mean=False).fit(features)
    return np.where(scaled, scaler.mean_, 0.0), np.where(scaled, scaler.scale_, 1.0)


def _replace_columns(features, columns: np.ndarray, block: np.ndarray) -> sparse.csr_array:
    """A copy of a CSR array with other values in some of its columns."""
    kept = np.ones(features.shape[1], dtype=features.dtype)
    kept[columns] = 0
    filled = sparse.csr_array(block)
    indices = columns.astype(filled.indices.dtype)[filled.indices]
    filled = sparse.csr_array((filled.data, indices, filled.indptr), shape=features.shape)
    return sparse.csr_array(features.multiply(kept)) + filled
