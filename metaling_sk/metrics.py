"""How well a classifier does in each language."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support
from sklearn.utils.multiclass import check_classification_targets

from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._data.languages import check_languages
from metaling_sk._utils.messages import name_rows
from metaling_sk._utils.sklearn_compat import BaseScorer

AVERAGES = ("macro", "micro", "weighted")


def language_report(
    y_true, y_pred, language, *, average: str = "macro", zero_division: float = 0.0
) -> pd.DataFrame:
    """Accuracy, precision, recall and F1 in each language, and how far the languages lie apart.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true labels. Every row needs one.
    y_pred : array-like of shape (n_samples,)
        The predicted labels.
    language : array-like of str, shape (n_samples,)
        The language of each row.
    average : {"macro", "micro", "weighted"}, default="macro"
        How precision, recall and F1 of the classes become one number, as in
        `sklearn.metrics.precision_recall_fscore_support`. Only the classes that occur in a
        language, as true or predicted labels, count there.
    zero_division : float, default=0.0
        The precision of a class that is never predicted, and the recall of one that never occurs.

    Returns
    -------
    DataFrame
        One row per language, in alphabetical order, then the rows "mean" (each language counts
        the same), "worst" (the lowest value of each column) and "gap" (the highest minus the
        lowest). Columns: accuracy, precision, recall, f1 and support, the number of rows; the
        support of the last three rows is that of all languages.

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
    if average not in AVERAGES:
        raise ValueError(f"`average` must be one of {AVERAGES}, got {average!r}.")
    y_true, y_pred = _check_labels(y_true, "y_true"), _check_labels(y_pred, "y_pred")
    language = _check_language(language)
    if not len(y_true) == len(y_pred) == len(language):
        raise ValueError(
            f"y_true, y_pred and `language` must have one value per row, but they have "
            f"{len(y_true)}, {len(y_pred)} and {len(language)} values."
        )
    rows = {}
    for code in np.unique(language):
        own = language == code
        precision, recall, f1, _ = precision_recall_fscore_support(
            y_true[own], y_pred[own], average=average, zero_division=zero_division
        )
        accuracy = accuracy_score(y_true[own], y_pred[own])
        rows[code] = [accuracy, precision, recall, f1, own.sum()]
    columns = ["accuracy", "precision", "recall", "f1", "support"]
    report = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    summary = pd.DataFrame(
        {"mean": report.mean(), "worst": report.min(), "gap": report.max() - report.min()}
    ).T.assign(support=report["support"].sum())
    return pd.concat([report, summary]).rename_axis("language")


def log_loss_scorer(labels) -> LogLossScorer:
    """The negative log-loss over labels that are fixed, for `scoring` of any tool of scikit-learn.

    It equals "neg_log_loss", and gives a number also where a fold lacks a class. A class that the
    estimator does not know has probability 0, and every probability counts as no less than the
    machine epsilon of its floating-point type.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
        All labels that can occur.

    Returns
    -------
    LogLossScorer
        Called with a fitted classifier that has `predict_proba`, X and y.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from metaling_sk.metrics import log_loss_scorer
    >>> X, y = np.zeros((4, 1)), ["negative", "negative", "positive", "positive"]
    >>> score = log_loss_scorer(["negative", "neutral", "positive"])
    >>> round(score(DummyClassifier().fit(X, y), X, y), 3)
    -0.693
    """
    return LogLossScorer(labels)


class LogLossScorer(BaseScorer):
    """A scorer; see `log_loss_scorer`.

    Metadata other than `sample_weight` is what predictions need, such as the language.
    """

    def __init__(self, labels):
        labels = np.unique(plain_labels(label_array(labels), "`labels`"))
        super().__init__(log_loss, -1, {"labels": labels}, "predict_proba")

    def _score(self, method_caller, estimator, X, y_true, sample_weight=None, **metadata):
        found = np.asarray(estimator.predict_proba(X, **metadata))
        known = self._positions(estimator.classes_, "the estimator knows")
        probabilities = np.zeros((len(found), len(self._kwargs["labels"])), found.dtype)
        probabilities[:, known] = found
        true = self._positions(plain_labels(label_array(y_true)), "y holds")
        likelihood = probabilities[np.arange(len(true)), true]
        eps = np.finfo(likelihood.dtype).eps
        losses = -np.log(np.clip(likelihood, eps, 1 - eps))
        return -float(np.average(losses, weights=sample_weight))

    def _positions(self, labels, who: str) -> np.ndarray:
        """Where each label is among those of the scorer."""
        positions = pd.Index(self._kwargs["labels"]).get_indexer(labels)
        if (positions < 0).any():
            unknown = sorted(set(np.asarray(labels)[positions < 0].tolist()), key=str)
            raise ValueError(f"`labels` of the log-loss lack {unknown}, which {who}.")
        return positions


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
    language = pd.Series(language).to_numpy(dtype=object)
    check_languages(language, "`language`")
    return language
