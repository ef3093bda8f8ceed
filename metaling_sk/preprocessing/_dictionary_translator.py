"""Word-for-word translation with a bilingual dictionary."""

from __future__ import annotations

import os
import random
import zlib
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from numbers import Integral
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.input_forms import find_language_column, replace_columns, unwrap
from metaling_sk._data.samples import Samples, check_samples
from metaling_sk._data.suspicions import suspect_names
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.all_or_nothing import unfitted_on_error
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import StrOptions, fit_context
from metaling_sk.base import LanguageTransformerMixin, TextTransformerMixin
from metaling_sk.preprocessing._dictionary_entries import (
    compared_form,
    count_phrases,
    find_words,
    is_unspaced,
    read_entries,
    weigh_candidates,
)

MIN_LENGTH_FOR_CLASSIFIERS = 2
"""Single Chinese characters are too ambiguous to learn from."""


class DictionaryTranslator(
    SavedMixin, ReprMixin, TextTransformerMixin, LanguageTransformerMixin, BaseEstimator
):
    """Translate texts word for word.

    Each word of a source-language text, or the longest phrase that the dictionary holds, is
    replaced by one of its candidates. Candidates are drawn in proportion to how often they occur
    in the target-language samples given to `fit`. Grammar and word order stay those of the
    source, so the translation suits bag-of-words models of the target language [1]_.

    Parameters
    ----------
    dictionary : mapping of str to iterable of str, or path
        Source words or phrases and their candidates, or a UTF-8 file with one pair (word,
        candidate) per line in two tab-separated columns. Case is ignored in source words, and
        so is the way in which Unicode writes letters with marks.
    source_language : str, default=None
        The language to translate; None for all languages but `target_language`.
    target_language : str, default=None
        The language of the candidates. Samples in it are not translated; at fit, candidates are
        counted in them. Without such samples all candidates of a word are equally likely.
    min_length : int, default=1
        Candidates of fewer characters are left out. 2 suits Chinese, where a single character
        is ambiguous and occurs inside many other words.
    unknown : {"drop", "keep"}, default="drop"
        Whether to drop or keep words without a candidate. If samples in `target_language` were
        given to `fit`, only candidates that occur in them count.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. A fitted translator always translates the same text in the same way,
        whichever other samples are in X.
    text_column : str or list of str, default="text"
        The column of a DataFrame X that holds the texts, or the two columns of pairs of texts.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.

    Attributes
    ----------
    candidates_ : dict of tuple of str to (tuple of str, tuple of int)
        The words of each source phrase, to its candidates and their cumulated weights.
    n_features_in_ : int
        The number of columns of X seen at fit.
    feature_names_in_ : ndarray of str
        The names of these columns; only if X was a DataFrame.

    See Also
    --------
    metaling_sk.datasets.load_dictionary : Load a dictionary.

    References
    ----------
    .. [1] Prettenhofer & Stein (2010). Cross-language text classification using structural
       correspondence learning. ACL.

    Examples
    --------
    >>> from metaling_sk.preprocessing import DictionaryTranslator
    >>> dictionary = {"good": ["不错", "佳"], "hotel": ["酒店"]}
    >>> translator = DictionaryTranslator(dictionary, target_language="zh", random_state=0)
    >>> _ = translator.fit(["A good hotel!", "这家酒店不错"], language=["en", "zh"])
    >>> translator.transform(["A good hotel!", "酒店"], language=["en", "zh"]).tolist()
    ['不错酒店', '酒店']
    """

    _parameter_constraints: dict = {
        **common_constraints("random_state", "text_column", "language_column"),
        "dictionary": [Mapping, str, os.PathLike],
        "source_language": [str, None],
        "target_language": [str, None],
        "min_length": [Number(Integral, 0, None, closed="left")],
        "unknown": [StrOptions({"drop", "keep"})],
    }

    _saved_attributes = ("candidates_", "_longest_phrase", "_joiner", "_seed")

    def __init__(
        self,
        dictionary,
        *,
        source_language=None,
        target_language=None,
        min_length=1,
        unknown="drop",
        random_state=None,
        text_column="text",
        language_column="language",
    ):
        self.dictionary = dictionary
        self.source_language = source_language
        self.target_language = target_language
        self.min_length = min_length
        self.unknown = unknown
        self.random_state = random_state
        self.text_column = text_column
        self.language_column = language_column

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, language=None) -> DictionaryTranslator:
        """Count the candidates in the target-language texts.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
            The texts; those in other languages than `target_language` have no influence.
        y : None
            Ignored.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column.

        Returns
        -------
        self : DictionaryTranslator
            The fitted translator.

        Raises
        ------
        ValueError
            If X holds numbers, a parameter is not valid or the dictionary has no usable entry.
        """
        with unfitted_on_error(self):
            samples = self._check_texts(X, language, reset=True)
            language = samples.language
            named, present = {self.source_language, self.target_language}, set(language)
            suspect_names(self, named - present - {None}, present)
            entries = read_entries(self.dictionary, self.min_length)
            targets = list(dict.fromkeys(chain.from_iterable(entries.values())))
            assert samples.texts is not None
            texts = samples.texts[language == self.target_language]
            counts = count_phrases(texts.ravel(), targets)
            self.candidates_ = weigh_candidates(entries, counts)
            self._longest_phrase = max(map(len, self.candidates_), default=0)
            self._joiner = "" if sum(map(is_unspaced, targets)) * 2 > len(targets) else " "
            self._seed = int(check_random_state(self.random_state).randint(2**31))
        return self

    def transform(self, X, language=None) -> pd.DataFrame | np.ndarray:
        """Translate the texts in the source language.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
            The texts, which are not written to.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column.

        Returns
        -------
        DataFrame or ndarray of str objects
            X with translated texts if X is a table, or rows of a text and its language; else an
            array of shape (n_samples,) or, for pairs, (n_samples, 2).
        """
        check_is_fitted(self)
        samples = self._check_texts(X, language, reset=False)
        texts = self._translated(samples)
        table = unwrap(X)
        output: pd.DataFrame | np.ndarray
        if isinstance(table, pd.DataFrame):
            names: list[Any] = samples.pair_columns or [self.text_column]
            columns = texts.T if samples.is_pairs else [texts]
            output = replace_columns(table, dict(zip(names, columns, strict=True)))
        elif find_language_column(table, self, self.language_column) is not None:
            output = np.column_stack([texts, samples.language])
        else:
            output = texts
        return self._as_output(output, X)

    def _translated(self, samples: Samples) -> np.ndarray:
        """Return validated texts, translated where they are in the source language."""
        return self._change(samples, self._translate)

    def code_switch(self, X, language=None, share=0.5) -> np.ndarray:
        """Replace some words of the source-language texts by a candidate.

        A model that learns from such texts sees both languages in one sentence [1]_.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
            The texts, which are not written to.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, if X has no language column.
        share : float, default=0.5
            The probability of replacing a word or phrase that has a candidate.

        Returns
        -------
        ndarray of str objects, shape (n_samples,) or, for pairs, (n_samples, 2)
            The texts, with words replaced in those of the source language.

        References
        ----------
        .. [1] Qin et al. (2020). CoSDA-ML: Multi-lingual code-switching data augmentation for
           zero-shot cross-lingual NLP. IJCAI.
        """
        check_is_fitted(self)
        samples = self._check_texts(X, language, reset=False)
        return self._change(samples, partial(self._switch, share=share))

    @classmethod
    def _from_saved(cls, parameters, state):
        if state is not None:  # The candidates are all that is used of the dictionary.
            parameters = {"dictionary": {}} | parameters
        return super()._from_saved(parameters, state)

    def _check_texts(self, X, language, *, reset: bool) -> Samples:
        """Return the validated texts and languages."""
        samples = check_samples(self, X, language=language, reset=reset, needs_y=False)
        if samples.texts is None:
            raise ValueError("DictionaryTranslator translates texts, but X holds numbers.")
        return samples

    def _change(self, samples: Samples, change: Callable[[str], str]) -> np.ndarray:
        """Return the texts, changed where they are in the source language."""
        assert samples.texts is not None
        texts = samples.texts.copy()
        flat = texts.reshape(-1)
        is_source = np.repeat(self._is_source(samples.language), len(flat) // len(texts))
        for index in np.flatnonzero(is_source):
            flat[index] = change(normalize("NFC", flat[index]))
        return texts

    def _is_source(self, language: np.ndarray) -> np.ndarray:
        if self.source_language is None:
            return language != self.target_language
        return language == self.source_language

    def _translate(self, text: str) -> str:
        draw = self._draws(text)
        translated: list[str] = []
        for words, candidates, weights in self._phrases([match[0] for match in find_words(text)]):
            if candidates:
                translated.append(candidates[bisect(weights, draw() * weights[-1])])
            elif self.unknown == "keep":
                translated.extend(words)
        return self._joiner.join(translated)

    def _switch(self, text: str, share: float) -> str:
        draw = self._draws(text)
        matches = list(find_words(text))
        switched: list[str] = []
        end = position = 0
        for words, candidates, weights in self._phrases([match[0] for match in matches]):
            first, last = matches[position], matches[position + len(words) - 1]
            position += len(words)
            if candidates and draw() < share:
                candidate = candidates[bisect(weights, draw() * weights[-1])]
                switched += [text[end : first.start()], candidate]
                end = last.end()
        return "".join([*switched, text[end:]])

    def _draws(self, text: str) -> Callable[[], float]:
        """Return a source of random numbers that depend on the text alone."""
        return random.Random(zlib.crc32(text.encode("utf-8", "surrogatepass")) ^ self._seed).random

    def _phrases(self, words: list[str]) -> Iterator[tuple[list[str], tuple, tuple]]:
        """Yield the longest phrases that the dictionary holds, with candidates and weights."""
        keys = tuple(map(compared_form, words))
        start = 0
        while start < len(words):
            stop = self._end_of_phrase(keys, start)
            yield words[start:stop], *self.candidates_.get(keys[start:stop], ((), ()))
            start = stop

    def _end_of_phrase(self, keys: tuple[str, ...], start: int) -> int:
        """Return the end of the longest phrase of the dictionary that begins at `start`."""
        for stop in range(min(start + self._longest_phrase, len(keys)), start + 1, -1):
            if keys[start:stop] in self.candidates_:
                return stop
        return start + 1


def fit_translator(
    dictionary, samples: Samples, target_languages: list[str], rng: np.random.RandomState
) -> DictionaryTranslator:
    """Fit a translator into the one target language.

    Parameters
    ----------
    dictionary : mapping of str to iterable of str, or path
        As in `DictionaryTranslator`.
    samples : Samples
        Texts in all languages.
    target_languages : list of str
        The target languages of a classifier.
    rng : RandomState
        Gives the seed of the draws.

    Returns
    -------
    DictionaryTranslator
        The fitted translator.

    Raises
    ------
    ValueError
        If there is not exactly one target language.
    """
    if len(target_languages) != 1:
        raise ValueError(
            "`dictionary` translates into one language, but there are "
            f"{len(target_languages)} target languages: {target_languages}. By default each "
            "language with an unlabelled row is one. Name one in `target_languages`."
        )
    translator = DictionaryTranslator(
        dictionary,
        target_language=target_languages[0],
        min_length=MIN_LENGTH_FOR_CLASSIFIERS,
        random_state=rng.randint(2**31),
        text_column=samples.pair_columns or "text",
    )
    return translator.fit(samples.texts, language=samples.language)
