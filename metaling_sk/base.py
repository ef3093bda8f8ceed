"""What classifiers, regressors and transformers of samples in many languages share."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.decoding import ClassDecoding, Decoding
from metaling_sk._data.indicators import check_unmarked
from metaling_sk._data.input_forms import text_columns_of
from metaling_sk._data.labels import check_labels, present_labels
from metaling_sk._data.number_labels import check_numbers
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import get_output_config

__all__ = [
    "LanguageClassifierMixin",
    "LanguageRegressorMixin",
    "LanguageTransformerMixin",
    "TextTransformerMixin",
]


class LanguageClassifierMixin(ReprMixin, ClassifierMixin):
    """`predict` and `score` of classifiers whose `predict_proba` takes the languages of samples.

    A subclass defines `predict_proba` and the `_logits` that it comes from.
    """

    classes_: np.ndarray
    missing_label: Any

    _check_y = staticmethod(check_labels)

    _task = "text-classification"
    """The name of the task on a model hub."""

    def _describe_output(self) -> str:
        """Say what is predicted, for the model card."""
        return self._decoding.describe()

    def __sklearn_tags__(self):
        return _reading_texts(super().__sklearn_tags__())

    @property
    def _decoding(self) -> Decoding:
        """How logits become probabilities and labels."""
        return ClassDecoding(self.classes_)

    def _logits(self, X, language=None) -> np.ndarray:
        """Compute the logits of the classes, shape (n_samples, n_classes)."""
        raise NotImplementedError

    def predict(self, X, language=None) -> np.ndarray:
        """Predict the most probable class of each sample, or its labels.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            One of `classes_` for each sample. After a fit on several labels, 1 for each label that
            is more probable than not, and 0 for the others.
        """
        probabilities = self.predict_proba(X, language=language)
        return self._decoding.labels(probabilities)

    def predict_log_proba(self, X, language=None) -> np.ndarray:
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        logits = self._logits(X, language=language)
        return self._decoding.log_probabilities(logits)

    def decision_function(self, X, language=None) -> np.ndarray:
        """Compute the logits, of which `predict_proba` is the softmax or, of labels, the sigmoid.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            In the order of `classes_`. For two classes it is the logit of the second one minus
            that of the first; for two labels there are two columns.
        """
        logits = self._logits(X, language=language)
        return self._decoding.decisions(logits)

    def score(self, X, y, sample_weight=None, language=None) -> float:
        """Compute the accuracy of `predict`.

        Of several labels all must be right, which is the subset accuracy.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            A label for every sample, or all its labels.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each sample in the mean.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        float
            The share of samples whose class, or all of whose labels, are predicted.

        Raises
        ------
        ValueError
            If a sample has no label.
        """
        check_is_fitted(self)
        check_unmarked(y, self.missing_label)
        y = self._decoding.complete_labels(y)
        return accuracy_score(y, self.predict(X, language=language), sample_weight=sample_weight)


class LanguageRegressorMixin(ReprMixin, RegressorMixin):
    """`predict` and `score` of regressors that take the languages of samples.

    A subclass defines `_numbers`.
    """

    missing_label: Any

    _check_y = staticmethod(check_numbers)

    _task = "text-regression"
    """The name of the task on a model hub."""

    def _describe_output(self) -> str:
        """Say what is predicted, for the model card."""
        return "a number"

    def __sklearn_tags__(self):
        return _reading_texts(super().__sklearn_tags__())

    def _numbers(self, X, language=None) -> np.ndarray:
        """Compute the number of each sample, shape (n_samples,)."""
        raise NotImplementedError

    def predict(self, X, language=None) -> np.ndarray:
        """Predict the number of each sample.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column. A language not seen at
            fit is allowed.

        Returns
        -------
        ndarray of shape (n_samples,)
            On the scale of y.
        """
        return self._numbers(X, language=language)

    def score(self, X, y, sample_weight=None, language=None) -> float:
        """Compute the coefficient of determination of `predict`.

        It is the share of the variance of y that is predicted, :math:`R^2`: 1 is the best one, 0
        that of the mean of y as a constant prediction, and it can be negative.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`.
        y : array-like of shape (n_samples,)
            A number for every sample.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each sample in the mean.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        float
            :math:`R^2`.

        Raises
        ------
        ValueError
            If a sample has no label.
        """
        check_unmarked(y, self.missing_label)
        y = present_labels(y)
        y, _ = check_numbers(y, len(y))
        return r2_score(y, self.predict(X, language=language), sample_weight=sample_weight)


class LanguageTransformerMixin(TransformerMixin):
    """`fit_transform` of estimators whose `fit` and `transform` take the languages of samples."""

    def fit_transform(self, X, y=None, language=None):
        """Fit, and transform the same samples.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`.
        y : array-like of n_samples, default=None
            As in `fit`.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray, CSR array or DataFrame of n_samples
            What `transform` returns.
        """
        return self.fit(X, y, language=language).transform(X, language=language)


class TextTransformerMixin(TransformerMixin):
    """`set_output` of estimators whose `transform` returns texts.

    A subclass gives what it returns to `_as_output`.
    """

    language_column: Hashable

    def set_output(self, *, transform=None) -> Self:
        """Set what `transform` and `fit_transform` return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            "pandas" and "polars" are DataFrames, whatever X is; None changes nothing.

        Returns
        -------
        self : estimator
            The same transformer.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _as_output(self, output: pd.DataFrame | np.ndarray, X):
        """Texts as a table or an array, in the form that was set."""
        form = get_output_config("transform", self)["dense"]
        if form == "default":
            return output
        if not isinstance(output, pd.DataFrame):
            output = output.reshape(len(output), -1)
            names = [*text_columns_of(self), self.language_column][: output.shape[1]]
            index = X.index if isinstance(X, pd.Series) else None
            output = pd.DataFrame(output, columns=names, index=index)
        if form == "pandas":
            return output
        columns = {str(name): output[name].tolist() for name in output}
        return nw.from_dict(columns, backend=form).to_native()


def _reading_texts(tags):
    """Say that texts and numbers are read, and return the tags."""
    tags.input_tags.two_d_array = True
    tags.input_tags.sparse = True
    tags.input_tags.string = True
    return tags
