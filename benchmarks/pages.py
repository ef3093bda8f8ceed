"""How tables of figures are written as text, and where they stand in the pages.

`python -m benchmarks` writes them into the pages of docs/benchmarks, between the comments
``.. begin NAME`` and ``.. end NAME``.
"""

import re

import numpy as np
import pandas as pd
import records

MARKED = re.compile(r"(?s)(?<=\n)\.\. begin (\S+)\n.*?\n\.\. end \1\n")

FORMATS = {
    "fit, s": ".0f",
    "trained weights": ",.0f",
    "saved, MB": ".0f",
    "seconds": ".0f",
    "fit, MB": ".0f",
    "predict, MB": ".0f",
    "median, s": ".2f",
    "median, ms": ".0f",
    "loads torch": ".0f",
    **dict.fromkeys(["times metaling_sk", "times head", "times adapt"], ".2f"),
    **dict.fromkeys(["times 5 languages", "times half the rows"], ".2f"),
    **dict.fromkeys(["loss without", "loss with"], ".3f"),
    **dict.fromkeys(["reviews, correlation", "NusaX, correlation"], ".2f"),
    "log-loss": ".2f",
    "NusaX": ".2f",
    "SIB-200": ".2f",
    "as good (%)": ".0f",
    **dict.fromkeys(["times fewer epochs", "times sooner", "whole search"], ".1f"),
    **dict.fromkeys(["our loss", "their loss", "worst difference"], ".3f"),
}
"""How the means of some columns are written. Of the others there is the standard deviation, too."""


def format_table(table: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a table as text, the first one with the names of the columns."""
    rows = [[table.index.name or "", *table]]
    for name, cells in table.iterrows():
        rows.append([str(name), *(format_cell(cells[x], FORMATS.get(x)) for x in table)])
    return rows


def format_cell(values, mean_format: str | None) -> str:
    """Format the figures of the seeds; there may be none."""
    if np.isscalar(values) or pd.isna(values).any():
        return ""
    if mean_format is not None:
        return format(np.mean(values), mean_format)
    return records.mean_and_std(values)


def with_tables(page: str, tables: dict[str, pd.DataFrame]) -> str:
    """Return the page with these tables in their places."""

    def replaced(match: re.Match) -> str:
        name = match.group(1)
        if name not in tables:
            return match.group()
        text = records.simple_table(format_table(tables[name]))
        return f".. begin {name}\n\n{text}\n\n.. end {name}\n"

    return MARKED.sub(replaced, page)
