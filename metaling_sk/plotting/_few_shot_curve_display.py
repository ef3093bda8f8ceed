"""A display of scores by the number of labels in a target language."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length, check_random_state

from metaling_sk._data.indicators import check_indicators, has_several_labels
from metaling_sk._data.labels import MISSING, label_array
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.progress import Progress, silent
from metaling_sk._utils.sklearn_compat import (
    check_matplotlib_support,
    safe_split,
    validate_parameter_constraints,
)
from metaling_sk._utils.wrapped import final_estimator
from metaling_sk.metrics._inputs import languages_in
from metaling_sk.plotting._axes import LINE_STYLES, add_legend, make_axis, point_style, short_name
from metaling_sk.plotting._fonts import show_scripts

COLUMNS = ["k", "score", "model", "repeat"]


class FewShotCurveDisplay:
    """Display of how the score in a language grows with the labels given in it.

    Parameters
    ----------
    results : DataFrame
        A row per fit, with the columns `k`, the number of labels, and `score`. The columns `model`
        and `repeat` tell several models and several draws of labels apart.
    score_name : str, default="score"
        The name of the score.
    baseline : float, default=None
        A score to compare with, drawn as a dashed line.
    baseline_name : str, default="baseline"
        The name of this score.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The panel.
    lines_ : dict of str to matplotlib Line2D
        The mean score of each model.
    bands_ : dict of str to matplotlib PolyCollection
        The standard deviation over the repeats; only of models with several.
    baseline_ : matplotlib Line2D or None
        The line of the baseline.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : The same with all samples of one language.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.plotting import FewShotCurveDisplay
    >>> results = pd.DataFrame({"k": [0, 0, 16, 16], "score": [0.6, 0.6, 0.7, 0.8]})
    >>> display = FewShotCurveDisplay(results, score_name="accuracy").plot()
    >>> [label.get_text() for label in display.ax_.get_xticklabels()]
    ['0', '16']
    """

    def __init__(self, results, *, score_name="score", baseline=None, baseline_name="baseline"):
        self.results = results
        self.score_name = score_name
        self.baseline = baseline
        self.baseline_name = baseline_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        target_language,
        X_test,
        y_test,
        ks=(0, 16, 64, 256),
        n_repeats=3,
        keep_unlabelled=True,
        scoring=None,
        language_column="language",
        baseline=None,
        random_state=0,
        ax=None,
    ) -> FewShotCurveDisplay:
        """Fit an estimator with more and more labels of a language, and draw its scores.

        In each repeat the labelled rows of the target language are put in a random order, and the
        first k keep their labels. So each number of labels includes the smaller ones, and all
        models are given the same rows.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            A classifier or regressor, or several by name. They are cloned. If one is verbose, there
            is one progress bar for all fits.
        X : DataFrame of n_samples
            The training samples of all languages.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels or numbers; NaN or None where there is none.
        target_language : str
            The language whose labels are counted.
        X_test : DataFrame of n_test_samples
            The test samples.
        y_test : array-like of shape (n_test_samples,) or (n_test_samples, n_labels)
            Their labels or numbers.
        ks : sequence of int, default=(0, 16, 64, 256)
            The numbers of labels.
        n_repeats : int, default=3
            The number of random draws of labelled rows. For 0 and for all labels there is only one.
        keep_unlabelled : bool, default=True
            Whether rows without a label stay in training. False leaves them out, for classifiers
            that take no unlabelled rows.
        scoring : str or callable, default=None
            The score, as in scikit-learn; None is that of the estimator: accuracy, or R².
        language_column : str, default="language"
            The column of X that holds the languages.
        baseline : float, default=None
            A score to compare with.
        random_state : int, RandomState instance or None, default=0
            The seed of the draws.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        FewShotCurveDisplay
            The display, drawn. Its `results` are a DataFrame.

        Raises
        ------
        ValueError
            If the target language has fewer labels than the largest of `ks`, X has no language
            column, or a parameter is invalid.
        """
        caller = f"{cls.__name__}.from_estimator"
        check_matplotlib_support(caller)
        constraints: dict = {
            "target_language": [str],
            "ks": ["array-like"],
            "scoring": [str, callable, None],
            "n_repeats": [Number(Integral, 1, None, closed="left")],
            "keep_unlabelled": ["boolean"],
        }
        given = {
            "target_language": target_language,
            "ks": ks,
            "scoring": scoring,
            "n_repeats": n_repeats,
            "keep_unlabelled": keep_unlabelled,
        }
        validate_parameter_constraints(constraints, given, caller)
        models = (
            estimator if isinstance(estimator, Mapping) else {type(estimator).__name__: estimator}
        )
        languages = languages_in(
            next(iter(models.values()), None), X, None, language_column, caller
        )
        y = _several_labels(y) if has_several_labels(y) else label_array(y)
        check_consistent_length(X, y)
        is_target, is_labelled = languages == target_language, ~_is_unlabelled(y)
        available = np.flatnonzero(is_target & is_labelled)
        ks = _check_ks(ks, len(available), target_language)
        rng, rows = check_random_state(random_state), []
        draws = [
            (repeat, k)
            for repeat in range(n_repeats)
            for k in ks
            if not repeat or k not in (0, len(available))
        ]
        orders = [rng.permutation(available) for _ in range(n_repeats)]
        verbose = any(getattr(final_estimator(model), "verbose", 0) for model in models.values())
        with Progress(verbose, cls.__name__) as progress:
            progress.start("curve", len(draws) * len(models), unit="fit")
            for repeat, k in draws:
                masked = _without(y, orders[repeat][k:])
                is_used = keep_unlabelled | ~_is_unlabelled(masked)
                for name, model in models.items():
                    X_part, y_part = safe_split(model, X, masked, np.flatnonzero(is_used))
                    with silent():
                        fitted = clone(model).fit(X_part, _plain(y_part))
                        score = check_scoring(fitted, scoring)(fitted, X_test, y_test)
                    rows.append((k, float(score), name, repeat))
                    progress.advance()
        display = cls(
            pd.DataFrame(rows, columns=COLUMNS),
            score_name=scoring if isinstance(scoring, str) else _score_name(models, scoring),
            baseline=baseline,
        )
        return display.plot(ax, xlabel=f"labelled rows of {target_language}")

    def plot(self, ax=None, *, xlabel="labelled rows") -> FewShotCurveDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        xlabel : str, default="labelled rows"
            The label of the x axis.

        Returns
        -------
        FewShotCurveDisplay
            The same display.

        Raises
        ------
        ValueError
            If `results` lacks the column `k` or `score`, has no row, or has a negative `k`.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        results = _check_results(self.results)
        self.ax_ = make_axis(ax, width=5.5, height=4)
        self.figure_ = self.ax_.figure
        self.lines_, self.bands_, self.baseline_ = {}, {}, None
        for number, (name, rows) in enumerate(results.groupby("model", sort=False)):
            scores = rows.groupby("k")["score"].agg(["mean", "std", "size"])
            style = point_style(number) | {"linestyle": LINE_STYLES[number % len(LINE_STYLES)]}
            (self.lines_[name],) = self.ax_.plot(
                scores.index, scores["mean"], label=short_name(name), **style
            )
            if (scores["size"] > 1).any():
                std = scores["std"].fillna(0)
                low, high = scores["mean"] - std, scores["mean"] + std
                self.bands_[name] = self.ax_.fill_between(
                    scores.index, low, high, color=style["color"], alpha=0.18, linewidth=0
                )
        if self.baseline is not None:
            self.baseline_ = self.ax_.axhline(
                self.baseline, color="black", linestyle="--", label=self.baseline_name
            )
            self.ax_.autoscale_view(scalex=False)  # Otherwise it may lie on the frame.
        ks = np.unique(results["k"])
        if ks[-1] > 0:
            smallest = ks[ks > 0][0]
            self.ax_.set_xscale("symlog", linthresh=smallest)
            self.ax_.set_xlim(ks[0] - 0.15 * smallest, 1.15 * ks[-1])
        self.ax_.set_xticks(ks, [f"{k:g}" for k in ks])
        self.ax_.minorticks_off()
        self.ax_.set(xlabel=xlabel, ylabel=self.score_name)
        self.ax_.grid(axis="y", linewidth=0.4, alpha=0.6)
        if len(self.lines_) > 1 or self.baseline is not None:
            add_legend(self.ax_)
        show_scripts(self.figure_)
        return self


def _check_ks(ks, n_labels: int, target_language: str) -> list[int]:
    ks = list(dict.fromkeys(ks))
    if not ks or any(not isinstance(k, Integral) or k < 0 for k in ks):
        raise ValueError(f"`ks` must be numbers of labels such as (0, 16, 64), got {ks}.")
    ks = sorted(ks)
    if ks[-1] > n_labels:
        raise ValueError(
            f"`ks` asks for {ks[-1]} labels of {target_language!r}, but X and y have {n_labels}."
        )
    return ks


def _check_results(results) -> pd.DataFrame:
    results = pd.DataFrame(results)
    if not {"k", "score"} <= set(results) or not len(results):
        raise ValueError(
            "`results` must have a row for each fit and the columns 'k' and 'score', got "
            f"{len(results)} rows and the columns {list(results)}."
        )
    if (results["k"] < 0).any():
        raise ValueError("`results` has a negative number of labels in the column 'k'.")
    return results if "model" in results else results.assign(model="score")


def _score_name(models: Mapping, scoring) -> str:
    """What the axis calls a score that has no name."""
    kinds = [(is_classifier, "accuracy"), (is_regressor, "R²")]
    names = [name for is_kind, name in kinds if all(map(is_kind, models.values()))]
    return "score" if scoring or not names else names[0]


def _several_labels(y) -> np.ndarray:
    """The indicators of several labels, NaN where they are missing."""
    indicators, _ = check_indicators(y, None)
    return np.where(indicators == MISSING, np.nan, indicators)


def _is_unlabelled(y: np.ndarray) -> np.ndarray:
    """Whether nothing is known of each sample."""
    is_unknown = np.asarray(pd.isna(y))
    return is_unknown if y.ndim == 1 else np.asarray(is_unknown.all(axis=1))


def _without(y: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The labels with some of them missing."""
    masked = y.astype(float if y.dtype.kind in "iuf" else object)
    masked[indices] = np.nan if masked.dtype.kind == "f" else None
    return masked


def _plain(y: np.ndarray) -> np.ndarray:
    """The labels without the type that missing ones need, where none is missing."""
    return y if pd.isna(y).any() else np.array(y.tolist())
