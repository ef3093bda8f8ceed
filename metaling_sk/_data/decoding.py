"""How the logits of a classifier become probabilities and labels, and what it is scored on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from metaling_sk._data.indicators import check_indicators, check_same_labels, has_several_labels
from metaling_sk._data.labels import MISSING, check_same_type, plain_labels, present_labels
from metaling_sk._utils.messages import name_rows


class Decoding(ABC):
    """What a classifier predicts from logits of shape (n_samples, n_outputs)."""

    @abstractmethod
    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The probabilities, shape (n_samples, n_outputs)."""

    @abstractmethod
    def log_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Their logarithms, shape (n_samples, n_outputs)."""

    @abstractmethod
    def decisions(self, logits: np.ndarray) -> np.ndarray:
        """What `decision_function` returns."""

    @abstractmethod
    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        """What `predict` returns."""

    @abstractmethod
    def complete_labels(self, y) -> np.ndarray:
        """Labels as metrics take them.

        Raises
        ------
        ValueError
            If one is missing, or they are of another kind.
        """

    @abstractmethod
    def describe(self) -> str:
        """Say what is predicted, for the model card."""


@dataclass(frozen=True)
class ClassDecoding(Decoding):
    """One class for each sample: the most probable one.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    classes: np.ndarray

    def probabilities(self, logits):
        return softmax(logits, axis=1)

    def log_probabilities(self, logits):
        return log_softmax(logits, axis=1)

    def decisions(self, logits):
        return logits[:, 1] - logits[:, 0] if len(self.classes) == 2 else logits

    def labels(self, probabilities):
        return self.classes[probabilities.argmax(axis=1)]

    def complete_labels(self, y):
        y = plain_labels(present_labels(y))
        check_same_type(y, self.classes, ("y", "`classes_`"))
        return y

    def describe(self):
        classes = ", ".join(f"`{label}`" for label in self.classes)
        return f"one of {len(self.classes)} classes: {classes}"


@dataclass(frozen=True)
class LabelDecoding(Decoding):
    """Several labels for each sample: those that are more probable than not.

    Attributes
    ----------
    label_names : ndarray of shape (n_labels,)
        The names of the labels; their positions where they have none.
    """

    label_names: np.ndarray

    def probabilities(self, logits):
        return expit(logits)

    def log_probabilities(self, logits):
        return log_expit(logits)

    def decisions(self, logits):
        return logits

    def labels(self, probabilities):
        return (probabilities > 0.5).astype(np.int64)

    def complete_labels(self, y):
        if not has_several_labels(y):
            raise ValueError(
                f"y has one value for each row, but {len(self.label_names)} labels are predicted; "
                "pass a column of 0 and 1 for each."
            )
        y, names = check_indicators(y, None)
        check_same_labels(names, self.label_names)
        if len(missing := np.flatnonzero((y == MISSING).any(axis=1))):
            raise ValueError(
                f"y lacks labels in {name_rows(missing)}; leave these rows out, or score each "
                "label on the rows where it is known."
            )
        return y.astype(np.int64)

    def describe(self):
        labels = ", ".join(f"`{label}`" for label in self.label_names)
        return f"for each of {len(self.label_names)} labels whether it applies: {labels}"
