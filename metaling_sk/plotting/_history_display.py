"""A display of the losses of a training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from metaling_sk._utils.sklearn_compat import check_matplotlib_support
from metaling_sk._utils.wrapped import final_estimator
from metaling_sk.plotting._axes import (
    COLORS,
    LINE_STYLES,
    MARKERS,
    add_legend,
    make_axis,
    set_loss_axis,
)
from metaling_sk.plotting._fonts import show_scripts

STAGE, EPOCH = "stage", "epoch"

CHARACTERS_IN_ROW = 50
"""So many characters of the names of stages fit above a panel; longer names are slanted."""

MAIN_LINES = {"train_loss": "training loss", "valid_loss": "validation loss"}


class HistoryDisplay:
    """Display of the losses of a training, epoch by epoch.

    The stages of a training, such as the source model and the target model of a
    `TransferClassifier`, follow each other on one axis.

    Parameters
    ----------
    history : DataFrame
        A row per epoch, with the column `epoch` and losses in other columns. A column `stage`
        names the stages.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The panel.
    lines_ : dict of str to matplotlib Line2D
        The line of each loss, by the name of its column. Lines break between stages.
    stages_ : dict of str to matplotlib Text
        The names of the stages; empty for one without a name.

    See Also
    --------
    TransferClassifier : It trains in several stages.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.plotting import HistoryDisplay
    >>> history = pd.DataFrame({
    ...     "stage": ["source", "source", "target"],
    ...     "epoch": [1, 2, 1],
    ...     "train_loss": [0.7, 0.5, 0.6],
    ... })
    >>> display = HistoryDisplay(history).plot()
    >>> list(display.stages_)
    ['source', 'target']
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, terms=True, ax=None) -> HistoryDisplay:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator that trains a network, such as `TransferClassifier`, or a search or
            pipeline of one.
        terms : bool, default=True
            Whether to draw the terms of the loss besides the training and the validation loss.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        HistoryDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no history.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        estimator = final_estimator(estimator)
        history = getattr(estimator, "history_", None)
        if history is None:
            raise ValueError(
                f"A {type(estimator).__name__} has no history of losses; `estimator` must be one "
                "that trains a network, such as a TransferClassifier."
            )
        if not len(history):
            raise ValueError(
                f"This {type(estimator).__name__} has no epochs to show: its models were solved "
                "for, not trained. Models are trained where the encoder is, or with a "
                "`learning_rate` other than 'auto'."
            )
        return cls(history).plot(ax, terms=terms)

    def plot(self, ax=None, *, terms=True) -> HistoryDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        terms : bool, default=True
            Whether to draw the terms of the loss besides the training and the validation loss.

        Returns
        -------
        HistoryDisplay
            The same display.

        Raises
        ------
        ValueError
            If `history` has no row or no loss.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        history = pd.DataFrame(self.history).reset_index(drop=True)
        losses = _losses(history, terms)
        if losses.empty:
            raise ValueError("`history` must have a row for each epoch and a column for each loss.")
        stages = history[STAGE] if STAGE in history else pd.Series("", index=history.index)
        # A stage that comes again, as after `partial_fit`, is a stage of its own.
        runs = (stages != stages.shift()).cumsum()
        self.ax_ = make_axis(ax, width=max(6.0, min(12.0, 4 + 0.12 * len(history))), height=3.6)
        self.figure_ = self.ax_.figure
        self.lines_: dict = {}
        self.stages_: dict = {}
        starts = np.flatnonzero(np.diff(runs)) + 1
        epochs = np.insert(np.arange(1.0, len(history) + 1), starts, np.nan)
        for number, name in enumerate(map(str, losses)):
            values = losses[name].to_numpy(dtype=float)
            (self.lines_[name],) = self.ax_.plot(
                epochs,
                np.insert(values, starts, np.nan),
                color=COLORS[number % len(COLORS)],
                linestyle="-" if name in MAIN_LINES else LINE_STYLES[1 + number % 3],
                marker=MARKERS[number % len(MARKERS)],
                markevery=max(1, len(values) // 12),
                markersize=4,
                label=MAIN_LINES.get(name, name.replace("_", " ")),
            )
        self._name_stages(stages, runs)
        numbers = losses.to_numpy(dtype=float)
        set_loss_axis(self.ax_, numbers[np.isfinite(numbers)])
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.set(xlabel="epoch", ylabel="loss")
        add_legend(self.ax_, beside=True)
        show_scripts(self.figure_)
        return self

    def _name_stages(self, stages: pd.Series, runs: pd.Series) -> None:
        """Write the name of each stage above its epochs, and draw lines between them."""
        parts = [rows for _, rows in stages.groupby(runs)]
        is_tight = any(len(str(rows.iloc[0])) > _room(rows, stages) for rows in parts)
        slant = {"rotation": 30, "rotation_mode": "anchor"} if is_tight else {}
        for rows in parts:
            first, last = rows.index[0] + 1, rows.index[-1] + 1
            if first > 1:
                self.ax_.axvline(first - 0.5, color="0.5", linewidth=0.8)
            if name := str(rows.iloc[0]):
                self.stages_[name] = self.ax_.text(
                    (first + last) / 2,
                    1.01,
                    name,
                    transform=self.ax_.get_xaxis_transform(),
                    ha="left" if is_tight else "center",
                    va="bottom",
                    **slant,
                )


def _room(rows: pd.Series, stages: pd.Series) -> float:
    """The number of characters that fit above the epochs of a stage."""
    return CHARACTERS_IN_ROW * len(rows) / len(stages)


def _losses(history: pd.DataFrame, terms: bool) -> pd.DataFrame:
    """The columns to draw, the training and the validation loss first."""
    names = [name for name in MAIN_LINES if name in history]
    if terms:
        others = history.drop(columns=[*names, EPOCH, STAGE], errors="ignore")
        names += list(others.select_dtypes("number").columns)
    return history[names].dropna(axis="columns", how="all")
