"""A display of a search for meta-parameters."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from metaling_sk._utils.sklearn_compat import check_matplotlib_support
from metaling_sk.plotting._axes import (
    add_legend,
    is_number,
    make_axes,
    set_category_axis,
    set_loss_axis,
    set_number_axis,
    set_whole_ticks,
)
from metaling_sk.plotting._candidate_styles import (
    BEST_COLOR,
    BEST_LINE,
    add_candidate_colorbar,
    color_norm,
    line_style,
)
from metaling_sk.plotting._fonts import show_scripts
from metaling_sk.plotting._search_scores import (
    describe_score,
    find_failed,
    find_log_params,
    find_params,
    find_score_column,
    shorten_names,
)


class MetaParamDisplay:
    """Display of the candidates of a `MetaParamSearchCV` and their scores.

    If the search has resources, the first panel
    shows the score of each candidate as a line from rung to rung, which ends where the candidate
    was stopped. Otherwise it shows the candidates in the order of the search, and the best score
    so far. Each further panel shows one parameter, with a point for each candidate: its score
    with the most resources it had. Failed candidates are crosses at the edge of the panel where
    scores are worst.

    Parameters
    ----------
    candidate : array-like of int, shape (n_rows,)
        The number of the candidate of each row of `cv_results_`.
    score : array-like of float, shape (n_rows,)
        The higher, the better.
    params : dict of str to (masked) array-like of shape (n_rows,)
        The values of each parameter to show; masked where a candidate does not have it.
    failed : array-like of bool, shape (n_rows,), default=None
        Rows whose score does not count; rows without a finite score are always among them.
    std : array-like of float, shape (n_rows,), default=None
        The standard deviation of the score over the splits, shown for the best candidate.
    n_resources : array-like of int, shape (n_rows,), default=None
        The resources of each row; None for a search without resources.
    bracket : array-like of int, shape (n_rows,), default=None
        The bracket of each row; None if there is only one.
    best_index : int, default=None
        The row of the best candidate.
    resource : str, default=None
        The name of the resource.
    score_name : str, default="score"
        The name of the score.
    negate_score : bool, default=False
        Whether the scores are negated losses, to be shown as losses.
    log_params : collection of str, default=()
        The parameters with a log axis, if their values are positive. Others have one if their
        values lie far apart.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes, shape (n_panels,)
        The panels.
    lines_ : list of matplotlib Line2D
        For a search with resources, the line of each candidate that has a score, in the order of
        the candidates; for any other search, the line of the best score so far.
    points_ : list of matplotlib PathCollection
        The points of each parameter.
    colorbar_ : matplotlib Colorbar or None
        The colorbar of the points; None without points.

    See Also
    --------
    MetaParamSearchCV : Search for meta-parameters.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import SGDClassifier
    >>> from metaling_sk import MetaParamDisplay, MetaParamSearchCV
    >>> search = MetaParamSearchCV(
    ...     SGDClassifier(loss="log_loss", tol=None, random_state=0),
    ...     {"alpha": loguniform(1e-5, 1), "penalty": ["l1", "l2"]},
    ...     search="halving", resource="max_iter", max_resources=9, n_iter=9, random_state=0,
    ...     verbose=0,
    ... )
    >>> search = search.fit(*load_iris(return_X_y=True))
    >>> display = MetaParamDisplay.from_estimator(search)
    >>> [axis.get_xlabel() for axis in display.axes_]
    ['max_iter', 'alpha', 'penalty']
    """

    def __init__(
        self,
        *,
        candidate,
        score,
        params,
        failed=None,
        std=None,
        n_resources=None,
        bracket=None,
        best_index=None,
        resource=None,
        score_name="score",
        negate_score=False,
        log_params=(),
    ):
        self.candidate = candidate
        self.score = score
        self.params = params
        self.failed = failed
        self.std = std
        self.n_resources = n_resources
        self.bracket = bracket
        self.best_index = best_index
        self.resource = resource
        self.score_name = score_name
        self.negate_score = negate_score
        self.log_params = log_params

    @classmethod
    def from_estimator(
        cls, search, *, metric=None, params=None, ax=None, line_kw=None, scatter_kw=None
    ) -> MetaParamDisplay:
        """Draw a search.

        Parameters
        ----------
        search : MetaParamSearchCV
            A search that was fitted or interrupted.
        metric : str, default=None
            The name of a column of `cv_results_` without ``mean_test_``, such as "accuracy",
            "score_zh" or "accuracy_zh". None is what the search selects by.
        params : list of str, default=None
            The parameters to show; None shows all that were searched for, an empty list only the
            first panel.
        ax : Axes or array-like of Axes, default=None
            One Axes per panel: the first panel and one for each parameter. None makes a figure.
        line_kw : dict, default=None
            Arguments of `Axes.plot` for the lines of the candidates, or of the best so far.
        scatter_kw : dict, default=None
            Arguments of `Axes.scatter` for the points of the candidates.

        Returns
        -------
        MetaParamDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the search has no results.
        ValueError
            If `search` is not a `MetaParamSearchCV`, there is no such metric or parameter, or
            `ax` has another number of Axes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from metaling_sk import MetaParamDisplay, MetaParamSearchCV
        >>> search = MetaParamSearchCV(
        ...     GaussianNB(), {"var_smoothing": [1e-9, 1e-3, 0.1]}, n_iter=3, verbose=0
        ... )
        >>> search = search.fit(*load_iris(return_X_y=True))
        >>> MetaParamDisplay.from_estimator(search, params=[]).axes_[0].get_ylabel()
        'cross-validation log-loss\\n(lower is better)'
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        # A search that was interrupted has results, but is not fitted.
        results = getattr(search, "cv_results_", None)
        if results is None:
            check_is_fitted(search)
        if results is None or "candidate" not in results:
            raise ValueError(
                f"`search` must be a MetaParamSearchCV, got a {type(search).__name__}."
            )
        column = find_score_column(search, metric)
        score = np.asarray(results[column], dtype=float)
        score_name, negate_score = describe_score(search, column)
        is_mean = column.startswith("mean_test_")
        display = cls(
            candidate=results["candidate"],
            score=score,
            params=find_params(search, params),
            failed=find_failed(search, score),
            std=results.get(column.replace("mean_test_", "std_test_", 1)) if is_mean else None,
            n_resources=results.get("n_resources"),
            bracket=results.get("bracket"),
            best_index=getattr(search, "best_index_", None),
            resource=search.resource if "n_resources" in results else None,
            score_name=score_name,
            negate_score=negate_score,
            log_params=find_log_params(search),
        )
        return display.plot(ax=ax, line_kw=line_kw, scatter_kw=scatter_kw)

    def plot(self, ax=None, *, line_kw=None, scatter_kw=None) -> MetaParamDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            One Axes per panel: the first panel and one for each parameter. None makes a figure.
        line_kw : dict, default=None
            Arguments of `Axes.plot` for the lines of the candidates, or of the best so far.
        scatter_kw : dict, default=None
            Arguments of `Axes.scatter` for the points of the candidates.

        Returns
        -------
        MetaParamDisplay
            The same display.

        Raises
        ------
        ValueError
            If `ax` has another number of Axes.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self._read()
        self.axes_ = make_axes(1 + len(self.params), ax)
        self.figure_ = self.axes_[0].figure
        self.lines_: list = []
        self.points_: list = []
        self.colorbar_: Any = None
        line_kw, scatter_kw = line_kw or {}, scatter_kw or {}
        if self.n_resources is None:
            self._plot_order(self.axes_[0], line_kw, scatter_kw)
        else:
            self._plot_resources(self.axes_[0], line_kw)
        labels = shorten_names(self.params)
        for axis, (name, values) in zip(self.axes_[1:], self.params.items(), strict=True):
            self._plot_parameter(axis, name, np.ma.asarray(values), scatter_kw)
            axis.set_xlabel(labels[name])
        if self.points_:
            label = None if self.n_resources is None else self.resource or "n_resources"
            self.colorbar_ = add_candidate_colorbar(self._colors, label, list(self.axes_[1:]))
        better = "lower" if self.negate_score else "higher"
        for axis in self.axes_:
            axis.set_ylabel(f"{self.score_name}\n({better} is better)")
            if self.negate_score:
                set_loss_axis(axis, self._shown[self._scored])
        show_scripts(self.figure_)
        return self

    def _read(self) -> None:
        """Set the private attributes that the panels are drawn from."""
        self._candidate = np.asarray(self.candidate)
        score = np.asarray(self.score, dtype=float)
        self._scored = np.isfinite(score)
        if self.failed is not None:
            self._scored &= ~np.asarray(self.failed, dtype=bool)
        self._shown = -score if self.negate_score else score
        self._rows = {
            number: np.flatnonzero(self._candidate == number)
            for number in np.unique(self._candidate)
        }
        """The rows of each candidate, ordered by resources."""
        self._last_rows = np.array([rows[-1] for rows in self._rows.values()])
        """The row of each candidate with the most resources."""
        self._colors = self._candidate if self.n_resources is None else np.asarray(self.n_resources)
        """What the colour of a point stands for."""
        best = self.best_index
        self._best = None if best is None or not self._scored[best] else int(best)

    def _plot_resources(self, axis, line_kw: dict) -> None:
        """Plot a line for each candidate from rung to rung."""
        n_resources = np.asarray(self.n_resources)
        bracket = np.zeros_like(n_resources) if self.bracket is None else np.asarray(self.bracket)
        last_rung = {name: n_resources[bracket == name].max() for name in np.unique(bracket)}
        best = None if self._best is None else self._candidate[self._best]
        labels = set()
        for candidate, rows in self._rows.items():
            scored = rows[self._scored[rows]]
            if not len(scored):
                continue
            name = bracket[rows[0]]
            survived = n_resources[scored[-1]] == last_rung[name]
            style = line_style(survived, name if len(last_rung) > 1 else None)
            if candidate == best:
                style |= BEST_LINE
                self._plot_band(axis, n_resources[scored], scored)
            if style["label"] in labels:
                style["label"] = None
            labels.add(style["label"])
            self.lines_ += axis.plot(n_resources[scored], self._shown[scored], **style | line_kw)
        self._plot_best(axis, n_resources)
        self._plot_failed(axis, n_resources, ~self._scored)
        amounts = np.unique(n_resources)
        if len(amounts) > 1:
            axis.set_xscale("log")
        set_whole_ticks(axis, amounts)
        axis.set_xlabel(self.resource or "n_resources")
        add_legend(axis)

    def _plot_order(self, axis, line_kw: dict, scatter_kw: dict) -> None:
        """Plot the candidates in their order, and the best so far."""
        scored = np.flatnonzero(self._scored)
        axis.scatter(
            self._candidate[scored],
            self._shown[scored],
            **{"color": "0.65", "s": 18, "label": "candidate"} | scatter_kw,
        )
        if scored.size:
            better = np.minimum if self.negate_score else np.maximum
            best = better.accumulate(self._shown[scored])
            steps = np.append(self._candidate[scored], self._candidate.max())
            self.lines_ += axis.plot(
                steps,
                np.append(best, best[-1]),
                **{"drawstyle": "steps-post", "color": "tab:blue", "label": "best so far"}
                | line_kw,
            )
        self._plot_best(axis, self._candidate)
        self._plot_failed(axis, self._candidate, ~self._scored)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_xlabel("candidate")
        add_legend(axis)

    def _plot_parameter(self, axis, name: str, values: np.ma.MaskedArray, scatter_kw: dict) -> None:
        """Plot the last score of each candidate that has the parameter."""
        rows = self._last_rows[~np.ma.getmaskarray(values)[self._last_rows]]
        shown_values = [values[row] for row in rows]
        x = np.full(len(values), np.nan)
        if all(is_number(value) for value in shown_values):
            x[rows] = np.array(shown_values, dtype=float)
            are_whole = all(isinstance(value, Integral) for value in shown_values)
            set_number_axis(axis, x[rows], are_whole, is_log=name in self.log_params)
        else:
            x[rows] = set_category_axis(axis, shown_values)
        scored = rows[self._scored[rows]]
        scored = scored[np.argsort(self._colors[scored], kind="stable")]
        norm = color_norm(self._colors, self.n_resources is not None)
        style = {"c": self._colors[scored], "cmap": "viridis", "norm": norm, "s": 24}
        points = axis.scatter(x[scored], self._shown[scored], **style | scatter_kw)
        self.points_.append(points)
        if self._best is not None:  # its best score may not be its last one
            x[self._best] = x[self._rows[self._candidate[self._best]][-1]]
        self._plot_best(axis, x)
        failed = np.zeros(len(values), dtype=bool)
        failed[rows] = ~self._scored[rows]
        self._plot_failed(axis, x, failed)

    def _plot_band(self, axis, x, rows) -> None:
        """Plot the standard deviation over the splits as a band."""
        if self.std is not None and len(rows) > 1:
            std = np.asarray(self.std, dtype=float)[rows]
            shown = self._shown[rows]
            low, high = shown - std, shown + std
            axis.fill_between(x, low, high, color=BEST_COLOR, alpha=0.12, linewidth=0)

    def _plot_best(self, axis, x) -> None:
        """Plot the best candidate as a star with the standard deviation over the splits."""
        row = self._best
        if row is None or not np.isfinite(x[row]):
            return
        std = None if self.std is None else self.std[row]
        axis.errorbar(
            x[row],
            self._shown[row],
            yerr=std,
            marker="*",
            markersize=13,
            markeredgecolor="white",
            color=BEST_COLOR,
            linestyle="none",
            zorder=4,
            label="best" if std is None else "best ± std of the splits",
        )

    def _plot_failed(self, axis, x, failed) -> None:
        """Plot crosses where scores are worst: the upper edge for losses, else the lower one."""
        rows = np.flatnonzero(failed)
        if rows.size:
            axis.margins(y=0.12)
            axis.plot(
                x[rows],
                np.full(rows.size, 0.97 if self.negate_score else 0.03),
                transform=axis.get_xaxis_transform(),
                marker="x",
                markersize=6,
                color="black",
                linestyle="none",
                zorder=4,
                label=f"failed ({len(set(self._candidate[rows]))})",
            )
