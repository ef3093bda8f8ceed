"""Labels of which each sample has some, one or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch

from metaling_sk._data.decoding import LabelDecoding
from metaling_sk._data.indicators import check_same_labels, positive_probabilities
from metaling_sk._data.labels import MISSING
from metaling_sk._data.samples import Samples
from metaling_sk._data.strata import rarest_labels
from metaling_sk._network import losses
from metaling_sk._network.outputs.class_weights import scale_to_mean_one, weigh_classes
from metaling_sk._network.outputs.output_kind import OutputKind, PredictionLoss
from metaling_sk._utils.messages import name_some


class BinaryCrossEntropy(PredictionLoss):
    """The mean binary cross-entropy of the labels that are known; for a teacher the KL divergence.

    The weights are an array of shape (2, n_labels): of samples without each label, and with it.
    """

    def supervised(self, outputs, y, class_weight):
        return losses.binary_cross_entropy(outputs, y, class_weight)

    def count(self, y):
        return (y != MISSING).sum()

    def distillation(self, outputs, teacher, temperature):
        return losses.bernoulli_distillation(outputs, teacher, temperature)


PENALTY_SHARE = 0.07
"""With a stronger penalty of the head the probabilities of rare labels stay below one half."""


@dataclass(frozen=True)
class Indicators(LabelDecoding, OutputKind):
    """Several labels for each sample. The outputs are the logits of each one's probability."""

    loss = BinaryCrossEntropy()
    step = 0.2

    @classmethod
    def fit(cls, samples: Samples, classes: np.ndarray | None = None) -> Self:
        """Learn the names of the labels.

        Parameters
        ----------
        samples : Samples
        classes : ndarray of shape (n_labels,), optional
            The positions of the labels; the samples then need not tell all of them.

        Raises
        ------
        ValueError
            If there is a label of which nothing is known, or none that some samples have and others
            do not, or `classes` are others.
        """
        assert samples.y is not None and samples.classes is not None
        if classes is not None:
            if not np.array_equal(classes, np.arange(len(samples.classes))):
                raise ValueError(
                    f"`classes` of {len(samples.classes)} labels must be "
                    f"numpy.arange({len(samples.classes)}), got {classes.tolist()}."
                )
            return cls(samples.classes)
        has_both = [(samples.y == value).any(axis=0) for value in (0, 1)]
        unknown = ~np.any(has_both, axis=0)
        if unknown.any():
            raise ValueError(
                f"y has no label in the columns {name_some(samples.classes[unknown].tolist())}: in "
                "all rows to learn from it is missing. Leave these columns out, or label some rows."
            )
        if not np.all(has_both, axis=0).any():
            raise ValueError(
                "y needs a column with both 0 and 1 in the rows to learn from, but each column has "
                "only one value, as if there were one class."
            )
        return cls(samples.classes)

    @property
    def classes(self) -> np.ndarray:
        """The positions of the labels, as in sklearn."""
        return np.arange(len(self.label_names))

    @property
    def n_outputs(self):
        return len(self.label_names)

    def align(self, samples):
        if samples.y is None:
            y = np.full((len(samples), self.n_outputs), MISSING, dtype=np.int8)
            return replace(samples, y=y, classes=self.label_names)
        if not samples.is_multilabel:
            raise ValueError(
                f"y has one label for each row, but the fit was on {self.n_outputs} labels for "
                "each row; pass a column of 0 and 1 for each of them."
            )
        check_same_labels(samples.classes, self.label_names)
        return samples

    def targets(self, samples):
        return samples.y

    def strata(self, samples):
        return rarest_labels(samples.y)

    def class_weights(self, class_weight, labels):
        is_list = isinstance(class_weight, list)
        if isinstance(class_weight, dict) or (is_list and len(class_weight) != self.n_outputs):
            raise ValueError(
                f"`class_weight` of {self.n_outputs} labels must be 'balanced' or a list with the "
                "weights of 0 and 1 for each label, in the order of the columns of y, such as "
                f"[{{0: 1, 1: 5}}] * {self.n_outputs}."
            )
        if class_weight is None:
            return None
        each = class_weight if is_list else [class_weight] * self.n_outputs
        columns = [
            weigh_classes(of_label, np.array([0, 1]), column[column != MISSING])
            for of_label, column in zip(each, labels.T, strict=True)
        ]
        weights = np.stack(columns, axis=1)
        of_cells = np.where(labels == 1, weights[1], weights[0])[labels != MISSING]
        return torch.tensor(scale_to_mean_one(weights, of_cells), dtype=torch.float32)

    def penalty_share(self, n_labels, is_alone):
        return PENALTY_SHARE / self.n_outputs  # The loss is the mean of the labels.

    def intercept_penalty_share(self, n_labels):
        return 0.0  # It would hold the probabilities of rare labels near one half.

    def teaching(self, outputs):
        return self.probabilities(outputs)

    def teaching_of_classifier(self, probabilities, classes):
        return positive_probabilities(probabilities, classes, self.n_outputs)

    def class_probabilities(self, teaching):
        return [np.stack([1 - column, column], axis=1) for column in teaching.T]

    def check_fits_network(self, network):
        names, n_labels = self.label_names, network.head.out_features
        if not isinstance(names, np.ndarray) or names.ndim != 1 or len(names) != n_labels:
            raise ValueError(f"label_names_ does not name the {n_labels} labels of the network")
