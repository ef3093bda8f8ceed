"""Front ends whose inputs are features that training does not change."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import check_array

from metaling_sk._data.features import has_vectors_beside, rows_not_finite
from metaling_sk._data.language_statistics import MIN_SAMPLES, LanguageStatistics
from metaling_sk._encoders.encode import encode, freeze, on_cpu
from metaling_sk._encoders.encoder_forms import is_scratch, is_vectorizer, name_checkpoints
from metaling_sk._encoders.modality import Modality
from metaling_sk._encoders.text_modality import TEXTS
from metaling_sk._encoders.trainable import add_saved_adapters
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._network.classifier import IdentityEncoder
from metaling_sk._network.front_end import Body, FrontEnd, check_same_input
from metaling_sk._network.prediction import predict_in_float64
from metaling_sk._utils.random_state import others_may_seed

ALL_LANGUAGES = ""
"""The language that every sample counts as for language_norm=False. Nobody asks for it."""

DENSE_NORM = 0.5
"""Norm of the block of standardised columns beside sparse ones, such as TF-IDF of norm 1."""

PENALTY_OF_NORM = 1 / 400
"""The penalty of a head, for samples of norm 1. It is about 1 for vectors of 400 columns."""


class FixedFrontEnd(FrontEnd):
    """What the kinds share whose inputs are features that training does not change.

    Parameters
    ----------
    language_norm : bool
        Whether each language is standardised by statistics of its own.

    Attributes
    ----------
    statistics : LanguageStatistics
        Set by `fit_languages`.
    is_sparse : bool or None
        Whether the inputs were sparse in `fit_languages`; None before.
    """

    inputs_are_fixed = True
    is_sparse: bool | None = None
    statistics: LanguageStatistics

    def __init__(self, language_norm: bool):
        self.language_norm = language_norm

    def check_continues(self, parameters, samples):
        check_same_input(self, samples)

    def fit_languages(self, inputs, language, *, has_prior):
        if not self.language_norm:
            language = np.full(len(language), ALL_LANGUAGES, dtype=object)
        fitted = self._with(LanguageStatistics.fit(inputs, language, has_prior=has_prior))
        fitted.is_sparse = sparse.issparse(inputs)
        return fitted

    def add_languages(self, new, inputs, language):
        statistics = self.statistics
        for name in new:
            members = np.flatnonzero(language == name)
            if len(members) >= MIN_SAMPLES:
                statistics = statistics.add(inputs[members], name)
        return self._with(statistics)

    def prepare(self, inputs, language):
        inputs = self.statistics.apply(inputs, language)
        is_sparse = sparse.issparse(inputs)
        return self._balance(inputs) if is_sparse else inputs

    def new_body(self, n_languages):
        return Body(IdentityEncoder(), None, self.statistics.mean.shape[1], 0.0)

    def continue_body(self, network, parameters):
        pass

    def learning_rate(self, inputs, output_step):
        mean_norm = abs(inputs).sum() / inputs.shape[0]
        return float(output_step / max(mean_norm, 1.0))

    def head_penalty(self, inputs):
        if has_vectors_beside(inputs):
            return 0.0  # One penalty does not suit both.
        squares: Any = inputs**2
        return float(PENALTY_OF_NORM * squares.sum() / inputs.shape[0])

    def network_execution(self, execution):
        return replace(execution, device=torch.device("cpu"), dtype=None)

    def predict(self, network, encoded, execution):
        return predict_in_float64(network, encoded, self.network_execution(execution))

    def set_language(self, network, index, language, vectors):
        if not self.language_norm:
            return self
        return self._with(self.statistics.add(vectors, language))

    def has_statistics(self, network):
        return self.language_norm and bool(self.statistics.scaled.any())

    def has_language(self, network, index, language):
        return language in self.statistics.languages

    def forget_language(self, network, index, language):
        return self._with(self.statistics.without(language))

    def get_state(self, network, folder):
        return {
            "language_norm": self.language_norm,
            "is_sparse": self.is_sparse,
            "statistics": self.statistics.get_state(),
        }

    @classmethod
    def from_state(cls, state, folder):
        front_end = cls._restore_unfitted(state, folder)
        front_end.statistics = LanguageStatistics.from_state(state["statistics"])
        front_end.is_sparse = state["is_sparse"]
        return front_end

    @classmethod
    def _restore_unfitted(cls, state: dict[str, Any], folder: Path) -> Self:
        """Restore a front end, but for the statistics."""
        return cls(state["language_norm"])

    def restore_encoder(self, state, weights, folder):
        encoder = IdentityEncoder()
        add_saved_adapters(encoder.adapters, weights)
        return encoder

    def check_fits_network(self, languages, network):
        unknown = set(self.statistics.languages) - {*languages, ALL_LANGUAGES}
        if unknown:
            raise ValueError(f"the statistics name the languages {sorted(unknown)}")
        n_features = self.statistics.mean.shape[1]
        if n_features != network.n_features:
            raise ValueError(
                f"the statistics have {n_features} features, but the network {network.n_features}"
            )

    def _with(self, statistics: LanguageStatistics) -> Self:
        changed = copy.copy(self)
        changed.statistics = statistics
        return changed

    def _balance(self, features: sparse.csr_array) -> sparse.csr_array:
        """Scale the dense columns of sparse features to a block of the norm `DENSE_NORM`."""
        if not self.statistics.scaled.any():
            return features
        return sparse.csr_array(features.multiply(self._factors().astype(features.dtype)))

    def _factors(self) -> np.ndarray:
        """What `_balance` multiplies the columns of sparse features by."""
        scaled = self.statistics.scaled
        return np.where(scaled, DENSE_NORM / max(scaled.sum(), 1) ** 0.5, 1.0)

    def column_factors(self) -> np.ndarray:
        """What standardised columns are multiplied by before the network, shape (n_features,)."""
        return self._factors() if self.is_sparse else np.ones(len(self.statistics.scaled))


class NumbersFrontEnd(FixedFrontEnd):
    """X holds features."""

    kind = "numbers"
    input_name = "numeric features"

    @classmethod
    def accepts(cls, parameters, samples):
        return samples.kind == cls.input_name

    @classmethod
    def fit(cls, parameters, samples, execution):
        return cls(parameters.language_norm)

    def check_continues(self, parameters, samples):
        super().check_continues(parameters, samples)
        n_expected, n_features = self.statistics.mean.shape[1], samples.features.shape[1]
        if n_features != n_expected:
            raise ValueError(
                f"`source` was fitted on {n_expected} features, but X has {n_features}."
            )

    def inputs(self, samples, execution):
        features = samples.features
        if self.is_sparse is None or sparse.issparse(features) == self.is_sparse:
            return features
        # The network has learnt from columns that are balanced if they are sparse.
        return sparse.csr_array(features) if self.is_sparse else features.toarray()


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
    def accepts(cls, parameters, samples):
        return samples.kind == cls.input_name and is_vectorizer(parameters.encoder)

    @classmethod
    def fit(cls, parameters, samples, execution):
        try:
            # What torch draws in it is still that of our `random_state`.
            with config_context(transform_output="default"), others_may_seed(as_outside=False):
                vectorizer = clone(parameters.encoder).fit(samples.plain_texts, None)
        except Exception as error:
            error.add_note(
                f"`encoder`: {type(parameters.encoder).__name__} was given the texts of X alone. "
                "Transform other columns in a step before the classifier."
            )
            raise
        return cls(vectorizer, parameters.language_norm)

    def inputs(self, samples, execution):
        with config_context(transform_output="default"):
            features = self.vectorizer.transform(samples.plain_texts)
        features = check_array(
            features,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            ensure_all_finite=False,
        )
        if samples.is_pairs and features.shape[0] != len(samples):
            raise ValueError(
                f"`encoder`: {type(self.vectorizer).__name__} makes {features.shape[0]} rows of "
                f"{len(samples)} pairs of texts, which it gets as a table with the columns "
                f"{samples.pair_columns}. Take them apart with a ColumnTransformer, or join both "
                "in one column."
            )
        if len(rows := rows_not_finite(features)):
            raise ValueError(
                f"`encoder`: {type(self.vectorizer).__name__} makes NaN or infinity of {len(rows)} "
                f"texts, such as {str(samples.texts[rows[0]])[:50]!r}."
            )
        is_sparse = sparse.issparse(features)
        return sparse.csr_array(features) if is_sparse else features

    def describe_input(self):
        name = type(self.vectorizer).__name__
        return f"{super().describe_input()} of a {name}{name_checkpoints(self.vectorizer)}"

    def get_state(self, network, folder):
        return super().get_state(network, folder) | {"vectorizer": self.vectorizer}

    @classmethod
    def _restore_unfitted(cls, state, folder):
        return cls(state["vectorizer"], state["language_norm"])


class FrozenFrontEnd(FixedFrontEnd):
    """A Transformer that is not trained turns each sample into a vector, once.

    Parameters
    ----------
    encoder : TransformerEncoder
        Frozen.
    language_norm : bool
    """

    kind = "frozen"
    modality: ClassVar[Modality] = TEXTS
    input_name = TEXTS.name

    def __init__(self, encoder: TransformerEncoder, language_norm: bool):
        super().__init__(language_norm)
        self.encoder = encoder

    @classmethod
    def accepts(cls, parameters, samples):
        return samples.kind == cls.input_name and parameters.trainable == "head"

    @classmethod
    def fit(cls, parameters, samples, execution):
        encoder = cls.modality.make_encoder(parameters, samples, execution.progress.is_shown)
        return cls(freeze(encoder, execution.device, execution.dtype), parameters.language_norm)

    @classmethod
    def warm_cache(cls, parameters, samples, execution):
        # The vocabulary of an encoder from scratch depends on the samples of each fit.
        if not is_scratch(parameters.encoder):
            cls.fit(parameters, samples, execution).inputs(samples, execution)

    def check_continues(self, parameters, samples):
        super().check_continues(parameters, samples)
        if parameters.trainable != "head":
            raise ValueError(
                "`trainable`: the encoder to start from is frozen; use 'head' here, got "
                f"{parameters.trainable!r}."
            )

    def inputs(self, samples, execution):
        self.encoder.to(execution.device)
        return encode(
            samples.content,
            self.encoder,
            execution.batch_size,
            execution.progress,
            execution.n_threads,
        )

    def encoder_of(self, network):
        return self.encoder

    def get_state(self, network, folder):
        state = super().get_state(network, folder)
        return state | self.modality.save_frozen(self.encoder, folder)

    @classmethod
    def _restore_unfitted(cls, state, folder):
        return cls(cls.modality.restore_frozen(state, folder), state["language_norm"])

    def __getstate__(self):
        # An encoder on a GPU could not be unpickled on a machine without one.
        return vars(self) | {"encoder": on_cpu(self.encoder)}
