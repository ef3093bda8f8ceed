"""The scores and parameters of a search, and what the scores are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from sklearn.metrics import get_scorer

from metaling_sk.metrics._language_scorer import LanguageScorer

LOG_DISTRIBUTIONS = "loguniform", "reciprocal"
"""The names of scipy's distributions that are uniform on a log scale."""

LANGUAGE_AGGREGATES = {
    "mean": "averaged over languages",
    "min": "in the worst language",
    "gap": "gap between languages",
}
"""What the scores of `make_language_scorer` are called."""


def find_score_column(search, metric: str | None) -> str:
    """Find the column of `cv_results_` with the scores of a metric.

    Parameters
    ----------
    search : MetaParamSearchCV
        A search with results.
    metric : str or None
        The name of the column without ``mean_test_``; None is what the search selects by.

    Returns
    -------
    str
        The name of the column.

    Raises
    ------
    ValueError
        If there is no such metric, or it is None and the search does not select by one.
    """
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


def find_failed(search, scores: np.ndarray) -> np.ndarray:
    """Find the rows of `cv_results_` whose score does not count.

    Parameters
    ----------
    search : MetaParamSearchCV
        A search with results.
    scores : ndarray of float, shape (n_rows,)
        The scores.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
        True for failed fits, also where a number stands for their score.
    """
    failed = ~np.isfinite(scores)
    error_score = search.error_score
    if error_score != "raise" and np.isfinite(error_score):
        # The number that stands for a failure may be part of the mean.
        failed |= np.array([reason is not None for reason in search.cv_results_["failure"]])
    return failed


def find_params(search, params: list[str] | None) -> dict[str, np.ma.MaskedArray]:
    """Find the values of the parameters to show.

    Parameters
    ----------
    search : MetaParamSearchCV
        A search with results.
    params : list of str or None
        Names of parameters; None for all that were searched for.

    Returns
    -------
    dict of str to masked array of shape (n_rows,)
        The values by name.

    Raises
    ------
    ValueError
        If a parameter was not searched for.
    """
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


def find_log_params(search) -> set[str]:
    """Find the parameters that are searched for on a log scale.

    Parameters
    ----------
    search : MetaParamSearchCV
        A search.

    Returns
    -------
    set of str
        The names of the parameters with a loguniform distribution.
    """
    spaces = search.param_distributions
    return {
        name
        for space in ([spaces] if isinstance(spaces, Mapping) else spaces)
        for name, values in space.items()
        if getattr(getattr(values, "dist", None), "name", None) in LOG_DISTRIBUTIONS
    }


def shorten_names(names: Iterable[str]) -> dict[str, str]:
    """Shorten the names of nested parameters as far as they stay different.

    Parameters
    ----------
    names : iterable of str
        Names such as ``logisticregression__C``.

    Returns
    -------
    dict of str to str
        The last parts of each name, by the whole name.
    """
    parts = {name: name.split("__") for name in names}
    shortened = {}
    for name, own in parts.items():
        lengths = range(1, len(own) + 1)
        shortened[name] = "__".join(
            next(
                (
                    own[-length:]
                    for length in lengths
                    if sum(each[-length:] == own[-length:] for each in parts.values()) == 1
                ),
                own,
            )
        )
    return shortened


def describe_score(search, column: str) -> tuple[str, bool]:
    """Describe the scores of a column.

    Parameters
    ----------
    search : MetaParamSearchCV
        A search with results.
    column : str
        What `find_score_column` returned.

    Returns
    -------
    name : str
        What the scores are called.
    is_negated : bool
        Whether they are negated losses.
    """
    kind, _, metric = column.partition("_test_")
    scorer, language = _find_scorer(search, metric)
    name, is_negated = metric, False
    if hasattr(scorer, "_sign"):
        name = scorer._score_func.__name__.removesuffix("_score")
        name = "log-loss" if name == "log_loss" else name.replace("_", " ")
        is_negated = scorer._sign < 0
        if isinstance(scorer, LanguageScorer):
            name = f"{name} {LANGUAGE_AGGREGATES[scorer.aggregate]}"
            is_negated |= scorer.aggregate == "gap"
    elif language:
        name = metric.removesuffix(f"_{language}")
    suffix = " in the worst language" if kind == "worst" else ""
    if language:
        suffix = f" in {language}"
    return f"cross-validation {name}{suffix}", is_negated


def _find_scorer(search, metric: str):
    """Return the scorer of a metric, if it is known, and the language in its name, if any."""
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
    """Return the scorers of a search that was interrupted before it set them."""
    if search.scoring is None and hasattr(search.estimator, "predict_proba"):
        return get_scorer("neg_log_loss")
    scorers, _ = search._get_scorers()
    return getattr(scorers, "_scorers", scorers)
