"""What the models of a translator have in common."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from metaling_sk._encoders.trainable import merge_lora, set_trainable
from metaling_sk._network.trained_front_end import FINE_TUNING, FROM_SCRATCH
from metaling_sk._utils.parameters import MAX_EPOCHS
from metaling_sk.translation._sentence_pairs import SentencePairs

Inputs = dict[str, torch.Tensor]
"""The inputs of a batch, as `SentencePairs.arrays` names them."""


class TranslationModel(nn.Module, ABC):
    """A network that translates, with its tokenizer.

    Attributes
    ----------
    target_languages : list of str
        The languages that it translates to.
    backbone : module
        The weights.
    has_lora : bool
        Whether the linear layers have low-rank updates.
    trainable : str or None
        What of the weights is trained, once that is chosen.
    """

    kind: str
    """The name of the kind in a saved folder."""

    max_epochs: int = MAX_EPOCHS
    """The largest number of epochs for max_epochs="auto"."""

    # What the training asks of the networks of classifiers, and no translator has.
    encoder = norm = None
    adapters = ()

    backbone: nn.Module

    def __init__(self, target_languages: list[str]):
        super().__init__()
        self.target_languages = target_languages
        self.has_lora = False
        self.trainable: str | None = None

    @property
    def is_pretrained(self) -> bool:
        """Whether the weights were not random at the start, so that low-rank updates adapt them."""
        return True

    def add_languages(self, names: list[str]) -> None:
        """Learn the names of further target languages."""
        self.target_languages = [*self.target_languages, *names]

    def begin_as(self, name: str, known: str) -> None:
        """Let a new language begin as one that is known, if the model can."""

    def add_words(self, texts: list[str]) -> None:
        """Learn the words of further translations, if the tokenizer can."""

    @abstractmethod
    def tokenize(
        self,
        samples: np.ndarray,
        language: np.ndarray,
        target_language: np.ndarray,
        translations: np.ndarray | None = None,
    ) -> SentencePairs:
        """Turn texts or recordings and, for training, their translations into inputs."""

    @abstractmethod
    def forward(self, inputs: Inputs) -> torch.Tensor:
        """Compute the mean loss of a token of the translations."""

    @abstractmethod
    def translate(self, inputs: Inputs, num_beams: int) -> list[str]:
        """Translate the samples of a batch."""

    def learning_rate(self, trainable: str) -> float:
        """The learning rate for learning_rate="auto"."""
        return FINE_TUNING if trainable == "all" else FROM_SCRATCH

    @abstractmethod
    def get_state(self, folder: Path) -> dict[str, Any]:
        """Return what it takes to make a model of this shape; files may be written."""

    @classmethod
    @abstractmethod
    def from_state(
        cls, state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
    ) -> TranslationModel:
        """Make a model of the shape of the weights, which are not loaded."""

    def set_trainable(self, trainable: str) -> None:
        """Choose the weights that are trained, and add low-rank updates if these are meant."""
        set_trainable(self, trainable)  # type: ignore[arg-type]  # it is like an encoder

    def without_lora(self) -> TranslationModel:
        """A copy with the low-rank updates added to the weights, or the model itself."""
        if not self.has_lora:
            return self
        return merge_lora(copy.deepcopy(self))  # type: ignore[arg-type, return-value]

    def target_index(self, target_language: np.ndarray) -> np.ndarray:
        """The position of each language among the target languages."""
        index_of = {name: index for index, name in enumerate(self.target_languages)}
        return np.array([index_of[name] for name in target_language], dtype=np.int64)
