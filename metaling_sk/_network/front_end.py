"""What turns samples into what the network sees: four kinds behind one interface.

`choose_front_end` takes one at the start of `fit`; after that nobody asks which kind it is. A new
kind is a subclass of `FrontEnd` in `FRONT_ENDS`.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import check_array
from torch import nn

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.language_statistics import MIN_SAMPLES, LanguageStatistics
from metaling_sk._data.samples import Samples
from metaling_sk._encoders.encode import encode, freeze, on_cpu
from metaling_sk._encoders.make_encoder import (
    fit_vectorizer,
    is_scratch,
    is_vectorizer,
    make_text_encoder,
)
from metaling_sk._encoders.saved import restore_encoder, restore_tokenizer, save_encoder
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk._encoders.trainable import add_saved_adapters, merge_lora, set_trainable
from metaling_sk._network.classifier import IdentityEncoder
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk._network.prediction import Execution, Outputs, predict, predict_in_float64

if TYPE_CHECKING:
    from metaling_sk._network.estimator import NetworkClassifier

DROPOUT = 0.1
"""Dropout on the representations of an encoder that is trained."""

ALL_LANGUAGES = ""
"""The language that every sample counts as for language_norm=False. Nobody asks for it."""

FROM_SCRATCH, FINE_TUNING = 2e-3, 5e-5
"""Learning rates of Transformers: of weights that were random at first, and of pretrained ones.

Low-rank updates and adapters take the first one. For low-rank updates with a factor of 4 Schulman
et al. (2025. LoRA without regret) found 10 times the rate of fine-tuning to be best, so with our
factor of 1 (RANK in `_encoders/trainable.py`) it is 40 times.
"""

DENSE_NORM = 0.5
"""Norm of the block of standardised columns beside sparse ones, such as TF-IDF of norm 1."""

LOGIT_STEP = 0.05
"""Change of a typical logit in one step on features."""


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

    encoder: nn.Module
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
        What the input is called in messages.
    inputs_are_fixed : bool
        Whether training leaves the inputs of the network as they are, so that linear models can
        be fitted on them.
    """

    kind: ClassVar[str]
    input_name: ClassVar[str]
    inputs_are_fixed: ClassVar[bool]

    @classmethod
    @abstractmethod
    def accepts(cls, estimator: NetworkClassifier, samples: Samples) -> bool:
        """Whether this is the kind for the parameters of the estimator and its samples."""

    @classmethod
    @abstractmethod
    def fit(cls, estimator: NetworkClassifier, samples: Samples) -> FrontEnd:
        """Make one for the parameters of the estimator, fitted on the samples."""

    @classmethod
    @abstractmethod
    def warm_cache(cls, estimator: NetworkClassifier, samples: Samples) -> None:
        """Leave in the caches what fits on these samples share."""

    @abstractmethod
    def check_continues(self, estimator: NetworkClassifier, samples: Samples) -> None:
        """Raise a ValueError unless the estimator can go on with it on these samples."""

    @abstractmethod
    def inputs(self, samples: Samples, execution: Execution):
        """The input of each sample, before any treatment by language: features or tokens."""

    @abstractmethod
    def fit_languages(self, inputs, language: np.ndarray) -> FrontEnd:
        """Learn the statistics of each language."""

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
    def continue_body(self, network: nn.Module, estimator: NetworkClassifier) -> None:
        """Make the encoder of a network ready to be trained further by the estimator."""

    @abstractmethod
    def learning_rate(self, inputs) -> float:
        """The peak learning rate of new weights, for learning_rate="auto"."""

    def encoder_learning_rate(self, estimator: NetworkClassifier) -> float:
        """The peak learning rate of the encoder's weights."""
        return estimator.learning_rate_

    @abstractmethod
    def network_execution(self, execution: Execution) -> Execution:
        """Where and in which precision the network is computed."""

    @abstractmethod
    def predict(self, network: nn.Module, encoded: EncodedSamples, execution: Execution) -> Outputs:
        """The outputs of a network on its inputs."""

    @abstractmethod
    def set_language(
        self, network: nn.Module, index: int, language: str, inputs, execution: Execution
    ) -> FrontEnd:
        """Learn the statistics of one language, or learn them anew, from inputs of its own."""

    @abstractmethod
    def has_language(self, network: nn.Module, index: int, language: str) -> bool:
        """Whether a language has statistics of its own, where languages have any."""

    @abstractmethod
    def forget_language(self, network: nn.Module, index: int, language: str) -> FrontEnd:
        """Take the statistics of a language away."""

    def text_encoder(self, network: nn.Module) -> TextEncoder | None:
        """The Transformer that encodes the texts, if there is one."""
        return None

    def without_updates(self, network: nn.Module) -> nn.Module:
        """The network with its low-rank updates, if there are any, added to the weights."""
        return network

    @abstractmethod
    def get_state(self, network: nn.Module, folder: Path) -> dict[str, Any]:
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
    ) -> nn.Module:
        """An encoder of the shape that the network had, for these weights."""


