"""The fit of a meta network, whatever its kind of output."""

from __future__ import annotations

import copy
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.batches import EncodedSamples, StepIterator, Steps
from metaling_sk._data.holdout import split_validation
from metaling_sk._data.labels import has_label
from metaling_sk._data.samples import Samples, check_samples
from metaling_sk._data.strata import position_in_language
from metaling_sk._network.data_parallel import agree_on_random_state
from metaling_sk._network.nets import TrainingSettings, new_net
from metaling_sk._network.outputs.output_kind import OutputKind
from metaling_sk._network.prediction import Execution
from metaling_sk._network.training import history_frame, train
from metaling_sk._utils.all_or_nothing import changed_at_once, unfitted_on_error
from metaling_sk._utils.out_of_memory import memory_errors
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.processes import n_processes
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk._utils.sklearn_compat import StrOptions
from metaling_sk.meta_net._adaptation import AdaptiveLanguages
from metaling_sk.meta_net._building import N_DIMENSIONS, set_head, set_solution
from metaling_sk.meta_net._choosing import choose_head
from metaling_sk.meta_net._episodes import Episodes
from metaling_sk.meta_net._hypernetwork import Hypernetwork
from metaling_sk.meta_net._language_features import find_language_features, standardised
from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._objective import MetaObjective
from metaling_sk.meta_net._residual_training import ResidualSettings
from metaling_sk.meta_net._solving import solve

N_HEADS, N_HEADS_ON_FEATURES = 16, 4
"""Basis heads. Features are many, and each head has a weight for every one of them."""

LINEAR_START_FACTOR = 200
"""The learning rate is divided by it where the head starts from a fitted linear model."""


