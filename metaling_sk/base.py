"""What the classifiers share: `predict` and `score` of samples in many languages."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score


class LanguageClassifierMixin(ClassifierMixin):
    """`predict` and `score` of classifiers whose `predict_proba` takes the language of a row."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        return tags

    def predict(self, X, language=None) -> np.ndarray:
        """The most probable class of each row.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        best = self.predict_proba(X, language=language).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y, sample_weight=None, language=None) -> float:
        """Accuracy of `predict`.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
        y : array-like of shape (n_samples,)
            A label for every row.
        sample_weight : array-like of shape (n_samples,), default=None
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Returns
        -------
        float
        """
        return accuracy_score(y, self.predict(X, language=language), sample_weight=sample_weight)


def check_number(estimator, name, kind, lowest, highest=None) -> None:
    value = getattr(estimator, name)
    fits = isinstance(value, kind) and not isinstance(value, bool) and value >= lowest
    if not fits or (highest is not None and value > highest):
        what = "a whole number" if kind is Integral else "a number"
        span = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise ValueError(f"`{name}` must be {what} {span}, got {value!r}.")
