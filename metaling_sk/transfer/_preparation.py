"""The preparation of a fit with transfer: languages, source model, inputs, network."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy import sparse

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.samples import Samples
from metaling_sk._network.classifier import ClassifierNetwork
from metaling_sk._network.estimator import ENOUGH_SAMPLES, NetworkEstimator
from metaling_sk._network.fixed_front_ends import FrozenFrontEnd
from metaling_sk._network.nets import SkorchNet, new_net
from metaling_sk._network.outputs.output_kind import OutputKind
from metaling_sk._network.prediction import Execution
from metaling_sk._network.saved import check_names
from metaling_sk._utils.messages import name_some, warn_user
from metaling_sk._utils.random_state import others_may_seed
from metaling_sk.preprocessing._dictionary_translator import fit_translator
from metaling_sk.transfer._descriptions import Descriptions, read_descriptions
from metaling_sk.transfer._language_roles import find_language_roles
from metaling_sk.transfer._objective import TransferObjective
from metaling_sk.transfer._source_models import SourceModel
from metaling_sk.transfer._terms import TERMS, Situation, find_terms, trained
from metaling_sk.transfer._training_set import TrainingSet

N_HIDDEN = 128
"""Units of the layer that the aligning terms act on, where the inputs are fixed."""

SOLVED_BATCH = 4096
"""Samples whose gradient is computed at a time, where the head is solved for."""

SOLVED_ROUNDS = 3
"""Rounds of self-training of a head on a frozen encoder that has no teacher."""

NET_PARAMETERS = (
    "learning_rate",
    "weight_decay",
    "class_weight",
    "transfer_weight",
    "temperature",
    "head_penalty",
)
"""Parameters that a net is made with, and keeps in `partial_fit`."""

FOUND_PARAMETERS = ("learning_rate", "head_penalty")
"""Those whose values a fit finds: a net that is made later keeps them, too."""

SAVED_ATTRIBUTES = ("source_languages_", "target_languages_", "transfer_")
"""Fitted attributes that are JSON as they are, beside those of the base."""


class TransferPreparation(NetworkEstimator):
    """Everything between validated samples and the first training step."""

    source_languages: Any
    target_languages: Any
    source: Any
    transfer: Any
    transfer_weight: float
    temperature: float
    dictionary: Any
    self_training: Any
    n_topics: int
    class_descriptions: Any = None  # Regressors have none.
    head_penalty: Any = 0.0  # Nor this.

    def _choose_source(self, samples: Samples) -> SourceModel:
        """The kind of the source."""
        raise NotImplementedError

    def _learn_output(self, samples: Samples, classes) -> OutputKind:
        """What is learnt from the labels alone; `classes` are the classes, if they are known."""
        raise NotImplementedError

    @property
    def _transfer_is_auto(self) -> bool:
        return isinstance(self.transfer, str) and self.transfer == "auto"

    def _find_start(self, source: SourceModel) -> NetworkEstimator | None:
        """The fitted estimator whose network is the start, if any."""
        if source.start is None and self.warm_start and hasattr(self, "net_"):
            return copy.copy(self)
        return source.start

    def _prepare(
        self,
        samples: Samples,
        source: SourceModel,
        start: NetworkEstimator | None,
        rng: np.random.RandomState,
        execution: Execution,
        classes=None,
    ) -> tuple[TrainingSet, ClassifierNetwork]:
        """Set all fitted attributes but the net; return the training set and the network."""
        descriptions = read_descriptions(self.class_descriptions, samples, source, self.encoder)
        languages = find_language_roles(samples, self.source_languages, self.target_languages)
        self.source_languages_, self.target_languages_ = languages
        samples = samples.take(np.isin(samples.language, [*languages[0], *languages[1]]))
        if descriptions is not None:
            descriptions.check_describe(samples.present_classes if classes is None else classes)
            classes = descriptions.classes
        network = None
        if start is not None:
            output, network = start._output, start._network_to_start_from()
        else:
            output = self._learn_output(samples, classes)
            if classes is None:
                self._check_source_labels(samples, source)
        samples = output.align(samples)
        self._output = output
        is_target = self._is_target(samples)
        situation = Situation(
            samples,
            is_target,
            languages,
            teacher=source.teaches,
            has_dictionary=self.dictionary is not None,
            can_align=network is None or not network.is_linear,
        )
        self.transfer_ = find_terms(self.transfer, situation)
        self.translator_ = None
        if self.dictionary is not None and samples.is_text:
            self.translator_ = fit_translator(self.dictionary, samples, languages[1], rng)
        with others_may_seed():
            source_model = source.fit(
                samples, languages, is_target, self.translator_, rng, execution.progress
            )
        if source_model is not None:
            self.source_model_ = source_model
        inputs = self._fit_front_end(samples, execution, start)
        training_set = self._new_training_set(samples, inputs, is_target, source, execution)
        training_set.descriptions = descriptions
        self._source_weight = 1.0
        if descriptions is not None:
            self._source_weight = descriptions.source_weight((samples.labelled & ~is_target).sum())
        self.learning_rate_ = self._find_learning_rate(training_set.encoded)
        is_new = network is None
        if network is None:
            network = self._new_network()
            if descriptions is not None:
                self._start_at(descriptions, network, training_set.encoded, rng, execution)
        else:
            network.grow(len(self.languages_))
            self.front_end_.continue_body(network, self._encoding_parameters())
        self.head_penalty_, self._intercept_penalty = self._find_penalties(network, training_set)
        is_warm = start is not None and source.start is None
        if not (is_warm and hasattr(self, "_head_start")):
            head = network.head
            columns = torch.column_stack([head.weight, head.bias])
            self._head_start = columns.detach().cpu().numpy()
        if is_new and descriptions is None and self._transfer_is_auto:
            self._check_text_is_used(samples, is_target, source, network)
        return training_set, network

    def _start_at(
        self,
        descriptions: Descriptions,
        network: ClassifierNetwork,
        encoded: EncodedSamples,
        rng: np.random.RandomState,
        execution: Execution,
    ) -> None:
        """Start the head of a new network at the descriptions of the classes."""
        described = descriptions.as_samples()
        inputs = self.front_end_.inputs(described, execution)
        texts = self._encode(inputs, described.language)
        rows = encoded.take(rng.permutation(len(encoded))[:ENOUGH_SAMPLES])
        vectors, represented = (
            self._predict(network, each, execution).representations for each in (texts, rows)
        )
        if network.norm is not None:
            assert isinstance(represented, np.ndarray)
            represented = network.norm.start(represented, rows.language_index)
        weight, bias = descriptions.nearest(vectors, represented)
        with torch.no_grad():
            network.head.weight.copy_(torch.from_numpy(weight))
            network.head.bias.copy_(torch.from_numpy(bias))

    def _forget_start(self, training_set: TrainingSet, network: ClassifierNetwork) -> None:
        """Forget the means that languages without labels had before training."""
        samples = training_set.samples
        if training_set.descriptions is not None and network.norm is not None:
            for name in set(samples.language) - set(samples.language[samples.labelled]):
                network.norm.forget(self._language_index(name))

    def _check_text_is_used(
        self, samples: Samples, is_target, source: SourceModel, network: ClassifierNetwork
    ) -> None:
        """Warn if all that X has of the targets is text, and the defaults learn nothing from it."""
        is_idle = (
            not self.transfer_
            and self.translator_ is None
            and not source.teaches
            and not self._n_rounds(source)
        )
        front_end = self.front_end_
        is_normed = front_end.has_statistics(network) and not front_end.is_from_scratch
        names = sorted(set(samples.language[is_target]))
        if names and is_idle and not is_normed:
            warn_user(
                f"X has {is_target.sum()} rows without labels in "
                f"{name_some(names)}, from which nothing learns. "
                'Pass a term that reads such rows, such as transfer="coral", a multilingual '
                "checkpoint as `encoder` or, for texts, a `dictionary`. transfer=None says that it "
                "is meant so."
            )

    def _prepare_more(
        self, samples: Samples, source: SourceModel, execution: Execution
    ) -> TrainingSet:
        """The samples of a further `partial_fit`."""
        languages = self.source_languages_ + self.target_languages_
        is_known = np.isin(samples.language, languages)
        if not is_known.any():
            raise ValueError(
                f"partial_fit: X has no row in the languages {languages} of the first call. To "
                f"learn others, fit a new {type(self).__name__} with this one as `source`."
            )
        if not is_known.all():
            warn_user(
                f"partial_fit learns nothing from the rows in "
                f"{sorted(set(samples.language[~is_known]))}: the languages of the first call are "
                f"{languages}. Name all languages in `target_languages` before the first call, or "
                "fit a new estimator with this one as `source`."
            )
        samples = samples.take(is_known)
        inputs = self.front_end_.inputs(samples, execution)
        is_target = self._is_target(samples)
        has_target_labels = (is_target & samples.labelled).any()
        if self._transfer_is_auto and has_target_labels and "labels" not in self.transfer_:
            # The samples before these had no label in the target languages.
            self.transfer_ = ["labels", *self.transfer_]
        return self._new_training_set(samples, inputs, is_target, source, execution)

    def _is_target(self, samples: Samples) -> np.ndarray:
        is_target = np.isin(samples.language, self.target_languages_)
        if not self.source_languages_:
            # Nothing is left to be a source: the labels there are train the model.
            is_target &= ~samples.labelled
        return is_target

    def _check_source_labels(self, samples: Samples, source: SourceModel) -> None:
        """Raise a ValueError if a source model is to be trained on labels that are not there."""
        has_label = np.isin(samples.language[samples.labelled], self.source_languages_)
        if self.source_languages_ and source.needs_source_labels and not has_label.any():
            raise ValueError(
                f"No row in the source languages {self.source_languages_} has a label; label some "
                "of their rows, or name other languages in `source_languages`."
            )

    def _new_training_set(
        self, samples: Samples, inputs, is_target, source: SourceModel, execution: Execution
    ) -> TrainingSet:
        output = self._output
        encoded = self._encode(inputs, samples.language).with_labels(output.targets(samples))
        training_set = TrainingSet(samples, encoded, is_target)
        if "distill" in self.transfer_ and source.teaches:
            predictions = np.zeros((len(samples), output.n_outputs))
            predictions[is_target] = source.teaching(
                self.source_model_, samples.take(is_target), output
            )
            training_set.source_predictions = predictions
        if "code_switch" in self.transfer_:
            assert self.translator_ is not None
            labelled = samples.take(~is_target & samples.labelled)
            texts = self.translator_.code_switch(labelled.texts, language=labelled.language)
            switched = self.front_end_.inputs(replace(labelled, texts=texts), execution)
            training_set.switched = self._encode(switched, labelled.language).with_labels(
                output.targets(labelled)
            )
        return training_set

    def _new_network(self) -> ClassifierNetwork:
        body = self.front_end_.new_body(len(self.languages_))
        aligns = any(TERMS[term].aligns for term in self.transfer_)
        needs_hidden = self.front_end_.inputs_are_fixed and aligns
        return ClassifierNetwork(
            body.encoder,
            body.norm,
            body.n_features,
            self._output.n_outputs,
            N_HIDDEN if needs_hidden else 0,
            body.dropout,
        )

    def _new_net(
        self, network: ClassifierNetwork, training_set: TrainingSet, terms, is_solved: bool = False
    ) -> SkorchNet:
        """A net that minimises the source loss and these terms."""
        objective = TransferObjective(
            terms,
            transfer_weight=self.transfer_weight,
            temperature=self.temperature,
            class_weight=self._class_weights(training_set.samples.labels),
            n_features=network.head.in_features,
            start=[each.detach().clone() for each in trained(network)] if "l2sp" in terms else (),
            loss=self._output.loss,
            head_penalty=self.head_penalty_,
            intercept_penalty=self._intercept_penalty,
            head_start=torch.tensor(self._head_start) if self.head_penalty_ else None,
            source_weight=self._source_weight,
        )
        self._net_parameters = {name: getattr(self, name, None) for name in NET_PARAMETERS}
        settings = self._settings()
        if is_solved:
            settings = replace(settings, is_solved=True, batch_size=SOLVED_BATCH)
        return new_net(network, objective, settings)

    def _new_net_after_solving(self, training_set: TrainingSet) -> SkorchNet:
        """A net that trains a network whose head was solved for."""
        kept = {name: self._net_parameters[name] for name in FOUND_PARAMETERS}
        net = self._new_net(self.net_.module_, training_set, self.transfer_)
        self._net_parameters |= kept
        return net

    def _suspect_parameters(self) -> None:
        """Warn of parameters that have changed since the net was made with them."""
        values = self._net_parameters.items()
        if changed := [name for name, value in values if getattr(self, name, None) != value]:
            warn_user(
                "partial_fit goes on with the parameters of the first call; what has changed since "
                f"counts in the next fit: {name_some(changed)}.",
                self,
            )

    @property
    def _is_solved(self) -> bool:
        """Whether the head is solved for instead of trained."""
        is_auto = self.learning_rate == self.max_epochs == "auto" and not self.callbacks
        return is_auto and self.front_end_.inputs_are_fixed and self.head_penalty_ > 0

    def _n_rounds(self, source: SourceModel) -> int:
        """Rounds of self-training of the target network."""
        if self.self_training != "auto":
            return source.n_network_rounds(self.self_training)
        is_suited = self._is_solved and self.front_end_.kind == FrozenFrontEnd.kind
        return SOLVED_ROUNDS if is_suited and not source.teaches else 0

    def _find_penalties(
        self, network: ClassifierNetwork, training_set: TrainingSet
    ) -> tuple[float, float]:
        """The L2 penalties of the weights of the head and, beside these, of its intercepts."""
        is_auto = self.head_penalty == "auto"
        penalty = 0.0 if is_auto else self.head_penalty
        if not network.is_linear or not (is_auto or penalty):
            return penalty, 0.0
        samples, descriptions = training_set.samples, training_set.descriptions
        inputs = training_set.encoded.inputs
        n_labels, unit = samples.labelled.sum(), self.front_end_.head_penalty(inputs)
        # Sparse features, such as n-grams, carry little over between languages.
        is_alone = sparse.issparse(inputs) or len(set(samples.language)) == 1
        if descriptions is not None:  # They are better kept near with one language, too.
            return (descriptions.weight(n_labels) * unit if is_auto else penalty), 0.0
        if is_auto:
            penalty = self._output.penalty_share(n_labels, is_alone) * unit
        share = self._output.intercept_penalty_share(n_labels) if penalty > 0 else 0.0
        return penalty, share * unit

    def _predict_teaching(
        self, network: ClassifierNetwork, encoded: EncodedSamples, execution: Execution
    ) -> np.ndarray:
        """What another network can learn from the predictions of a network."""
        return self._output.teaching(self.front_end_.logits(network, encoded, execution))

    def _with_net(self, net: SkorchNet) -> TransferPreparation:
        """This estimator with another net."""
        model = copy.copy(self)
        model.__dict__.pop("source_model_", None)
        model.net_ = net
        return model

    def _get_saved_state(self, folder):
        state = super()._get_saved_state(folder)
        state |= {name: getattr(self, name) for name in SAVED_ATTRIBUTES}
        return state | {"head_penalty_": self.head_penalty_}

    def _set_saved_state(self, state, folder):
        super()._set_saved_state(state, folder)
        for name in SAVED_ATTRIBUTES:
            check_names(state[name], name)
            setattr(self, name, state[name])
        self.head_penalty_ = float(state["head_penalty_"])

    _network_from_config = staticmethod(ClassifierNetwork.from_config)
    _empty_objective = TransferObjective
