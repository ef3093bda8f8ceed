"""The objective of transfer: source loss + transfer weight · R."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._network.classifier import ClassifierNetwork, Output
from metaling_sk._network.outputs.classes import Classes
from metaling_sk._network.outputs.output_kind import PredictionLoss
from metaling_sk.transfer._terms import ALL_TERMS


class TransferObjective(nn.Module):
    """The objective of a training step, ``w L_source + λ Σ_k R_k + P``.

    P is ``γ ‖W − W_0‖² / 2 + γ_b ‖b − b_0‖² / 2``, where W are the weights of the head and b its
    intercepts. The source loss reads the stream "source". Each term says which streams it reads,
    see `Term`.

    Parameters
    ----------
    terms : sequence of str
        The terms R, some of `ALL_TERMS`.
    transfer_weight : float
        λ.
    temperature : float
        Temperature of `distill`, where there are probabilities.
    class_weight : Tensor of shape (n_classes,), optional
        Weights of the classes in the loss.
    n_features : int
        Size of the representation.
    start : list of Tensor
        The source weights, for `l2sp`.
    loss : PredictionLoss, default=CrossEntropy()
        The loss of predictions.
    head_penalty : float, default=0.0
        γ.
    intercept_penalty : float, default=0.0
        γ_b.
    head_start : Tensor of shape (n_outputs, n_features + 1), optional
        W_0, and b_0 as the last column.
    source_weight : float, default=1.0
        w.

    Attributes
    ----------
    progress : float
        Share of the steps that are done; set by the training.
    parts : ModuleDict
        The networks of terms that have one.
    """

    class_weight: torch.Tensor | None
    head_start: torch.Tensor | None

    def __init__(
        self,
        terms=(),
        transfer_weight=1.0,
        temperature=1.0,
        class_weight=None,
        n_features=0,
        start=(),
        loss: PredictionLoss = Classes.loss,
        head_penalty=0.0,
        intercept_penalty=0.0,
        head_start=None,
        source_weight=1.0,
    ):
        super().__init__()
        self.loss = loss
        self.terms = tuple(terms)
        self.transfer_weight = transfer_weight
        self.temperature = temperature
        self.progress = 0.0
        self.register_buffer("class_weight", class_weight)
        self.start = list(start)
        self.head_penalty = head_penalty
        self.intercept_penalty = intercept_penalty
        self.source_weight = source_weight
        self.register_buffer("head_start", head_start)
        self.parts = nn.ModuleDict()
        for name in self.terms:
            module = ALL_TERMS[name].new_module(n_features)
            if module is not None:
                self.parts[name] = module

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
        if "source" in step.batches:
            values["source"] = self.supervised_loss(outputs["source"], step.batches["source"])
        for name in self.terms:
            term = ALL_TERMS[name]
            is_wanted = training or term.judges_predictions
            if is_wanted and all(stream in step.batches for stream in term.streams):
                values[name] = term.value(self, outputs, step, network)
        if training and self.head_start is not None:
            head: Any = network.head
            weight = (head.weight - self.head_start[:, :-1]).square().sum()
            intercept = (head.bias - self.head_start[:, -1]).square().sum()
            penalty = self.head_penalty * weight + self.intercept_penalty * intercept
            values["head_penalty"] = penalty / 2
        return values

    def streams(self, name: str) -> tuple[str, ...]:
        """Return the streams that a term reads."""
        if name == "head_penalty":
            return ()
        return ("source",) if name == "source" else ALL_TERMS[name].streams

    def total(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the number to minimise."""
        weights = dict.fromkeys(ALL_TERMS, self.transfer_weight) | {"source": self.source_weight}
        return sum(weights.get(name, 1.0) * value for name, value in values.items())

    def supervised_loss(self, output: Output, batch: Batch) -> torch.Tensor:
        """Compute the loss of predictions for labels, weighted by class where there are classes."""
        assert batch.y is not None
        return self.loss.supervised(output.logits, batch.y, self.class_weight)

    def distillation_loss(self, output: Output, batch: Batch) -> torch.Tensor:
        """Compute the distance of predictions from those of a teacher."""
        assert batch.teacher is not None
        return self.loss.distillation(output.logits, batch.teacher, self.temperature)
