"""Heat maps of tables, which several displays share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaling_sk.plotting._axes import set_names

CELL_SIZE = 0.32
"""The width and height of a cell in inches, where it holds no number."""

NUMBER_SIZE = 0.55
"""The width of a cell that holds a number."""

MAX_NUMBERS = 16
"""Tables with more rows or columns show colours without numbers."""

MAX_DIGITS = 8
"""Large numbers with more characters are written as powers of ten, which fit into a cell."""

MIN_CELL_SIZE = 0.13
"""In large tables cells become smaller, but names stay legible."""


def map_size(table: pd.DataFrame) -> tuple[float, float]:
    """Return the size of a figure for a heat map in inches.

    Parameters
    ----------
    table : DataFrame
        The values.

    Returns
    -------
    width, height : float
    """
    n_rows, n_columns = table.shape
    width = n_columns * (NUMBER_SIZE if _has_numbers(table) else _cell_size(n_columns))
    return max(2.5, width) + 1.8, max(2.0, n_rows * _cell_size(n_rows)) + 1.4


def draw_map(
    axis,
    table: pd.DataFrame,
    values_format: str,
    im_kw: dict,
    text_kw: dict,
    *,
    names_columns: bool = True,
    names_rows: bool = True,
    has_numbers: bool = True,
):
    """Draw a table as a heat map; missing values are hatched.

    Parameters
    ----------
    axis : matplotlib Axes
        Where to draw.
    table : DataFrame
        The values.
    values_format : str
        The format of the numbers.
    im_kw : dict
        Arguments of `Axes.imshow`.
    text_kw : dict
        Arguments of the texts of the numbers.
    names_columns, names_rows : bool, default=True
        Whether the columns and the rows have ticks with their names.
    has_numbers : bool, default=True
        Whether numbers are written where there is room.

    Returns
    -------
    image : matplotlib AxesImage
        The colours.
    texts : ndarray of matplotlib Text, shape of the table, or None
        The numbers; None where there are none. An entry is None where the value is missing.
    """
    values = table.to_numpy(dtype=float)
    axis.patch.set(facecolor="white", edgecolor="0.6", hatch="xxx", linewidth=0)
    style = {"cmap": "cividis", "aspect": "auto", "interpolation": "nearest"}
    image = axis.imshow(np.ma.masked_invalid(values), **style | im_kw)
    set_names(axis, [str(name) for name in table.columns if names_columns], is_x=True)
    set_names(axis, [str(name) for name in table.index if names_rows], is_x=False)
    if not (has_numbers and _has_numbers(table)):
        return image, None
    texts = np.full(values.shape, None, dtype=object)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, _ = image.cmap(image.norm(value))
            is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
            style = {"color": "black" if is_bright else "white", "ha": "center", "va": "center"}
            text = _format(value, values_format)
            texts[row, column] = axis.text(column, row, text, **style | text_kw)
    return image, texts


def add_colorbar(image, label: str, axes=None):
    """Add a colorbar that stays slim in large figures.

    Parameters
    ----------
    image : matplotlib AxesImage
        The colours.
    label : str
        What they stand for.
    axes : array-like of matplotlib Axes, default=None
        The panels that it belongs to; None is that of the image.

    Returns
    -------
    matplotlib Colorbar
    """
    figure = image.axes.figure
    axes = image.axes if axes is None else list(axes)
    height = figure.get_size_inches()[1]
    return figure.colorbar(
        image, ax=axes, label=label, aspect=max(20, 3 * height), shrink=min(1, 12 / height)
    )


def _format(value: float, values_format: str) -> str:
    text = format(value, values_format)
    is_long = len(text) > MAX_DIGITS and abs(value) >= 1000
    return f"{value:.1e}".replace("e+", "e") if is_long else text


def _has_numbers(table: pd.DataFrame) -> bool:
    return max(table.shape) <= MAX_NUMBERS


def _cell_size(n_cells: int) -> float:
    """The size of a cell: half as large for a hundred as for ten."""
    return max(MIN_CELL_SIZE, CELL_SIZE * min(1, (20 / max(n_cells, 1)) ** 0.5))
