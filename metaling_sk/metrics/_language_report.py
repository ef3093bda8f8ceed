"""A report of the scores of predictions in each language."""

from __future__ import annotations

from numbers import Real
from typing import Any

import pandas as pd
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.utils import check_random_state

from metaling_sk._data.suspicions import suspect_order
from metaling_sk._utils.sklearn_compat import (
    Options,
    StrOptions,
    validate_params,
)
from metaling_sk.metrics._bootstrap import (
    BOOTSTRAP_CONSTRAINTS,
    BootstrapCounts,
    occurring_classes,
    percentile_intervals,
    widen_intervals,
)
from metaling_sk.metrics._inputs import (
    SUMMARY,
    check_complete_classes,
    check_language_array,
    check_same_names,
    name_labels,
    pairs_by_language,
)

ERRORS = {"rmse", "mae", "word_error_rate", "character_error_rate"}
"""Of these scores the highest is the worst."""

SCORES = ["accuracy", "precision", "recall", "f1"]

REPORT_CONSTRAINTS: dict = {
    "average": [StrOptions({"macro", "micro", "weighted"})],
    "zero_division": [Options(Real, {0.0, 1.0}), "nan", StrOptions({"warn"})],
    "by_class": ["boolean"],
    **BOOTSTRAP_CONSTRAINTS,
}


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "language": ["array-like", str],
    }
    | REPORT_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def language_report(
    y_true,
    y_pred,
    language,
    *,
    average: str = "macro",
    zero_division: float | str = 0.0,
    by_class: bool = False,
    n_bootstraps: int = 0,
    confidence: float = 0.95,
    random_state=None,
) -> pd.DataFrame:
    """Report accuracy, precision, recall and F1 of each language, and their worst value and gap.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_labels)
        The true labels; none may be missing. Several labels are a column of 0 and 1 for each; then
        they are the classes, named by the columns of a DataFrame, and the accuracy is the share of
        samples all of whose labels are right.
    y_pred : array-like of shape (n_samples,) or (n_samples, n_labels)
        The predicted labels.
    language : array-like of str, shape (n_samples,)
        The language of each sample.
    average : {"macro", "micro", "weighted"}, default="macro"
        How precision, recall and F1 of the classes are averaged, as in
        `sklearn.metrics.precision_recall_fscore_support`. In each language only the classes that
        occur there, as true or predicted labels, count.
    zero_division : {0.0, 1.0, nan, "warn"}, default=0.0
        The precision of a class that is never predicted, and the recall of one that never occurs,
        as in `sklearn.metrics.precision_recall_fscore_support`.
    by_class : bool, default=False
        Whether to report each class of each language instead of an average. `average` is not used
        then.
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
        One row per language, in alphabetical order, then the rows "mean" (each language counts
        the same), "worst" (the lowest value of each column) and "gap" (the highest minus the
        lowest). The columns are accuracy, precision, recall, f1 and support. The support is the
        number of samples: of the language, or of all languages in the last three rows.

        With `by_class` there is one row per language and class that occurs in it, and the last
        rows are one of each kind per class. There is no accuracy, and the support is the number of
        true labels.

        With `n_bootstraps` the last columns are accuracy_low, accuracy_high, f1_low and f1_high,
        the percentile intervals of the languages and of the mean. Those of the worst value and of
        the gap are NaN: resampling makes the worst look worse than it is. Where all predictions are
        right, resampling finds no error: there the low end is the exact binomial bound of the
        accuracy, ``((1 - confidence) / 2) ** (1 / support)``, also for F1. Where all are wrong, the
        high end is 1 minus this.

    Raises
    ------
    ValueError
        If the lengths differ, a label is missing, a language is not a string or is called like one
        of the last rows, or a parameter is invalid.

    See Also
    --------
    language_report_from_estimator : The report of a fitted estimator.
    regression_report : The report of numbers.
    worst_languages : The names of the worst languages of a report.

    Examples
    --------
    >>> from metaling_sk.metrics import language_report
    >>> y_true = [0, 0, 1, 1, 0, 1, 1, 1]
    >>> y_pred = [0, 0, 1, 1, 0, 1, 0, 1]
    >>> language = ["en", "en", "en", "en", "zh", "zh", "zh", "zh"]
    >>> language_report(y_true, y_pred, language).round(3)
              accuracy  precision  recall     f1  support
    language
    en           1.000      1.000   1.000  1.000        4
    zh           0.750      0.750   0.833  0.733        4
    mean         0.875      0.875   0.917  0.867        8
    worst        0.750      0.750   0.833  0.733        8
    gap          0.250      0.250   0.167  0.267        8
    >>> report = language_report(y_true, y_pred, language, n_bootstraps=1000, random_state=0)
    >>> report.loc["zh", ["accuracy_low", "accuracy_high"]].tolist()
    [0.25, 1.0]
    """
    arguments = "y_true, y_pred and `language`"
    names = name_labels(y_true, "y_true")
    check_same_names(names, name_labels(y_pred, "y_pred"))
    suspect_order(None, "y_true", y_true=y_true, y_pred=y_pred, language=language)
    y_true = check_complete_classes(y_true, "y_true", arguments)
    y_pred = check_complete_classes(y_pred, "y_pred", arguments)
    language = check_language_array(language)
    pairs = pairs_by_language(y_true, y_pred, language)
    report = pd.concat(
        {
            name: _class_scores(*pair, zero_division)
            if by_class
            else _average_scores(*pair, average, zero_division)
            for name, pair in pairs.items()
        },
        names=["language"],
    )
    report = report if by_class else report.droplevel(1)
    summary = summarise(report, by_class)
    if n_bootstraps:
        rng = check_random_state(random_state)
        counts = {name: BootstrapCounts(*pair, n_bootstraps, rng) for name, pair in pairs.items()}
        intervals = percentile_intervals(_draw_scores(counts, average, by_class), confidence)
        report, summary = report.join(intervals), summary.join(intervals)
    report = pd.concat([report, summary])
    if n_bootstraps:
        report = widen_intervals(report, list(intervals.columns[::2]), confidence)
    return report.rename(index=names, level="class") if by_class and names else report