class FixedFrontEnd(FrontEnd):
    """What the kinds share whose inputs are features that training does not change.

    Parameters
    ----------
    language_norm : bool
        Whether each language is standardised by statistics of its own.
    statistics : LanguageStatistics, optional
        Set by `fit_languages`.
    """

    inputs_are_fixed = True

    def __init__(self, language_norm: bool, statistics: LanguageStatistics | None = None):
        self.language_norm = language_norm
        self.statistics = statistics

    @classmethod
    def warm_cache(cls, estimator, samples):
        pass

    def check_continues(self, estimator, samples):
        _check_same_input(self, samples)

    def fit_languages(self, inputs, language):
        if not self.language_norm:
            language = np.full(len(language), ALL_LANGUAGES, dtype=object)
        return self._with(LanguageStatistics.fit(inputs, language))

    def add_languages(self, new, inputs, language):
        statistics = self.statistics
        for name in new:
            members = np.flatnonzero(language == name)
            if len(members) >= MIN_SAMPLES:
                statistics = statistics.add(inputs[members], name)
        return self._with(statistics)

    def prepare(self, inputs, language):
        inputs = self.statistics.apply(inputs, language)
        return self._balance(inputs) if sparse.issparse(inputs) else inputs

    def new_body(self, n_languages):
        return Body(IdentityEncoder(), None, self.statistics.mean.shape[1], 0.0)

    def continue_body(self, network, estimator):
        pass

    def learning_rate(self, inputs):
        mean_norm = abs(inputs).sum() / inputs.shape[0]
        return float(LOGIT_STEP / max(mean_norm, 1.0))

    def network_execution(self, execution):
        return replace(execution, device=torch.device("cpu"), dtype=None)

    def predict(self, network, encoded, execution):
        return predict_in_float64(network, encoded, self.network_execution(execution))

    def set_language(self, network, index, language, inputs, execution):
        if not self.language_norm:
            return self
        return self._with(self.statistics.add(inputs, language))

    def has_language(self, network, index, language):
        return language in self.statistics.languages

    def forget_language(self, network, index, language):
        return self._with(self.statistics.without(language))

    def get_state(self, network, folder):
        return {
            "language_norm": self.language_norm,
            "statistics": self.statistics.get_state(),
        }

    @classmethod
    def from_state(cls, state, folder):
        return cls(state["language_norm"], LanguageStatistics.from_state(state["statistics"]))

    def restore_encoder(self, state, weights, folder):
        encoder = IdentityEncoder()
        add_saved_adapters(encoder, weights)
        return encoder

    def _with(self, statistics: LanguageStatistics) -> FrontEnd:
        changed = copy.copy(self)
        changed.statistics = statistics
        return changed

    def _balance(self, features: sparse.csr_array) -> sparse.csr_array:
        """Scale the dense columns of sparse features to a block of the norm `DENSE_NORM`."""
        n_dense = self.statistics.scaled.sum()
        if not n_dense:
            return features
        factor = np.where(self.statistics.scaled, DENSE_NORM / n_dense**0.5, 1.0)
        return sparse.csr_array(features.multiply(factor.astype(features.dtype)))


class NumbersFrontEnd(FixedFrontEnd):
    """X holds features."""

    kind = "numbers"
    input_name = "numeric features"

    @classmethod
    def accepts(cls, estimator, samples):
        return not samples.is_text

    @classmethod
    def fit(cls, estimator, samples):
        return cls(estimator.language_norm)

    def check_continues(self, estimator, samples):
        super().check_continues(estimator, samples)
        n_expected, n_features = self.statistics.mean.shape[1], samples.features.shape[1]
        if n_features != n_expected:
            raise ValueError(
                f"`source` was fitted on {n_expected} features, but X has {n_features}."
            )

    def inputs(self, samples, execution):
        return samples.features


