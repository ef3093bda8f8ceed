"""Labels that are one class for each sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from metaling_sk._data.samples import MISSING, with_classes
from metaling_sk._network import losses
from metaling_sk._network.outputs.output_kind import OutputKind, PredictionLoss


class CrossEntropy(PredictionLoss):
    """The cross-entropy; for a teacher the KL divergence from its softened probabilities."""

    def supervised(self, outputs, y, class_weight):
        return losses.cross_entropy(outputs, y, class_weight)

    def distillation(self, outputs, teacher, temperature):
        return losses.distillation(outputs, teacher, temperature)


@dataclass(frozen=True)
class Classes(OutputKind):
    """One class for each sample. The outputs are logits.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    classes: np.ndarray

    loss = CrossEntropy()
    step = 0.05

    @property
    def n_outputs(self):
        return len(self.classes)

    def align(self, samples):
        if samples.y is None:
            unknown = np.full(len(samples), MISSING, dtype=np.int64)
            return replace(samples, y=unknown, classes=self.classes)
        return with_classes(samples, self.classes)

    def targets(self, samples):
        return samples.y

    def strata(self, samples):
        return samples.y

    def teaching(self, outputs):
        return softmax(outputs, axis=1)

    def check_fits_network(self, network):
        classes, n_classes = self.classes, network.head.out_features
        if not isinstance(classes, np.ndarray) or classes.ndim != 1:
            raise ValueError("classes_ is no array of classes")
        if len(set(classes.tolist())) != len(classes) or len(classes) != n_classes:
            raise ValueError(f"classes_ has {len(classes)} classes, but the network {n_classes}")
