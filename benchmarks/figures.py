"""The figures of the documentation that are made from the records in benchmarks/results.

Each function draws a table of `tables`, whose cells are the figures of the seeds, and returns a
figure of matplotlib.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

COLORS = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000"
"""Colours that the colour-blind can tell apart (Okabe and Ito, 2008)."""

MARKERS = "o", "s", "^", "D", "v", "P"
STYLE = {
    "svg.hashsalt": "metaling_sk",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.axisbelow": True,
}
WIDTH = 6.5
"""Inches. A figure is still legible on a narrow screen."""

MAX_CHARACTERS = 48
"""Number of characters beside each other in a legend."""

WIDE_RANGE = 20
"""Values of which the largest is more than this many times the smallest get a log axis."""

VERY_WIDE_RANGE = 200
"""From this many times on a log axis has fewer numbers, which would touch."""


def dots(table: pd.DataFrame, panels: dict[str, Sequence[str] | slice]) -> Figure:
    """Draw the rows of a table below each other.

    Parameters
    ----------
    table : DataFrame
    panels : dict of str to list of str or slice
        The columns in each panel, by the name of its x-axis. Those that there are not are left out.
    """
    names = [str(name).strip("`") for name in table.index]
    columns = [
        list(table if isinstance(which, slice) else table.filter(which))
        for which in panels.values()
    ]
    n_columns = max(map(len, columns))
    height = 1.3 + len(names) * (0.16 + 0.13 * n_columns)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, label, shown in zip(axes, panels, columns, strict=True):
        offsets = (np.arange(len(shown)) - (len(shown) - 1) / 2) * min(0.16, 0.7 / len(shown))
        for number, column in enumerate(shown):
            means, deviations = summary(table[column])
            axis.errorbar(
                means,
                np.arange(len(names)) + offsets[number],
                xerr=deviations,
                label=column.strip("`"),
                **style(number),
                linestyle="none",
            )
        is_positive = axis.dataLim.xmin > 0
        if is_positive and axis.dataLim.xmax > WIDE_RANGE * axis.dataLim.xmin:
            set_log_axis(axis)
        elif len(panels) > 2:
            axis.locator_params(axis="x", nbins=2)  # Numbers in narrow panels would touch.
        axis.set_xlabel(label)
        axis.grid(color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
        if len(shown) > 1:
            add_legend(axis, 3 if len(panels) == 1 else 2)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def complete_dots(
    table: pd.DataFrame, panels: dict[str, Sequence[str] | slice], rows: str = ""
) -> Figure:
    """Draw the rows that have a figure in each column, and match a pattern, below each other."""
    complete = table.dropna()
    return dots(complete[complete.index.str.match(rows)], panels)


def lines(table: pd.DataFrame, xlabel: str, ylabel: str) -> Figure:
    """Draw a line for each column of a table, over its rows."""
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    axis = figure.subplots()
    offsets = (np.arange(len(table.columns)) - (len(table.columns) - 1) / 2) * 0.05
    for number, column in enumerate(table):
        means, deviations = summary(table[column])
        places = np.arange(len(table)) + offsets[number]
        axis.errorbar(places, means, yerr=deviations, label=column, **style(number))
    axis.set_xticks(range(len(table)), table.index)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.grid(color="0.9")
    axis.spines[["top", "right"]].set_visible(False)
    add_legend(axis, 3)
    return figure


def summary(cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each cell and its standard deviation; NaN where there is none."""
    values = [np.asarray(cell, dtype=float).ravel() for cell in cells]
    means = [one.mean() if len(one) else np.nan for one in values]
    return np.array(means), np.array(
        [one.std(ddof=1) if len(one) > 1 else np.nan for one in values]
    )


def style(number: int) -> dict:
    """Return the style of a series, which differs in colour and in shape from all others."""
    return {
        "color": COLORS[number],
        "marker": MARKERS[number],
        "markersize": 6,
        "capsize": 2,
        "linewidth": 1.2,
    }


def set_log_axis(axis) -> None:
    """Make the x-axis logarithmic, with plain numbers."""
    is_very_wide = axis.dataLim.xmax > VERY_WIDE_RANGE * axis.dataLim.xmin
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if is_very_wide else (1, 2, 5)))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_locator(NullLocator())


def add_legend(axis, n_columns: int) -> None:
    """Put a legend above the axes, where it hides nothing. Long names take fewer columns."""
    lengths = [len(name) for name in axis.get_legend_handles_labels()[1]]
    n_columns = min(n_columns, len(lengths))
    while n_columns > 1 and sum(map(max, np.array_split(lengths, n_columns))) > MAX_CHARACTERS:
        n_columns -= 1
    axis.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=n_columns,
        frameon=False,
        borderaxespad=0.2,
        columnspacing=1.2,
        handletextpad=0.3,
    )


def numbers(table: pd.DataFrame) -> str:
    """Return what a figure shows as text, which its file holds as well."""
    return table.map(lambda cell: np.round(np.asarray(cell, dtype=float), 4).tolist()).to_json()


def write(draw, table: pd.DataFrame, path: Path) -> None:
    """Draw a table to an SVG file, which holds its numbers as the description."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        draw(table).savefig(path, metadata={"Date": None, "Description": numbers(table)})
