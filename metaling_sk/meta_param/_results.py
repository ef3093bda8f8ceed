"""What a search found: by candidate, metric and language."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import FitFailedWarning


def metric_names(results) -> list[str]:
    """The metrics, from the first fit that was scored; none where all have failed."""
    for found in results:
        if found["test_scores"] is not None:
            return list(found["test_scores"])
    return []


def completed(
    results: list[dict], metrics: list[str], error_score, spoken: list[list[str]]
) -> list[dict]:
    """The results of a candidate in which `error_score` stands for all that failed.

    Parameters
    ----------
    error_score : float or "raise"
        "raise" counts as NaN: then what is missing is a score that is NaN itself.
    spoken : list of list of str
        The languages of each split.
    """
    error_score = np.nan if error_score == "raise" else error_score
    missing = dict.fromkeys(metrics, error_score)

    def fill(scores):
        known = {name: score for name, score in (scores or {}).items() if not np.isnan(score)}
        return missing | known

    return [
        {name: result[name] for name in ("fit_time", "score_time", "failure")}
        | {
            "test_scores": fill(result["test_scores"]),
            "train_scores": fill(result.get("train_scores")),
            "languages": {
                code: result["languages"].get(code, {}) | _failed(result, missing) for code in codes
            },
        }
        for result, codes in zip(results, spoken, strict=True)
    ]


def _failed(result: dict, missing: dict) -> dict:
    """Those of the scores `missing` that the test rows together do not have."""
    scores = result["test_scores"] or {}
    return {name: value for name, value in missing.items() if np.isnan(scores.get(name, np.nan))}


def criterion(results: list[dict], metric: str, select: str) -> float:
    """What selects a candidate: the higher the better, NaN where a fit has failed.

    Parameters
    ----------
    results : list of dict
        Completed.
    """
    mean = float(np.mean([result["test_scores"][metric] for result in results]))
    if select == "mean" or not np.isfinite(mean):
        return mean
    means = [_nanmean(scores) for scores in language_scores(results, metric).values()]
    return float(np.nanmin(means)) if np.isfinite(means).any() else np.nan


def language_scores(results: list[dict], metric: str) -> dict[str, np.ndarray]:
    """Of one candidate: the score of each language in each split, NaN where there is none."""
    codes = sorted({code for result in results for code in result["languages"]})
    return {
        code: np.array(
            [result["languages"].get(code, {}).get(metric, np.nan) for result in results]
        )
        for code in codes
    }


def language_columns(rows: list[list[dict]], metrics: list[str]) -> dict[str, np.ndarray]:
    """Columns of `cv_results_` for the languages; none where X has no language."""
    codes = sorted({code for row in rows for result in row for code in result["languages"]})
    columns = {}
    for metric in metrics if codes else ():
        by_row = [language_scores(row, metric) for row in rows]
        for code in codes:
            found = [scores.get(code, np.array([np.nan])) for scores in by_row]
            columns[f"mean_test_{metric}_{code}"] = np.array([_nanmean(x) for x in found])
            columns[f"std_test_{metric}_{code}"] = np.array([_nanmean(x, np.nanstd) for x in found])
        columns[f"worst_test_{metric}"] = np.array(
            [criterion(row, metric, "worst_language") for row in rows]
        )
    return columns


def failure_column(rows: list[list[dict]]) -> np.ndarray:
    """Why a candidate's score is not what its fits gave; None where nothing failed."""
    column = np.full(len(rows), None, dtype=object)
    for number, row in enumerate(rows):
        failed = [(split, result["failure"]) for split, result in enumerate(row)]
        failed = [f"split {split}: {reason}" for split, reason in failed if reason]
        if failed:
            column[number] = "; ".join(dict.fromkeys(failed))
    return column


def warn_of_failures(rows: list[list[dict]], error_score) -> None:
    """As sklearn's searches do.

    Raises
    ------
    ValueError
        If every fit has failed.
    """
    fits = [result for row in rows for result in row]
    failed = [result for result in fits if result["test_scores"] is None]
    if failed and len(failed) == len(fits):
        raise ValueError(
            f"All the {len(fits)} fits failed; perhaps the estimator or its parameters are "
            f"misconfigured. error_score='raise' stops at the first one.\n{_reasons(failed)}"
        )
    scored = "" if error_score == "raise" else f" and are scored {error_score}"
    unscored = [result for result in fits if result["failure"] and result not in failed]
    for results, category in [(failed, FitFailedWarning), (unscored, UserWarning)]:
        if results:
            warnings.warn(
                f"{len(results)} of {len(fits)} fits failed{scored}; see "
                f"cv_results_['failure'].\n{_reasons(results)}",
                category,
                stacklevel=4,
            )


def _reasons(failed: list[dict]) -> str:
    """How often fits failed for each reason, and where one of them did."""
    reasons = {}
    for result in failed:
        reasons.setdefault(result["failure"], []).append(result.get("traceback", result["failure"]))
    return "\n".join(f"{len(found)} fits: {found[0]}" for found in reasons.values())


def _nanmean(values: np.ndarray, average=np.nanmean) -> float:
    return float(average(values)) if np.isfinite(values).any() else np.nan
