"""The terms of the objective: what each of them reads, needs and computes.

A new term is a class with an instance in `TERMS`; nothing else in the house knows its name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import ChainMap
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import nn

from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._data.samples import Samples
from metaling_sk._network import losses
from metaling_sk._network.classifier import Output

ENOUGH_LABELS = 256
"""Number of target labels whose loss counts half."""

N_DISCRIMINATOR_UNITS = 64
"""Number of units of the hidden layer of the discriminator."""


@dataclass(frozen=True)
class Situation:
    """What a fit has for its terms to work on.

    Attributes
    ----------
    samples : Samples
    is_target : ndarray of bool, shape (n_samples,)
    languages : tuple of (list of str, list of str)
        The source and the target languages.
    teacher : str or None
        What the source model is, if it teaches by its predictions: "classifier" or "regressor".
    has_dictionary : bool
    can_align : bool
        Whether training can change the representations of the network.
    """

    samples: Samples
    is_target: np.ndarray
    languages: tuple[list[str], list[str]]
    teacher: str | None
    has_dictionary: bool
    can_align: bool

    @property
    def has_source_labels(self) -> bool:
        """Whether there are labelled source samples."""
        return bool((self.samples.labelled & ~self.is_target).any())

    @property
    def has_target_labels(self) -> bool:
        """Whether there are labelled target samples."""
        return bool((self.samples.labelled & self.is_target).any())

    @property
    def has_target(self) -> bool:
        """Whether there are target samples."""
        return bool(self.is_target.any())


class ObjectiveState(Protocol):
    """What a term sees of the objective.

    Attributes
    ----------
    progress : float
        Share of the steps that are done.
    start : list of Tensor
        The source weights.
    parts : ModuleDict
        The networks of terms that have one, by the name of the term.
    """

    progress: float
    start: list[torch.Tensor]
    parts: nn.ModuleDict

    def supervised_loss(self, output: Output, batch: Batch) -> torch.Tensor:
        """The loss of predictions for labels, weighted by class where there are classes."""
        ...

    def distillation_loss(self, output: Output, batch: Batch) -> torch.Tensor:
        """The distance of predictions from those of a teacher."""
        ...


class Term(ABC):
    """A term of the objective.

    Attributes
    ----------
    name : str
    streams : tuple of str
        The streams that it reads. It has no value in a step that lacks one of them.
    target_stream : str or None
        The stream of target samples whose predictions it judges, and so the best epoch.
    judges_predictions : bool
        Whether it is computed on held-out samples, too.
    aligns : bool
        Whether it changes representations only, and so needs a network that can.
    has_teacher : bool
        Whether its samples are to be predicted as a teacher does, not as their labels say.
    """

    name: ClassVar[str]
    streams: ClassVar[tuple[str, ...]] = ()
    target_stream: ClassVar[str | None] = None
    judges_predictions: ClassVar[bool] = False
    aligns: ClassVar[bool] = False
    has_teacher: ClassVar[bool] = False

    @abstractmethod
    def find_lack(self, situation: Situation) -> str | None:
        """The thing that it lacks to work on, in words; None where it lacks nothing."""

    @abstractmethod
    def value(
        self,
        objective: ObjectiveState,
        outputs: dict[str, Output],
        step: TrainingStep,
        network: nn.Module,
    ) -> torch.Tensor:
        """Its value in a step."""

    def new_module(self, n_features: int) -> nn.Module | None:
        """A network of its own that is trained with it, for representations of this size."""
        return None

    def share(self, n_samples: int) -> float | None:
        """What the mean loss of its samples counts; None where it is no such mean."""
        return None


class Labels(Term):
    """Loss on target labels, times ``n / (n + 256)``.

    The mean over a few samples says little about the mean over the language. The fewer labels
    there are, the more the other terms decide.
    """

    name = stream = target_stream = "labels"
    streams = (stream,)
    judges_predictions = True

    def find_lack(self, situation):
        return None if situation.has_target_labels else "labelled rows in a target language"

    def share(self, n_samples):
        return n_samples / (n_samples + ENOUGH_LABELS)

    def value(self, objective, outputs, step, network):
        loss = objective.supervised_loss(outputs[self.stream], step.batches[self.stream])
        return self.share(step.sizes[self.stream]) * loss


class PseudoLabels(Labels):
    """The same for pseudo-labels: beside them, few labels keep what they count."""

    name = stream = target_stream = "pseudo_labels"
    streams = (stream,)


class Distill(Term):
    """Distance from the predictions of the source model (Hinton et al., 2015)."""

    name = "distill"
    streams = ("target",)
    target_stream = "target"
    judges_predictions = True
    has_teacher = True

    def find_lack(self, situation):
        return None if situation.has_target else "rows in a target language"

    def share(self, n_samples):
        return 1.0

    def value(self, objective, outputs, step, network):
        return objective.distillation_loss(outputs["target"], step.batches["target"])


class _Aligning(Term):
    """A term that compares the representations of source and target samples."""

    streams = ("source", "target")
    aligns = True

    def find_lack(self, situation):
        if not situation.has_target:
            return "rows in a target language"
        if not situation.has_source_labels:
            return "labelled rows in a source language"
        if not situation.can_align:
            return "an encoder that is trained, or a source that was fitted with this term"
        return None


class Coral(_Aligning):
    """Distance of the covariances (Sun & Saenko, 2016)."""

    name = "coral"

    def value(self, objective, outputs, step, network):
        return losses.coral(outputs["source"].representation, outputs["target"].representation)


class Mmd(_Aligning):
    """Maximum mean discrepancy (Gretton et al., 2012)."""

    name = "mmd"

    def value(self, objective, outputs, step, network):
        return losses.mmd(outputs["source"].representation, outputs["target"].representation)


class Adversarial(_Aligning):
    """Loss of a language discriminator, its gradient reversed (Ganin et al., 2016)."""

    name = "adversarial"

    def new_module(self, n_features):
        return nn.Sequential(
            nn.Linear(n_features, N_DISCRIMINATOR_UNITS),
            nn.ReLU(),
            nn.Linear(N_DISCRIMINATOR_UNITS, 1),
        )

    def value(self, objective, outputs, step, network):
        strength = 2 / (1 + math.exp(-10 * objective.progress)) - 1
        source, target = (outputs[name].representation for name in self.streams)
        return losses.adversarial(objective.parts[self.name], source, target, strength)


class L2sp(Term):
    """Distance from the source weights (Li et al., 2018)."""

    name = "l2sp"

    def find_lack(self, situation):
        if situation.teacher:
            return f"a network as source, but `source` is a {situation.teacher}"
        return None

    def value(self, objective, outputs, step, network):
        return losses.l2sp(trained(network), objective.start)


class CodeSwitch(Term):
    """Loss on code-switched source text (Qin et al., 2020)."""

    name = "code_switch"
    streams = ("code_switch",)
    judges_predictions = True

    def find_lack(self, situation):
        if not situation.has_source_labels:
            return "labelled rows in a source language"
        if not (situation.has_dictionary and situation.samples.is_text):
            return "texts and a `dictionary`"
        return None

    def share(self, n_samples):
        return 1.0

    def value(self, objective, outputs, step, network):
        return objective.supervised_loss(outputs["code_switch"], step.batches["code_switch"])


TERMS: dict[str, Term] = {
    term.name: term
    for term in (Labels(), Distill(), Coral(), Mmd(), Adversarial(), L2sp(), CodeSwitch())
}
"""The terms that `transfer` may name."""

ALL_TERMS: ChainMap[str, Term] = ChainMap(TERMS, {PseudoLabels.name: PseudoLabels()})
"""These, and the one of self-training."""


def list_terms(transfer) -> list[str]:
    """The terms that a `transfer` parameter names; none for "auto".

    Raises
    ------
    ValueError
        If a name is none of a term.
    """
    if isinstance(transfer, str):
        terms = [] if transfer == "auto" else [transfer]
    else:
        terms = list(transfer or ())
    if unknown := sorted(set(terms) - set(TERMS), key=str):
        raise ValueError(f"`transfer` must be 'auto' or some of {list(TERMS)}, got {unknown}.")
    return terms


def find_terms(transfer, situation: Situation) -> list[str]:
    """The terms of a fit, after a check that each of them has something to work on.

    Raises
    ------
    ValueError
        If a term has nothing to work on.
    """
    if isinstance(transfer, str) and transfer == "auto":
        can_distill = bool(situation.teacher) and situation.has_target
        return ["labels"] * situation.has_target_labels + ["distill"] * can_distill
    terms = list_terms(transfer)
    for term in terms:
        lack = TERMS[term].find_lack(situation)
        if lack is not None:
            source_languages, target_languages = situation.languages
            raise ValueError(
                f"`transfer`: {term!r} needs {lack}. The source languages are "
                f"{source_languages}, the target languages {target_languages}."
            )
    return terms


def trained(network: nn.Module) -> list[torch.Tensor]:
    """Return the parameters that training changes."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]
