"""The objective of transfer: source loss + transfer weight · R."""

from __future__ import annotations

import math

import torch
from torch import nn

from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._network import losses
from metaling_sk._network.classifier import ClassifierNetwork, Output

ALIGNING = ("coral", "mmd", "adversarial")
"""The terms that compare the representations of source and target samples."""

TERMS = ("labels", "distill", *ALIGNING, "l2sp", "code_switch")
"""All terms."""

ENOUGH_LABELS = 256
"""Number of target labels whose loss counts half."""

N_DISCRIMINATOR_UNITS = 64
"""Number of units of the hidden layer of the discriminator."""


class TransferObjective(nn.Module):
    """The objective of a training step, ``L_source + λ Σ_k R_k``.

    The source loss and the terms read these streams of samples:

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
        The terms R, some of `TERMS`.
    transfer_weight : float
        λ.
    temperature : float
        Temperature of `distill`.
    class_weight : Tensor of shape (n_classes,), optional
        Weights of the classes in the cross-entropy.
    n_features : int
        Size of the representation.
    start : list of Tensor
        The source weights, for `l2sp`.

    Attributes
    ----------
    progress : float
        Share of the steps that are done; set by the training.
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
                nn.Linear(n_features, N_DISCRIMINATOR_UNITS),
                nn.ReLU(),
                nn.Linear(N_DISCRIMINATOR_UNITS, 1),
            )

    def outputs(self, network: ClassifierNetwork, step: TrainingStep) -> dict[str, Output]:
        """Compute the output of the network for the batch of each stream."""
        return {
            stream: network(batch.inputs, batch.language_index)
            for stream, batch in step.batches.items()
        }

    def forward(
        self,
        outputs: dict[str, Output],
        step: TrainingStep,
        network: nn.Module,
        training: bool,
    ) -> dict[str, torch.Tensor]:
        """Compute the value of each term.

        Parameters
        ----------
        outputs : dict of str to Output
            The output of the network for the batch of each stream.
        step : TrainingStep
            The batches.
        network : module
            The network that is trained.
        training : bool
            In validation only terms that judge predictions are computed.

        Returns
        -------
        dict of str to Tensor
            The values by the names of the terms; the source loss is "source". Terms whose
            streams are empty are missing.
        """
        values = {}
        for term in ("source", *self.terms):
            value = self._value(term, outputs, step, network, training)
            if value is not None:
                values[term] = value
        return values

    def total(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the number to minimise."""
        transfer = sum(value for name, value in values.items() if name != "source")
        return values.get("source", 0) + self.transfer_weight * transfer

    def _value(self, term, outputs, step, network, training) -> torch.Tensor | None:
        """Compute the value of a term; None where it has no value in this step."""
        batches = step.batches
        if term in ("source", "labels", "code_switch"):
            if term not in batches:
                return None
            loss = self._cross_entropy(outputs[term], batches[term])
            return trust_in(step.sizes[term]) * loss if term == "labels" else loss
        if term == "distill":
            if "target" not in batches:
                return None
            logits, teacher = outputs["target"].logits, batches["target"].teacher
            return losses.distillation(logits, teacher, self.temperature)
        if not training:
            return None
        if term == "l2sp":
            return losses.l2sp(trained(network), self.start)
        if "source" not in batches or "target" not in batches:
            return None
        return self._align(term, outputs["source"].representation, outputs["target"].representation)

    def _cross_entropy(self, output: Output, batch: Batch) -> torch.Tensor:
        return losses.cross_entropy(output.logits, batch.y, self.class_weight)

    def _align(self, term: str, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compute a term that compares representations."""
        if term == "adversarial":
            strength = 2 / (1 + math.exp(-10 * self.progress)) - 1
            return losses.adversarial(self.discriminator, source, target, strength)
        return getattr(losses, term)(source, target)


def trust_in(n_labels: int) -> float:
    """Return the weight of the loss on target labels, ``n / (n + 256)``.

    The mean over a few samples says little about the mean over the language. The fewer labels
    there are, the more the other terms decide.
    """
    return n_labels / (n_labels + ENOUGH_LABELS)


def trained(network: nn.Module) -> list[torch.Tensor]:
    """Return the parameters that training changes."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]
