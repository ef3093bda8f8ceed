"""A log-loss that any fold can be scored with."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.utils import check_consistent_length

from metaling_sk._data.indicators import has_several_labels, positive_probabilities
from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._utils.sklearn_compat import BaseScorer, check_sample_weight, validate_params
from metaling_sk.metrics._inputs import check_complete_labels, check_known_labels


@validate_params({"labels": ["array-like"]}, prefer_skip_nested_validation=True)
def log_loss_scorer(labels) -> LogLossScorer:
    """Make a scorer of the negative log-loss over fixed labels, for scikit-learn's `scoring`.

    Where all classes occur it equals "neg_log_loss". It also scores folds that lack a class: a
    class that the estimator was not trained on has probability 0, and probabilities are clipped
    to the machine epsilon of their floating-point type. For several labels, given as a matrix of
    0 and 1, it is the mean of the binary log-losses of the labels.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
        All labels that can occur; of several labels their positions.

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
        check_known_labels(estimator, y_true)
        predicted = estimator.predict_proba(X, **metadata)
        find_losses = (
            self._losses_of_labels if has_several_labels(y_true) else self._losses_of_classes
        )
        losses = find_losses(predicted, estimator.classes_, y_true)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, losses)
        return -float(np.average(losses, weights=sample_weight))

    def _losses_of_labels(self, predicted, classes, y_true) -> np.ndarray:
        """The mean loss of the labels of each sample."""
        y = check_complete_labels(y_true, "y", "X and y")
        probabilities = positive_probabilities(predicted, classes, y.shape[1])
        check_consistent_length(probabilities, y)
        return _losses(np.where(y == 1, probabilities, 1 - probabilities)).mean(axis=1)

    def _losses_of_classes(self, predicted, classes, y_true) -> np.ndarray:
        """The loss of each sample."""
        predicted = np.asarray(predicted)
        check_consistent_length(predicted, y_true)
        class_indices = self._indices_of(classes, "the estimator knows")
        probabilities = np.zeros((len(predicted), len(self._kwargs["labels"])), predicted.dtype)
        probabilities[:, class_indices] = predicted
        true_indices = self._indices_of(plain_labels(label_array(y_true)), "y holds")
        likelihood = probabilities[np.arange(len(true_indices)), true_indices]
        return _losses(likelihood)

    def _indices_of(self, labels, source: str) -> np.ndarray:
        """Return the index of each label among the labels of the scorer."""
        indices = pd.Index(self._kwargs["labels"]).get_indexer(labels)
        if (indices < 0).any():
            unknown = sorted(set(np.asarray(labels)[indices < 0].tolist()), key=str)
            raise ValueError(f"`labels` of the log-loss lack {unknown}, which {source}.")
        return indices


def _losses(likelihood: np.ndarray) -> np.ndarray:
    """The negative logarithms, all finite."""
    eps = np.finfo(likelihood.dtype).eps
    return -np.log(np.clip(likelihood, eps, 1 - eps))