class VectorizerFrontEnd(FixedFrontEnd):
    """An sklearn transformer turns texts into features.

    Parameters
    ----------
    vectorizer : fitted sklearn transformer of texts
    language_norm : bool
    """

    kind = "vectorizer"
    input_name = "texts"

    def __init__(self, vectorizer, language_norm: bool):
        super().__init__(language_norm)
        self.vectorizer = vectorizer

    @classmethod
    def accepts(cls, estimator, samples):
        return samples.is_text and is_vectorizer(estimator.encoder)

    @classmethod
    def fit(cls, estimator, samples):
        return cls(fit_vectorizer(estimator.encoder, samples.texts), estimator.language_norm)

    def inputs(self, samples, execution):
        features = self.vectorizer.transform(samples.texts)
        features = check_array(features, accept_sparse="csr", dtype=(np.float64, np.float32))
        return sparse.csr_array(features) if sparse.issparse(features) else features

    def get_state(self, network, folder):
        raise ValueError(
            "`encoder` is an sklearn transformer, which cannot be stored as JSON and tensors; use "
            "joblib.dump."
        )


class FrozenFrontEnd(FixedFrontEnd):
    """A Transformer that is not trained turns each text into a vector, once.

    Parameters
    ----------
    encoder : TextEncoder
        Frozen.
    language_norm : bool
    statistics : LanguageStatistics, optional
    """

    kind = "frozen"
    input_name = "texts"

    def __init__(
        self,
        encoder: TextEncoder,
        language_norm: bool,
        statistics: LanguageStatistics | None = None,
    ):
        super().__init__(language_norm, statistics)
        self.encoder = encoder

    @classmethod
    def accepts(cls, estimator, samples):
        return samples.is_text and estimator.trainable == "head"

    @classmethod
    def fit(cls, estimator, samples):
        execution = estimator._execution()
        encoder = _make_encoder(estimator, samples)
        return cls(freeze(encoder, execution.device, execution.dtype), estimator.language_norm)

    @classmethod
    def warm_cache(cls, estimator, samples):
        # The vocabulary of an encoder from scratch depends on the samples of each fit.
        if not is_scratch(estimator.encoder):
            cls.fit(estimator, samples).inputs(samples, estimator._execution())

    def check_continues(self, estimator, samples):
        super().check_continues(estimator, samples)
        if estimator.trainable != "head":
            raise ValueError(
                "`trainable`: the encoder to start from is frozen; use 'head' here, got "
                f"{estimator.trainable!r}."
            )

    def inputs(self, samples, execution):
        self.encoder.to(execution.device)
        return encode(samples.texts, self.encoder, execution.batch_size, execution.progress)

    def text_encoder(self, network):
        return self.encoder

    def get_state(self, network, folder):
        state = super().get_state(network, folder)
        return state | {
            "encoder": save_encoder(self.encoder, folder),
            "weights": self.encoder.state_dict(),
        }

    @classmethod
    def from_state(cls, state, folder):
        weights = state["weights"]
        encoder = restore_encoder(state["encoder"], weights, folder)
        freeze(encoder, torch.device("cpu"), next(iter(weights.values())).dtype)
        encoder.load_state_dict(weights)
        statistics = LanguageStatistics.from_state(state["statistics"])
        return cls(encoder, state["language_norm"], statistics)

    def __getstate__(self):
        # An encoder on a GPU could not be unpickled on a machine without one.
        return vars(self) | {"encoder": on_cpu(self.encoder)}


