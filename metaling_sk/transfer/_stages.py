"""The training of a target model: source network, target network, rounds of self-training."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax
from torch import nn

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.holdout import split_validation
from metaling_sk._network.prediction import Execution
from metaling_sk._network.training import SkorchNet, new_net, train
from metaling_sk.transfer._objective import TransferObjective, trained
from metaling_sk.transfer._self_training import find_topics, pseudo_labels, round_shares
from metaling_sk.transfer._source_models import SourceModel
from metaling_sk.transfer._training_set import TrainingSet

if TYPE_CHECKING:
    from metaling_sk.transfer._classifier import TransferClassifier


@dataclass
class Stages:
    """Trains networks one after the other, each on the same part of the samples.

    Attributes
    ----------
    estimator : TransferClassifier
    held_out : ndarray of bool, shape (n_samples,)
        The samples that tell the best epoch.
    rng : RandomState
    execution : Execution
    nets : dict of str to SkorchNet
        The trained networks by the name of their stage.
    """

    estimator: TransferClassifier
    held_out: np.ndarray
    rng: np.random.RandomState
    execution: Execution
    nets: dict[str, SkorchNet] = field(default_factory=dict)

    def train(
        self, stage: str, network: nn.Module, terms: list[str], training_set: TrainingSet
    ) -> SkorchNet:
        """Train a network in place, and note it under the name of the stage."""
        estimator = self.estimator
        streams = training_set.streams(terms, ~self.held_out)
        valid_streams = training_set.validation_streams(
            terms if estimator.transfer_weight else [], self.held_out
        )
        net = new_transfer_net(estimator, network, training_set, terms)
        self.nets[stage] = train(
            net,
            StepIterator(streams, estimator.batch_size, self.rng),
            StepIterator(valid_streams, estimator.batch_size),
            self.execution.progress,
            stage,
        )
        return net

    def predict(self, network: nn.Module, encoded: EncodedSamples) -> np.ndarray:
        """The probabilities that a network predicts."""
        return softmax(self.estimator._predict(network, encoded, self.execution).logits, axis=1)


def train_in_stages(
    estimator: TransferClassifier,
    source: SourceModel,
    training_set: TrainingSet,
    network: nn.Module,
    is_started: bool,
    rng: np.random.RandomState,
    execution: Execution,
) -> dict[str, SkorchNet]:
    """Train the source network, if there is to be one, then the target network.

    Parameters
    ----------
    estimator : TransferClassifier
    source : SourceModel
    training_set : TrainingSet
    network : module
        Before the training.
    is_started : bool
        Whether the network has been trained before, so that it is itself the source.
    rng : RandomState
    execution : Execution

    Returns
    -------
    dict of str to SkorchNet
        The trained networks by stage; the target model is the last one.
    """
    held_out = split_validation(training_set.samples, estimator.validation_fraction, rng)
    stages = Stages(estimator, held_out, rng, execution)
    if not is_started and not source.teaches:
        stages.train("source", network, [], training_set)
        network = copy.deepcopy(network)
    if "distill" in estimator.transfer_ and not source.teaches:
        training_set.source_probabilities = stages.predict(network, training_set.encoded)
    pool = np.flatnonzero(training_set.is_target & ~training_set.samples.labelled)
    n_rounds = source.n_network_rounds(estimator.self_training) if len(pool) else 0
    first_weights = copy.deepcopy(network.state_dict()) if n_rounds else None
    if estimator.transfer_ or not stages.nets:
        stages.train("target", network, estimator.transfer_, training_set)
    if n_rounds:
        _self_train(stages, network, first_weights, pool, n_rounds, training_set)
    return stages.nets


def new_transfer_net(
    estimator: TransferClassifier, network: nn.Module, training_set: TrainingSet, terms
) -> SkorchNet:
    """A net that minimises the source loss and these terms."""
    labels = training_set.samples.y[training_set.samples.labelled]
    objective = TransferObjective(
        terms,
        estimator.transfer_weight,
        estimator.temperature,
        estimator._class_weights(labels),
        network.head.in_features,
        [weight.detach().clone() for weight in trained(network)] if "l2sp" in terms else (),
    )
    return new_net(network, objective, estimator._settings())


def _self_train(
    stages: Stages, network: nn.Module, first_weights, pool, n_rounds: int, training_set
) -> None:
    """Train the network anew in each round, with its surest predictions in the pool as labels."""
    estimator = stages.estimator
    terms = list(dict.fromkeys([*estimator.transfer_, "labels"]))
    n_classes = len(estimator.classes_)
    topics = find_topics(training_set.samples.take(pool), estimator.n_topics, stages.rng)
    for number, share in enumerate(round_shares(n_rounds), start=1):
        teacher = list(stages.nets.values())[-1].module_
        probabilities = stages.predict(teacher, training_set.encoded.take(pool))
        y = training_set.samples.y.copy()
        priors = np.bincount(y[training_set.samples.labelled], minlength=n_classes)
        indices, labels = pseudo_labels(probabilities, topics, share * priors / priors.sum())
        y[pool[indices]] = labels
        network = copy.deepcopy(network)
        network.load_state_dict(first_weights)
        stages.train(f"self-training {number}", network, terms, training_set.with_labels(y))
