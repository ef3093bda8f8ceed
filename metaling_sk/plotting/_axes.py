"""Axes, scales, ticks and legends that displays share."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np

WIDE_RANGE = 100
"""Values of which the largest is more than this many times the smallest get a log axis."""

WIDE_LOSS_RANGE = 3
"""The same for losses: most of them are close together and a few are much larger."""

LOSS_TICKS = 1, 1.5, 2, 3, 5, 7
"""The ticks in each decade of a log axis of losses."""

MAX_WHOLE_TICKS = 6
"""Up to this many distinct whole numbers each get a tick."""

MAX_NAME_LENGTH = 24
"""Longer names of categories are cut to this many characters."""

MAX_HORIZONTAL_LENGTH = 30
"""Names of categories that together have more characters are rotated."""

CATEGORY_SPREAD = 0.2
"""Points of a category lie at most this far from its tick; ticks are 1 apart."""

PANEL_SIZE = 4.2, 3.6
"""The width and height of a panel in inches."""

MAX_COLUMNS = 3
"""Panels in one row of a figure."""


def make_axes(n_panels: int, ax=None) -> np.ndarray:
    """Return one Axes per panel.

    Parameters
    ----------
    n_panels : int
        The number of panels.
    ax : Axes or array-like of Axes, default=None
        Axes of the user; None makes a new figure.

    Returns
    -------
    ndarray of matplotlib Axes, shape (n_panels,)
        The given or new Axes.

    Raises
    ------
    ValueError
        If `ax` has another number of Axes.
    """
    import matplotlib.pyplot as plt

    if ax is not None:
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != n_panels:
            raise ValueError(f"`ax` must have {n_panels} Axes, one per panel, got {len(axes)}.")
        return axes
    n_columns = 2 if n_panels == 4 else min(n_panels, MAX_COLUMNS)
    n_rows = -(-n_panels // n_columns)
    width, height = PANEL_SIZE
    _, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns, height * n_rows),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat[n_panels:]:
        axis.remove()
    return axes.ravel()[:n_panels]


def set_loss_axis(axis, losses: np.ndarray) -> None:
    """Give the y axis a log scale if the losses lie far apart.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    losses : ndarray of float
        The losses that it shows.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    if losses.size and losses.min() > 0 and losses.max() > WIDE_LOSS_RANGE * losses.min():
        axis.set_yscale("log")
        if losses.max() < WIDE_RANGE * losses.min():
            axis.yaxis.set_major_locator(LogLocator(subs=LOSS_TICKS))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_locator(NullLocator())


def set_number_axis(axis, values: np.ndarray, are_whole: bool) -> None:
    """Choose the scale and the ticks of an x axis of numbers.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    values : ndarray of float
        The numbers that it shows.
    are_whole : bool
        Whether all of them are whole numbers.
    """
    sizes = np.abs(values[values != 0])
    is_wide = sizes.size > 0 and sizes.max() > WIDE_RANGE * sizes.min()
    if is_wide and values.min() > 0:
        axis.set_xscale("log")
    elif is_wide:
        axis.set_xscale("symlog", linthresh=sizes.min())
    ticks = np.unique(values)
    if are_whole and len(ticks) <= MAX_WHOLE_TICKS:
        set_whole_ticks(axis, ticks.astype(int), is_log=False)


def set_category_axis(axis, values: Sequence) -> np.ndarray:
    """Turn an x axis into one of categories.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    values : sequence of object
        The category of each point.

    Returns
    -------
    ndarray of float, shape (n_values,)
        The x of each point; points of the same category lie side by side.
    """
    names = [_category_name(value) for value in values]
    categories = _sort_categories(names, values)
    category_indices = np.array([categories.index(name) for name in names], dtype=float)
    positions = category_indices.copy()
    for category_index in range(len(categories)):
        members = np.flatnonzero(category_indices == category_index)
        if len(members) > 1:
            positions[members] += np.linspace(-CATEGORY_SPREAD, CATEGORY_SPREAD, len(members))
    is_long = sum(map(len, categories)) > MAX_HORIZONTAL_LENGTH
    axis.set_xticks(
        range(len(categories)),
        categories,
        rotation=30 if is_long else 0,
        ha="right" if is_long else "center",
        rotation_mode="anchor" if is_long else "default",
    )
    axis.set_xlim(-0.5, len(categories) - 0.5)
    return positions


def set_whole_ticks(axis, ticks: np.ndarray, is_log: bool) -> None:
    """Put ticks at whole numbers of the x axis.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    ticks : ndarray of int
        The numbers.
    is_log : bool
        Whether the axis gets a log scale.
    """
    if is_log and len(ticks) > 1:
        axis.set_xscale("log")
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()


def add_legend(axis) -> None:
    """Add a legend with opaque handles if anything has a label.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    """
    if axis.get_legend_handles_labels()[0]:
        for handle in axis.legend(fontsize="small").legend_handles:
            handle.set_alpha(1)


def is_number(value) -> bool:
    """Tell whether a value belongs on an axis of numbers.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        False also for True and False.
    """
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _sort_categories(names: Sequence[str], values: Sequence) -> list[str]:
    """Return the distinct names: numbers last, by size, the others by name."""
    sort_keys: dict[str, tuple[bool, float, str]] = {}
    for name, value in zip(names, values, strict=True):
        number = float(value) if is_number(value) else -np.inf
        sort_keys.setdefault(name, (is_number(value), number, name))
    return sorted(sort_keys, key=lambda name: sort_keys[name])


def _category_name(value) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    name = " ".join((value if isinstance(value, str) else repr(value)).split())
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 3]}..."
