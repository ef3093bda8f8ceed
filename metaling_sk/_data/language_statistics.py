"""Mean and scale of every feature, per language and over all samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from metaling_sk._data.language_prior import LanguagePrior
from metaling_sk._data.large_arrays import new_array

MIN_SAMPLES = 2
"""A language with fewer samples than this has no statistics of its own."""

VALUES_AT_A_TIME = 4_000_000
"""Number of values that are standardised at once."""

MIN_PRIOR_SIZE = 2.0
"""Languages whose variance counts as fewer samples have other units, and nothing to average."""


@dataclass(frozen=True)
class LanguageStatistics:
    """Means and scales by which samples are centred and scaled in their own language.

    Parameters
    ----------
    languages : tuple of str
        The languages that have statistics of their own; all others take the global ones.
    mean, scale : ndarrays of float64, shape (n_languages + 1, n_features)
        One row per language, in the order of `languages`, and the global statistics last. The
        scale is the standard deviation, and 1 where a column is constant.
    scaled : ndarray of bool, shape (n_features,)
        The columns that are centred and scaled: all columns of a dense matrix, and those of a
        sparse matrix that are neither mostly zero nor between 0 and 1, as TF-IDF is. The others
        have mean 0 and scale 1.
    prior : LanguagePrior, optional
        What the statistics of each language are averaged with.

    Raises
    ------
    ValueError
        If they are not finite.

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
    prior: LanguagePrior | None = None

    def __post_init__(self):
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all()):
            raise ValueError(
                "X holds values so extreme that they have no finite mean and standard deviation in "
                "some language; scale them down or leave their rows out."
            )

    @classmethod
    def fit(cls, features, language: np.ndarray, *, has_prior: bool = False) -> LanguageStatistics:
        """Compute the statistics of each language and of all samples together.

        Parameters
        ----------
        features : float ndarray or CSR array, shape (n_samples, n_features)
            The features.
        language : ndarray of str objects, shape (n_samples,)
            The language of each sample.
        has_prior : bool, default=False
            Whether the statistics of each language are averaged with those of all.

        Returns
        -------
        LanguageStatistics
            The statistics.
        """
        scaled = _find_scaled_columns(features)
        language_index, languages = pd.factorize(language)
        n_samples = np.bincount(language_index)
        large_enough = np.flatnonzero(n_samples >= MIN_SAMPLES)
        sizes = n_samples[large_enough]
        samples_of = [np.flatnonzero(language_index == index) for index in large_enough]
        moments = [_moments(features, scaled, samples) for samples in samples_of]
        prior = None
        if has_prior and len(moments) > 1:
            mean, variance = map(np.stack, zip(*moments, strict=True))
            prior = LanguagePrior.fit(mean, variance, sizes)
            if prior.variance_size < MIN_PRIOR_SIZE:
                prior = None
            else:
                moments = [prior.draw(*of, size) for of, size in zip(moments, sizes, strict=True)]
        moments.append(_moments(features, scaled))
        mean, variance = map(np.stack, zip(*moments, strict=True))
        return cls(tuple(languages[large_enough]), mean, _scale(variance), scaled, prior)

    def add(self, features, language: str) -> LanguageStatistics:
        """Return statistics with one more language; those of the others stay the same.

        Parameters
        ----------
        features : float ndarray or CSR array, shape (n_samples, n_features)
            Samples of that language only.
        language : str
            The language. If it has statistics already, they are replaced.

        Returns
        -------
        LanguageStatistics
            A new value; this one does not change.

        Raises
        ------
        ValueError
            If there are too few samples.
        """
        if features.shape[0] < MIN_SAMPLES:
            raise ValueError(
                f"The statistics of {language!r} need at least {MIN_SAMPLES} rows of X, "
                f"got {features.shape[0]}; give more text of this language, labelled or not."
            )
        others = self.without(language)
        mean, variance = _moments(features, self.scaled)
        if self.prior is not None:
            mean, variance = self.prior.draw(mean, variance, features.shape[0])
        return replace(
            self,
            languages=(*others.languages, language),
            mean=np.insert(others.mean, -1, mean, axis=0),
            scale=np.insert(others.scale, -1, _scale(variance), axis=0),
        )

    def without(self, language: str) -> LanguageStatistics:
        """Return statistics without a language; those of the others stay the same.

        Parameters
        ----------
        language : str
            The language to leave out; it need not have statistics.

        Returns
        -------
        LanguageStatistics
            A new value; this one does not change.
        """
        kept = [index for index, name in enumerate(self.languages) if name != language]
        return replace(
            self,
            languages=tuple(self.languages[index] for index in kept),
            mean=self.mean[[*kept, -1]],
            scale=self.scale[[*kept, -1]],
        )

    def apply(self, features, language: np.ndarray, *, with_mean=True, with_std=True):
        """Centre and scale each sample by its language, or globally if that has no statistics.

        Parameters
        ----------
        features : float ndarray or CSR array, shape (n_samples, n_features)
            The features, which are not written to.
        language : ndarray of str objects, shape (n_samples,)
            The language of each sample.
        with_mean, with_std : bool, default=True
            Whether to centre and whether to scale.

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_features)
            Of the form and precision of `features`.
        """
        if isinstance(features, sparse.csr_array):
            columns = np.flatnonzero(self.scaled)
            block = features[:, columns].toarray()
            self._apply_to(block, columns, language, with_mean, with_std)
            return _replace_columns(features, columns, block)
        standardised = new_array(features.shape, features.dtype)
        standardised[...] = features
        self._apply_to(standardised, slice(None), language, with_mean, with_std)
        return standardised

    def _apply_to(self, block, columns, language, with_mean, with_std) -> None:
        """Centre and scale some columns of the features in place."""
        language_index, languages = pd.factorize(language)
        own_statistics = {name: index for index, name in enumerate(self.languages)}
        global_statistics = len(self.languages)
        statistics_of_language = np.array(
            [own_statistics.get(name, global_statistics) for name in languages], dtype=int
        )
        statistics_of_sample = statistics_of_language[language_index]
        mean, scale = self.mean[:, columns], self.scale[:, columns]
        for rows in _row_slices(block):
            if with_mean:
                block[rows] -= mean[statistics_of_sample[rows]]
            if with_std:
                block[rows] /= scale[statistics_of_sample[rows]]

    def get_state(self) -> dict[str, Any]:
        """Return everything that `from_state` needs.

        Returns
        -------
        dict of str to object
            A list of strings and arrays.
        """
        return {
            "languages": list(self.languages),
            "mean": self.mean,
            "scale": self.scale,
            "scaled": self.scaled,
            "prior": None if self.prior is None else dict(vars(self.prior)),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LanguageStatistics:
        """Restore the statistics.

        Parameters
        ----------
        state : dict of str to object
            What `get_state` returned.

        Returns
        -------
        LanguageStatistics
            The statistics.

        Raises
        ------
        ValueError
            If the numbers are not those of the languages.
        """
        languages, mean = tuple(state["languages"]), state["mean"]
        is_table = mean.ndim == 2 and len(mean) == len(languages) + 1
        if not is_table or len(set(languages)) < len(languages):
            raise ValueError(
                f"The statistics of {len(languages)} languages are in {mean.shape} numbers."
            )
        if state["scale"].shape != mean.shape or state["scaled"].shape != mean.shape[1:]:
            raise ValueError("The statistics of languages have means and scales of other shapes.")
        prior = None if state["prior"] is None else LanguagePrior(**state["prior"])
        if prior is not None and not prior.mean.shape == prior.variance.shape == mean.shape[1:]:
            raise ValueError("The prior of the statistics is of another shape than these.")
        return cls(languages, mean, state["scale"], state["scaled"], prior)


def _find_scaled_columns(features) -> np.ndarray:
    """Return a mask of the columns that are centred and scaled; see `scaled`."""
    n_samples, n_features = features.shape
    if not isinstance(features, sparse.csr_array):
        return np.ones(n_features, dtype=bool)
    filled = np.bincount(features.indices[features.data != 0], minlength=n_features)
    is_no_share = (features.data < 0) | (features.data > 1)
    beyond_shares = np.bincount(features.indices[is_no_share], minlength=n_features) > 0
    return (2 * filled > n_samples) & beyond_shares


def _moments(features, scaled: np.ndarray, samples=None) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each column, of some samples or all.

    They are 0 and 1 in columns that are not to be scaled.
    """
    scaler = StandardScaler(with_mean=False)
    with np.errstate(over="ignore", invalid="ignore"):  # Then the statistics are not finite.
        if isinstance(features, sparse.csr_array):
            part = features if samples is None else features[samples]
            scaler.fit(part.astype(np.float64))
        else:
            for rows in _row_slices(features, None if samples is None else len(samples)):
                scaler.partial_fit(features[rows if samples is None else samples[rows]])
    # sklearn scales what is constant but for rounding by 1.
    is_constant = (scaler.scale_ == 1) & (scaler.var_ != 1)
    variance = np.where(is_constant, 0.0, scaler.var_)
    return np.where(scaled, scaler.mean_, 0.0), np.where(scaled, variance, 1.0)


def _row_slices(features: np.ndarray, n_rows: int | None = None) -> Iterator[slice]:
    """Yield slices of rows that have few values, so that copies of them take little memory."""
    n_at_once = max(1, VALUES_AT_A_TIME // max(1, features.shape[1]))
    for start in range(0, len(features) if n_rows is None else n_rows, n_at_once):
        yield slice(start, start + n_at_once)


def _scale(variance: np.ndarray) -> np.ndarray:
    """The standard deviation, and 1 where a column is constant."""
    return np.where(variance == 0, 1.0, np.sqrt(variance))


def _replace_columns(features, columns: np.ndarray, block: np.ndarray) -> sparse.csr_array:
    """Return a copy of a CSR array with other values in some of its columns."""
    kept = np.ones(features.shape[1], dtype=features.dtype)
    kept[columns] = 0
    filled = sparse.csr_array(block)
    indices = columns.astype(filled.indices.dtype)[filled.indices]
    filled = sparse.csr_array((filled.data, indices, filled.indptr), shape=features.shape)
    return sparse.csr_array(features.multiply(kept)) + filled
