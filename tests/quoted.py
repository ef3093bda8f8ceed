"""The measured figures that a page quotes, and whether a table of the benchmarks holds them.

A figure is a number with decimals or with a unit, outside code, links, names in quotes and tables
of records. Write settings as code. A table holds a figure, rounded as the page shows it,

- with the unit points, as the difference of two cells of a row or of a column,
- with the unit times, as such a ratio or as a cell,
- otherwise as a cell, which is the mean of the seeds, or as their standard deviation.

A sentence that links to a page of the web quotes that page, not us. Large tables give nearly every
small whole number of points. So this finds what has no record or is out of date, and not every
mistake.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

WORDS = {"half": "0.5", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
WORDS |= {"seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12"}
NUMBER = r"(?<![\w.,/-])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w/]|[.,]\d|-\w)"
WORD = rf"\b(?:{'|'.join(WORDS)})\b"
LIST = "(?:{0})(?:(?:,| and| to| or|, and) (?:{0}))*"
UNIT = r"(?:%|points?|times|k?B|MB|GB|m?s|seconds?|minutes?)(?!\w)"
FIGURES = re.compile(
    rf"{LIST.format(NUMBER)} (?P<unit>{UNIT})"
    rf"|{LIST.format(WORD)} (?:a )?(?P<points>points?\b)"
    rf"|{NUMBER}"
)
NOT_MEASURED = re.compile(
    r"standard error of (?:[\w.]+ )*points?"  # Follows from the number of rows.
    r"|confidence intervals of 95 %"
    r"|(?:Python|version|wav2vec|w2v-BERT) [\d.]+"  # A name.
)
CODE_LINK_OR_NAME = re.compile(
    r"(?s)``.+?``|`[^`]+`_{0,2}|\]\([^)]*\)|(?<!\w)\"\w[^\"]{,80}(?<=\w)\"(?!\w)"
)
OF_CODE = ("code-block", "image", "math", "toctree", "autosummary")
"""Directives whose content is no text."""

CITED = "\N{REFERENCE MARK}"
"""Stands for a link to a page of the web."""


@dataclass(frozen=True)
class Figure:
    """A number that a page quotes, as it is written there."""

    line: int
    text: str
    unit: str

    def is_in(self, table: pd.DataFrame) -> bool:
        """Return whether a table of benchmarks/tables.py holds it."""
        text = WORDS.get(self.text, self.text).replace(",", "")
        half_a_digit = 0.5 * 10.0 ** -len(text.partition(".")[2])
        held = np.abs(list(values(table, self.unit)))
        return bool(np.any(np.abs(held - abs(float(text))) <= half_a_digit + 1e-9))


def values(table: pd.DataFrame, unit: str) -> Iterator[float]:
    """Return what a table holds in a unit."""
    cells = table.map(lambda cell: np.asarray(cell, dtype=float).ravel())
    means = cells.map(lambda cell: cell.mean() if len(cell) else np.nan).to_numpy(dtype=float)
    if unit not in ("point", "points"):
        yield from means.ravel()
        yield from (cell.std(ddof=1) for cell in cells.to_numpy().ravel() if len(cell) > 1)
    if unit not in ("point", "points", "times"):
        return
    for line in (*means, *means.T):
        for low, high in combinations(np.sort(line[~np.isnan(line)]), 2):
            if unit != "times":
                yield high - low
            elif low > 0:
                yield high / low


def sections(page: str) -> Iterator[tuple[str, int, str]]:
    """Return the title, the number of the first line and the text of each section of a page.

    A row of a list-table is a section of its own.
    """
    without_code = re.sub(r"(?ms)^```.*?^```", lambda code: "~" * len(code[0]), page)
    headings = re.finditer(r"(?m)^(?:(.+)\n([-=])\2{2,}|##? (.+)| {3}\* - (.+))$", without_code)
    starts = [(heading.start(), next(filter(None, heading.groups()))) for heading in headings]
    for (start, title), (end, _) in zip(starts, [*starts[1:], (len(page), "")], strict=True):
        yield title, page.count("\n", 0, start) + 1, page[start:end]


def figures(section: str, first_line: int) -> Iterator[Figure]:
    """Return the figures that the text of a section quotes."""
    text = prose(section)
    for sentence in re.finditer(r"(?s)\S.*?(?:[.!?:]+\s|\n\s*\n|\Z)", text):
        if CITED in sentence[0]:
            continue
        for found in FIGURES.finditer(re.sub(r"\s", " ", sentence[0])):
            line = first_line + text.count("\n", 0, sentence.start() + found.start())
            unit = found["unit"] or found["points"] or ""
            for number in re.findall(f"{NUMBER}|{WORD}", found[0].removesuffix(unit)):
                if unit or "." in number:
                    yield Figure(line, number, unit)


def prose(section: str) -> str:
    """Return a section with as many lines, and without code, links and tables of records."""
    section = re.sub(r"(?ms)^\.\. begin (\S+)$.*?^\.\. end \1$|^```.*?^```", blank, section)
    lines, code_below = section.split("\n"), None
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if code_below is not None and indent > code_below:
            lines[number] = ""
            continue
        directive = re.match(r"\s*\.\. (?:([\w-]+)::|_)|\s*:[\w-]+:(?= |$)", line)
        is_code = directive[1] in OF_CODE if directive else line.endswith("::")
        code_below = indent if is_code else None
        if directive:
            lines[number] = ""
    section = re.sub(r"(?ms)^ *>>> .*?(?=^\s*$|\Z)", blank, "\n".join(lines))
    return NOT_MEASURED.sub(blank, CODE_LINK_OR_NAME.sub(blank, section))


def blank(match: re.Match) -> str:
    """Return as many lines without text."""
    mark = CITED if re.search(r"(?:<|\]\()http", match[0]) else " "
    return mark + "\n" * match[0].count("\n")
