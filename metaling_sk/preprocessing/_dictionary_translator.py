"""Word-for-word translation with a bilingual dictionary."""

from __future__ import annotations

import os
import random
import re
import zlib
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.samples import Samples, check_samples

_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""

_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:['’][^\W\d_{_UNSPACED}]+)*")
_LONGEST_PHRASE = 6
_SHORTEST_CANDIDATE = 2
"""For the classifiers: in a single Chinese character there is little to go by."""


class DictionaryTranslator(TransformerMixin, BaseEstimator):
    """Translate texts word for word.

    Each word (or phrase, the longest that the dictionary holds) of a source-language text becomes
    one of its candidates, drawn in proportion to how often the candidate occurs in the
    target-language rows given to `fit`. Grammar and word order stay those of the source: enough
    for bag-of-words models of the target language, which is what it is for [1]_.

    Parameters
    ----------
    dictionary : mapping of str to iterable of str, or path
        Source word or phrase to its candidates; or a file of two tab-separated columns (word,
        candidate), one pair per line, UTF-8. Case is ignored in source words.
    source_language : str, default=None
        Rows in this language are translated; None: all rows that are not in `target_language`.
    target_language : str, default=None
        Rows in this language are the text to count candidates in, and stay as they are. Without
        such rows at fit all candidates of a word are equally likely.
    min_length : int, default=1
        Candidates of fewer characters are left out. 2 suits Chinese, where a single character
        is ambiguous and occurs inside many other words.
    unknown : {"drop", "keep"}, default="drop"
        What happens to words without a candidate (where there is target text: without one that
        occurs in it).
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. A fitted translator always translates the same text in the same way,
        whichever other rows are in X.
    text_column, language_column : str, default="text", "language"
        Columns of a DataFrame X.

    Attributes
    ----------
    candidates_ : dict of tuple of str to (tuple of str, tuple of float)
        Words of a phrase to its candidates and their cumulated weights.
    n_features_in_ : int
        Columns of X seen at fit.

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

    def fit(self, X, y=None, language=None) -> DictionaryTranslator:
        """Learn how often each candidate occurs in target-language text.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
        y : ignored
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds numbers, `unknown` is not one of the two, or the dictionary has no usable
            entry.
        TypeError
            If `dictionary` is neither a mapping nor a path.
        """
        if self.unknown not in ("drop", "keep"):
            raise ValueError(f"`unknown` must be 'drop' or 'keep', got {self.unknown!r}.")
        samples = self._check_texts(X, language, reset=True)
        entries = _read_entries(self.dictionary, self.min_length)
        found = {candidate for candidates in entries.values() for candidate in candidates}
        counts = _count_phrases(samples.texts[samples.language == self.target_language], found)
        self.candidates_ = _weigh(entries, counts)
        self._longest_phrase = max(map(len, self.candidates_), default=0)
        self._joiner = "" if sum(map(_is_unspaced, found)) * 2 > len(found) else " "
        self._seed = int(check_random_state(self.random_state).randint(2**31))
        return self

    def transform(self, X, language=None) -> pd.DataFrame | np.ndarray:
        """Translate the rows in the source language.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
        language : str or array-like of str, shape (n_samples,), default=None

        Returns
        -------
        DataFrame like X if X is one, else ndarray of str objects, shape (n_samples,)
            (or (n_samples, 2) where X is an array of texts and languages). X is not written to.
        """
        check_is_fitted(self)
        samples = self._check_texts(X, language, reset=False)
        texts = samples.texts.copy()
        for row in np.flatnonzero(self._is_source(samples.language)):
            texts[row] = self._translate(texts[row])
        if isinstance(X, pd.DataFrame):
            return X.assign(**{self.text_column: texts})
        if isinstance(X, np.ndarray) and X.ndim == 2:
            return np.column_stack([texts, samples.language])
        return texts

    def fit_transform(self, X, y=None, language=None) -> pd.DataFrame | np.ndarray:
        """The same as `fit`, then `transform`.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
        y : ignored
        language : str or array-like of str, shape (n_samples,), default=None

        Returns
        -------
        DataFrame or ndarray
            As of `transform`.
        """
        return self.fit(X, y, language=language).transform(X, language=language)

    def _check_texts(self, X, language, *, reset):
        samples = check_samples(self, X, language=language, reset=reset, needs_y=False)
        if not samples.is_text:
            raise ValueError("DictionaryTranslator translates texts, but X holds numbers.")
        return samples

    def _is_source(self, language: np.ndarray) -> np.ndarray:
        if self.source_language is None:
            return language != self.target_language
        return language == self.source_language

    def code_switch(self, X, language=None, share=0.5) -> np.ndarray:
        """Replace some words of source-language texts by a candidate and leave the rest.

        A model that learns from such texts sees both languages in one sentence [1]_.

        Parameters
        ----------
        X : DataFrame, list, Series or array of n_samples texts
        language : str or array-like of str, shape (n_samples,), default=None
        share : float, default=0.5
            Of the words that have a candidate, how many are replaced.

        Returns
        -------
        ndarray of str objects, shape (n_samples,)

        References
        ----------
        .. [1] Qin et al. (2020). CoSDA-ML: Multi-lingual code-switching data augmentation for
           zero-shot cross-lingual NLP. IJCAI.
        """
        check_is_fitted(self)
        samples = self._check_texts(X, language, reset=False)
        texts = samples.texts.copy()
        for row in np.flatnonzero(self._is_source(samples.language)):
            texts[row] = self._switch(texts[row], share)
        return texts

    def _translate(self, text: str) -> str:
        draw = self._draws(text)
        translated = []
        for words, candidates, weights in self._phrases(_TOKEN.findall(text)):
            if candidates:
                translated.append(candidates[bisect(weights, draw() * weights[-1])])
            elif self.unknown == "keep":
                translated.extend(words)
        return self._joiner.join(translated)

    def _switch(self, text: str, share: float) -> str:
        draw = self._draws(text)
        found = list(_TOKEN.finditer(text))
        switched, end, position = [], 0, 0
        for words, candidates, weights in self._phrases([match[0] for match in found]):
            first, last = found[position], found[position + len(words) - 1]
            position += len(words)
            if candidates and draw() < share:
                candidate = candidates[bisect(weights, draw() * weights[-1])]
                switched += [text[end : first.start()], candidate]
                end = last.end()
        return "".join([*switched, text[end:]])

    def _draws(self, text: str):
        """Random numbers that depend on the text alone."""
        return random.Random(zlib.crc32(text.encode("utf-8", "surrogatepass")) ^ self._seed).random

    def _phrases(self, words: list[str]) -> Iterable[tuple[list[str], tuple, tuple]]:
        """The words in phrases, the longest that the dictionary holds, each with its candidates."""
        keys = tuple(word.lower() for word in words)
        start = 0
        while start < len(words):
            stop = self._end_of_phrase(keys, start)
            yield words[start:stop], *self.candidates_.get(keys[start:stop], ((), ()))
            start = stop

    def _end_of_phrase(self, keys: tuple[str, ...], start: int) -> int:
        """Where the longest phrase of the dictionary that begins at `start` ends."""
        for stop in range(min(start + self._longest_phrase, len(keys)), start + 1, -1):
            if keys[start:stop] in self.candidates_:
                return stop
        return start + 1


def fit_translator(
    dictionary, samples: Samples, target_languages: list[str], rng: np.random.RandomState
) -> DictionaryTranslator:
    """A translator of the samples' texts into the one target language.

    Raises
    ------
    ValueError
        If there is not exactly one target language.
    """
    if len(target_languages) != 1:
        raise ValueError(
            "`dictionary` translates into one language, but there are "
            f"{len(target_languages)} target languages: {target_languages}. "
            "Name one in `target_languages`."
        )
    translator = DictionaryTranslator(
        dictionary,
        target_language=target_languages[0],
        min_length=_SHORTEST_CANDIDATE,
        random_state=rng.randint(2**31),
    )
    return translator.fit(samples.texts, language=samples.language)


def _read_entries(dictionary, min_length: int) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Words of each source phrase -> distinct candidates that are long enough."""
    if isinstance(dictionary, (str, os.PathLike)):
        pairs = _read_tsv(Path(dictionary))
    elif isinstance(dictionary, Mapping):
        pairs = dictionary.items()
    else:
        raise TypeError(
            "`dictionary` must map a source word to its candidates or be the path of a file of "
            f"two tab-separated columns, got {type(dictionary).__name__}."
        )
    entries: dict[tuple[str, ...], dict[str, None]] = {}
    for phrase, candidates in pairs:
        words = tuple(_TOKEN.findall(phrase.lower()))
        candidates = (candidates,) if isinstance(candidates, str) else candidates
        candidates = [found for found in candidates if len(found) >= min_length]
        if candidates and 0 < len(words) <= _LONGEST_PHRASE:
            entries.setdefault(words, {}).update(dict.fromkeys(candidates))
    if not entries:
        raise ValueError(
            "`dictionary` has no usable entry: no word of letters with a candidate of at least "
            f"min_length={min_length} characters."
        )
    return {words: tuple(candidates) for words, candidates in entries.items()}


def _read_tsv(path: Path) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            columns = line.split("\t")
            if len(columns) != 2:
                raise ValueError(
                    f"`dictionary`: line {number} of {path} has {len(columns)} tab-separated "
                    "columns instead of two (word, candidate)."
                )
            yield columns[0].strip(), columns[1].strip()


def _count_phrases(texts: Iterable[str], phrases: set[str]) -> Counter | None:
    """How often each phrase occurs in the texts; None where there is no text."""
    if len(texts) == 0:
        return None
    by_words = {tuple(_TOKEN.findall(phrase.lower())): phrase for phrase in phrases}
    lengths = {len(words) for words in by_words if 0 < len(words) <= _LONGEST_PHRASE}
    counts = Counter()
    for text in texts:
        words = _TOKEN.findall(text.lower())
        for length in lengths:
            ngrams = zip(*(words[shift:] for shift in range(length)), strict=False)
            counts.update(filter(by_words.__contains__, ngrams))
    return Counter({phrase: counts[words] for words, phrase in by_words.items()})


def _weigh(entries, counts: Counter | None):
    """Candidates with their cumulated weights, without those that never occur in the text."""
    weighed = {}
    for words, candidates in entries.items():
        if counts is not None:
            candidates = tuple(found for found in candidates if counts[found])
        weights = (1 if counts is None else counts[found] for found in candidates)
        weighed[words] = (candidates, tuple(accumulate(weights)))
    return weighed


def _is_unspaced(phrase: str) -> bool:
    return re.match(rf"[{_UNSPACED}]", phrase) is not None
