"""The base of the estimators that train a network."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.language_statistics import MIN_SAMPLES
from metaling_sk._data.languages import positions_by_language
from metaling_sk._data.parts import compute_in_parts, join
from metaling_sk._data.samples import Samples, check_samples, count_samples
from metaling_sk._data.suspicions import suspect_unseen
from metaling_sk._encoders.encoder_forms import name_checkpoints
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._network.classifier import ClassifierNetwork, Network
from metaling_sk._network.encoder_attributes import EncoderAttributesMixin
from metaling_sk._network.front_ends import FRONT_ENDS, choose_front_end
from metaling_sk._network.nets import TrainingSettings, new_net
from metaling_sk._network.prediction import Execution, Outputs
from metaling_sk._network.saved import check_languages, encoder_weights, restore_network
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.all_or_nothing import changed_at_once, snapshot
from metaling_sk._utils.messages import name_rows, warn_user
from metaling_sk._utils.out_of_memory import memory_errors
from metaling_sk._utils.parameters import MAX_EPOCHS
from metaling_sk._utils.progress import Progress
from metaling_sk.base import LanguageTransformerMixin

MIN_PREDICT_BATCH = 64
"""Samples in a batch for prediction, which needs less memory than training."""

ENOUGH_SAMPLES = 1000
"""Number of samples that tell the mean of a language well enough."""

MAX_FIT_STEPS = 5000
"""Number of steps beyond which a trained encoder gets fewer epochs for max_epochs="auto"."""

MIN_FIT_STEPS = 500
"""Number of steps below which a head on fixed inputs gets more epochs for max_epochs="auto".

