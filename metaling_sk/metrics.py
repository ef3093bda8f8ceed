"""Scores of classifiers per language, and a log-loss that any fold can be scored with."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support
from sklearn.utils.multiclass import check_classification_targets

from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._data.languages import check_languages
from metaling_sk._utils.messages import name_rows
from metaling_sk._utils.sklearn_compat import BaseScorer, Options, StrOptions, validate_params

__all__ = ["language_report", "log_loss_scorer"]


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


@validate_params({"labels": ["array-like"]}, prefer_skip_nested_validation=True)
def log_loss_scorer(labels) -> LogLossScorer:
    """Make a scorer of the negative log-loss over fixed labels, for scikit-learn's `scoring`.

    Where all classes occur it equals "neg_log_loss". It also scores folds that lack a class: a
    class that the estimator was not trained on has probability 0, and probabilities are clipped
    to the machine epsilon of their floating-point type.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
        All labels that can occur.

    Returns
    -------
    LogLossScorer
        A function of a fitted classifier that has `predict_proba`, X and y.

    Raises
    ------
    ValueError
        If the labels mix strings and other values. The scorer raises it for labels that are not
        among `labels`.

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
    """The scorer that `log_loss_scorer` makes.

    Metadata other than `sample_weight`, such as the language, goes to `predict_proba`.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
        All labels that can occur.
    """

    def __init__(self, labels):
        labels = np.unique(plain_labels(label_array(labels), "`labels`"))
        super().__init__(log_loss, -1, {"labels": labels}, "predict_proba")

    def _score(self, method_caller, estimator, X, y_true, sample_weight=None, **metadata):
        predicted = np.asarray(estimator.predict_proba(X, **metadata))
        class_indices = self._indices_of(estimator.classes_, "the estimator knows")
        probabilities = np.zeros((len(predicted), len(self._kwargs["labels"])), predicted.dtype)
        probabilities[:, class_indices] = predicted
        true_indices = self._indices_of(plain_labels(label_array(y_true)), "y holds")
        likelihood = probabilities[np.arange(len(true_indices)), true_indices]
        eps = np.finfo(likelihood.dtype).eps
        losses = -np.log(np.clip(likelihood, eps, 1 - eps))
        return -float(np.average(losses, weights=sample_weight))

    def _indices_of(self, labels, source: str) -> np.ndarray:
        """Return the index of each label among the labels of the scorer."""
        indices = pd.Index(self._kwargs["labels"]).get_indexer(labels)
        if (indices < 0).any():
            unknown = sorted(set(np.asarray(labels)[indices < 0].tolist()), key=str)
            raise ValueError(f"`labels` of the log-loss lack {unknown}, which {source}.")
        return indices


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
