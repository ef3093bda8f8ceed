"""The objective of a search: the value of a candidate's results, which is maximised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaling_sk.meta_param._fit_spec import FitResult
from metaling_sk.meta_param._results import complete, metric_names, selection_score
from metaling_sk.meta_param._scoring import SCORE
from metaling_sk.metrics import log_loss_scorer


@dataclass(frozen=True)
class Objective:
    """The value of a candidate's results: the higher the better.

    Attributes
    ----------
    metric : str or None
        The metric that selects; None if `refit` is to select after the search.
    select : {"mean", "worst_language"}
        Whether the mean score counts or that of the worst language.
    error_score : float or "raise"
        The score of a fit that failed.
    test_languages : list of list of str
        The languages of the test samples of each split.
    missing_metric : str or None
        The error message if the metric is missing from the results; None if the search can do
        without it.
    """

    metric: str | None
    select: str
    error_score: float | str
    test_languages: list[list[str]]
    missing_metric: str | None

    def __call__(self, results: list[FitResult]) -> float:
        """Return the value of a candidate's results by split; NaN if there is no such score."""
        metrics = metric_names(results)
        metric = SCORE if metrics == [SCORE] else self.metric
        if metric is None or (metrics and metric not in metrics):
            if self.missing_metric is not None:
                raise ValueError(self.missing_metric)
            return np.nan
        completed = complete(results, metrics or [metric], self.error_score, self.test_languages)
        return selection_score(completed, metric, self.select)


def find_scorers(search, classes: np.ndarray | None):
    """Find the scorers of a search and the metric that selects.

    Parameters
    ----------
    search : MetaParamSearchCV
    classes : ndarray or None
        The classes of y; None if y holds no classes.

    Returns
    -------
    scorers : callable
    metric : str, bool or callable
        What scikit-learn's searches take for the name of the metric, which need not be one.
    """
    scorers, metric = search._get_scorers()
    has_loss = classes is not None and hasattr(search.estimator, "predict_proba")
    if search.scoring is None and has_loss:
        scorers = log_loss_scorer(classes)
    return scorers, metric


def check_metric(search, metric, *, has_language: bool) -> str | None:
    """Return the name of the metric that selects, None if `refit` leaves that to the user.

    Raises
    ------
    ValueError
        If the search needs a language or a metric that it does not have.
    """
    if search.select == "worst_language" and not has_language:
        raise ValueError(
            "`select`='worst_language' needs the language of each row: give X a language "
            "column, or pass `language` to fit."
        )
    if callable(search.scoring) and isinstance(search.refit, str):
        # The callable may give one score or several that have names.
        return search.refit
    if isinstance(metric, str):
        return metric
    message = missing_metric_message(search)
    if message is not None:
        raise ValueError(message)
    return None


def missing_metric_message(search) -> str | None:
    """The error message for a missing metric; None if candidates are not chosen by a metric.

    Only a random search with select="mean" can leave the choice to `refit`.
    """
    if search.search == "random" and search.select == "mean":
        return None
    return (
        f"`refit` must name the metric by which search={search.search!r} and "
        f"select={search.select!r} choose among candidates, got {search.refit!r}."
    )