A step on fixed inputs takes some milliseconds.
"""

WARM_CACHE_PARAMETERS = (
    "encoder",
    "trainable",
    "pooling",
    "layer",
    "prompt",
    "max_length",
    "device",
    "dtype",
    "text_column",
    "image_column",
    "audio_column",
    "max_seconds",
    "language_column",
)
"""Parameters that decide the vector of a sample."""


class NetworkEstimator(
    SavedMixin,
    EncoderAttributesMixin,
    ClassNamePrefixFeaturesOutMixin,
    LanguageTransformerMixin,
    BaseEstimator,
):
    """Base of the estimators whose network has an encoder, a norm per language and a head.

    `NetworkClassifier` and `NetworkRegressor` add what depends on the kind of output. A subclass of
    these defines `__init__` with the common parameters, and `fit`, which sets `_output`,
    `languages_`, `front_end_`, `learning_rate_`, `history_` and, last, `net_`.
    """

    _output: Any
    """The `OutputKind`, with what it has learnt from the labels."""

    _generates_adapters = False
    """Whether the network generates the adapters of trainable="adapter"."""

    _learns_a_language_by = "register_language"
    """What a user calls to teach a fitted classifier a language."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    @property
    def n_iter_(self) -> int:
        """The number of epochs that were trained; 0 where the models are solved for."""
        if not hasattr(self, "net_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return len(self.history_)

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.head.in_features

    @property
    def _fitted_encoder(self) -> TransformerEncoder | None:  # type: ignore[override]
        if not hasattr(self, "net_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return self.front_end_.encoder_of(self.net_.module_)

    def transform(self, X, language=None) -> np.ndarray:
        """Compute the representations of samples: the vectors that go into the head.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_representation)
            What the encoder makes of texts, treated by the statistics of their languages. It is
            sparse where the features are.
        """
        model = snapshot(self)
        return model._compute(X, language, model._represent)

    def register_language(self, X, language=None) -> Self:
        """Learn the statistics of a new language from its text, labelled or not.

        From then on its samples are centred and scaled by their own statistics instead of those
        of all languages. Predictions for the other languages do not change. Where the network has
        no such statistics (language_norm=False, or an encoder that was trained on one language)
        there is nothing to learn.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            Samples of one or several languages; at least two of each.
        language : str or array-like of str, default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            If a language has only one sample; then none is learnt.
        """
        check_is_fitted(self)
        samples = check_samples(self, X, language=language, reset=False)
        parts = {
            name: samples.take(indices)
            for name, indices in positions_by_language(samples.language).items()
        }
        for name, part in parts.items():
            if len(part) < MIN_SAMPLES:
                raise ValueError(
                    f"register_language needs at least two rows of {name!r}, got {len(part)}."
                )
        with changed_at_once(self) as changed, memory_errors():
            for name, part in parts.items():
                changed._register(part, name)
        return self

    def warm_cache_key(self) -> dict[str, Any]:
        """Return the parameters that decide what `warm_cache` computes.

        `MetaParamSearchCV` calls `warm_cache` once for all candidates with equal keys.

        Returns
        -------
        dict of str to object
            Names of parameters and their values.
        """
        return {name: getattr(self, name) for name in WARM_CACHE_PARAMETERS}

    def warm_cache(self, X, language=None) -> None:
        """Compute what fits to come on these samples share, and leave it in the caches.

        A search calls it before its workers start. Only the vectors of a frozen encoder are
        shared by fits on different folds.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.
        """
        samples = check_samples(copy.copy(self), X, language=language, reset=True, needs_y=False)
        parameters = self._encoding_parameters()
        kind = choose_front_end(parameters, samples)
        kind.warm_cache(parameters, samples, self._execution())

    # Languages

    @property
    def _known_languages(self) -> list[str]:
        """The languages that are treated differently; none if all are treated alike."""
        has_statistics = self.front_end_.has_statistics(self.net_.module_)
        return self.languages_ if has_statistics else []

    def _lacks_statistics(self, language: str) -> bool:
        """Whether a language could have statistics of its own, but has not."""
        network, front_end = self.net_.module_, self.front_end_
        index = self._language_index(language) if language in self.languages_ else 0
        return front_end.has_statistics(network) and not front_end.has_language(
            network, index, language
        )

    # Stages of fit and predict

    def _compute(self, X, language, compute: Callable[[EncodedSamples, Execution], Any]):
        """Check and encode samples, part by part, and compute something of them."""
        check_is_fitted(self)
        with memory_errors(), Progress.of(self) as progress:
            execution = self._execution(progress)

            def compute_part(part, language):
                samples = check_samples(self, part, language=language, reset=False)
                lacking = filter(self._lacks_statistics, set(samples.language))
                suspect_unseen(self, lacking, self._known_languages, self._learns_a_language_by)
                n_at_once = self.front_end_.n_at_once
                if n_at_once is not None:
                    n_at_once = max(n_at_once, execution.batch_size)
                results, n_later = [], len(samples)
                for some in samples.split(n_at_once):
                    n_later -= len(some)
                    inputs = self.front_end_.inputs(some, execution)
                    encoded = self._encode(inputs, some.language)
                    results.append(compute(encoded, replace(execution, n_later=n_later)))
                return join(results)

            return compute_in_parts(compute_part, X, language)

    def _compute_outputs(self, X, language, compute: Callable[[EncodedSamples, Execution], Any]):
        """Compute the outputs of the network for samples, or something of them; all are finite."""
        outputs = self._compute(X, language, compute)
        extreme = np.flatnonzero(~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1))
        if len(extreme):
            raise ValueError(
                f"The network has no finite output for {name_rows(extreme)} of X; look for extreme "
                "values there."
            )
        return outputs

    def _represent(self, encoded: EncodedSamples, execution: Execution):
        return self._predict(self.net_.module_, encoded, execution).representations

    @property
    def _averages_languages(self) -> bool:
        """Whether the statistics of a language are averaged with those of all."""
        return True

    def _encoding_parameters(self) -> EncodingParameters:
        return EncodingParameters.of(
            self,
            trainable=self.trainable,
            language_norm=self.language_norm,
            generates_adapters=self._generates_adapters,
        )

    def _execution(self, progress: Progress | None = None) -> Execution:
        return Execution.of(self, max(self.batch_size, MIN_PREDICT_BATCH), progress)

    def _fit_front_end(self, samples: Samples, execution: Execution, start=None):
        """Set `front_end_` and `languages_`; return the input of each sample.

        Parameters
        ----------
        start : fitted estimator, optional
            The estimator to go on from. Its languages keep their statistics.
        """
        parameters = self._encoding_parameters()
        present = sorted(set(samples.language))
        kind = choose_front_end(parameters, samples)
        if start is None:
            front_end = kind.fit(parameters, samples, execution)
            inputs = front_end.inputs(samples, execution)
            front_end = front_end.fit_languages(
                inputs, samples.language, has_prior=self._averages_languages
            )
            self.languages_ = present
        else:
            front_end = start.front_end_
            front_end.check_continues(parameters, samples)
            if self.encoder != "scratch" and kind is not type(front_end):
                warn_user(
                    "`encoder` is not used: the network goes on with that of the fitted `source`, "
                    "which is of another kind. Wrap `source` in a Pipeline to learn from its "
                    "predictions with another encoder.",
                    self,
                )
            inputs = front_end.inputs(samples, execution)
            new = [name for name in present if name not in start.languages_]
            front_end = front_end.add_languages(new, inputs, samples.language)
            self.languages_ = [*start.languages_, *new]
        self.front_end_ = front_end
        self.sample_counts_ = count_samples(samples)
        return inputs

    def _encode(self, inputs, language: np.ndarray) -> EncodedSamples:
        """The samples as the network takes them."""
        index_of = {name: index for index, name in enumerate(self.languages_, start=1)}
        indices = np.array([index_of.get(name, 0) for name in language], dtype=np.int64)
        return EncodedSamples(self.front_end_.prepare(inputs, language), indices)

    def _predict(self, network: Network, encoded: EncodedSamples, execution) -> Outputs:
        return self.front_end_.predict(network, encoded, execution)

    def _predict_logits(self, encoded: EncodedSamples, execution: Execution) -> np.ndarray:
        return self.front_end_.logits(self.net_.module_, encoded, execution)

    def _find_learning_rate(self, encoded: EncodedSamples) -> float:
        """The peak learning rate of what is not a pretrained weight."""
        if self.learning_rate != "auto":
            return self.learning_rate
        return self.front_end_.learning_rate(encoded.inputs, self._output.step)

    def _settings(self) -> TrainingSettings:
        execution = self.front_end_.network_execution(self._execution())
        encoder_learning_rate = None
        if self.learning_rate == "auto":
            parameters = self._encoding_parameters()
            encoder_learning_rate = self.front_end_.pretrained_learning_rate(parameters)
        is_auto, is_cheap = self.max_epochs == "auto", self.front_end_.inputs_are_fixed
        return TrainingSettings.of(
            self,
            execution,
            encoder_learning_rate=encoder_learning_rate or self.learning_rate_,
            max_epochs=MAX_EPOCHS if is_auto else self.max_epochs,
            max_steps=MAX_FIT_STEPS if is_auto and not is_cheap else None,
            min_steps=MIN_FIT_STEPS if is_auto and is_cheap else 0,
            compile=self.compile,
            gradient_checkpointing=self.gradient_checkpointing,
        )

    @property
    def _step_size(self) -> int:
        """The number of samples of each kind that a step of the optimiser takes."""
        return self.batch_size * self.gradient_accumulation_steps

    def _class_weights(self, labels: np.ndarray) -> torch.Tensor | None:
        """The weight of each class in the loss, where the labels are classes."""
        return None

    def _language_index(self, language: str) -> int:
        """The position of a language in the tables of the network."""
        return self.languages_.index(language) + 1

    def _add_language(self, language: str) -> None:
        """Make room for a language, if it is new."""
        if language not in self.languages_:
            self.languages_ = [*self.languages_, language]
        self.net_.module_.grow(len(self.languages_))

    def _register(self, samples: Samples, language: str) -> None:
        """Learn the statistics of a language from samples of its own."""
        self._add_language(language)
        network, index = self.net_.module_, self._language_index(language)
        if not self.front_end_.has_statistics(network):
            return
        execution = self._execution()
        inputs = self.front_end_.inputs(samples, execution)
        vectors = self.front_end_.vectors(network, inputs, index, execution)
        self.front_end_ = self.front_end_.set_language(network, index, language, vectors)

    def _complete_statistics(self, samples: Samples, rng: np.random.RandomState) -> None:
        """Learn the statistics of the languages whose samples the training has not read."""
        for name in filter(self._lacks_statistics, sorted(set(samples.language))):
            indices = rng.permutation(np.flatnonzero(samples.language == name))
            if len(indices) >= MIN_SAMPLES:
                self._register(samples.take(indices[:ENOUGH_SAMPLES]), name)

    def _network_to_start_from(self) -> ClassifierNetwork:
        """A copy of the network for another estimator to go on with."""
        return copy.deepcopy(self.net_.module_)

    # Saving

    _saved_attributes: tuple[str, ...] = (
        "languages_",
        "learning_rate_",
        "history_",
        "sample_counts_",
    )

    def _describe_input(self) -> str:
        encoder = self._fitted_encoder
        if encoder is None:
            sentence = f"It reads {self.front_end_.describe_input()}."
        else:
            name = f"{type(encoder.backbone).__name__}{name_checkpoints(self)}"
            sentence = f"Its encoder is a {name}, trainable={self.trainable!r}."
        if self._input_kind == "pairs":
            names = " and ".join(map(repr, self.text_column))
            sentence += f" Each row is a pair of texts, in the columns {names}."
        return sentence

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        state = super()._get_saved_state(folder)
        network = self.front_end_.without_updates(self.net_.module_)
        front_end = self.front_end_.get_state(network, folder)
        state["front_end"] = {"kind": self.front_end_.kind} | front_end
        state["network"] = network.get_config() | {"weights": network.state_dict()}
        return state

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        super()._set_saved_state(state, folder)
        kind = FRONT_ENDS[state["front_end"]["kind"]]
        self.front_end_ = kind.from_state(state["front_end"], folder)
        weights = encoder_weights(state["network"]["weights"])
        encoder = self.front_end_.restore_encoder(state["front_end"], weights, folder)
        network = restore_network(self._network_from_config, state["network"], encoder)
        self._output.check_fits_network(network)
        check_languages(self.languages_, network)
        self.front_end_.check_fits_network(self.languages_, network)
        self.net_ = new_net(network, self._empty_objective(), self._settings(), to_train=False)
