"""Centre and scale each row by the statistics of its own language."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.language_statistics import LanguageStatistics
from metaling_sk._data.samples import check_samples


class LanguageStandardScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise features separately in each language.

    The embeddings of a multilingual encoder lie in a different place for each language, so a
    classifier trained on one misjudges the others. Rows that are centred and scaled by their own
    language share one place [1]_. It takes no labels.

    A row of a language not seen in `fit`, or seen there in a single row, is centred and scaled by
    the statistics of all rows, until `register_language` is given rows of that language. So what
    becomes of a row never depends on the rows beside it. The statistics of a few rows are noisy:
    add all the unlabelled text there is.

    Of a sparse X, columns that are zero in most rows are left as they are: they would not stay
    sparse. The result is a CSR array.

    Parameters
    ----------
    language_column : str, default="language"
        The column of a DataFrame X that holds the language. It is not part of the result.
    with_mean : bool, default=True
        Whether to centre.
    with_std : bool, default=True
        Whether to scale to unit standard deviation. Columns constant in a language keep scale 1.

    Attributes
    ----------
    mean_, scale_ : dict of str to ndarray of shape (n_features,)
        Mean and standard deviation per language.
    global_mean_, global_scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of all rows given to `fit`.
    n_features_in_ : int
        Features seen in `fit`, without the language.
    feature_names_in_ : ndarray of str, for DataFrames

    References
    ----------
    .. [1] Libovický, Rosa & Fraser (2020). On the language neutrality of pre-trained
       multilingual representations. Findings of EMNLP.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.preprocessing import LanguageStandardScaler
    >>> X = pd.DataFrame({
    ...     "length": [1.0, 3.0, 10.0, 14.0],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> scaler = LanguageStandardScaler().fit(X)
    >>> scaler.transform(X).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    >>> X_new = pd.DataFrame({"length": [100.0, 120.0]})
    >>> scaler.register_language(X_new, "de").transform(X_new, language="de").ravel().tolist()
    [-1.0, 1.0]
    """

    def __init__(self, *, language_column="language", with_mean=True, with_std=True):
        self.language_column = language_column
        self.with_mean = with_mean
        self.with_std = with_std

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X, y=None, language=None) -> LanguageStandardScaler:
        """Learn the statistics of each language.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            A DataFrame may hold the language in one more column.
        y : ignored
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Returns
        -------
        self
        """
        samples = check_samples(self, X, language=language, reset=True, needs_y=False)
        self._statistics = LanguageStatistics.fit(samples.features, samples.language)
        return self

    def register_language(self, X, language: str) -> LanguageStandardScaler:
        """Learn the statistics of one more language; those of the others stay the same.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            At least two rows, all in this language. No labels are needed.
        language : str
            Statistics that this language had before are replaced.

        Returns
        -------
        self
        """
        if not isinstance(language, str):
            raise ValueError(f"`language` must be one string such as 'en', got {language!r}.")
        check_is_fitted(self, "_statistics")
        samples = check_samples(self, X, language=language, reset=False)
        self._statistics = self._statistics.add(samples.features, language)
        return self

    def transform(self, X, language=None):
        """Centre and scale each row.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
        language : str or array-like of str, shape (n_samples,), default=None

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_features)
            Of float32 if X is, else of float64.
        """
        check_is_fitted(self, "_statistics")
        samples = check_samples(self, X, language=language, reset=False)
        return self._statistics.apply(
            samples.features, samples.language, with_mean=self.with_mean, with_std=self.with_std
        )

    def fit_transform(self, X, y=None, language=None):
        """The same as `fit`, then `transform`.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
        y : ignored
        language : str or array-like of str, shape (n_samples,), default=None

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_features)
        """
        return self.fit(X, y, language=language).transform(X, language=language)

    @property
    def mean_(self) -> dict[str, np.ndarray]:
        return dict(zip(self._statistics.languages, self._statistics.mean, strict=False))

    @property
    def scale_(self) -> dict[str, np.ndarray]:
        return dict(zip(self._statistics.languages, self._statistics.scale, strict=False))

    @property
    def global_mean_(self) -> np.ndarray:
        return self._statistics.mean[-1]

    @property
    def global_scale_(self) -> np.ndarray:
        return self._statistics.scale[-1]
