"""Axes, scales, ticks and legends that displays share."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from unicodedata import east_asian_width

import numpy as np

WIDE_RANGE = 100
"""Values of which the largest is more than this many times the smallest get a log axis."""

WIDE_LOSS_RANGE = 3
"""The same for losses: most of them are close together and a few are much larger."""

LOSS_TICKS = 1, 1.5, 2, 3, 5, 7
"""The ticks in each decade of a log axis of losses."""

NUMBER_TICKS = 1, 2, 5
"""The same for parameters."""

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

MAX_FIGURE_SIZE = 30
"""Figures grow with the number of languages up to this many inches."""

FONT_SIZES = 6, 10
"""The smallest and the largest font of names that stand close together, in points."""

POINTS_PER_INCH = 72

COLORS = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#5D3A9B"
"""Colours that the colour-blind can tell apart, most of them by Okabe and Ito (2008)."""

MARKERS = "o", "s", "^", "D", "v", "P", "X", "*"
"""They differ in black and white, too."""

LINE_STYLES = "-", "--", "-.", ":"


def make_axes(
    n_panels: int,
    ax=None,
    *,
    n_columns: int | None = None,
    panel_size: tuple[float, float] = PANEL_SIZE,
) -> np.ndarray:
    """Return one Axes per panel.

    Parameters
    ----------
    n_panels : int
        The number of panels.
    ax : Axes or array-like of Axes, default=None
        Axes of the user; None makes a new figure.
    n_columns : int, default=None
        The panels in one row; None chooses.
    panel_size : tuple of float, default=PANEL_SIZE
        The width and height of a panel in inches.

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
    if n_columns is None:
        n_columns = 2 if n_panels == 4 else min(n_panels, MAX_COLUMNS)
    n_rows = -(-n_panels // n_columns)
    width, height = panel_size
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


def make_axis(ax=None, *, width: float, height: float):
    """Return one Axes.

    Parameters
    ----------
    ax : Axes, default=None
        Axes of the user; None makes a new figure.
    width, height : float
        The size of a new figure in inches.

    Returns
    -------
    matplotlib Axes
        The given or new Axes.
    """
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax
    size = min(width, MAX_FIGURE_SIZE), min(height, MAX_FIGURE_SIZE)
    return plt.subplots(figsize=size, layout="constrained")[1]


def point_style(number: int) -> dict[str, str]:
    """Return the colour and the marker of a category.

    Parameters
    ----------
    number : int
        The number of the category; the first 64 are different.

    Returns
    -------
    dict of str to str
    """
    n_colors = len(COLORS)
    marker = MARKERS[(number + number // n_colors) % len(MARKERS)]
    return {"color": COLORS[number % n_colors], "marker": marker}


def set_names(axis, names: Sequence[str], *, is_x: bool) -> None:
    """Put a name at each whole number of an axis, in a font that fits, and thin out the rest.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel, in its final size.
    names : sequence of str
        The names, from 0 on.
    is_x : bool
        Whether they belong to the x axis, on which long or many names are rotated.
    """
    position, figure = axis.get_position(), axis.figure
    share, length = (position.width, 0) if is_x else (position.height, 1)
    room = share * figure.get_size_inches()[length] * POINTS_PER_INCH / max(len(names), 1)
    smallest, largest = FONT_SIZES
    size = float(np.clip(0.8 * room, smallest, largest))
    step = max(1, int(np.ceil(1.1 * size / room)))
    shown = [short_name(name) for name in names[::step]]
    ticks = range(0, len(names), step)
    if not is_x:
        axis.set_yticks(ticks, shown, fontsize=size)
        return
    is_rotated = max(map(_width, shown), default=0) * size > step * room
    axis.set_xticks(
        ticks,
        shown,
        fontsize=size,
        rotation=90 if is_rotated else 0,
        rotation_mode="anchor" if is_rotated else "default",
        ha="right" if is_rotated else "center",
        va="center" if is_rotated else "top",
    )


def set_loss_axis(axis, losses: np.ndarray) -> None:
    """Give the y axis a log scale if the losses lie far apart.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    losses : ndarray of float
        The losses that it shows.
    """
    if losses.size and losses.min() > 0 and losses.max() > WIDE_LOSS_RANGE * losses.min():
        axis.set_yscale("log")
        if losses.max() < WIDE_RANGE * losses.min():
            _set_log_ticks(axis.yaxis, LOSS_TICKS)


def set_number_axis(axis, values: np.ndarray, are_whole: bool, *, is_log: bool = False) -> None:
    """Choose the scale and the ticks of an x axis of numbers.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    values : ndarray of float
        The numbers that it shows.
    are_whole : bool
        Whether all of them are whole numbers.
    is_log : bool, default=False
        Whether the axis gets a log scale however close together the values are.
    """
    sizes = np.abs(values[values != 0])
    is_wide = sizes.size > 0 and sizes.max() > WIDE_RANGE * sizes.min()
    if values.size and values.min() > 0 and (is_wide or is_log):
        axis.set_xscale("log")
        if not is_wide:
            _set_log_ticks(axis.xaxis, NUMBER_TICKS)
    elif is_wide:
        axis.set_xscale("symlog", linthresh=sizes.min())
    ticks = np.unique(values)
    if are_whole and len(ticks) <= MAX_WHOLE_TICKS:
        set_whole_ticks(axis, ticks.astype(int))


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


def set_whole_ticks(axis, ticks: np.ndarray) -> None:
    """Put ticks at whole numbers of the x axis.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    ticks : ndarray of int
        The numbers.
    """
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()


def add_legend(axis, *, above: bool = False, beside: bool = False) -> None:
    """Add a legend with opaque handles if anything has a label.

    Parameters
    ----------
    axis : matplotlib Axes
        The panel.
    above, beside : bool, default=False
        Whether to put it above the panel or to its right, where it hides nothing.
    """
    place: dict = {}
    if above:
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
    elif beside:
        place = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
    if axis.get_legend_handles_labels()[0]:
        for handle in axis.legend(fontsize="small", **place).legend_handles:
            handle.set_alpha(1)


def short_name(name) -> str:
    """Return a name in one line, cut if it is long, of which nothing is read as a formula.

    Parameters
    ----------
    name : object
        The name of a category.

    Returns
    -------
    str
    """
    name = " ".join(str(name).split())
    name = name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 3]}..."
    return name.replace("$", r"\$")


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


def _width(name: str) -> float:
    """The width of a name in units of the font size; Chinese characters are wider than Latin."""
    return sum(1.1 if east_asian_width(character) in "WF" else 0.65 for character in name)


def _set_log_ticks(axis, ticks: Sequence[float]) -> None:
    """Put some ticks into each decade of a matplotlib Axis."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=ticks))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _sort_categories(names: Sequence[str], values: Sequence) -> list[str]:
    """Return the distinct names: numbers last, by size, the others by name."""
    sort_keys: dict[str, tuple[bool, float, str]] = {}
    for name, value in zip(names, values, strict=True):
        number = float(value) if is_number(value) else -np.inf
        sort_keys.setdefault(name, (is_number(value), number, name))
    return sorted(sort_keys, key=lambda name: sort_keys[name])


def _category_name(value) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return short_name(value if isinstance(value, str) else repr(value))
