"""Labels that are one class for each sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from metaling_sk._data.decoding import ClassDecoding
from metaling_sk._data.samples import with_classes, without_labels
from metaling_sk._network import losses
from metaling_sk._network.outputs.class_weights import scale_to_mean_one, weigh_classes
from metaling_sk._network.outputs.output_kind import OutputKind, PredictionLoss


class CrossEntropy(PredictionLoss):
    """The cross-entropy; for a teacher the KL divergence from its softened probabilities."""

    def supervised(self, outputs, y, class_weight):
        return losses.cross_entropy(outputs, y, class_weight)

    def distillation(self, outputs, teacher, temperature):
        return losses.distillation(outputs, teacher, temperature)


@dataclass(frozen=True)
class Classes(ClassDecoding, OutputKind):
    """One class for each sample. The outputs are logits."""

    loss = CrossEntropy()
    step = 0.05

    label_names = None

    @property
    def n_outputs(self):
        return len(self.classes)

    def align(self, samples):
        if samples.y is None:
            return without_labels(samples, self.classes)
        if samples.is_multilabel:
            raise ValueError(
                f"y has {samples.y.shape[1]} columns, but the fit was on one class for each row; "
                "pass the class of each row."
            )
        return with_classes(samples, self.classes)

    def targets(self, samples):
        return samples.y

    def strata(self, samples):
        return samples.y

    def class_weights(self, class_weight, labels):
        if class_weight is None:
            return None
        if isinstance(class_weight, list):
            raise ValueError(
                "`class_weight` is a list, which weights several labels; for one class in each "
                "row pass 'balanced' or a dict of the weights of the classes."
            )
        weights = weigh_classes(class_weight, self.classes, labels)
        return torch.tensor(scale_to_mean_one(weights, weights[labels]), dtype=torch.float32)

    def teaching(self, outputs):
        return self.probabilities(outputs)

    def teaching_of_classifier(self, probabilities, classes):
        unknown = sorted(set(classes.tolist()) ^ set(self.classes.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"`source` knows the classes {classes.tolist()}, but y and `source` together "
                f"do not agree on {unknown}; both must have the same classes."
            )
        return probabilities[:, np.searchsorted(classes, self.classes)]

    def class_probabilities(self, teaching):
        return [teaching]

    def check_fits_network(self, network):
        classes, n_classes = self.classes, network.head.out_features
        if not isinstance(classes, np.ndarray) or classes.ndim != 1:
            raise ValueError("classes_ is no array of classes")
        if len(set(classes.tolist())) != len(classes) or len(classes) != n_classes:
            raise ValueError(f"classes_ has {len(classes)} classes, but the network {n_classes}")
