"""The training of a target model: source network, target network, rounds of self-training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.labels import MISSING
from metaling_sk._network.classifier import ClassifierNetwork
from metaling_sk._network.nets import SkorchNet
from metaling_sk._network.training import train
from metaling_sk._utils.progress import Progress
from metaling_sk.transfer._self_training import (
    class_shares,
    find_topics,
    pseudo_labels,
    round_shares,
)
from metaling_sk.transfer._terms import PseudoLabels
from metaling_sk.transfer._training_set import TrainingSet


@dataclass
class Stages:
    """Trains networks one after the other, each on the same part of the samples.

    Attributes
    ----------
    new_net : callable
        Makes the net of (network, training set, terms).
    predict : callable
        Gives what (network, encoded samples) predicts, in the form that networks learn from.
    class_probabilities : callable
        Turns this into the probabilities of the classes of each column of y.
    terms : list of str
        The terms of the target network.
    transfer_weight : float
    batch_size : int
        For validation.
    step_size : int or None
        Number of samples of each stream in a step of the optimiser; None is all.
    n_topics : int
    held_out : ndarray of bool, shape (n_samples,)
        The samples that tell the best epoch.
    rng : RandomState
    progress : Progress
    solve : callable or None
        Makes the best head of (network, streams, terms), where heads are not trained.
    nets : dict of str to SkorchNet
        The trained networks by the name of their stage. The target model is the last one.
    n_pseudo_labels : int or None
        The number of pseudo-labels in the last round; None without self-training.
    """

    new_net: Callable[[ClassifierNetwork, TrainingSet, list[str]], SkorchNet]
    predict: Callable[[ClassifierNetwork, EncodedSamples], np.ndarray]
    class_probabilities: Callable[[np.ndarray], list[np.ndarray]]
    terms: list[str]
    transfer_weight: float
    batch_size: int
    step_size: int | None
    n_topics: int
    held_out: np.ndarray
    rng: np.random.RandomState
    progress: Progress
    solve: Callable[[ClassifierNetwork, dict, list[str]], None] | None = None
    nets: dict[str, SkorchNet] = field(default_factory=dict)
    n_pseudo_labels: int | None = None

    def run(
        self,
        network: ClassifierNetwork,
        training_set: TrainingSet,
        *,
        has_source_stage: bool,
        n_rounds: int,
    ) -> None:
        """Train the source network, if there is to be one, then the target network.

        Parameters
        ----------
        network : module
            Before the training.
        training_set : TrainingSet
        has_source_stage : bool
            Whether a source network is trained first.
        n_rounds : int
            Rounds of self-training of the target network.
        """
        pool = np.flatnonzero(training_set.is_target & ~training_set.samples.labelled)
        n_rounds = n_rounds if len(pool) else 0
        has_target_stage = bool(self.terms) or not has_source_stage
        if has_source_stage:
            self._train("source", network, [], training_set, has_target_stage + n_rounds)
            network = copy.deepcopy(network)
        if "distill" in self.terms and training_set.source_predictions is None:
            training_set.source_predictions = self.predict(network, training_set.encoded)
        first_weights = copy.deepcopy(network.state_dict()) if n_rounds else {}
        if has_target_stage:
            self._train("target", network, self.terms, training_set, n_rounds)
        if n_rounds:
            self._self_train(network, first_weights, pool, n_rounds, training_set)

    def _train(
        self,
        stage: str,
        network: ClassifierNetwork,
        terms: list[str],
        training_set: TrainingSet,
        n_stages_after: int,
    ) -> None:
        """Train a network in place."""
        streams = training_set.streams(terms, ~self.held_out)
        judging_terms = terms if self.transfer_weight else []
        valid_streams = training_set.validation_streams(judging_terms, self.held_out)
        net = self.new_net(network, training_set, terms)
        for before in self.nets.values():
            net.batch_size_, net.is_halved_ = before.batch_size_, before.is_halved_
        self.nets[stage] = net
        if self.solve is not None:
            self.solve(network, streams, terms)
            return
        steps = StepIterator(streams, self.step_size, self.rng)
        if not len(steps):  # There are descriptions of the classes only.
            return
        train(
            net,
            steps,
            StepIterator(valid_streams, self.batch_size),
            self.progress,
            stage,
            n_stages_after=n_stages_after,
        )

    def _self_train(
        self,
        network: ClassifierNetwork,
        first_weights: dict,
        pool: np.ndarray,
        n_rounds: int,
        training_set: TrainingSet,
    ) -> None:
        """Train the network anew in each round, with its surest predictions as labels."""
        terms = [*self.terms, PseudoLabels.name]
        assert training_set.samples.y is not None
        topics = find_topics(training_set.samples.take(pool), self.n_topics, self.rng)
        for number, share in enumerate(round_shares(n_rounds), start=1):
            teacher = list(self.nets.values())[-1].module_
            predictions = self.predict(teacher, training_set.encoded.take(pool))
            y, self.n_pseudo_labels = training_set.samples.y.copy(), 0
            columns, probabilities = y.reshape(len(y), -1).T, self.class_probabilities(predictions)
            for column, of_column in zip(columns, probabilities, strict=True):
                shares = class_shares(column[column != MISSING], of_column.shape[1])
                indices, labels = pseudo_labels(of_column, topics, share * shares)
                column[pool[indices]] = labels
                self.n_pseudo_labels += len(labels)
            network = copy.deepcopy(network)
            network.load_state_dict(first_weights)
            self._train(
                f"self-training {number}",
                network,
                terms,
                training_set.with_pseudo_labels(y),
                n_rounds - number,
            )
