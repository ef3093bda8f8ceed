"""The front end of a network whose encoder is trained."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import torch

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.modality import Modality
from metaling_sk._encoders.text_modality import TEXTS
from metaling_sk._encoders.trainable import merge_lora, set_trainable
from metaling_sk._encoders.transformer_encoder import Reader, TransformerEncoder
from metaling_sk._network.front_end import (
    Body,
    FrontEnd,
    check_same_input,
)
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk._network.prediction import encode, predict, predict_logits, predict_of_vectors

DROPOUT = 0.1
"""Dropout on the representations."""

FROM_SCRATCH, FINE_TUNING = 2e-3, 2e-5
"""Learning rates of Transformers: of weights that were random at first, and of pretrained ones.

Low-rank updates and adapters take the first one. For low-rank updates with a factor of 4 Schulman
et al. (2025. LoRA without regret) found 10 times the rate of fine-tuning to be best; our factor is
1 (RANK in `_encoders/trainable.py`).
"""


class TrainedFrontEnd(FrontEnd):
    """The network takes what its encoder reads, such as token ids; the encoder is trained.

    Parameters
    ----------
    reader : Reader
        The tokenizer of texts.
    pretrained : bool
        Whether the weights of the encoder were not random at the start.
    language_norm : bool
        Whether a new network centres each language, where there are several.
    encoder : TransformerEncoder, optional
        The encoder of the first network.
    """

    kind = "trained"
    modality: ClassVar[Modality] = TEXTS
    input_name = TEXTS.name
    inputs_are_fixed = False

    def __init__(
        self,
        reader: Reader,
        pretrained: bool,
        language_norm: bool,
        encoder: TransformerEncoder | None = None,
    ):
        self.reader = reader
        self.pretrained = pretrained
        self.language_norm = language_norm
        self._first_encoder = encoder

    @property
    def is_from_scratch(self):
        return not self.pretrained

    @property
    def n_at_once(self):
        return self.reader.n_at_once

    @classmethod
    def accepts(cls, parameters, samples):
        return samples.kind == cls.input_name and parameters.trainable != "head"

    @classmethod
    def fit(cls, parameters, samples, execution):
        encoder = cls.modality.make_encoder(parameters, samples, execution.progress.is_shown)
        _set_trainable(encoder, parameters)
        return cls(encoder.reader, encoder.pretrained, parameters.language_norm, encoder)

    def check_continues(self, parameters, samples):
        check_same_input(self, samples)
        if parameters.trainable == "head":
            raise ValueError(
                "`trainable`: the encoder to start from is trained; use 'all', 'lora' or 'adapter' "
                "here, got 'head'."
            )

    def inputs(self, samples, execution):
        return self.reader(samples.content)

    def fit_languages(self, inputs, language, *, has_prior):
        return self  # The language norm of the network learns in training.

    def add_languages(self, new, inputs, language):
        return self

    def prepare(self, inputs, language):
        return inputs

    def new_body(self, n_languages):
        encoder, self._first_encoder = self._first_encoder, None
        assert encoder is not None
        norm = None
        if self.language_norm and n_languages > 1:
            norm = LanguageNorm(n_languages, encoder.n_features)
        return Body(encoder, norm, encoder.n_features, DROPOUT)

    def continue_body(self, network, parameters):
        _set_trainable(network.encoder, parameters)

    def learning_rate(self, inputs, output_step):
        return FROM_SCRATCH

    def pretrained_learning_rate(self, parameters):
        return (
            None
            if parameters.trainable in ("lora", "adapter") or not self.pretrained
            else FINE_TUNING
        )

    def network_execution(self, execution):
        return execution

    def vectors(self, network, inputs, index, execution):
        language_index = np.full(len(inputs), index, dtype=np.int64)
        return encode(network, EncodedSamples(inputs, language_index), execution)

    def predict(self, network, encoded, execution):
        if isinstance(encoded.all_inputs, np.ndarray):
            return predict_of_vectors(network, encoded, execution)
        return predict(network, encoded, execution)

    def logits(self, network, encoded, execution):
        return predict_logits(network, encoded, execution)

    def set_language(self, network, index, language, vectors):
        if network.norm is not None:
            network.norm.set_language(index, torch.from_numpy(vectors))
        return self

    def has_statistics(self, network):
        return network.norm is not None

    def has_language(self, network, index, language):
        return network.norm is None or (index > 0 and bool(network.norm.seen[index]))

    def forget_language(self, network, index, language):
        if network.norm is not None:
            network.norm.forget(index)
        return self

    def encoder_of(self, network):
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
            "encoder": self.modality.save(network.encoder, folder),
        }

    @classmethod
    def from_state(cls, state, folder):
        reader = cls.modality.restore_reader(state["encoder"], folder)
        return cls(reader, state["pretrained"], state["language_norm"])

    def restore_encoder(self, state, weights, folder):
        return self.modality.restore(state["encoder"], weights, folder)


def _set_trainable(encoder: TransformerEncoder, parameters: EncodingParameters) -> None:
    has_own_adapters = not parameters.generates_adapters
    set_trainable(encoder, parameters.trainable, has_own_adapters=has_own_adapters)
