"""The base of the classifiers that train a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from metaling_sk._data.indicators import check_classes_or_indicators
from metaling_sk._network.estimator import NetworkEstimator
from metaling_sk._network.outputs.classes import Classes
from metaling_sk._network.outputs.indicators import Indicators
from metaling_sk._utils.all_or_nothing import snapshot
from metaling_sk._utils.parameters import NETWORK_PARAMETERS, common_constraints
from metaling_sk._utils.sklearn_compat import StrOptions
from metaling_sk.base import LanguageClassifierMixin


class NetworkClassifier(LanguageClassifierMixin, NetworkEstimator):
    """Base of the estimators whose network predicts one class or labels for each sample."""

    _parameter_constraints: dict = {
        **common_constraints(*NETWORK_PARAMETERS),
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    class_weight: Any
    label_names_: np.ndarray | None

    _check_y = staticmethod(check_classes_or_indicators)

    _saved_attributes = (*NetworkEstimator._saved_attributes, "classes_", "label_names_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @property
    def _output(self) -> Classes | Indicators:
        names = self.label_names_
        return Classes(self.classes_) if names is None else Indicators(names)

    @_output.setter
    def _output(self, output: Classes | Indicators) -> None:
        self.classes_, self.label_names_ = output.classes, output.label_names

    @property
    def _decoding(self) -> Classes | Indicators:
        return self._output

    def predict_proba(self, X, language=None) -> np.ndarray:
        """Predict the probabilities of the classes, or of each of several labels.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column. A language not seen at
            fit is allowed.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`.
        """
        logits = self._logits(X, language)
        return self._decoding.probabilities(logits)

    def _logits(self, X, language=None):
        model = snapshot(self)
        return model._compute_outputs(X, language, model._predict_logits)

    def _class_weights(self, labels: np.ndarray) -> torch.Tensor | None:
        return self._output.class_weights(self.class_weight, labels)
