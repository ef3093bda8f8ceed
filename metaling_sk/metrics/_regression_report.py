"""A report of the errors of predicted numbers in each language."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.utils import check_random_state

from metaling_sk._data.suspicions import suspect_order
from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.metrics._bootstrap import BOOTSTRAP_CONSTRAINTS, percentile_intervals
from metaling_sk.metrics._inputs import (
    check_complete_numbers,
    check_language_array,
    pairs_by_language,
)
from metaling_sk.metrics._language_report import summarise

NUMBER_SCORES = ["r2", "rmse", "mae"]

CONSTRAINTS: dict = {
    "y_true": ["array-like"],
    "y_pred": ["array-like"],
    "language": ["array-like", str],
    **BOOTSTRAP_CONSTRAINTS,
}


@validate_params(CONSTRAINTS, prefer_skip_nested_validation=True)
def regression_report(
    y_true,
    y_pred,
    language,
    *,
    n_bootstraps: int = 0,
    confidence: float = 0.95,
    random_state=None,
) -> pd.DataFrame:
    """Report R² and the errors of predicted numbers in each language, their worst value and gap.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true numbers; none may be missing.
    y_pred : array-like of shape (n_samples,)
        The predicted numbers.
    language : array-like of str, shape (n_samples,)
        The language of each sample.
    n_bootstraps : int, default=0
        The number of bootstrap draws for confidence intervals; 0 for none. The samples of each
        language are drawn with replacement. 1,000 draws are enough for 95 %.
    confidence : float, default=0.95
        The confidence level of the intervals, between 0 and 1.
    random_state : int, RandomState instance or None, default=None
        The seed of the bootstrap draws.

    Returns
    -------
    DataFrame
        One row per language, in alphabetical order, then the rows "mean" (each language counts the
        same), "worst" (the lowest R², the largest errors) and "gap" (the highest minus the lowest).
        The columns are r2, rmse (root mean squared error) and mae (mean absolute error), both in
        the units of y, and support, the number of samples. R² compares with the mean of the
        language's own samples, so it can be negative; it is NaN of one sample.

        With `n_bootstraps` the last columns are r2_low, r2_high, and so on, the percentile
        intervals of the languages and of the mean.

    Raises
    ------
    ValueError
        If the lengths differ, a number is missing or infinite, a language is not a string or is
        called like one of the last rows, or a parameter is invalid.

    See Also
    --------
    language_report : The same for classes.
    worst_languages : The names of the worst languages of a report.

    Examples
    --------
    >>> from metaling_sk.metrics import regression_report
    >>> y_true, y_pred = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 2.0, 2.0, 2.0]
    >>> regression_report(y_true, y_pred, ["en", "en", "en", "zh", "zh", "zh"]).round(2)
               r2  rmse   mae  support
    language
    en        1.0  0.00  0.00        3
    zh        0.0  0.82  0.67        3
    mean      0.5  0.41  0.33        6
    worst     0.0  0.82  0.67        6
    gap       1.0  0.82  0.67        6
    """
    arguments = "y_true, y_pred and `language`"
    suspect_order(None, "y_true", y_true=y_true, y_pred=y_pred, language=language)
    y_true = check_complete_numbers(y_true, "y_true", arguments)
    y_pred = check_complete_numbers(y_pred, "y_pred", arguments)
    pairs = pairs_by_language(y_true, y_pred, check_language_array(language))
    report = pd.DataFrame(
        {name: _scores(*pair) for name, pair in pairs.items()}, index=NUMBER_SCORES
    )
    report = report.T.rename_axis("language")
    report["support"] = [len(pair[0]) for pair in pairs.values()]
    summary = summarise(report)
    if n_bootstraps:
        rng = check_random_state(random_state)
        tables = {name: _draw(*pair, n_bootstraps, rng) for name, pair in pairs.items()}
        draws = {
            score: pd.DataFrame({name: table[score] for name, table in tables.items()})
            for score in NUMBER_SCORES
        }
        intervals = percentile_intervals(draws, confidence)
        report, summary = report.join(intervals), summary.join(intervals)
    return pd.concat([report, summary])


def _scores(y_true: np.ndarray, y_pred: np.ndarray) -> list[float]:
    r2 = r2_score(y_true, y_pred) if len(y_true) > 1 else np.nan
    return [r2, root_mean_squared_error(y_true, y_pred), mean_absolute_error(y_true, y_pred)]


def _draw(y_true: np.ndarray, y_pred: np.ndarray, n_bootstraps: int, rng) -> pd.DataFrame:
    """The scores of samples that are drawn with replacement, shape (n_bootstraps, 3)."""
    n_samples, error = len(y_true), y_true - y_pred
    centred = y_true - y_true.mean()
    values = np.column_stack([error**2, np.abs(error), centred, centred**2])
    shares = np.full(n_samples, 1 / n_samples)
    means = [rng.multinomial(n_samples, shares) @ values / n_samples for _ in range(n_bootstraps)]
    mse, mae, mean, square = np.transpose(means)
    variance = square - mean**2
    # What is left of equal numbers by rounding is no variance.
    known = variance > np.finfo(float).eps * square
    r2 = np.full(n_bootstraps, np.nan)
    np.divide(variance - mse, variance, out=r2, where=known)
    return pd.DataFrame({"r2": r2, "rmse": np.sqrt(mse), "mae": mae})