class TrainedFrontEnd(FrontEnd):
    """The network takes token ids; its encoder is trained.

    Parameters
    ----------
    tokenizer : TextTokenizer
    pretrained : bool
        Whether the weights of the encoder were not random at the start.
    language_norm : bool
        Whether a new network centres each language, where there are several.
    encoder : TextEncoder, optional
        The encoder of the first network.
    """

    kind = "trained"
    input_name = "texts"
    inputs_are_fixed = False

    def __init__(
        self,
        tokenizer: TextTokenizer,
        pretrained: bool,
        language_norm: bool,
        encoder: TextEncoder | None = None,
    ):
        self.tokenizer = tokenizer
        self.pretrained = pretrained
        self.language_norm = language_norm
        self._first_encoder = encoder

    @classmethod
    def accepts(cls, estimator, samples):
        is_encoder = not is_vectorizer(estimator.encoder)
        return samples.is_text and is_encoder and estimator.trainable != "head"

    @classmethod
    def fit(cls, estimator, samples):
        encoder = _make_encoder(estimator, samples)
        _set_trainable(encoder, estimator)
        return cls(encoder.text_tokenizer, encoder.pretrained, estimator.language_norm, encoder)

    @classmethod
    def warm_cache(cls, estimator, samples):
        pass

    def check_continues(self, estimator, samples):
        _check_same_input(self, samples)
        if estimator.trainable == "head":
            raise ValueError(
                "`trainable`: the encoder to start from is trained; use 'all', 'lora' or 'adapter' "
                "here, got 'head'."
            )

    def inputs(self, samples, execution):
        return self.tokenizer(samples.texts)

    def fit_languages(self, inputs, language):
        return self  # The language norm of the network learns in training.

    def add_languages(self, new, inputs, language):
        return self

    def prepare(self, inputs, language):
        return inputs

    def new_body(self, n_languages):
        encoder, self._first_encoder = self._first_encoder, None
        norm = None
        if self.language_norm and n_languages > 1:
            norm = LanguageNorm(n_languages, encoder.n_features)
        return Body(encoder, norm, encoder.n_features, DROPOUT)

    def continue_body(self, network, estimator):
        _set_trainable(network.encoder, estimator)

    def learning_rate(self, inputs):
        return FROM_SCRATCH

    def encoder_learning_rate(self, estimator):
        is_tuned = self.pretrained and estimator.trainable == "all"
        is_auto = estimator.learning_rate == "auto"
        return FINE_TUNING if is_tuned and is_auto else estimator.learning_rate_

    def network_execution(self, execution):
        return execution

    def predict(self, network, encoded, execution):
        return predict(network.to(execution.device), encoded, execution)

    def set_language(self, network, index, language, inputs, execution):
        if network.norm is not None:
            network.norm.set_language(index, _encode(network, inputs, index, execution))
        return self

    def has_language(self, network, index, language):
        return network.norm is None or bool(network.norm.seen[index])

    def forget_language(self, network, index, language):
        if network.norm is not None:
            network.norm.forget(index)
        return self

    def text_encoder(self, network):
        return network.encoder

    def without_updates(self, network):
        if not network.encoder.has_lora:
            return network
        network = copy.deepcopy(network)
        merge_lora(network.encoder)
        return network

    def get_state(self, network, folder):
        return {
            "language_norm": self.language_norm,
            "pretrained": self.pretrained,
            "encoder": save_encoder(network.encoder, folder),
        }

    @classmethod
    def from_state(cls, state, folder):
        tokenizer = restore_tokenizer(state["encoder"], folder)
        return cls(tokenizer, state["pretrained"], state["language_norm"])

    def restore_encoder(self, state, weights, folder):
        return restore_encoder(state["encoder"], weights, folder)


FRONT_ENDS: dict[str, type[FrontEnd]] = {
    kind.kind: kind
    for kind in (NumbersFrontEnd, TrainedFrontEnd, FrozenFrontEnd, VectorizerFrontEnd)
}
"""The kinds of front ends. Where several accept, the last one is taken."""


def choose_front_end(estimator: NetworkClassifier, samples: Samples) -> FrontEnd:
    """Fit the front end for the parameters of an estimator and its samples."""
    return _kind_for(estimator, samples).fit(estimator, samples)


def warm_cache(estimator: NetworkClassifier, samples: Samples) -> None:
    """Compute what fits to come on these samples share, and leave it in the caches."""
    _kind_for(estimator, samples).warm_cache(estimator, samples)


def _kind_for(estimator: NetworkClassifier, samples: Samples) -> type[FrontEnd]:
    return next(kind for kind in reversed(FRONT_ENDS.values()) if kind.accepts(estimator, samples))


def _make_encoder(estimator: NetworkClassifier, samples: Samples) -> TextEncoder:
    return make_text_encoder(
        estimator.encoder,
        samples.texts,
        samples.language,
        pooling=estimator.pooling,
        layer=estimator.layer,
        max_length=estimator.max_length,
    )


def _set_trainable(encoder: TextEncoder, estimator: NetworkClassifier) -> None:
    has_own_adapters = not estimator._generates_adapters
    set_trainable(encoder, estimator.trainable, has_own_adapters=has_own_adapters)


def _check_same_input(front_end: FrontEnd, samples: Samples) -> None:
    name = "texts" if samples.is_text else "numeric features"
    if front_end.input_name != name:
        raise ValueError(
            f"`source` was fitted on {front_end.input_name}, but X holds {name}; both must be of "
            "one kind."
        )


def _encode(network, tokens, index: int, execution: Execution) -> torch.Tensor:
    """The representations of samples of one language, before the language norm."""
    network.eval()
    device = network.head.weight.device
    encoded = EncodedSamples(tokens, np.full(len(tokens), index, dtype=np.int64))
    with torch.no_grad():
        parts = []
        for indices in encoded.indices(execution.batch_size):
            batch = encoded.collate(indices).to(device)
            parts.append(network.encode(batch.inputs, batch.language_index))
        return torch.cat(parts)
