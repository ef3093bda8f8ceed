"""The results of a search: complete, by language, and as the table `cv_results_`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from sklearn.exceptions import FitFailedWarning

from metaling_sk._utils.messages import warn_user
from metaling_sk.meta_param._fit_spec import Evaluation, FitResult
from metaling_sk.meta_param._scoring import SCORE


def make_table(
    evaluations: list[Evaluation],
    results: list[list[FitResult]],
    *,
    error_score: float | str,
    test_languages: list[list[str]],
    resource_columns: Iterable[str],
    format_results: Callable,
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Make the table of a search, a row for each evaluation.

    Parameters
    ----------
    evaluations : list of Evaluation
        The candidates in the rungs.
    results : list of list of dict
        The results of each evaluation by split.
    error_score : float or "raise"
        The score of what failed.
    test_languages : list of list of str
        The languages of the test samples of each split.
    resource_columns : iterable of {"iter", "n_resources", "bracket"}
        The columns that this kind of search has.
    format_results : callable
        The method of scikit-learn's searches that makes the other columns.

    Returns
    -------
    columns : dict of ndarray
        `cv_results_`.
    metrics : list of str
        The names of the metrics.
    """
    metrics = metric_names(result for row in results for result in row) or [SCORE]
    completed = [complete(row, metrics, error_score, test_languages) for row in results]
    first_columns = {"candidate": [evaluation.candidate for evaluation in evaluations]}
    values = {"iter": "iteration", "n_resources": "n_resources", "bracket": "bracket"}
    for name in resource_columns:
        first_columns[name] = [getattr(evaluation, values[name]) for evaluation in evaluations]
    columns = format_results(
        [evaluation.params for evaluation in evaluations],
        len(test_languages),
        [result for row in completed for result in row],
        first_columns,
    )
    for name, column in language_columns(completed, metrics).items():
        # A metric may have the name of another in a language; then the metric stays.
        columns.setdefault(name, column)
    return columns | {"failure": failure_column(completed)}, metrics


def best_row(columns: dict[str, np.ndarray], score_column: str, *, only_most: bool) -> int:
    """Find the row with the best score and, among equals, with most of the resource.

    Parameters
    ----------
    columns : dict of ndarray
        `cv_results_`.
    score_column : str
        The column of the scores.
    only_most : bool
        Whether only rows count that have had as much of the resource as any.

    Returns
    -------
    int
    """
    scores = np.nan_to_num(columns[score_column], nan=-np.inf)
    n_resources = np.asarray(columns.get("n_resources", np.zeros(len(scores))))
    if only_most:
        scores = np.where(n_resources == n_resources.max(), scores, -np.inf)
    best = np.flatnonzero(scores == scores.max())
    return best[n_resources[best].argmax()]


def metric_names(results: Iterable[FitResult]) -> list[str]:
    """The metrics, read from the first fit that was scored; none if all have failed."""
    for result in results:
        if result["test_scores"] is not None:
            return list(result["test_scores"])
    return []


def complete(
    results: list[FitResult],
    metrics: list[str],
    error_score: float | str,
    test_languages: list[list[str]],
) -> list[dict]:
    """Put `error_score` in the place of all scores that are missing.

    Parameters
    ----------
    results : list of dict
        The results of a candidate by split.
    metrics : list of str
        The metrics that each result is to have.
    error_score : float or "raise"
        "raise" counts as NaN: then what is missing is a score that is NaN itself.
    test_languages : list of list of str
        The languages of the test samples of each split.

    Returns
    -------
    list of dict
        New results without missing scores.
    """
    error_score = np.nan if error_score == "raise" else error_score
    defaults = dict.fromkeys(metrics, error_score)

    def fill(scores):
        valid = {name: score for name, score in (scores or {}).items() if not np.isnan(score)}
        return defaults | valid

    completed = []
    for result, languages in zip(results, test_languages, strict=True):
        failed = _failed_metrics(result, defaults)
        completed.append(
            {
                "fit_time": result["fit_time"],
                "score_time": result["score_time"],
                "failure": result["failure"],
                "test_scores": fill(result["test_scores"]),
                "train_scores": fill(result.get("train_scores")),
                "languages": {
                    language: result["languages"].get(language, {}) | failed
                    for language in languages
                },
            }
        )
    return completed


def _failed_metrics(result: FitResult, defaults: dict) -> dict:
    """The default scores of the metrics that all test samples together have no score of."""
    scores = result["test_scores"] or {}
    return {name: value for name, value in defaults.items() if np.isnan(scores.get(name, np.nan))}


