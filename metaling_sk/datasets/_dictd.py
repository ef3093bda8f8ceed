"""Bilingual dictionaries of FreeDict, in the format of dictd and in TEI."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from metaling_sk.datasets._cedict import BRACKETS

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The digits of the numbers in an index, to the base 64."""

ABOUT_THE_DATABASE = re.compile("00-?database")

_NO_WORD = re.compile(rf"{BRACKETS}|<[^>]*>|\{{[^}}]*\}}|/[^/]*/+")
"""Remarks, labels of a domain or region, grammar, references and pronunciations."""

_SENSE = re.compile(r"(?m)^\d+\.")
_LINE_WITHOUT_TRANSLATION = re.compile(r"\s{2}|\s*(?:see|Synonyms?|Note): ")
_LAST_NUMBER = re.compile(r"\s\d+\.$")

TEI = "{http://www.tei-c.org/ns/1.0}"


def read_dictd(index: Path) -> Iterator[tuple[str, str]]:
    """Read a dictionary of FreeDict in the format of dictd.

    Parameters
    ----------
    index : Path
        The file that ends with ".index". The file ".dict.dz" or ".dict" is beside it.

    Yields
    ------
    tuple of (str, str)
        A word or phrase, and a translation or several that are parted by , or ;.

    Raises
    ------
    ValueError
        If the index is damaged or belongs to another file.
    """
    content = _read_entries(index)
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            key, start, length = line.split("\t")[:3]
            begin = _read_number(start)
            end = begin + _read_number(length)
            entry = content[begin:end].decode()
        except ValueError as error:
            raise ValueError(f"Line {number} of {str(index)!r} is damaged: {line!r}.") from error
        if end > len(content):
            raise ValueError(
                f"Line {number} of {str(index)!r} points behind the end of the dictionary."
            )
        if not ABOUT_THE_DATABASE.match(key):
            head, _, body = entry.partition("\n")
            word = _read_headword(key, head)
            for sense in _SENSE.split(body):
                if translations := _read_translations(sense):
                    yield word, translations


def _read_entries(index: Path) -> bytes:
    packed, plain = index.with_suffix(".dict.dz"), index.with_suffix(".dict")
    if packed.is_file():
        return gzip.decompress(packed.read_bytes())
    if plain.is_file():
        return plain.read_bytes()
    raise FileNotFoundError(f"{str(packed)!r} is missing; it belongs beside {str(index)!r}.")


def _read_number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = 64 * number + DIGITS.index(digit)
    return number


def _read_headword(key: str, head: str) -> str:
    """Return the word as the entry spells it, for the index lacks hyphens, and case.

    An entry with several headwords has one key for each of them.
    """
    word = _clean(head.partition(" /")[0])
    return word if _letters(word) == _letters(key) else key


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold()


def _read_translations(sense: str) -> str:
    """Return the translations of a sense: its first line, and those that go on with ; or ,.

    What follows are explanations in the source language, examples, synonyms and references.
    """
    translations = ""
    for line in sense.splitlines():
        if _LINE_WITHOUT_TRANSLATION.match(line):
            continue
        # As in "Plural of {kibiriti}: match".
        text = _clean(_LAST_NUMBER.sub("", line.rpartition("}:")[2]))
        if translations and not text.startswith((";", ",")):
            break
        translations += text
    return translations


def _clean(text: str) -> str:
    return " ".join(_NO_WORD.sub(" ", text).replace("~", " ").split())


def read_tei(path: Path) -> Iterator[tuple[str, str]]:
    """Read a dictionary of FreeDict in TEI, the format of its sources.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    tuple of (str, str)
        A word or phrase, and a translation.

    Raises
    ------
    ValueError
        If the file is no XML.
    """
    try:
        for _, entry in ElementTree.iterparse(path):
            if entry.tag == f"{TEI}entry":
                words = [word.text for word in entry.iterfind(f"{TEI}form/{TEI}orth") if word.text]
                for translation in entry.iterfind(f".//{TEI}cit[@type='trans']/{TEI}quote"):
                    for word in words:
                        yield word, _clean(translation.text or "")
                entry.clear()
    except ElementTree.ParseError as error:
        raise ValueError(f"{str(path)!r} is no XML: {error}.") from error
