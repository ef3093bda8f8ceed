"""A confusion matrix for each language, side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaling_sk.plotting._axes import MAX_FIGURE_SIZE, make_axes, short_name
from metaling_sk.plotting._heat_map import add_colorbar, draw_map

MAX_LABELLED = 24
"""With more languages only the outer panels name the classes."""


def draw_confusions(confusion: dict[str, pd.DataFrame], ax=None) -> np.ndarray:
    """Draw the confusion matrix of each language.

    Parameters
    ----------
    confusion : dict of str to DataFrame of shape (n_classes, n_classes)
        The counts: true classes in rows, predicted classes in columns.
    ax : array-like of Axes, default=None
        Axes of the user, one per language; None makes a figure.

    Returns
    -------
    ndarray of matplotlib Axes, shape (n_languages,)
        The panels.
    """
    n_languages, n_classes = len(confusion), len(next(iter(confusion.values())))
    n_columns = int(np.ceil(np.sqrt(1.2 * n_languages)))
    size = min(max(2.4, 1.2 + 0.35 * min(n_classes, 10)), MAX_FIGURE_SIZE / n_columns)
    is_small = n_languages > MAX_LABELLED
    axes = make_axes(n_languages, ax, n_columns=n_columns, panel_size=(size, size))
    for number, (axis, (name, counts)) in enumerate(zip(axes, confusion.items(), strict=True)):
        n_true = counts.sum(axis="columns")
        shares = counts.div(n_true.where(n_true > 0), axis="index")
        image, _ = draw_map(
            axis,
            shares,
            ".2f",
            {"vmin": 0, "vmax": 1},
            {"fontsize": 7},
            # Ticks and numbers in each of hundreds of panels take seconds to lay out.
            names_columns=number + n_columns >= n_languages,
            names_rows=number % n_columns == 0,
            has_numbers=not is_small and n_classes <= 5,
        )
        axis.set_title(f"{short_name(name)} ({int(n_true.sum())})", fontsize=8 if is_small else 10)
    if ax is None:
        figure = axes[0].figure
        figure.supxlabel("predicted class")
        figure.supylabel("true class")
        add_colorbar(image, "share of the true class", axes)
    return axes
