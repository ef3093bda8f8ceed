"""Centre and scale each sample by the statistics of its language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.language_statistics import LanguageStatistics
from metaling_sk._data.samples import check_samples
from metaling_sk._data.suspicions import suspect_unseen
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.all_or_nothing import changed_at_once, unfitted_on_error
from metaling_sk._utils.parameters import common_constraints
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import fit_context
from metaling_sk.base import LanguageTransformerMixin


class LanguageStandardScaler(
    SavedMixin, ReprMixin, OneToOneFeatureMixin, LanguageTransformerMixin, BaseEstimator
):
    """Standardise features separately in each language.

    The embeddings of a multilingual encoder have a different mean in each language, so a
    classifier trained on one language misjudges the others. Centring and scaling each language by
    its own statistics removes this difference [1]_. No labels are needed.

    Samples of a language not seen in `fit`, or seen there in a single sample, are centred and
    scaled by the statistics of all samples, until `register_language` is given samples of that
    language. The result for a sample never depends on the other samples in X. The statistics of a
    few samples are noisy, so add all the unlabelled text there is.

    In a sparse X, columns that are mostly zero are left as they are, because centring would make
    them dense, and so are columns between 0 and 1, such as TF-IDF. The result is a CSR array.

    Parameters
    ----------
    language_column : str, default="language"
        The column of a DataFrame X that holds the language. It is not part of the result.
    with_mean : bool, default=True
        Whether to centre.
    with_std : bool, default=True
        Whether to scale to unit standard deviation. Columns that are constant in a language are
        not scaled in it.

    Attributes
    ----------
    mean_, scale_ : dict of str to ndarray of shape (n_features,)
        The mean and standard deviation of each language.
    global_mean_, global_scale_ : ndarray of shape (n_features,)
        The mean and standard deviation of all samples given to `fit`.
    n_features_in_ : int
        The number of features seen at fit, without the language.
    feature_names_in_ : ndarray of str
        The names of these features; only if X was a DataFrame.

    See Also
    --------
    EncoderVectorizer : Encode texts as vectors.

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

    _parameter_constraints: dict = {
        **common_constraints("language_column"),
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

    def __init__(self, *, language_column="language", with_mean=True, with_std=True):
        self.language_column = language_column
        self.with_mean = with_mean
        self.with_std = with_std

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, language=None) -> LanguageStandardScaler:
        """Compute the statistics of each language.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            The features. A DataFrame may hold the language in one more column.
        y : None
            Ignored.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column.

        Returns
        -------
        self : LanguageStandardScaler
            The fitted scaler.
        """
        with unfitted_on_error(self):
            samples = check_samples(self, X, language=language, reset=True, needs_y=False)
            self._statistics = LanguageStatistics.fit(samples.features, samples.language)
            self._known_languages = set(samples.language)
        return self

    def register_language(self, X, language: str) -> LanguageStandardScaler:
        """Compute the statistics of one more language and leave those of the others.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            At least two samples, all in this language.
        language : str
            The language. If it has statistics already, they are replaced.

        Returns
        -------
        self : LanguageStandardScaler
            The same scaler.

        Raises
        ------
        ValueError
            If `language` is not a string, or X holds too few samples or another language.
        """
        if not isinstance(language, str):
            raise ValueError(f"`language` must be one string such as 'en', got {language!r}.")
        check_is_fitted(self, "_statistics")
        samples = check_samples(self, X, language=language, reset=False)
        with changed_at_once(self) as changed:
            changed._statistics = changed._statistics.add(samples.features, language)
            changed._known_languages = changed._known_languages | {language}
        return self

    def transform(self, X, language=None):
        """Centre and scale each sample by the statistics of its language.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            The features, which are not written to.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column.

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_features)
            The scaled features, of float32 if X is, else of float64.
        """
        check_is_fitted(self, "_statistics")
        samples = check_samples(self, X, language=language, reset=False)
        if self._statistics.scaled.any():
            unseen = set(samples.language) - self._known_languages
            suspect_unseen(self, unseen, self._known_languages, "register_language")
        return self._statistics.apply(
            samples.features, samples.language, with_mean=self.with_mean, with_std=self.with_std
        )

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Get the names of the columns of the result: those of X but for the language.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the columns of X; by default those seen at fit.

        Returns
        -------
        ndarray of str objects
            The names of the columns of the result.
        """
        if input_features is not None:
            input_features = [name for name in input_features if name != self.language_column]
        return super().get_feature_names_out(input_features)

    @property
    def mean_(self) -> dict[str, np.ndarray]:
        """Mean of each feature, by language."""
        return dict(zip(self._statistics.languages, self._statistics.mean, strict=False))

    @property
    def scale_(self) -> dict[str, np.ndarray]:
        """Standard deviation of each feature, by language."""
        return dict(zip(self._statistics.languages, self._statistics.scale, strict=False))

    @property
    def global_mean_(self) -> np.ndarray:
        """Mean of each feature over all samples."""
        return self._statistics.mean[-1]

    @property
    def global_scale_(self) -> np.ndarray:
        """Standard deviation of each feature over all samples."""
        return self._statistics.scale[-1]

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        return super()._get_saved_state(folder) | {
            "statistics": self._statistics.get_state(),
            "known_languages": sorted(self._known_languages),
        }

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        super()._set_saved_state(state, folder)
        self._statistics = LanguageStatistics.from_state(state["statistics"])
        self._known_languages = set(state["known_languages"])
