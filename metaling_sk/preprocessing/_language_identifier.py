"""Tables of texts get a language column, or theirs is checked."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.input_forms import replace_columns, unwrap
from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._data.samples import check_samples, check_single_texts
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.all_or_nothing import unfitted_on_error
from metaling_sk._utils.messages import name_rows, name_some, warn_user
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import StrOptions, fit_context
from metaling_sk.base import TextTransformerMixin
from metaling_sk.preprocessing._language_model import (
    find_labels,
    label_probabilities,
    model_labels,
)

BATCH_SIZE = 10_000
"""The number of texts whose probabilities are in memory at once."""


class LanguageIdentifier(SavedMixin, ReprMixin, TextTransformerMixin, BaseEstimator):
    """Add the language to texts, or check the language column of a table.

    The language is identified by a naive Bayes model of bytes [1]_ for about 140 languages. It is
    part of the package `py3langid`, which must be installed
    (``pip install "metaling_sk[langid]"``); nothing is downloaded.

    A text without a language gets the one identified. A language that is there is kept, and
    compared with the one identified. The model does not know most languages of the world, and
    takes their texts for one that it knows, often with high confidence: name the languages that
    can occur in `languages`, and do not use it where one of them is unknown to it.

    Parameters
    ----------
    languages : list of str, default=None
        The languages that can occur, codes such as "en", "eng", "eng_Latn" or "pt-BR". The result
        names them in the same way. None is every language of the model, which names them by codes
        of ISO 639-1 or, where there is none, 639-3, but those in the language column of X at fit
        as they are named there.
    min_confidence : float, default=0.5
        The probability, among `languages`, below which the language of a text is `unknown`.
    unknown : str, default="und"
        The language of texts that are too short or too unclear to identify. In the language column
        of X it stands for a language that is to be identified, as NaN and None do.
    on_conflict : {"warn", "raise", "ignore"}, default="warn"
        What to do if the language column of X has another language than the one identified. Only
        languages that the model knows are compared.
    text_column : str, default="text"
        The column of a DataFrame X that holds the texts.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.

    Attributes
    ----------
    languages_ : list of str
        The languages that can be identified.
    n_features_in_ : int
        The number of columns of X seen at fit.
    feature_names_in_ : ndarray of str
        The names of these columns; only if X was a DataFrame.

    References
    ----------
    .. [1] Lui & Baldwin (2012). langid.py: An off-the-shelf language identification tool. ACL.

    Examples
    --------
    >>> from metaling_sk import LanguageIdentifier
    >>> identifier = LanguageIdentifier(languages=["en", "zh"])
    >>> identifier.fit_transform(["The hotel was very good", "这家酒店很不错", "12:30"])
                          text language
    0  The hotel was very good       en
    1                  这家酒店很不错       zh
    2                    12:30      und
    """

    _parameter_constraints: dict = {
        **common_constraints("text_column", "language_column"),
        "languages": [list, tuple, np.ndarray, None],
        "min_confidence": [Number(Real, 0, 1, closed="both")],
        "unknown": [str],
        "on_conflict": [StrOptions({"warn", "raise", "ignore"})],
    }

    _saved_attributes = ("_names", "languages_")

    def __init__(
        self,
        *,
        languages=None,
        min_confidence=0.5,
        unknown="und",
        on_conflict="warn",
        text_column="text",
        language_column="language",
    ):
        self.languages = languages
        self.min_confidence = min_confidence
        self.unknown = unknown
        self.on_conflict = on_conflict
        self.text_column = text_column
        self.language_column = language_column

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None) -> LanguageIdentifier:
        """Choose the languages and their names; the model itself is not trained.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts
            The texts, of which only the language column has an influence.
        y : None
            Ignored.

        Returns
        -------
        self : LanguageIdentifier
            The fitted transformer.

        Raises
        ------
        ValueError
            If the model does not know one of `languages`, or cannot tell two of them apart.
        ModuleNotFoundError
            If the packages of the extra `langid` are not installed.
        """
        with unfitted_on_error(self):
            _, language = self._check_texts(X, reset=True)
            if self.languages is None:
                self._names = self._name_all(set(language))
            else:
                self._names = self._name_some(list(self.languages))
            self.languages_ = list(self._names.values())
        return self

    def transform(self, X) -> pd.DataFrame:
        """Add the language column, or check it.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts
            The texts, which are not written to.

        Returns
        -------
        DataFrame of n_samples rows
            X with a language for each text; other columns of a table are kept.

        Raises
        ------
        ValueError
            If the languages in X are in conflict with the texts and `on_conflict` is "raise".

        Warns
        -----
        InputWarning
            If they are in conflict and `on_conflict` is "warn".
        """
        check_is_fitted(self)
        texts, language = self._check_texts(X, reset=False)
        identified = self._identify(texts)
        is_missing = np.isin(language, [UNNAMED_LANGUAGE, self.unknown])
        if self.on_conflict != "ignore":
            self._compare(language, identified, is_missing)
        language = np.where(is_missing, identified, language)
        table = unwrap(X)
        if isinstance(table, pd.DataFrame):
            output = replace_columns(table, {self.language_column: language})
        else:
            output = pd.DataFrame(
                {self.text_column: texts, self.language_column: language},
                index=X.index if isinstance(X, pd.Series) else None,
                dtype=object,
            )
        return self._as_output(output, X)

    def language_proba(self, X) -> pd.DataFrame:
        """Return the probability of each language, whether X names one or not.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts
            The texts.

        Returns
        -------
        DataFrame of shape (n_samples, n_languages)
            A column for each of `languages_`. Rows sum to 1, and are NaN where a text has no words
            that the model knows.
        """
        check_is_fitted(self)
        texts, _ = self._check_texts(X, reset=False)
        probabilities = label_probabilities(texts, list(self._names))
        index = X.index if isinstance(X, (pd.DataFrame, pd.Series)) else None
        return pd.DataFrame(probabilities, columns=self.languages_, index=index)

    def _check_texts(self, X, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the validated texts and languages."""
        X = self._name_missing(unwrap(X))
        samples = check_samples(self, X, reset=reset, needs_y=False, uses_language=False)
        if samples.texts is None:
            raise ValueError("LanguageIdentifier identifies texts, but X holds numbers.")
        check_single_texts(samples, self, "Name the one whose language is to be identified.")
        return samples.texts, samples.language

    def _name_missing(self, X):
        """Fill missing values in the language column of a table."""
        if isinstance(X, pd.DataFrame) and self.language_column in X.columns:
            is_missing = X[self.language_column].isna()
            if is_missing.to_numpy().any():
                column = X[self.language_column].astype(object)
                named = column.mask(is_missing, UNNAMED_LANGUAGE).to_numpy()
                return replace_columns(X, {self.language_column: named})
        return X

    def _name_all(self, present: set[str]) -> dict[str, str]:
        """Name every language of the model, as the column does where this is unambiguous."""
        names: dict[str, set[str]] = {label: set() for label in model_labels()}
        for name, label in find_labels(present).items():
            if label is not None:
                names[label].add(name)
        return {
            label: next(iter(given)) if len(given) == 1 else label for label, given in names.items()
        }

    def _name_some(self, languages: list[str]) -> dict[str, str]:
        """Return the chosen languages by their labels."""
        if not all(isinstance(language, str) for language in languages):
            raise ValueError(f"`languages` must be codes of languages, got {name_some(languages)}.")
        labels = find_labels(languages)
        if unknown := [language for language, label in labels.items() if label is None]:
            raise ValueError(
                f"`languages`: the model does not know {name_some(unknown)}. It knows codes of "
                f"languages, such as 'en', 'eng' and 'eng_Latn': {', '.join(model_labels())}."
            )
        names: dict[str, str] = {}
        for language, label in labels.items():
            if label is not None and names.setdefault(label, language) != language:
                raise ValueError(
                    f"`languages`: the model cannot tell {names[label]!r} and {language!r} apart."
                )
        if not names:
            raise ValueError("`languages` is empty; None is every language of the model.")
        return names

    def _identify(self, texts: np.ndarray) -> np.ndarray:
        """Return the language of each text, or `unknown`."""
        identified = np.full(len(texts), self.unknown, dtype=object)
        names = np.array(self.languages_, dtype=object)
        for batch in gen_batches(len(texts), BATCH_SIZE):
            probabilities = label_probabilities(texts[batch], list(self._names))
            # Comparisons with NaN are False.
            is_clear = probabilities.max(axis=1) >= self.min_confidence
            best = probabilities[is_clear].argmax(axis=1)
            identified[batch][is_clear] = names[best]
        return identified

    def _compare(self, language, identified, is_missing) -> None:
        """Warn or raise if languages of X differ from those identified."""
        names = {
            name: self._names[label]
            for name, label in find_labels(set(language)).items()
            if label in self._names
        }
        indices = [
            index
            for index in np.flatnonzero(~is_missing & (identified != self.unknown)).tolist()
            if names.get(language[index], identified[index]) != identified[index]
        ]
        if not indices:
            return
        first = indices[0]
        message = (
            f"The language column of X and the texts disagree in {name_rows(indices)} (row {first}:"
            f" {language[first]!r}, but the text looks like {identified[first]!r}). Correct the "
            "column, or pass on_conflict='ignore'."
        )
        if self.on_conflict == "raise":
            raise ValueError(message)
        warn_user(message, self)
