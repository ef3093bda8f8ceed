"""The entries of a bilingual dictionary: phrases and their weighted candidates."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from unicodedata import normalize

import regex

from metaling_sk._utils.word_pairs import read_word_pairs

_UNSPACED_SCRIPTS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""

_IN_WORD = rf"(?:[\p{{L}}\p{{Nl}}\p{{No}}--[{_UNSPACED_SCRIPTS}]][\p{{M}}\p{{Cf}}--\u200b]*)"

_WORD = regex.compile(
    rf"[{_UNSPACED_SCRIPTS}]|{_IN_WORD}+(?:['’·\u05f3\u05f4]{_IN_WORD}+)*", regex.VERSION1
)
"""A word, its letters with all their marks; in scripts without spaces, a character."""

_ASCII_WORD = re.compile("[A-Za-z]+(?:'[A-Za-z]+)*")
"""What `_WORD` is in ASCII, where this is several times faster."""

_NOT_COMPARED = regex.compile(r"[\p{Cf}--[\u200c\u200d]]|[\u200c\u200d]+$", regex.VERSION1)
"""Invisible characters, but for those that join or part the letters inside a word."""

MAX_WORDS = 6
"""Phrases of more words are not looked up."""

Words = tuple[str, ...]


def find_words(text: str) -> Iterator[re.Match]:
    """Find the words of a text, or its characters in scripts without spaces.

    Parameters
    ----------
    text : str
        A text in the form NFC of Unicode.

    Returns
    -------
    iterator of Match
    """
    return _ASCII_WORD.finditer(text) if text.isascii() else _WORD.finditer(text)


@lru_cache(maxsize=2**16)
def compared_form(word: str) -> str:
    """Return the form in which words are compared: lower-case, in NFC, without what is invisible.

    Parameters
    ----------
    word : str
        A word.

    Returns
    -------
    str
        The same for every spelling of the word.
    """
    if word.isascii():
        return word.lower()
    # Python gives the Turkish capital İ a dot above in lower case, which i already has.
    lower = word.replace("İ", "i").lower().replace("i\u0307", "i")
    return normalize("NFC", _NOT_COMPARED.sub("", lower))


def split_words(text: str) -> Words:
    """Return the words of a text in the form in which they are compared.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    tuple of str
    """
    if text.isascii():
        return tuple(_ASCII_WORD.findall(text.lower()))
    return tuple(map(compared_form, _WORD.findall(normalize("NFC", text))))


def read_entries(dictionary, min_length: int) -> dict[Words, tuple[str, ...]]:
    """Read a dictionary.

    Parameters
    ----------
    dictionary : mapping of str to iterable of str, or path
        As in `DictionaryTranslator`.
    min_length : int
        Candidates of fewer characters are left out.

    Returns
    -------
    dict of tuple of str to tuple of str
        The lower-case words of each source phrase to its distinct candidates.

    Raises
    ------
    ValueError
        If no entry is usable, an entry is of another form, or a line of the file has not two
        columns.
    """
    is_path = isinstance(dictionary, (str, os.PathLike))
    path = Path(os.path.expanduser(dictionary)) if is_path else None
    pairs = dictionary.items() if path is None else read_word_pairs(path, "dictionary")
    entries: dict[Words, dict[str, None]] = {}
    for phrase, candidates in pairs:
        candidates = _read_candidates(phrase, candidates)
        words = split_words(phrase)
        candidates = [candidate for candidate in candidates if len(candidate) >= min_length]
        if candidates and 0 < len(words) <= MAX_WORDS:
            entries.setdefault(words, {}).update(dict.fromkeys(candidates))
    if not entries:
        raise ValueError(
            "`dictionary` has no usable entry: no word of letters with a candidate of at least "
            f"min_length={min_length} characters."
        )
    return {words: tuple(candidates) for words, candidates in entries.items()}


def _read_candidates(phrase, candidates) -> list[str]:
    """The candidates of an entry, of which there may be one."""
    several = isinstance(candidates, Iterable) and not isinstance(candidates, str)
    read = list(candidates) if several else [candidates]
    if not all(isinstance(word, str) for word in (phrase, *read)):
        raise ValueError(
            "`dictionary` must map each word, a string, to a list of its translations, but holds "
            f"{phrase!r}: {candidates!r}. Leave this entry out or make its words strings."
        )
    return [normalize("NFC", candidate) for candidate in read]


def count_phrases(texts: Collection[str], phrases: Iterable[str]) -> Counter[str] | None:
    """Count how often each phrase occurs in texts.

    Parameters
    ----------
    texts : collection of str
        Texts in the language of the phrases.
    phrases : iterable of str
        The phrases. Those that consist of the same words are counted together.

    Returns
    -------
    Counter of str, or None
        None if there is no text.
    """
    if len(texts) == 0:
        return None
    words_of_phrase = {phrase: split_words(phrase) for phrase in phrases}
    known = {words for words in words_of_phrase.values() if 0 < len(words) <= MAX_WORDS}
    lengths = set(map(len, known))
    counts: Counter[Words] = Counter()
    for text in texts:
        words = split_words(text)
        for length in lengths:
            ngrams = zip(*(words[shift:] for shift in range(length)), strict=False)
            counts.update(filter(known.__contains__, ngrams))
    return Counter({phrase: counts[words] for phrase, words in words_of_phrase.items()})


def weigh_candidates(
    entries: Mapping[Words, tuple[str, ...]], counts: Counter[str] | None
) -> dict[Words, tuple[tuple[str, ...], tuple[int, ...]]]:
    """Weigh the candidates of each phrase.

    Parameters
    ----------
    entries : mapping of tuple of str to tuple of str
        The candidates of each source phrase.
    counts : Counter of str, or None
        How often each candidate occurs. Candidates that do not occur are left out; None gives
        all candidates the weight 1.

    Returns
    -------
    dict of tuple of str to (tuple of str, tuple of int)
        The words of each source phrase to its candidates and their cumulated weights.
    """
    weighed = {}
    for words, candidates in entries.items():
        if counts is not None:
            candidates = tuple(candidate for candidate in candidates if counts[candidate])
        weights = (1 if counts is None else counts[candidate] for candidate in candidates)
        weighed[words] = (candidates, tuple(accumulate(weights)))
    return weighed


def is_unspaced(phrase: str) -> bool:
    """Tell whether a phrase begins in a script without spaces between words.

    Parameters
    ----------
    phrase : str
        A phrase.

    Returns
    -------
    bool
        True for example for Chinese.
    """
    return re.match(rf"[{_UNSPACED_SCRIPTS}]", phrase) is not None