def worst_languages(report: pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Name the language with the worst value of each score.

    Parameters
    ----------
    report : DataFrame
        What `language_report`, `regression_report`, `translation_report` or `transcription_report`
        returned.

    Returns
    -------
    Series or DataFrame
        The name of the language by score. For a report by class, a row per class and a column per
        score. Of languages with the same value it is the first. NaN where no language has a value.

    Raises
    ------
    ValueError
        If it is no such report.

    Examples
    --------
    >>> from metaling_sk.metrics import language_report, worst_languages
    >>> report = language_report([0, 1, 0, 1], [0, 1, 1, 1], ["en", "en", "zh", "zh"])
    >>> worst_languages(report)["accuracy"]
    'zh'
    """
    rows = language_rows(report)
    names = [str(name) for name in rows.columns.drop("support")]
    names = [name for name in names if not name.endswith(("_low", "_high"))]
    signs = [-1.0 if name in ERRORS else 1.0 for name in names]
    scores = rows[names] * signs
    if scores.index.nlevels == 1:
        return _worst(scores)
    return pd.DataFrame({name: _worst(scores[name].unstack("class")) for name in scores})


def language_rows(report: pd.DataFrame) -> pd.DataFrame:
    """Return a report without its summary.

    Parameters
    ----------
    report : DataFrame
        What `language_report` or another report by language returned.

    Returns
    -------
    DataFrame
        The rows of the languages.
    """
    if not isinstance(report, pd.DataFrame) or "language" not in report.index.names:
        raise ValueError(
            "`report` must be a table that language_report or another report by language has "
            "returned, with an index named 'language'."
        )
    return report[~report.index.get_level_values("language").isin(SUMMARY)]


def _worst(scores: pd.DataFrame) -> pd.Series:
    """The language with the lowest value of each column; NaN where all are NaN."""
    return scores.dropna(axis="columns", how="all").idxmin().reindex(scores.columns)


def _average_scores(y_true, y_pred, average: str, zero_division) -> pd.DataFrame:
    """The scores of one language in one row."""
    precision, recall, f1, _ = precision_recall_fscore_support(
        y_true,
        y_pred,
        labels=occurring_classes(y_true, y_pred),
        average=average,
        zero_division=zero_division,
    )
    scores = [accuracy_score(y_true, y_pred), precision, recall, f1]
    return pd.DataFrame([scores], columns=SCORES).assign(support=len(y_true))


def _class_scores(y_true, y_pred, zero_division) -> pd.DataFrame:
    """The scores of one language in a row per class."""
    classes = occurring_classes(y_true, y_pred)
    scores = precision_recall_fscore_support(
        y_true, y_pred, labels=classes, average=None, zero_division=zero_division
    )
    columns = dict(zip([*SCORES[1:], "support"], scores, strict=True))
    return pd.DataFrame(columns, index=pd.Index(classes, name="class"))


def summarise(report: pd.DataFrame, by_class: bool = False) -> pd.DataFrame:
    """The rows below those of the languages."""
    scores: Any = report.drop(columns="support")
    support: Any = report["support"].sum()
    errors = [name for name in scores if name in ERRORS]
    if by_class:
        scores, support = scores.groupby("class"), report["support"].groupby("class").sum()
    worst = scores.min()
    worst[errors] = scores.max()[errors]
    values = [scores.mean(), worst, scores.max() - scores.min()]
    rows = dict(zip(SUMMARY, values, strict=True))
    summary = pd.concat(rows, names=["language"])
    if not by_class:
        summary = summary.unstack(sort=False).rename_axis("language")
    return summary.assign(support=support)


def _draw_scores(
    counts: dict[str, BootstrapCounts], average: str, by_class: bool
) -> dict[str, pd.DataFrame]:
    """The draws of each score that has intervals."""
    if not by_class:
        return {
            "accuracy": pd.DataFrame({name: each.accuracy for name, each in counts.items()}),
            "f1": pd.DataFrame({name: each.f1(average) for name, each in counts.items()}),
        }
    f1 = {
        name: pd.DataFrame(each.f1_by_class(), columns=each.classes)
        for name, each in counts.items()
    }
    return {"f1": pd.concat(f1, axis="columns", names=["language", "class"])}
