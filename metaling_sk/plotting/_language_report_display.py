"""A display of the scores, the classes and the confusions of each language."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.metrics import confusion_matrix

from metaling_sk._data.languages import positions_by_language
from metaling_sk._utils.sklearn_compat import (
    StrOptions,
    check_matplotlib_support,
    validate_parameter_constraints,
)
from metaling_sk.metrics._inputs import (
    check_complete_labels,
    check_known_labels,
    check_language_array,
    is_continuous,
    languages_in,
    predict_labels,
)
from metaling_sk.metrics._language_report import ERRORS, language_report, language_rows
from metaling_sk.metrics._regression_report import regression_report
from metaling_sk.plotting._axes import COLORS, add_legend, make_axis, set_names, short_name
from metaling_sk.plotting._confusions import draw_confusions
from metaling_sk.plotting._fonts import show_scripts
from metaling_sk.plotting._heat_map import add_colorbar, draw_map, map_size

KINDS = "bars", "classes", "confusion"

NAMES = {"f1": "F1", "r2": "R²", "rmse": "RMSE", "mae": "MAE", "chrf": "chrF"}
"""What the axes call scores whose columns are named otherwise."""

BAR_HEIGHT = 0.25, 0.14
"""Inches for the bar of a language, if there are few and if there are many."""


class LanguageReportDisplay:
    """Display of the scores of a classifier or regressor in each language.

    Parameters
    ----------
    report : DataFrame
        What `language_report`, `regression_report` or another report by language returned; with
        confidence intervals if they are to be shown.
    class_report : DataFrame, default=None
        What `language_report` returned with `by_class`, for kind="classes".
    confusion : dict of str to DataFrame of shape (n_classes, n_classes), default=None
        For each language how many samples of each true class (rows) were predicted as each class
        (columns), for kind="confusion".

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The panel; for kind="confusion" the first one.
    axes_ : ndarray of matplotlib Axes, shape (n_panels,)
        All panels.
    bars_ : matplotlib BarContainer or None
        The bars, from the best language to the worst.
    line_ : matplotlib Line2D or None
        The mean, if there are several languages.
    im_ : matplotlib AxesImage or None
        The colours of the heat map.
    text_ : ndarray of matplotlib Text or None
        The numbers in the heat map; None where there is no room.
    colorbar_ : matplotlib Colorbar or None
        The colorbar.

    See Also
    --------
    language_report : The scores in a table.

    Examples
    --------
    >>> from metaling_sk.plotting import LanguageReportDisplay
    >>> y_true = [0, 0, 1, 1, 0, 1, 1, 1]
    >>> y_pred = [0, 0, 1, 1, 0, 1, 0, 1]
    >>> language = ["en", "en", "en", "en", "zh", "zh", "zh", "zh"]
    >>> display = LanguageReportDisplay.from_predictions(y_true, y_pred, language)
    >>> [round(float(bar.get_width()), 3) for bar in display.bars_]
    [1.0, 0.733]
    >>> display = display.plot(kind="confusion")
    >>> [axis.get_title() for axis in display.axes_]
    ['en (4)', 'zh (4)']
    """

    def __init__(self, report, *, class_report=None, confusion=None):
        self.report = report
        self.class_report = class_report
        self.confusion = confusion

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        language=None,
        language_column="language",
        kind="bars",
        score="auto",
        n_bootstraps=1000,
        confidence=0.95,
        random_state=0,
        ax=None,
    ) -> LanguageReportDisplay:
        """Draw the scores of a fitted classifier or regressor.

        Parameters
        ----------
        estimator : classifier or regressor
            A fitted one.
        X : DataFrame or array-like of n_samples
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The true labels or numbers; none may be missing.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.
        language_column : str, default="language"
            The column of a DataFrame X that holds the languages.
        kind : {"bars", "classes", "confusion"}, default="bars"
            What to draw, see `plot`.
        score : str, default="auto"
            The score to draw, see `plot`.
        n_bootstraps : int, default=1000
            The number of bootstrap draws for the confidence intervals; 0 for none.
        confidence : float, default=0.95
            The confidence level of the intervals.
        random_state : int, RandomState instance or None, default=0
            The seed of the bootstrap draws.
        ax : Axes or array-like of Axes, default=None
            See `plot`.

        Returns
        -------
        LanguageReportDisplay
            The display, drawn.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        languages = languages_in(
            estimator, X, language, language_column, f"{cls.__name__}.from_estimator"
        )
        check_known_labels(estimator, y)
        display = cls._of_predictions(
            y,
            predict_labels(estimator, X, language),
            languages,
            is_regressor(estimator),
            n_bootstraps=n_bootstraps,
            confidence=confidence,
            random_state=random_state,
        )
        return display.plot(kind=kind, score=score, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        language,
        *,
        kind="bars",
        score="auto",
        n_bootstraps=1000,
        confidence=0.95,
        random_state=0,
        ax=None,
    ) -> LanguageReportDisplay:
        """Draw the scores of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_labels)
            The true labels or numbers; none may be missing. Of several labels there is no
            confusion. If these or the predictions are continuous, they are numbers.
        y_pred : array-like of shape (n_samples,) or (n_samples, n_labels)
            The predicted labels or numbers.
        language : array-like of str, shape (n_samples,)
            The language of each sample.
        kind : {"bars", "classes", "confusion"}, default="bars"
            What to draw, see `plot`.
        score : str, default="auto"
            The score to draw, see `plot`.
        n_bootstraps : int, default=1000
            The number of bootstrap draws for the confidence intervals; 0 for none.
        confidence : float, default=0.95
            The confidence level of the intervals.
        random_state : int, RandomState instance or None, default=0
            The seed of the bootstrap draws.
        ax : Axes or array-like of Axes, default=None
            See `plot`.

        Returns
        -------
        LanguageReportDisplay
            The display, drawn.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        display = cls._of_predictions(
            y_true,
            y_pred,
            language,
            is_continuous(y_true) or is_continuous(y_pred),
            n_bootstraps=n_bootstraps,
            confidence=confidence,
            random_state=random_state,
        )
        return display.plot(kind=kind, score=score, ax=ax)

    @classmethod
    def _of_predictions(
        cls, y_true, y_pred, language, are_numbers: bool, **bootstrap
    ) -> LanguageReportDisplay:
        if are_numbers:
            return cls(regression_report(y_true, y_pred, language, **bootstrap))
        return cls(
            language_report(y_true, y_pred, language, **bootstrap),
            class_report=language_report(y_true, y_pred, language, by_class=True),
            confusion=_confusions(y_true, y_pred, check_language_array(language)),
        )

    def plot(self, ax=None, *, kind="bars", score="auto") -> LanguageReportDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where to draw; for kind="confusion" one Axes for each language. None makes a figure
            that grows with the number of languages.
        kind : {"bars", "classes", "confusion"}, default="bars"
            "bars" draws one score of each language with its confidence interval, from the best
            language to the worst, and the mean as a line. "classes" draws the score of each class
            in each language. "confusion" draws a confusion matrix for each language; each row is
            divided by the number of samples of the true class.
        score : str, default="auto"
            The score of "bars" and "classes": a column of the report, such as "accuracy", "f1",
            "r2" or "rmse". "auto" is F1 of classes, and the first column of other reports. Of
            accuracy, F1 and the scores of numbers there are confidence intervals. Classes have no
            accuracy.

        Returns
        -------
        LanguageReportDisplay
            The same display.

        Raises
        ------
        ValueError
            If a parameter is invalid or what `kind` needs was not given.
        """
        name = f"{type(self).__name__}.plot"
        check_matplotlib_support(name)
        constraints: dict = {"kind": [StrOptions(set(KINDS))], "score": [str]}
        validate_parameter_constraints(constraints, {"kind": kind, "score": score}, name)
        if score == "auto":
            score = "f1" if "f1" in self.report else language_rows(self.report).columns[0]
        self.bars_: Any = None
        self.line_ = self.im_ = self.text_ = self.colorbar_ = None
        if kind == "bars":
            self._plot_bars(ax, score)
        elif kind == "classes":
            self._plot_classes(ax, score)
        else:
            if self.confusion is None:
                raise ValueError(
                    "kind='confusion' needs `confusion`, of one label for each row; see "
                    "`from_predictions`."
                )
            self.axes_ = draw_confusions(self.confusion, ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        show_scripts(self.figure_)
        return self

    def _plot_bars(self, ax, score: str) -> None:
        if score not in self.report:
            raise ValueError(
                f"`report` has no column {score!r}; its columns are {list(self.report)}."
            )
        is_error = score in ERRORS
        rows = language_rows(self.report).sort_values(score, ascending=is_error, kind="stable")
        values = rows[score].to_numpy(dtype=float)
        few, many = BAR_HEIGHT
        height = 1.2 + len(rows) * (few if len(rows) <= 40 else many)
        axis = make_axis(ax, width=5.5, height=max(2.2, height))
        self.axes_ = np.array([axis])
        errors, has_interval = None, f"{score}_low" in rows
        if has_interval:
            low, high = rows[f"{score}_low"].to_numpy(), rows[f"{score}_high"].to_numpy()
            errors = np.maximum([values - low, high - values], 0)
        self.bars_ = axis.barh(
            np.arange(len(rows)),
            values,
            xerr=errors,
            color=COLORS[4],
            edgecolor="black",
            linewidth=0.4,
            error_kw={"linewidth": 0.9, "capsize": 2 if len(rows) <= 40 else 0},
        )
        if np.nanmin(values) < np.nanmax(values):
            worst = int(np.nanargmax(values) if is_error else np.nanargmin(values))
            self.bars_[worst].set(
                hatch="////", facecolor=COLORS[1], label=f"worst: {short_name(rows.index[worst])}"
            )
        if len(rows) > 1:
            mean = float(np.nanmean(values))
            label = f"mean: {mean:.3f}"
            self.line_ = axis.axvline(mean, color="black", linestyle="--", label=label)
        set_names(axis, list(rows.index), is_x=False)
        axis.set(ylim=(len(rows) - 0.4, -0.6), xlabel=NAMES.get(score, score.replace("_", " ")))
        if not is_error:
            low, high = axis.get_xlim()
            axis.set_xlim(min(0, low), max(1, high if has_interval else 1))
        add_legend(axis, above=True)

    def _plot_classes(self, ax, score: str) -> None:
        if self.class_report is None:
            raise ValueError(
                "kind='classes' needs `class_report`, which numbers do not have; see "
                "`from_predictions`."
            )
        if score not in self.class_report:
            raise ValueError(f"`class_report` has no column {score!r}; choose another `score`.")
        table = language_rows(self.class_report)[score].unstack("class")
        width, height = map_size(table)
        axis = make_axis(ax, width=width, height=height)
        self.axes_ = np.array([axis])
        self.im_, self.text_ = draw_map(axis, table, ".2f", {"vmin": 0, "vmax": 1}, {})
        self.colorbar_ = add_colorbar(self.im_, NAMES.get(score, score))
        axis.set(xlabel="class", ylabel="language")


def _confusions(y_true, y_pred, language: np.ndarray) -> dict[str, pd.DataFrame] | None:
    """The confusions of each language; None of several labels for each sample."""
    y_true = check_complete_labels(y_true, "y_true", "y_true and y_pred")
    y_pred = check_complete_labels(y_pred, "y_pred", "y_true and y_pred")
    if y_true.ndim > 1:
        return None
    classes = np.unique(np.concatenate([y_true, y_pred]))
    return {
        name: pd.DataFrame(
            confusion_matrix(y_true[part], y_pred[part], labels=classes), classes, classes
        )
        for name, part in positions_by_language(language).items()
    }