class MetaNetFitting(AdaptiveLanguages):
    """What `fit` of a meta network does, and what it shows of its languages."""

    _generates_adapters = True

    _parameter_constraints: dict = {
        "meta_weight": [Number(Real, 0, None, closed="left")],
        "meta_algorithm": [StrOptions({"joint", "maml", "reptile"})],
        "inner_steps": [StrOptions({"auto"}), Number(Integral, 1, None, closed="left")],
        "inner_learning_rate": [StrOptions({"auto"}), Number(Real, 0, None, closed="left")],
        "language_features": [pd.DataFrame, StrOptions({"uriel"}), None],
        "language_dropout": [Number(Real, 0, 1, closed="both")],
        "max_width": [Number(Integral, 1, None, closed="left")],
        "residual_penalty": [StrOptions({"auto"}), Number(Real, 0, None, closed="left"), None],
        "size_weight": [Number(Real, 0, None, closed="left")],
    }

    meta_weight: float
    language_features: Any
    language_dropout: float
    max_width: int
    size_weight: float

    def _learn_output(self, samples: Samples) -> OutputKind:
        """What is learnt from the labels alone."""
        raise NotImplementedError

    def _fit(self, X, y, language) -> Self:
        self._check_episodes()
        start = self if self.warm_start and hasattr(self, "net_") else None
        fitting = unfitted_on_error if start is None else changed_at_once
        with fitting(self) as fitted, memory_errors():
            samples = check_samples(fitted, X, y, language, reset=start is None, needs_y=True)
            output = self._learn_output(samples) if start is None else start._output
            samples = output.align(samples)
            features = find_language_features(
                self.language_features, sorted(set(samples.language)), self
            )
            fitted._output = output
            fitted.residual_heads_, fitted._adaptations = {}, {}
            with (
                seeded(agree_on_random_state(self.random_state)) as rng,
                Progress.of(self) as progress,
            ):
                fitted._fit_samples(samples, features, start, rng, self._execution(progress))
        return self

    @property
    def _generated(self) -> dict[str, int]:
        """The index of each language that has an embedding of its own."""
        known = self.net_.module_.hypernetwork.known
        indices = {language: self._language_index(language) for language in self.languages_}
        return {language: index for language, index in indices.items() if known[index]}

    @property
    def architecture_(self) -> dict[str, dict[str, Any]]:
        """The layers with an adapter, and its width in each, by language."""
        check_is_fitted(self)
        network = self.net_.module_
        architecture = {}
        for language, index in self._generated.items():
            widths = list(enumerate(network.widths(index), start=network.encoder.first_layer))
            architecture[language] = {
                "layers": [layer for layer, width in widths if width],
                "width": [width for _, width in widths if width],
                "head": network.n_mixed_heads(index),
            }
        return architecture

    @property
    def embeddings_(self) -> pd.DataFrame:
        """The embedding of each language."""
        check_is_fitted(self)
        network = self.net_.module_
        hypernetwork = network.hypernetwork
        generated = self._generated
        indices = torch.tensor(
            list(generated.values()), dtype=torch.int64, device=hypernetwork.delta.device
        )
        with torch.no_grad():
            embeddings = hypernetwork.embed(indices).cpu().numpy()
        if self._is_solved:
            embeddings = embeddings[:, : len(network.basis)]
        return pd.DataFrame(embeddings, index=list(generated))

    def _fit_samples(
        self,
        samples: Samples,
        features: pd.DataFrame | None,
        start,
        rng,
        execution: Execution,
    ) -> None:
        inputs = self._fit_front_end(samples, execution, start)
        if features is not None:
            named = set(features.index) - set(self.languages_)
            self.languages_ = [*self.languages_, *sorted(named)]
        encoded = self._encode(inputs, samples.language).with_labels(self._output.targets(samples))
        self.learning_rate_ = self._find_learning_rate(encoded)
        labelled, settings = encoded.take(samples.labelled), None
        if start is None and self._is_solved:
            position = position_in_language(samples.language)[samples.labelled]
            settings = self._solve(labelled, position, features, execution)
        else:
            self._train(samples, encoded, features, start, rng, execution)
        self._complete_statistics(samples, rng)
        if self.residual_penalty is not None:
            self._fit_residual_heads(labelled, execution, settings)

    def _solve(
        self, labelled: EncodedSamples, position: np.ndarray, features, execution: Execution
    ) -> dict[int, ResidualSettings]:
        """Solve for the models of all languages, and choose how residual heads stand on them."""
        solution = solve(self._labelled_features(labelled, position), execution.progress)
        network = self._new_network(labelled, features, max(1, len(solution.factors.coef)))
        set_solution(network, solution)
        self.net_ = new_net(network, self._empty_objective(), self._settings(), to_train=False)
        self.history_ = pd.DataFrame(columns=["epoch", "train_loss"], dtype=float)
        return solution.choices.residual

    def _train(self, samples: Samples, encoded, features, start, rng, execution) -> None:
        """Train the meta network."""
        held_out = split_validation(
            samples.language, self._output.strata(samples), self.validation_fraction, rng
        )
        is_training = samples.labelled & ~held_out
        training = encoded.take(is_training)
        if start is None:
            is_fixed = self.front_end_.inputs_are_fixed
            network = self._new_network(
                encoded.take(samples.labelled),
                features,
                N_HEADS_ON_FEATURES if is_fixed else N_HEADS,
            )
            if is_fixed:
                position = position_in_language(samples.language)[is_training]
                set_head(network, choose_head(self._labelled_features(training, position)))
        else:
            network = self._continued_network(start, encoded)
        objective = MetaObjective(
            meta_weight=self.meta_weight,
            size_weight=self.size_weight,
            language_dropout=self.language_dropout,
            inner_steps=self._n_inner_steps,
            inner_learning_rate=self._inner_learning_rate,
            class_weight=self._class_weights(samples.labels),
            loss=self._output.loss,
        )
        validation = {"labelled": encoded.take(samples.labelled & held_out)}
        self.net_ = train(
            new_net(network, objective, self._settings()),
            self._new_steps(training, rng),
            StepIterator(validation, self.batch_size),
            execution.progress,
            "train",
        )
        self.history_ = history_frame({"train": self.net_}).drop(columns="stage")

    def _new_steps(self, training: EncodedSamples, rng) -> Steps:
        """The steps of an epoch, as the meta-algorithm takes them."""
        if self.meta_algorithm == "joint":
            return StepIterator({"labelled": training}, self._step_size, rng)
        names = ["support", "query"]
        if self.meta_algorithm == "reptile":
            names = [f"step {number}" for number in range(self._n_inner_steps)]
        return Episodes(training, names, self.batch_size, rng)

    def _new_network(
        self, labelled: EncodedSamples, features: pd.DataFrame | None, n_heads: int
    ) -> MetaNetwork:
        """A network with random weights; the labelled samples tell which languages it knows."""
        n_languages = len(self.languages_)
        body = self.front_end_.new_body(n_languages)
        hypernetwork = Hypernetwork(
            n_languages,
            body.encoder.n_layers,
            self.max_width,
            n_heads,
            N_DIMENSIONS,
            None if features is None else standardised(features, self.languages_),
            torch.from_numpy(np.isin(np.arange(1, n_languages + 1), labelled.language_index)),
        )
        return MetaNetwork(
            body.encoder,
            body.norm,
            hypernetwork,
            body.n_features,
            self._output.n_outputs,
            body.dropout,
        )

    def _continued_network(self, start: MetaNetFitting, encoded: EncodedSamples) -> MetaNetwork:
        """A copy of the network of an earlier fit, with room for new languages."""
        network = copy.deepcopy(start.net_.module_)
        network.grow(len(self.languages_))
        assert encoded.y is not None
        learnt = np.unique(encoded.language_index[has_label(encoded.y)])
        network.hypernetwork.known[learnt] = True
        self.front_end_.continue_body(network, self._encoding_parameters())
        return network

    def _find_learning_rate(self, encoded: EncodedSamples) -> float:
        learning_rate = super()._find_learning_rate(encoded)
        starts_fitted = self.front_end_.inputs_are_fixed and self.learning_rate == "auto"
        return learning_rate / LINEAR_START_FACTOR if starts_fitted else learning_rate

    def _settings(self) -> TrainingSettings:
        settings = super()._settings()
        if self.meta_algorithm == "joint":
            return settings
        settings = replace(settings, batch_size=None)
        if self.meta_algorithm == "maml":
            return settings
        return replace(settings, inner_learning_rate=self._inner_learning_rate)

    def _check_episodes(self) -> None:
        """Raise a ValueError if the training on episodes is to do what it cannot."""
        if self.meta_algorithm == "joint":
            return
        if self.gradient_accumulation_steps > 1:
            raise ValueError(
                f"`gradient_accumulation_steps` goes with meta_algorithm='joint'; the episodes of "
                f"{self.meta_algorithm!r} are not split. Use gradient_accumulation_steps=1, or "
                "lower `batch_size` where memory is short."
            )
        if n_processes() > 1:
            raise ValueError(
                f"meta_algorithm={self.meta_algorithm!r} trains in one process, but "
                f"`torch.distributed` has {n_processes()}; use 'joint', or no group of processes."
            )

    def _network_to_start_from(self):
        return self.net_.module_.meta_model()

    _network_from_config = staticmethod(MetaNetwork.from_config)
    _empty_objective = MetaObjective
