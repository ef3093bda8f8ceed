"""The interface of a kind of output, and of the loss of its predictions.

A new kind is a subclass of `OutputKind`, with a function that checks y in `_data` and an estimator
base like `NetworkRegressor`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
import torch
from torch import nn

from metaling_sk._data.samples import Samples

N_FEW_LABELS = 30
"""Up to this number of labels a penalty that becomes less with more labels is the whole one.

With 10, held-out rows of nine tasks of 20 to 400 labels were predicted a little worse at each size.
"""


def few_labels_share(n_labels: int) -> float:
    """The factor of a penalty that becomes less with more labels."""
    return N_FEW_LABELS / max(n_labels, N_FEW_LABELS)


class PredictionLoss(ABC):
    """What training minimises of the predictions for labelled samples, or those of a teacher."""

    @abstractmethod
    def supervised(
        self, outputs: torch.Tensor, y: torch.Tensor, class_weight: torch.Tensor | None
    ) -> torch.Tensor:
        """The mean loss of the predictions for labels.

        Parameters
        ----------
        outputs : Tensor of shape (n_samples, n_outputs)
            What the head computes.
        y : Tensor of n_samples
            What `OutputKind.targets` makes of the labels.
        class_weight : Tensor or None
            What `OutputKind.class_weights` returns.
        """

    def count(self, y: torch.Tensor) -> torch.Tensor:
        """The number of labels that `supervised` takes the mean of, a scalar."""
        return y.new_tensor(len(y))

    @abstractmethod
    def distillation(
        self, outputs: torch.Tensor, teacher: torch.Tensor, temperature: float
    ) -> torch.Tensor:
        """The mean distance from the predictions of a teacher.

        Parameters
        ----------
        outputs : Tensor of shape (n_samples, n_outputs)
            What the head computes.
        teacher : Tensor of shape (n_samples, n_outputs)
            What `OutputKind.teaching` makes of the outputs of a network, or the same of another
            model.
        temperature : float
            Softens both, where the kind has probabilities.
        """


class OutputKind(ABC):
    """What the labels are, and how a head with some outputs predicts them.

    It holds what a fit has learnt from the labels alone, and does not change.

    Attributes
    ----------
    loss : PredictionLoss
    step : float
        How much a step of the training changes a typical output on features.
    """

    loss: PredictionLoss
    step: ClassVar[float]

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """The number of outputs of the head."""

    @abstractmethod
    def align(self, samples: Samples) -> Samples:
        """Express the labels of samples as this kind has learnt them; without y none has one."""

    @abstractmethod
    def targets(self, samples: Samples) -> np.ndarray:
        """What goes into batches as y, for each sample; anything where there is no label."""

    @abstractmethod
    def strata(self, samples: Samples) -> np.ndarray:
        """The groups of labels of which validation holds out the same share, shape (n_samples,)."""

    def class_weights(self, class_weight, labels: np.ndarray) -> torch.Tensor | None:
        """The weights of classes in the loss, where the labels are classes; their mean is 1.

        Parameters
        ----------
        class_weight : dict, "balanced", list or None
            The parameter of the estimator.
        labels : ndarray of n_samples
            As `Samples.labels`.
        """
        return None

    def penalty_share(self, n_labels: int, is_alone: bool) -> float:
        """The factor of the L2 penalty of the weights of the head, for head_penalty="auto".

        Parameters
        ----------
        n_labels : int
        is_alone : bool
            Whether there is one language. Then there is none to carry over to, and the penalty
            becomes less with more labels.
        """
        return few_labels_share(n_labels) if is_alone else 1.0

    def intercept_penalty_share(self, n_labels: int) -> float:
        """The same of the intercepts of the head, which become free with more labels.

        Few labels say little about the shares of the classes: beside weights that are held small a
        free intercept predicts the class that happens to have most of them.
        """
        return few_labels_share(n_labels)

    @abstractmethod
    def teaching(self, outputs: np.ndarray) -> np.ndarray:
        """What another network can learn from the outputs of one, shape (n_samples, n_outputs)."""

    def teaching_of_classifier(self, probabilities, classes) -> np.ndarray:
        """What a network can learn from a classifier, shape (n_samples, n_outputs).

        Parameters
        ----------
        probabilities : ndarray or list of ndarrays
            What `predict_proba` of the classifier returned.
        classes : ndarray or list of ndarrays
            Its `classes_`.
        """
        raise NotImplementedError("No classifier teaches this kind of output.")

    def class_probabilities(self, teaching: np.ndarray) -> list[np.ndarray]:
        """The probabilities of the classes of each column of y, shapes (n_samples, n_classes).

        Parameters
        ----------
        teaching : ndarray of shape (n_samples, n_outputs)
            What `teaching` returned.
        """
        raise NotImplementedError("This kind of output has no classes.")

    @abstractmethod
    def check_fits_network(self, network: nn.Module) -> None:
        """Raise a ValueError unless the head of a network has these outputs."""

    def with_language(self, language: str, samples: Samples) -> Self:
        """This kind, with what samples of one more language tell of their labels alone."""
        return self

    def without_language(self, language: str) -> Self:
        """This kind without what `with_language` has learnt."""
        return self
