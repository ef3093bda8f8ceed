"""The interface of a front end: what turns samples into what the network sees.

A new kind is a subclass of `FrontEnd`, or of `FixedFrontEnd`, in `FRONT_ENDS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.samples import Samples
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._network.classifier import Encoder, Network
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk._network.prediction import Execution, Outputs


@dataclass(frozen=True)
class Body:
    """The part of a network below its head.

    Attributes
    ----------
    encoder : module
    norm : LanguageNorm or None
    n_features : int
        Size of the representation.
    dropout : float
        Dropout on the representation.
    """

    encoder: Encoder
    norm: LanguageNorm | None
    n_features: int
    dropout: float


class FrontEnd(ABC):
    """What turns samples into what the network sees.

    A front end does not change. Methods that learn return a new one.

    Attributes
    ----------
    kind : str
        Its name in `FRONT_ENDS` and in saved folders.
    input_name : str
        What `Samples.kind` calls the samples that it takes.
    inputs_are_fixed : bool
        Whether training leaves the inputs of the network as they are, so that linear models can
        be fitted on them.
    is_from_scratch : bool
        Whether it knows nothing of a language but what training teaches it.
    n_at_once : int or None
        The number of samples whose inputs are in memory to predict; None is all.
    """

    kind: ClassVar[str]
    input_name: ClassVar[str]
    inputs_are_fixed: ClassVar[bool]

    @property
    def is_from_scratch(self) -> bool:  # noqa: D102
        return False

    @property
    def n_at_once(self) -> int | None:  # noqa: D102
        return None

    def describe_input(self) -> str:
        """Say what it reads, for the model card."""
        return f"{self.input_name} as fixed features"

    @classmethod
    @abstractmethod
    def accepts(cls, parameters: EncodingParameters, samples: Samples) -> bool:
        """Whether this is the kind for the parameters and the samples."""

    @classmethod
    @abstractmethod
    def fit(
        cls, parameters: EncodingParameters, samples: Samples, execution: Execution
    ) -> FrontEnd:
        """Make a front end, fitted on the samples."""

    @classmethod  # noqa: B027
    def warm_cache(
        cls, parameters: EncodingParameters, samples: Samples, execution: Execution
    ) -> None:
        """Leave in the caches what fits on these samples share; by default that is nothing."""

    @abstractmethod
    def check_continues(self, parameters: EncodingParameters, samples: Samples) -> None:
        """Raise a ValueError unless an estimator can go on with it on these samples."""

    @abstractmethod
    def inputs(self, samples: Samples, execution: Execution):
        """The input of each sample, before any treatment by language: features or tokens."""

    @abstractmethod
    def fit_languages(self, inputs, language: np.ndarray, *, has_prior: bool) -> FrontEnd:
        """Learn the statistics of each language, averaged with those of all if `has_prior`."""

    @abstractmethod
    def add_languages(self, new: list[str], inputs, language: np.ndarray) -> FrontEnd:
        """Learn the statistics of new languages; those of the others stay."""

    @abstractmethod
    def prepare(self, inputs, language: np.ndarray):
        """The inputs as the network takes them, treated by language."""

    @abstractmethod
    def new_body(self, n_languages: int) -> Body:
        """The body of a new network."""

    @abstractmethod
    def continue_body(self, network: Network, parameters: EncodingParameters) -> None:
        """Make the encoder of a network ready to be trained further."""

    @abstractmethod
    def learning_rate(self, inputs, output_step: float) -> float:
        """The peak learning rate of new weights, for learning_rate="auto".

        On features it is the one at which a step changes an output by about `output_step`.
        """

    def head_penalty(self, inputs) -> float:
        """The L2 penalty of a linear head, for head_penalty="auto"."""
        return 0.0

    def pretrained_learning_rate(self, parameters: EncodingParameters) -> float | None:
        """The peak learning rate of pretrained weights, for learning_rate="auto".

        None where no pretrained weight is trained.
        """
        return None

    @abstractmethod
    def network_execution(self, execution: Execution) -> Execution:
        """Where and in which precision the network is computed."""

    @abstractmethod
    def predict(self, network: Network, encoded: EncodedSamples, execution: Execution) -> Outputs:
        """The outputs of a network on its inputs."""

    def logits(self, network: Network, encoded: EncodedSamples, execution: Execution) -> np.ndarray:
        """The logits of a network on its inputs, shape (n_samples, n_classes)."""
        return self.predict(network, encoded, execution).logits

    def vectors(self, network: Network, inputs, index: int, execution: Execution):
        """What the statistics of a language are taken from: its inputs, or their vectors.

        `predict` takes them in the place of the inputs, so that samples are encoded once.
        """
        return inputs

    @abstractmethod
    def set_language(self, network: Network, index: int, language: str, vectors) -> FrontEnd:
        """Learn the statistics of one language, or learn them anew, from its vectors."""

    @abstractmethod
    def has_statistics(self, network: Network) -> bool:
        """Whether languages have statistics, so that they are treated differently."""

    @abstractmethod
    def has_language(self, network: Network, index: int, language: str) -> bool:
        """Whether a language has statistics of its own, where languages have any.

        The index of a language that the network does not know is 0.
        """

    @abstractmethod
    def forget_language(self, network: Network, index: int, language: str) -> FrontEnd:
        """Take the statistics of a language away."""

    def encoder_of(self, network: Network) -> TransformerEncoder | None:
        """The Transformer that encodes the samples, if there is one."""
        return None

    def without_updates(self, network: Network) -> Network:
        """The network with its low-rank updates, if there are any, added to the weights."""
        return network

    @abstractmethod
    def get_state(self, network: Network, folder: Path) -> dict[str, Any]:
        """Everything that `from_state` needs, as JSON values, arrays and tensors.

        Parameters
        ----------
        network : module
        folder : Path
            For files in a form of their own.
        """

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any], folder: Path) -> FrontEnd:
        """Restore a front end."""

    @abstractmethod
    def restore_encoder(
        self, state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
    ) -> Encoder:
        """An encoder of the shape that the network had, for these weights."""

    def check_fits_network(self, languages: list[str], network: Network) -> None:  # noqa: B027
        """Raise a ValueError unless what was restored belongs to these languages and network."""


def check_same_input(front_end: FrontEnd, samples: Samples) -> None:
    """Raise a ValueError unless the samples are of the kind that the front end was fitted on."""
    name = samples.kind
    if front_end.input_name != name:
        raise ValueError(
            f"`source` was fitted on {front_end.input_name}, but X holds {name}; both must be of "
            "one kind."
        )
