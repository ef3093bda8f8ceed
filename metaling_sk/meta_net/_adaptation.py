"""Languages of a fitted meta network: learnt from a few samples, and forgotten again."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.labels import has_label
from metaling_sk._data.languages import positions_by_language
from metaling_sk._data.samples import Samples, check_samples, join
from metaling_sk._network.estimator import NetworkEstimator
from metaling_sk._network.prediction import Execution, Outputs, suited_to_many
from metaling_sk._utils.all_or_nothing import changed_at_once
from metaling_sk._utils.messages import warn_user
from metaling_sk._utils.out_of_memory import memory_errors
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk.meta_net._factors import Factors, place
from metaling_sk.meta_net._hypernetwork import NO_LANGUAGE
from metaling_sk.meta_net._labelled_features import LabelledFeatures
from metaling_sk.meta_net._linear_loss import LinearLoss
from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._objective import find_embedding
from metaling_sk.meta_net._residual_head import ResidualHead
from metaling_sk.meta_net._residual_training import ResidualSettings, train_residual_head

MIN_OWN_SAMPLES = 16
"""An adapted language gets statistics of its own from this number of samples on."""

INNER_STEPS = 5
"""Steps on one language."""

INNER_LEARNING_RATE = 0.05
"""Learning rate of steps that move an embedding."""


@dataclass(frozen=True)
class Adaptation:
    """The samples of an adapted language, and its state before it was adapted.

    Attributes
    ----------
    samples : Samples
        All samples given so far.
    delta : Tensor
        The offset of its embedding before.
    residual_head : ResidualHead or None
        Its residual head before.
    was_known : bool
        Whether the network knew the language before.
    has_statistics : bool
        Whether the statistics of the language are to be taken from these samples.
    """

    samples: Samples
    delta: torch.Tensor
    residual_head: ResidualHead | None
    was_known: bool
    has_statistics: bool


class AdaptiveLanguages(NetworkEstimator):
    """An estimator whose languages have embeddings and residual heads, which can be adapted.

    A subclass sets `residual_heads_` and `_adaptations`, both dicts by language, in `fit`, and has
    `_linear_loss`.
    """

    _learns_a_language_by = "register_language, or labelled rows to adapt,"

    meta_algorithm: str
    inner_steps: Any
    inner_learning_rate: Any
    residual_penalty: Any
    residual_heads_: dict[str, ResidualHead]
    _adaptations: dict[str, Adaptation]

    @property
    def _is_solved(self) -> bool:
        """Whether the models are solved for instead of trained."""
        is_joint = self.meta_algorithm == "joint" and self.learning_rate == "auto"
        return is_joint and self.front_end_.inputs_are_fixed

    @property
    def _n_inner_steps(self) -> int:
        """The number of steps on one language."""
        return INNER_STEPS if self.inner_steps == "auto" else self.inner_steps

    @property
    def _n_adapt_steps(self) -> int:
        """The number of steps that move the embedding of a language that is adapted."""
        if self.inner_steps != "auto":
            return self.inner_steps
        # Each step takes the encoder forwards and backwards. A residual head does as well.
        is_costly = not self.front_end_.inputs_are_fixed and self.meta_algorithm == "joint"
        return 0 if is_costly and self.residual_penalty is not None else INNER_STEPS

    @property
    def _inner_learning_rate(self) -> float:
        """The learning rate of the steps on one language."""
        if self.inner_learning_rate != "auto":
            return self.inner_learning_rate
        return self.learning_rate_ if self.meta_algorithm == "reptile" else INNER_LEARNING_RATE

    @property
    def _linear_loss(self) -> LinearLoss:
        """The loss of the linear models of this kind of output."""
        raise NotImplementedError

    def adapt(self, X, y=None, language=None) -> Self:
        """Learn new languages from a few samples, or learn a language better.

        Two parts of a language are fitted: its embedding, by `inner_steps` from where it was (for
        a new language, from the meta-model's), and a residual head on top of the model that is
        generated from it. Where a Transformer was trained with meta_algorithm="joint", it is the
        residual head alone unless `inner_steps` is set, and the encoder reads each sample once.
        Nothing that other languages use changes. All samples given so far count, so that it makes
        no difference whether they come at once or one by one. A language without statistics of its
        own takes those of these samples as soon as there are 16; see `register_language`.

        Where labels are classes, samples without one count in the residual head, too, with their
        predictions as labels (self-training), if enough is learnt from these. To decide that,
        models of the predictions for two thirds of the samples predict the rest. If the
        probabilities that this estimator predicts are right, what they find must agree with the
        labels by a Cohen's κ of more than 0.3; of several labels the mean of those that are
        predicted for some samples only. Where labels are numbers, such samples count in the
        statistics alone.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
            Some of `classes_`, numbers, or 0 and 1 for each of several labels; NaN, None or
            `missing_label` where a sample has no label, or a label is not known. None stands for no
            label at all.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            If X, y or `language` is not as described above.
        """
        check_is_fitted(self)
        samples = self._output.align(check_samples(self, X, y, language, reset=False))
        with (
            changed_at_once(self) as changed,
            memory_errors(),
            seeded(self.random_state),
            Progress.of(self) as progress,
        ):
            execution = self._execution(progress)
            for name, indices in positions_by_language(samples.language).items():
                changed._adapt(name, samples.take(indices), execution)
        return self

    def forget(self, language: str) -> Self:
        """Undo the adaptation of a language.

        Parameters
        ----------
        language : str
            A language that `adapt` has been given.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            If `adapt` has not been called for this language since the estimator was fitted or
            loaded.
        """
        check_is_fitted(self)
        with changed_at_once(self) as changed:
            changed._forget(language)
        return self

    def _forget(self, language: str) -> None:
        if language not in self._adaptations:
            raise ValueError(
                f"`language`: {language!r} has not been adapted; these have: "
                f"{sorted(self._adaptations)}. What was adapted before `save` cannot be undone."
            )
        adaptations = self._adaptations.copy()
        adaptation = adaptations.pop(language)
        self._adaptations = adaptations
        self._set_residual_head(language, adaptation.residual_head)
        self._restore(language, adaptation)
        if adaptation.has_statistics:
            index = self._language_index(language)
            self.front_end_ = self.front_end_.forget_language(self.net_.module_, index, language)

    @property
    def _known_languages(self) -> list[str]:
        return self.languages_  # Each has a model of its own.

    def _lacks_statistics(self, language: str) -> bool:
        """Whether a language could have statistics, but has neither these nor labels."""
        return not self._has_labels(language) and super()._lacks_statistics(language)

    def _has_labels(self, language: str) -> bool:
        """Whether labels of a language have been learnt from."""
        if language in self._adaptations and self._adaptations[language].samples.labelled.any():
            return True
        return language in self.residual_heads_ or (
            language in self.languages_
            and bool(self.net_.module_.hypernetwork.known[self._language_index(language)])
        )

    def _adapt(self, language: str, samples: Samples, execution: Execution) -> None:
        """Learn a language from samples, on top of those given before.

        Every call starts from the state before the first one, so that the number and the order of
        the calls make no difference.
        """
        adaptation = self._adaptations.get(language)
        if adaptation is None:
            adaptation = self._state_before(language, samples)
        else:
            adaptation = replace(adaptation, samples=join(adaptation.samples, samples))
        self._adaptations = self._adaptations | {language: adaptation}
        self._restore(language, adaptation)
        self._fit_adapted(language, execution)

    def _state_before(self, language: str, samples: Samples) -> Adaptation:
        self._add_language(language)
        index = self._language_index(language)
        network = self.net_.module_
        delta, was_known = network.hypernetwork.get_language(index)
        has_statistics = self.front_end_.has_language(network, index, language)
        residual_head = self.residual_heads_.get(language)
        return Adaptation(samples, delta, residual_head, was_known, not has_statistics)

    def _restore(self, language: str, adaptation: Adaptation) -> None:
        """Restore the embedding of a language, and what is known of its labels."""
        if not adaptation.was_known:
            self._output = self._output.without_language(language)
        index = self._language_index(language)
        hypernetwork = self.net_.module_.hypernetwork
        hypernetwork.restore(index, adaptation.delta, adaptation.was_known)

    def _register(self, samples: Samples, language: str) -> None:
        """Learn the statistics of a language; what has been adapted is fitted anew on top."""
        if language not in self._adaptations:
            super()._register(samples, language)
            return
        adaptation = replace(self._adaptations[language], has_statistics=False)
        self._restore(language, adaptation)
        super()._register(samples, language)
        self._adaptations = self._adaptations | {language: adaptation}
        with Progress.of(self) as progress:
            self._fit_adapted(language, self._execution(progress))

    def _fit_adapted(self, language: str, execution: Execution) -> None:
        """Fit the statistics, the embedding and the residual head of an adapted language."""
        adaptation = self._adaptations[language]
        samples, labelled = adaptation.samples, adaptation.samples.labelled
        if not adaptation.was_known:
            self._output = self._output.with_language(language, samples)
        y = self._output.targets(samples)
        inputs = self.front_end_.inputs(samples, execution)
        if labelled.any() and self._n_adapt_steps and not self._is_solved:
            if self._takes_statistics(language):
                self._learn_statistics(language, inputs, execution)
            encoded = self._encode(inputs, samples.language).with_labels(y)
            self._fit_embedding(language, encoded.take(labelled), execution)
        vectors = self._learn_statistics(language, inputs, execution)
        if labelled.any() and self._is_solved:
            encoded = self._encode(vectors, samples.language).with_labels(y)
            self._place(language, encoded.take(labelled), execution)
        if self.residual_penalty is not None:
            encoded = self._encode(vectors, samples.language)
            outputs = self._predict(self.net_.module_, encoded, execution)
            self._fit_residual_head(language, outputs, y, adaptation.residual_head)
        if not labelled.any() and self.residual_heads_.get(language) is adaptation.residual_head:
            warn_user(
                f"`adapt` has learnt no model of {language!r}: its samples have no labels, and too "
                "little can be learnt from what is predicted for them. Label a few of them.",
                self,
            )

    def _takes_statistics(self, language: str) -> bool:
        """Whether an adapted language is treated by the statistics of its samples."""
        adaptation = self._adaptations[language]
        return adaptation.has_statistics and len(adaptation.samples) >= MIN_OWN_SAMPLES

    def _learn_statistics(self, language: str, inputs, execution: Execution):
        """Take the statistics of an adapted language if there are none; return its vectors."""
        network, index = self.net_.module_, self._language_index(language)
        vectors = self.front_end_.vectors(network, inputs, index, execution)
        if self._takes_statistics(language):
            self.front_end_ = self.front_end_.set_language(network, index, language, vectors)
        return vectors

    def _labelled_features(
        self, labelled: EncodedSamples, position: np.ndarray | None = None
    ) -> LabelledFeatures:
        """Labelled samples with fixed inputs, weighted by class where there are classes."""
        features = labelled.inputs
        assert labelled.y is not None and not isinstance(features, EncoderInputs)
        loss, class_weights = self._linear_loss, self._class_weights(labelled.y)
        return LabelledFeatures(
            features,
            labelled.y,
            labelled.language_index,
            self._output.n_outputs,
            loss.weigh(labelled.y, None if class_weights is None else class_weights.numpy()),
            loss=loss,
            position=position,
        )

    def _place(self, language: str, labelled: EncodedSamples, execution: Execution) -> None:
        """Place a language among the others, where the models have been solved for."""
        samples = self._labelled_features(labelled)
        network, index = self.net_.module_, self._language_index(language)
        basis, intercept = (
            tensor.detach().cpu().double().numpy() for tensor in (network.basis, network.basis_bias)
        )
        move = place(
            self._predict(network, labelled, execution).logits,
            Factors(basis, intercept, {}).logits(samples.features),
            samples.targets,
            samples.weight,
            self._linear_loss,
        )
        hypernetwork = network.hypernetwork
        embedding = hypernetwork.embed(torch.tensor([index], device=network.head.weight.device))[0]
        embedding = embedding.detach().clone()
        embedding[: len(move)] += torch.tensor(move).to(embedding)
        hypernetwork.set_language(index, embedding)

    def _fit_embedding(self, language: str, labelled: EncodedSamples, execution: Execution) -> None:
        assert labelled.y is not None
        network, index = self.net_.module_, self._language_index(language)
        class_weights = self._class_weights(labelled.y)
        device = self.front_end_.network_execution(execution).device
        network.to(device).eval()

        def batches():
            # With gradients as many samples take more memory than in prediction.
            for indices in labelled.indices(self.batch_size):
                yield labelled.collate(indices).to(device)

        with suited_to_many(network, labelled, execution):
            embedding = find_embedding(
                network,
                network.hypernetwork.embed(torch.tensor([index], device=device))[0],
                batches,
                self._n_adapt_steps,
                self._inner_learning_rate,
                None if class_weights is None else class_weights.to(device),
                self._output.loss,
            )
        if not torch.isfinite(embedding).all():
            raise ValueError(
                f"The embedding of {language!r} became infinite or NaN. Lower "
                "`inner_learning_rate` or look for extreme values in X."
            )
        network.hypernetwork.set_language(index, embedding)

    def _fit_residual_heads(
        self,
        labelled: EncodedSamples,
        execution: Execution,
        settings: dict[int, ResidualSettings] | None = None,
    ) -> None:
        """Fit the residual head of every language with labels, with its settings by index."""
        assert labelled.y is not None
        logits, representations = self._predict(self.net_.module_, labelled, execution)
        for index, members in positions_by_language(labelled.language_index).items():
            self._fit_residual_head(
                self.languages_[index - 1],
                Outputs(logits[members], representations[members]),
                labelled.y[members],
                settings=None if settings is None else settings[index],
                seen=True,
            )

    def _fit_residual_head(
        self,
        language: str,
        outputs: Outputs,
        y: np.ndarray,
        prior: ResidualHead | None = None,
        *,
        settings: ResidualSettings | None = None,
        seen: bool = False,
    ) -> None:
        """Fit the residual head of a language, on top of the one that it had before."""
        logits, representations = outputs
        loss = self._linear_loss
        if self.residual_penalty != "auto":
            settings = ResidualSettings(self.residual_penalty, loss.prior_share)
        elif settings is None:
            settings = ResidualSettings.default(representations, loss)
        if prior is not None:
            logits = prior.apply(logits, representations)
        class_weights = self._class_weights(y[has_label(y)])
        residual_head = train_residual_head(
            representations,
            y,
            logits,
            settings,
            None if class_weights is None else class_weights.numpy(),
            seen=seen,
            loss=loss,
        )
        if residual_head is None:
            residual_head = prior
        elif prior is not None:
            residual_head = residual_head.after(prior)
        self._set_residual_head(language, residual_head)

    def _set_residual_head(self, language: str, residual_head: ResidualHead | None) -> None:
        """Give a language a residual head, or none."""
        heads = {name: head for name, head in self.residual_heads_.items() if name != language}
        self.residual_heads_ = heads if residual_head is None else heads | {language: residual_head}

    def _predict(self, network, encoded: EncodedSamples, execution: Execution) -> Outputs:
        """The outputs of the network; on sparse features without making them dense, if it can."""
        positions = positions_by_language(encoded.language_index)
        features = encoded.inputs
        if not sparse.issparse(features) or any(any(network.widths(i)) for i in positions):
            return super()._predict(network, encoded, execution)
        network = copy.deepcopy(network).cpu().double()
        logits = np.zeros((len(encoded), network.head.out_features))
        for index, members in positions.items():
            logits[members] = _head_of(network, index).apply(logits[members], features[members])
        return Outputs(logits, features)

    def _predict_logits(self, encoded: EncodedSamples, execution: Execution) -> np.ndarray:
        logits, representations = self._predict(self.net_.module_, encoded, execution)
        positions = positions_by_language(encoded.language_index)
        for language, residual_head in self.residual_heads_.items():
            members = positions.get(self._language_index(language))
            if members is not None:
                logits[members] = residual_head.apply(logits[members], representations[members])
        return logits

    def _linear_model(self, language: str | None) -> ResidualHead:
        """The model of a language as a linear model of the inputs; None is the meta-model.

        Raises
        ------
        ValueError
            If the model is not linear in the features that the estimator reads.
        """
        network = self.net_.module_
        index = NO_LANGUAGE if language is None else self._language_index(language)
        if not self.front_end_.inputs_are_fixed or any(network.widths(index)):
            raise ValueError(
                "The models are not linear in the features: an encoder or adapters are trained. "
                "Fit on features, n-grams or a frozen encoder, with learning_rate='auto'."
            )
        model = _head_of(network, index)
        residual_head = None if language is None else self.residual_heads_.get(language)
        return model if residual_head is None else residual_head.after(model)

    def _get_saved_state(self, folder):
        residual_heads = {
            language: residual_head.get_state()
            for language, residual_head in self.residual_heads_.items()
        }
        return super()._get_saved_state(folder) | {"residual_heads": residual_heads}

    def _set_saved_state(self, state, folder):
        super()._set_saved_state(state, folder)
        self._adaptations = {}
        self.residual_heads_ = {
            language: ResidualHead.from_state(residual_head)
            for language, residual_head in state["residual_heads"].items()
        }
        shape = self._output.n_outputs, self.net_.module_.head.in_features
        for language, residual_head in self.residual_heads_.items():
            if language not in self.languages_:
                raise ValueError(f"a residual head is of {language!r}, which is not in languages_")
            if (residual_head.coef.shape, residual_head.intercept.shape) != (shape, shape[:1]):
                raise ValueError(f"the residual head of {language!r} is not of shape {shape}")


def _head_of(network: MetaNetwork, index: int) -> ResidualHead:
    """The head that is generated for a language."""
    coef, intercept = (x.cpu().double().numpy() for x in network.generated_head(index))
    return ResidualHead(coef, intercept)
