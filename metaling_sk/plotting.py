"""Pictures of a search."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.utils.validation import check_is_fitted

from metaling_sk._utils.sklearn_compat import check_matplotlib_support

WIDE = 100
"""Values of a parameter whose largest is more than so many times the smallest get a log axis."""

WIDE_LOSSES = 3
"""And so do losses: most lie close together, a few are far away."""

LOSS_TICKS = 1, 1.5, 2, 3, 5, 7
"""Of each decade."""

MAX_TICKS = 6
"""Up to so many different whole numbers are all named on their axis."""

MAX_CHARACTERS = 24
"""Of the name of a category."""

PANEL_SIZE = 4.2, 3.6
MAX_COLUMNS = 3
BEST_COLOR = "tab:red"


class MetaParamDisplay:
    """What a `MetaParamSearchCV` has tried, and how it did.

    `MetaParamDisplay.from_estimator` makes one of a search. The first panel of a search with
    resources has a line for each candidate, from rung to rung; the line ends where the candidate
    was stopped. The first panel of any other search has the candidates in their order and the
    best so far. Then there is a panel for each parameter, with a point for each candidate: its
    score with the most resources it had. A candidate that failed is a cross at the edge of the
    panel where scores are worst.

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
        None for a search without resources.
    bracket : array-like of int, shape (n_rows,), default=None
        None where there is one.
    best_index : int, default=None
        The row of the best candidate.
    resource : str, default=None
        The name of the resource.
    score_name : str, default="score"
    negate_score : bool, default=False
        Whether the scores are negated losses, and losses are to be shown.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes, shape (n_panels,)
    lines_ : list of matplotlib Line2D
        For a search with resources the line of each candidate that has a score, in the order of
        the candidates; otherwise the best so far.
    points_ : list of matplotlib PathCollection
        Of each parameter.
    colorbar_ : matplotlib Colorbar or None

    See Also
    --------
    MetaParamSearchCV

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

    @classmethod
    def from_estimator(
        cls, search, *, metric=None, params=None, ax=None, line_kw=None, scatter_kw=None
    ):
        """Draw a search.

        Parameters
        ----------
        search : MetaParamSearchCV
            Fitted, or interrupted.
        metric : str, default=None
            What follows ``mean_test_`` in the name of a column of `cv_results_`, such as
            "accuracy", "score_zh" or "accuracy_zh". None is what the search selects by.
        params : list of str, default=None
            The parameters to show, all that were searched for by default. An empty list leaves
            the first panel alone.
        ax : Axes or array-like of Axes, default=None
            As many as there are panels: one and as many as parameters.
        line_kw : dict, default=None
            Passed to `Axes.plot` for the lines of the candidates, or of the best so far.
        scatter_kw : dict, default=None
            Passed to `Axes.scatter` for the points of the candidates.

        Returns
        -------
        MetaParamDisplay

        Raises
        ------
        NotFittedError
            If the search has no results.
        ValueError
            If it is no `MetaParamSearchCV`, there is no such metric or parameter, or `ax` has
            another number of Axes.

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
        'cross-validation log-loss (lower is better)'
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        if "candidate" not in results:
            raise ValueError(
                f"`search` must be a MetaParamSearchCV, got a {type(search).__name__}."
            )
        column = _find_column(search, metric)
        score = np.asarray(results[column], dtype=float)
        failed = ~np.isfinite(score)
        if isinstance(search.error_score, Real) and np.isfinite(search.error_score):
            # The number that stands for a failure may be part of the mean.
            failed |= np.array([reason is not None for reason in results["failure"]])
        score_name, negate_score = _describe_score(search, column)
        with_resources = "n_resources" in results
        display = cls(
            candidate=results["candidate"],
            score=score,
            params=_find_params(search, params),
            failed=failed,
            std=results.get(column.replace("mean_test_", "std_test_", 1))
            if column.startswith("mean_test_")
            else None,
            n_resources=results.get("n_resources"),
            bracket=results.get("bracket"),
            best_index=getattr(search, "best_index_", None),
            resource=search.resource if with_resources else None,
            score_name=score_name,
            negate_score=negate_score,
        )
        return display.plot(ax=ax, line_kw=line_kw, scatter_kw=scatter_kw)

    def plot(self, *, ax=None, line_kw=None, scatter_kw=None):
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            As many as there are panels: one and as many as parameters.
        line_kw : dict, default=None
            Passed to `Axes.plot` for the lines of the candidates, or of the best so far.
        scatter_kw : dict, default=None
            Passed to `Axes.scatter` for the points of the candidates.

        Returns
        -------
        MetaParamDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self._read()
        self.axes_ = _make_axes(1 + len(self.params), ax)
        self.figure_ = self.axes_[0].figure
        self.lines_, self.points_, self.colorbar_ = [], [], None
        line_kw, scatter_kw = line_kw or {}, scatter_kw or {}
        if self.n_resources is None:
            self._plot_order(self.axes_[0], line_kw, scatter_kw)
        else:
            self._plot_resources(self.axes_[0], line_kw)
        for axis, (name, values) in zip(self.axes_[1:], self.params.items(), strict=True):
            self._plot_parameter(axis, name, np.ma.asarray(values), scatter_kw)
        if self.points_:
            self._add_colorbar()
        better = "lower" if self.negate_score else "higher"
        for axis in self.axes_:
            axis.set_ylabel(f"{self.score_name} ({better} is better)")
            if self.negate_score:
                _set_loss_axis(axis, self._shown[self._scored])
        return self

    def _read(self) -> None:
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
        """The rows of each candidate, by resource."""
        self._last = np.array([rows[-1] for rows in self._rows.values()])
        """The row of each candidate in which it had most."""
        best = self.best_index
        self._best = None if best is None or not self._scored[best] else int(best)

    def _plot_resources(self, axis, line_kw: dict) -> None:
        """A line for each candidate from rung to rung."""
        n_resources = np.asarray(self.n_resources)
        bracket = np.zeros_like(n_resources) if self.bracket is None else np.asarray(self.bracket)
        most = {number: n_resources[bracket == number].max() for number in np.unique(bracket)}
        best = None if self._best is None else self._candidate[self._best]
        labelled = set()
        for number, rows in self._rows.items():
            scored = rows[self._scored[rows]]
            if not len(scored):
                continue
            own = bracket[rows[0]]
            survived = n_resources[scored[-1]] == most[own]
            style = {"marker": "o", "markersize": 3}
            if len(most) > 1:
                style["color"] = f"C{own}" if f"C{own}" != "C3" else "C9"  # C3 is the best's
                style["alpha"] = 0.9 if survived else 0.4
                label = f"bracket {own}"
            else:
                style["color"] = "tab:blue" if survived else "0.65"
                label = "in the last rung" if survived else "stopped"
            style["linewidth"] = 1.6 if survived else 0.8
            style["zorder"] = 2.5 if survived else 2
            if number == best:
                style |= {"color": BEST_COLOR, "linewidth": 2.2, "alpha": 1, "zorder": 3}
                label = None
                self._plot_band(axis, n_resources[scored], scored)
            if label not in labelled:
                style["label"] = label
                labelled.add(label)
            self.lines_ += axis.plot(n_resources[scored], self._shown[scored], **style | line_kw)
        self._plot_best(axis, n_resources)
        self._plot_failed(axis, n_resources, ~self._scored)
        _set_whole_ticks(axis, np.unique(n_resources), is_log=True)
        axis.set_xlabel(self.resource or "n_resources")
        _add_legend(axis)

    def _plot_order(self, axis, line_kw: dict, scatter_kw: dict) -> None:
        """The candidates in their order, and the best so far."""
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
        _add_legend(axis)

    def _plot_parameter(self, axis, name: str, values: np.ma.MaskedArray, scatter_kw: dict) -> None:
        """Each candidate that has the parameter: its last score."""
        rows = self._last[~np.ma.getmaskarray(values)[self._last]]
        places = np.full(len(values), np.nan)
        own = [values[row] for row in rows]
        if all(_is_number(value) for value in own):
            places[rows] = np.array(own, dtype=float)
            _set_number_axis(axis, places[rows], all(isinstance(value, Integral) for value in own))
        else:
            places[rows] = _set_category_axis(axis, own)
        scored = rows[self._scored[rows]]
        colors = self._candidate if self.n_resources is None else np.asarray(self.n_resources)
        scored = scored[np.argsort(colors[scored], kind="stable")]
        style = {"c": colors[scored], "cmap": "viridis", "norm": self._color_norm(), "s": 24}
        points = axis.scatter(places[scored], self._shown[scored], **style | scatter_kw)
        self.points_.append(points)
        self._plot_best(axis, places)
        failed = np.zeros(len(values), dtype=bool)
        failed[rows] = ~self._scored[rows]
        self._plot_failed(axis, places, failed)
        axis.set_xlabel(name)

    def _plot_band(self, axis, x, rows) -> None:
        if self.std is not None and len(rows) > 1:
            std = np.asarray(self.std, dtype=float)[rows]
            shown = self._shown[rows]
            low, high = shown - std, shown + std
            axis.fill_between(x, low, high, color=BEST_COLOR, alpha=0.12, linewidth=0)

    def _plot_best(self, axis, x) -> None:
        """A star, with the standard deviation over the splits where it is known."""
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
        """Crosses where scores are worst: the upper edge for losses, the lower one for scores."""
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

    def _color_norm(self):
        from matplotlib.colors import LogNorm, Normalize

        if self.n_resources is None:
            return Normalize(self._candidate.min(), max(self._candidate.max(), 1))
        low, high = np.min(self.n_resources), np.max(self.n_resources)
        return LogNorm(low, high) if low < high else Normalize(low - 1, high)

    def _add_colorbar(self) -> None:
        from matplotlib.cm import ScalarMappable

        colors = ScalarMappable(self._color_norm(), "viridis")
        self.colorbar_ = self.figure_.colorbar(colors, ax=list(self.axes_[1:]))
        if self.n_resources is None:
            self.colorbar_.set_label("candidate")
            self.colorbar_.locator.set_params(integer=True)
            self.colorbar_.update_ticks()
        else:
            self.colorbar_.set_label(self.resource or "n_resources")
            ticks = np.unique(self.n_resources)
            self.colorbar_.set_ticks(ticks, labels=[str(tick) for tick in ticks])
            self.colorbar_.minorticks_off()


def _find_column(search, metric: str | None) -> str:
    """The column of the scores."""
    results = search.cv_results_
    names = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
    if metric is not None:
        if metric not in names:
            raise ValueError(f"`metric` must be one of {names}, got {metric!r}.")
        return f"mean_test_{metric}"
    metric = "score" if "score" in names else search.refit
    kind = "worst_test" if search.select == "worst_language" else "mean_test"
    if f"{kind}_{metric}" not in results:
        raise ValueError(f"`metric` must name one of the metrics of this search: {names}.")
    return f"{kind}_{metric}"


def _find_params(search, params: list[str] | None) -> dict:
    """The columns of the parameters by name."""
    columns = {
        name.removeprefix("param_"): values
        for name, values in search.cv_results_.items()
        if name.startswith("param_")
    }
    if "n_resources" in search.cv_results_:
        columns.pop(search.resource, None)
    if params is None:
        return columns
    unknown = [name for name in params if name not in columns]
    if unknown:
        raise ValueError(
            f"`params` must be among the parameters searched for, {list(columns)}, got {unknown}."
        )
    return {name: columns[name] for name in params}


def _describe_score(search, column: str) -> tuple[str, bool]:
    """What the scores of a column are called, and whether they are negated losses."""
    kind, _, metric = column.partition("_test_")
    scorer, language = _find_scorer(search, metric)
    name, negated = metric, False
    if hasattr(scorer, "_sign"):
        name = scorer._score_func.__name__.removesuffix("_score")
        name = "log-loss" if name == "log_loss" else name.replace("_", " ")
        negated = scorer._sign < 0
    elif language:
        name = metric.removesuffix(f"_{language}")
    where = " in the worst language" if kind == "worst" else ""
    if language:
        where = f" in {language}"
    return f"cross-validation {name}{where}", negated


def _find_scorer(search, metric: str):
    """The scorer of a metric, None where it is not known, and the language that is its suffix."""
    scorers = getattr(search, "scorer_", None)
    if scorers is None:
        scorers = _guess_scorers(search)
    if not isinstance(scorers, dict):
        scorers = {"score": scorers}
    for name in sorted(scorers, key=len, reverse=True):
        if metric == name:
            return scorers[name], None
        if metric.startswith(f"{name}_"):
            return scorers[name], metric.removeprefix(f"{name}_")
    return None, None


def _guess_scorers(search):
    """The scorers of a search that was interrupted."""
    scoring = search.scoring
    if scoring is None:
        is_loss = hasattr(search.estimator, "predict_proba")
        return get_scorer("neg_log_loss") if is_loss else None
    if isinstance(scoring, str):
        return get_scorer(scoring)
    if isinstance(scoring, list | tuple | set):
        return {name: get_scorer(name) for name in scoring}
    if isinstance(scoring, dict):
        return {
            name: get_scorer(scorer) if isinstance(scorer, str) else scorer
            for name, scorer in scoring.items()
        }
    return scoring


def _make_axes(n_panels: int, ax) -> np.ndarray:
    import matplotlib.pyplot as plt

    if ax is not None:
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != n_panels:
            raise ValueError(
                f"`ax` must have {n_panels} Axes, one and as many as parameters, got {len(axes)}."
            )
        return axes
    n_columns = 2 if n_panels == 4 else min(n_panels, MAX_COLUMNS)
    n_rows = -(-n_panels // n_columns)
    width, height = PANEL_SIZE
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns, height * n_rows),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat[n_panels:]:
        axis.remove()
    return axes.ravel()[:n_panels]


def _set_loss_axis(axis, losses: np.ndarray) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    if losses.size and losses.min() > 0 and losses.max() > WIDE_LOSSES * losses.min():
        axis.set_yscale("log")
        if losses.max() < WIDE * losses.min():
            axis.yaxis.set_major_locator(LogLocator(subs=LOSS_TICKS))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_locator(NullLocator())


def _set_number_axis(axis, values: np.ndarray, are_whole: bool) -> None:
    sizes = np.abs(values[values != 0])
    is_wide = sizes.size > 0 and sizes.max() > WIDE * sizes.min()
    if is_wide and values.min() > 0:
        axis.set_xscale("log")
    elif is_wide:
        axis.set_xscale("symlog", linthresh=sizes.min())
    ticks = np.unique(values)
    if are_whole and len(ticks) <= MAX_TICKS:
        _set_whole_ticks(axis, ticks.astype(int), is_log=False)


def _set_category_axis(axis, values: list) -> np.ndarray:
    """Where each value is; those of the same category side by side."""
    names = [_name(value) for value in values]
    order = {}
    for name, value in zip(names, values, strict=True):
        number = float(value) if _is_number(value) else -np.inf
        order.setdefault(name, (_is_number(value), number, name))
    categories = sorted(order, key=order.get)
    codes = np.array([categories.index(name) for name in names], dtype=float)
    places = codes.copy()
    for code in range(len(categories)):
        own = np.flatnonzero(codes == code)
        if len(own) > 1:
            places[own] += np.linspace(-0.2, 0.2, len(own))
    is_long = sum(map(len, categories)) > 30
    axis.set_xticks(
        range(len(categories)),
        categories,
        rotation=30 if is_long else 0,
        ha="right" if is_long else "center",
        rotation_mode="anchor" if is_long else "default",
    )
    axis.set_xlim(-0.5, len(categories) - 0.5)
    return places


def _set_whole_ticks(axis, ticks: np.ndarray, is_log: bool) -> None:
    if is_log and len(ticks) > 1:
        axis.set_xscale("log")
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()


def _add_legend(axis) -> None:
    if axis.get_legend_handles_labels()[0]:
        for handle in axis.legend(fontsize="small").legend_handles:
            handle.set_alpha(1)


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _name(value) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}..."
