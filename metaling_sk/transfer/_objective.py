"""Source loss + transfer weight · R."""

from __future__ import annotations

import math

import torch
from torch import nn

from metaling_sk._network import losses
from metaling_sk._network.classifier import Output

ALIGNING = ("coral", "mmd", "adversarial")
"""The terms that compare the representations of source and target rows."""

TERMS = ("labels", "distill", *ALIGNING, "l2sp", "code_switch")

ENOUGH_LABELS = 256
"""With this many target labels their loss counts half."""


class TransferObjective(nn.Module):
    """The objective of a training step.

    ``L_source + λ Σ_k R_k``. The terms read these streams of rows:

    ========================  ==============================
    source loss               ``source``
    labels                    ``labels``
    distill                   ``target``
    coral, mmd, adversarial   ``source`` and ``target``
    l2sp                      none
    code_switch               ``code_switch``
    ========================  ==============================

    Parameters
    ----------
    terms : sequence of str
        R, some of `TERMS`.
    transfer_weight : float
        λ.
    temperature : float
        Of `distill`.
    class_weight : Tensor of shape (n_classes,), optional
    n_features : int
        Of the representation.
    start : list of Tensor
        The source weights, for `l2sp`.
    """

    def __init__(
        self,
        terms=(),
        transfer_weight=1.0,
        temperature=1.0,
        class_weight=None,
        n_features=0,
        start=(),
    ):
        super().__init__()
        self.terms = tuple(terms)
        self.transfer_weight = transfer_weight
        self.temperature = temperature
        self.progress = 0.0
        self.register_buffer("class_weight", class_weight)
        self.start = list(start)
        self.discriminator = None
        if "adversarial" in terms:
            self.discriminator = nn.Sequential(
                nn.Linear(n_features, 64), nn.ReLU(), nn.Linear(64, 1)
            )

    def outputs(self, module, step) -> dict[str, Output]:
        """What the network makes of each stream's batch."""
        return {
            name: module(batch.inputs, batch.language_index) for name, batch in step.batches.items()
        }

    def forward(self, outputs, step, module, training: bool) -> dict[str, torch.Tensor]:
        """The value of each term; in validation only of those that judge predictions.

        Parameters
        ----------
        outputs : dict of str to Output
            What the network makes of each stream's batch.
        step : TrainingStep
        module : ClassifierNetwork
        training : bool
        """
        values = {}
        batches = step.batches
        if "source" in batches:
            values["source"] = self._cross_entropy("source", outputs, batches)
        for term in self.terms:
            if term == "labels":
                if term in batches:
                    trust = trust_in(step.sizes[term])
                    values[term] = trust * self._cross_entropy(term, outputs, batches)
            elif term == "code_switch":
                if term in batches:
                    values[term] = self._cross_entropy(term, outputs, batches)
            elif term == "distill":
                if "target" in batches:
                    values[term] = losses.distillation(
                        outputs["target"].logits, batches["target"].teacher, self.temperature
                    )
            elif training and term == "l2sp":
                values[term] = losses.l2sp(trained(module), self.start)
            elif training and {"source", "target"} <= batches.keys():
                values[term] = self._align(
                    term, outputs["source"].representation, outputs["target"].representation
                )
        return values

    def total(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """The number to minimise."""
        transfer = sum(value for name, value in values.items() if name != "source")
        return values.get("source", 0) + self.transfer_weight * transfer

    def _cross_entropy(self, stream, outputs, batches):
        return losses.cross_entropy(outputs[stream].logits, batches[stream].y, self.class_weight)

    def _align(self, term, source, target):
        if term == "adversarial":
            strength = 2 / (1 + math.exp(-10 * self.progress)) - 1
            return losses.adversarial(self.discriminator, source, target, strength)
        return getattr(losses, term)(source, target)


def trust_in(n_labels: int) -> float:
    """What the loss on so many target labels counts, ``n / (n + 256)``.

    The mean over a few rows says little of the mean over the language: the fewer there are, the
    more the other terms decide.
    """
    return n_labels / (n_labels + ENOUGH_LABELS)


def trained(module: nn.Module) -> list[torch.Tensor]:
    """The parameters that training changes."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