def selection_score(results: list[dict], metric: str, select: str) -> float:
    """The score that selects a candidate: the higher the better, NaN if a fit has failed.

    Parameters
    ----------
    results : list of dict
        The complete results of the candidate by split.
    metric : str
        The metric that selects.
    select : {"mean", "worst_language"}
        Whether the mean score counts or that of the worst language.

    Returns
    -------
    float
    """
    mean = float(np.mean([result["test_scores"][metric] for result in results]))
    if select == "mean" or not np.isfinite(mean):
        return mean
    means = [_nanmean(scores) for scores in language_scores(results, metric).values()]
    return float(np.nanmin(means)) if np.isfinite(means).any() else np.nan


def language_scores(results: list[dict], metric: str) -> dict[str, np.ndarray]:
    """The scores of a candidate in each language by split, NaN if a split has none."""
    return {
        language: np.array(
            [result["languages"].get(language, {}).get(metric, np.nan) for result in results]
        )
        for language in _languages_in(results)
    }


def language_columns(results: list[list[dict]], metrics: list[str]) -> dict[str, np.ndarray]:
    """The columns of `cv_results_` for the languages; none if X has no language."""
    languages = _languages_in(result for row in results for result in row)
    columns: dict[str, np.ndarray] = {}
    for metric in metrics if languages else ():
        by_row = [language_scores(row, metric) for row in results]
        for language in languages:
            scores = [row.get(language, np.array([np.nan])) for row in by_row]
            columns[f"mean_test_{metric}_{language}"] = np.array([_nanmean(x) for x in scores])
            columns[f"std_test_{metric}_{language}"] = np.array(
                [_nanmean(x, np.nanstd) for x in scores]
            )
        columns[f"worst_test_{metric}"] = np.array(
            [selection_score(row, metric, "worst_language") for row in results]
        )
    return columns


def failure_column(results: list[list[dict]]) -> np.ndarray:
    """The reasons of the failures in each row; None if nothing failed."""
    column = np.full(len(results), None, dtype=object)
    for position, row in enumerate(results):
        reasons = [
            f"split {split}: {result['failure']}"
            for split, result in enumerate(row)
            if result["failure"]
        ]
        if reasons:
            column[position] = "; ".join(dict.fromkeys(reasons))
    return column


def warn_of_failures(results: list[list[FitResult]], error_score: float | str) -> None:
    """Warn of fits that failed, as the searches of scikit-learn do.

    Raises
    ------
    ValueError
        If every fit has failed.
    """
    fits = [result for row in results for result in row]
    failed = [result for result in fits if result["test_scores"] is None]
    if failed and len(failed) == len(fits):
        raise ValueError(
            f"All the {len(fits)} fits failed; perhaps the estimator or its parameters are "
            f"misconfigured. error_score='raise' stops at the first one.\n{_reasons(failed)}"
        )
    scored = "" if error_score == "raise" else f" and are scored {error_score}"
    unscored = [result for result in fits if result["failure"] and result not in failed]
    for group, category in [(failed, FitFailedWarning), (unscored, UserWarning)]:
        if group:
            warn_user(
                f"{len(group)} of {len(fits)} fits failed{scored}; see "
                f"cv_results_['failure'].\n{_reasons(group)}",
                category=category,
            )


def warn_of_idle_resource(
    evaluations: list[Evaluation], results: list[list[FitResult]], resource: str
) -> None:
    """Warn if no candidate that was fitted anew with more of the resource got another score."""
    scores: dict[int, list] = {}
    for evaluation, row in zip(evaluations, results, strict=True):
        scores.setdefault(evaluation.candidate, []).append([fit["test_scores"] for fit in row])
    repeated = [rungs for rungs in scores.values() if len(rungs) > 1]
    if repeated and all(rung == rungs[0] for rungs in repeated for rung in rungs):
        warn_user(
            f"`resource`: more {resource!r} has changed no score of any candidate, so the rungs "
            "have told nothing. A model that is solved for, as MetaNetClassifier is on numbers and "
            "the vectors of a frozen encoder, has no epochs; search it by search='random' or "
            "'tpe', or with resource='n_samples'.",
            category=UserWarning,
        )


def _reasons(failed: list[FitResult]) -> str:
    """The number of failed fits for each reason, with the traceback of one of them."""
    tracebacks: dict[str | None, list] = {}
    for result in failed:
        reason = result["failure"]
        tracebacks.setdefault(reason, []).append(result.get("traceback", reason))
    return "\n".join(f"{len(group)} fits: {group[0]}" for group in tracebacks.values())


def _languages_in(results: Iterable[dict]) -> list[str]:
    return sorted({language for result in results for language in result["languages"]})


def _nanmean(values: np.ndarray, average=np.nanmean) -> float:
    return float(average(values)) if np.isfinite(values).any() else np.nan
