"""Points of categories, and names beside points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaling_sk.plotting._axes import add_legend, point_style, short_name
from metaling_sk.plotting._fonts import show_scripts

MAX_COLORED = 12
"""The largest categories get a colour and a marker; the others are grey."""

OTHERS = {"color": "0.65", "marker": "."}

LEGEND_SIZE = 40
"""The size of points in legends, in square points."""

OFFSETS = (4, 0, "left"), (-4, 0, "right"), (0, 6, "center"), (0, -6, "center")
"""Where a name may be beside its point, in points, with its alignment."""


def scatter_categories(
    axis, coordinates: np.ndarray, categories: np.ndarray, missing: str, scatter_kw: dict
) -> dict:
    """Draw points in the colour and with the marker of their category.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    coordinates : ndarray of shape (n_points, 2)
        The points.
    categories : ndarray of shape (n_points,)
        The category of each point; None or NaN where there is none.
    missing : str
        What points without a category are called.
    scatter_kw : dict
        Arguments of `Axes.scatter`.

    Returns
    -------
    dict
        The PathCollection of each category that has a colour, by category. That of all others, and
        of points without a category, is under None.
    """
    is_missing = np.asarray(pd.isna(categories))
    names, counts = np.unique(categories[~is_missing], return_counts=True)
    largest = names[np.sort(np.argsort(-counts, kind="stable")[:MAX_COLORED])]
    n_others = len(names) - len(largest)
    labels = [f"{n_others} others"] * (n_others > 0) + [missing] * bool(is_missing.any())
    size = float(np.clip(12000 / len(coordinates), 8, 40))
    points: dict = {}
    is_other = is_missing | ~np.isin(categories, largest)
    if is_other.any():
        style = OTHERS | {"s": size, "label": " and ".join(labels), "linewidths": 0, "zorder": 1}
        points[None] = axis.scatter(*coordinates[is_other].T, **style | scatter_kw)
    for number, name in enumerate(largest):
        style = point_style(number) | {"s": size, "alpha": 0.8, "linewidths": 0}
        points[name] = axis.scatter(
            *coordinates[categories == name].T, **style | {"label": short_name(name)} | scatter_kw
        )
    add_legend(axis, beside=True)
    for handle in axis.get_legend().legend_handles:
        handle.set_sizes([LEGEND_SIZE])
    return points


def name_points(axis, coordinates: np.ndarray, names: Sequence[str], fontsize: float) -> list:
    """Write a name beside each point, where it hides no other name.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel, with its limits set.
    coordinates : ndarray of shape (n_points, 2)
        The points.
    names : sequence of str
        Their names.
    fontsize : float
        In points.

    Returns
    -------
    list of matplotlib Text
        The names for which there was room.
    """
    texts = [
        axis.annotate(
            short_name(name),
            point,
            OFFSETS[0][:2],
            textcoords="offset points",
            va="center",
            fontsize=fontsize,
        )
        for name, point in zip(names, coordinates, strict=True)
    ]
    # The place of a text depends on its font, on the panel and on all that is around the panel.
    show_scripts(axis.figure)
    axis.figure.draw_without_rendering()
    kept: list = []
    taken: list = []
    for text in texts:
        for x, y, alignment in OFFSETS:
            text.set(position=(x, y), horizontalalignment=alignment)
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                kept.append(text)
                break
        else:
            text.remove()
    return kept
