"""The objective of a translator: the loss of the translations."""

from __future__ import annotations

import torch
from torch import nn

from metaling_sk._data.batches import TrainingStep
from metaling_sk.translation._model import TranslationModel

STREAM = "translations"
"""The name of the samples, and of their loss."""


class TranslationObjective(nn.Module):
    """The mean loss of a token, in the form that the training takes."""

    start: tuple = ()
    """There are no weights that others are compared with."""

    progress = 0.0

    def outputs(self, network: TranslationModel, step: TrainingStep) -> torch.Tensor:
        """Compute the loss of a step, which takes the labels to compute anything."""
        return network(step.batches[STREAM].inputs)

    def forward(self, outputs: torch.Tensor, step, network, training: bool) -> dict:
        """Compute the value of each term, of which there is one."""
        return {STREAM: outputs}

    def total(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """The number to minimise."""
        return values[STREAM]

    def streams(self, term: str) -> tuple[str, ...]:
        """The samples that a term reads."""
        return (STREAM,)
