"""Colours and lines of the candidates of a search."""

from __future__ import annotations

from typing import Any

import numpy as np

from metaling_sk.plotting._axes import COLORS, LINE_STYLES

BEST_COLOR = COLORS[5]

BRACKET_COLORS = [color for color in COLORS if color != BEST_COLOR]

BEST_LINE = {"color": BEST_COLOR, "linewidth": 2.2, "alpha": 1, "zorder": 3, "label": None}


def line_style(survived: bool, bracket: int | None) -> dict[str, Any]:
    """Return the style of a candidate's line.

    Parameters
    ----------
    survived : bool
        Whether the candidate was in the last rung.
    bracket : int or None
        The bracket; None if there is only one.

    Returns
    -------
    dict of str to object
        Arguments of `Axes.plot`.
    """
    style = {
        "marker": "o",
        "markersize": 3,
        "linewidth": 1.6 if survived else 0.8,
        "zorder": 2.5 if survived else 2,
    }
    if bracket is None:
        color, label = (COLORS[0], "in the last rung") if survived else ("0.65", "stopped")
        return style | {"color": color, "label": label}
    return style | {
        "color": BRACKET_COLORS[bracket % len(BRACKET_COLORS)],
        "linestyle": LINE_STYLES[bracket % len(LINE_STYLES)],
        "alpha": 0.9 if survived else 0.4,
        "label": f"bracket {bracket}",
    }


def color_norm(numbers: np.ndarray, is_log: bool):
    """Return the scale of the colours of points.

    Parameters
    ----------
    numbers : ndarray of int
        The numbers of the candidates or their resources.
    is_log : bool
        Whether they are resources.

    Returns
    -------
    matplotlib Normalize
    """
    from matplotlib.colors import LogNorm, Normalize

    low, high = np.min(numbers), np.max(numbers)
    if not is_log:
        return Normalize(low, max(high, 1))
    return LogNorm(low, high) if low < high else Normalize(low - 1, high)


def add_candidate_colorbar(numbers: np.ndarray, resource: str | None, axes: list):
    """Add the colorbar of points.

    Parameters
    ----------
    numbers : ndarray of int
        The numbers of the candidates or their resources.
    resource : str or None
        The name of the resource; None if they are numbers of candidates.
    axes : list of matplotlib Axes
        The panels with points.

    Returns
    -------
    matplotlib Colorbar
    """
    from matplotlib.cm import ScalarMappable

    colors = ScalarMappable(color_norm(numbers, resource is not None), "viridis")
    colorbar = axes[0].figure.colorbar(colors, ax=axes)
    colorbar.set_label(resource or "candidate")
    if resource is None:
        colorbar.locator.set_params(integer=True)
        colorbar.update_ticks()
    else:
        ticks = np.unique(numbers)
        colorbar.set_ticks(ticks, labels=[str(tick) for tick in ticks])
        colorbar.minorticks_off()
    return colorbar
