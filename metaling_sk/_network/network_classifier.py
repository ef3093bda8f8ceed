"""The base of the classifiers that train a network."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight

from metaling_sk._network.estimator import NetworkEstimator
from metaling_sk._network.outputs.classes import Classes
from metaling_sk.base import LanguageClassifierMixin


class NetworkClassifier(LanguageClassifierMixin, NetworkEstimator):
    """Base of the estimators whose network predicts one class for each sample."""

    _output_attributes = ("classes_",)

    @property
    def _output(self) -> Classes:
        return Classes(self.classes_)

    @_output.setter
    def _output(self, output: Classes) -> None:
        self.classes_ = output.classes

    def predict_proba(self, X, language=None) -> np.ndarray:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column. A language not seen at
            fit is allowed.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return softmax(self._logits(X, language), axis=1)

    def _logits(self, X, language=None):
        return self._compute_outputs(X, language, self._predict_logits)

    def _class_weights(self, labels: np.ndarray) -> torch.Tensor | None:
        """The weight of each class; the labels are class indices."""
        if self.class_weight is None or not len(labels):
            return None
        # "balanced" can count no more than the classes that the labels have.
        balanced = isinstance(self.class_weight, str)
        present = np.unique(labels) if balanced else np.arange(len(self.classes_))
        weights = np.ones(len(self.classes_))
        weights[present] = compute_class_weight(
            self.class_weight, classes=self.classes_[present], y=self.classes_[labels]
        )
        return torch.tensor(weights, dtype=torch.float32)
