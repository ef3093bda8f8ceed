"""A report of the scores of predictions in each language."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.utils.multiclass import check_classification_targets

from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._data.languages import check_languages
from metaling_sk._utils.messages import name_rows
from metaling_sk._utils.sklearn_compat import Options, StrOptions, validate_params


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "language": ["array-like", str],
        "average": [StrOptions({"macro", "micro", "weighted"})],
        "zero_division": [Options(Real, {0.0, 1.0}), "nan", StrOptions({"warn"})],
    },
    prefer_skip_nested_validation=True,
)
def language_report(
    y_true, y_pred, language, *, average: str = "macro", zero_division: float | str = 0.0
) -> pd.DataFrame:
    """Report accuracy, precision, recall and F1 of each language, and their worst value and gap.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true labels; none may be missing.
    y_pred : array-like of shape (n_samples,)
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

    Returns
    -------
    DataFrame
        One row per language, in alphabetical order, then the rows "mean" (each language counts
        the same), "worst" (the lowest value of each column) and "gap" (the highest minus the
        lowest). The columns are accuracy, precision, recall, f1 and support. The support is the
        number of samples: of the language, or of all languages in the last three rows.

    Raises
    ------
    ValueError
        If the lengths differ, a label is missing, a language is not a string, or `average` is
        not one of the three.

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
    """
    y_true, y_pred = _check_labels(y_true, "y_true"), _check_labels(y_pred, "y_pred")
    language = _check_language(language)
    if not len(y_true) == len(y_pred) == len(language):
        raise ValueError(
            f"y_true, y_pred and `language` must have one value per row, but they have "
            f"{len(y_true)}, {len(y_pred)} and {len(language)} values."
        )
    scores = {}
    for name in np.unique(language):
        in_language = language == name
        pair = y_true[in_language], y_pred[in_language]
        precision, recall, f1, _ = precision_recall_fscore_support(
            *pair, average=average, zero_division=zero_division
        )
        scores[name] = [accuracy_score(*pair), precision, recall, f1, in_language.sum()]
    columns = ["accuracy", "precision", "recall", "f1", "support"]
    report = pd.DataFrame.from_dict(scores, orient="index", columns=columns)
    summary = pd.DataFrame(
        {"mean": report.mean(), "worst": report.min(), "gap": report.max() - report.min()}
    ).T.assign(support=report["support"].sum())
    return pd.concat([report, summary]).rename_axis("language")


def _check_labels(y, name: str) -> np.ndarray:
    y = label_array(y)
    if len(y) == 0:
        raise ValueError(f"{name} is empty; a report needs at least one row.")
    missing = np.flatnonzero(pd.isna(y))
    if missing.size:
        raise ValueError(
            f"{name} has no label in {name_rows(missing)}; leave the unlabelled rows out of "
            "y_true, y_pred and `language`."
        )
    y = plain_labels(y, name)
    check_classification_targets(y)
    return y


def _check_language(language) -> np.ndarray:
    if isinstance(language, str):
        raise ValueError(f"`language` must name the language of each row, got only {language!r}.")
    language = pd.Series(language, dtype=object).to_numpy()
    check_languages(language, "`language`")
    return language
