"""The fit of a target model, whatever its kind of output: all at once, or in parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Self

import numpy as np
import pandas as pd

from metaling_sk._data.batches import StepIterator
from metaling_sk._data.holdout import split_validation
from metaling_sk._data.samples import Samples, check_samples, without_labels
from metaling_sk._data.suspicions import suspect_absent
from metaling_sk._network.classifier import ClassifierNetwork
from metaling_sk._network.copy_to_train import copy_to_train
from metaling_sk._network.data_parallel import agree_on_random_state
from metaling_sk._network.prediction import Execution
from metaling_sk._network.training import history_frame, train
from metaling_sk._utils.all_or_nothing import changed_at_once, unfitted_on_error
from metaling_sk._utils.messages import warn_user
from metaling_sk._utils.out_of_memory import memory_errors
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk._utils.sklearn_compat import StrOptions
from metaling_sk.transfer._preparation import TransferPreparation
from metaling_sk.transfer._source_models import SourceModel
from metaling_sk.transfer._stages import Stages
from metaling_sk.transfer._terms import TERMS, list_terms
from metaling_sk.transfer._training_set import TrainingSet


class TransferFitting(TransferPreparation):
    """What `fit` and `partial_fit` of classifiers and regressors do."""

    _parameter_constraints: dict = {
        **common_constraints("source_languages", "target_languages", "dictionary"),
        "transfer": [StrOptions({"auto", *TERMS}), list, tuple, None],
        "transfer_weight": [Number(Real, 0, None, closed="left")],
    }

    _teacher: str
    """What can teach by its predictions, in words."""

    def _fit(self, X, y, language) -> Self:
        can_stay = self.warm_start and hasattr(self, "net_")
        fitting = changed_at_once if can_stay else unfitted_on_error
        with fitting(self) as fitted, memory_errors():
            needs_y = self.class_descriptions is None
            samples = check_samples(fitted, X, y, language, reset=True, needs_y=needs_y)
            if y is None:
                samples = without_labels(samples, [])
            source = fitted._choose_source(samples)
            fitted._random_state = state = agree_on_random_state(self.random_state)
            with seeded(state) as rng, Progress.of(self) as progress:
                fitted._fit_samples(samples, source, rng, self._execution(progress))
        return self

    def _partial_fit(self, X, y, classes, language, n_epochs, planned_epochs) -> Self:
        with changed_at_once(self) as fitted, memory_errors():
            fitted._add_epochs(X, y, classes, language, n_epochs, planned_epochs)
        return self

    def _fit_samples(
        self, samples: Samples, source: SourceModel, rng, execution: Execution
    ) -> None:
        start = self._find_start(source)
        training_set, network = self._prepare(samples, source, start, rng, execution)
        suspect_absent(self, self.target_languages_, set(samples.language))
        solve = self._find_solver(network) if start is None else None
        stages = Stages(
            new_net=partial(self._new_net, is_solved=self._is_solved),
            predict=partial(self._predict_teaching, execution=execution),
            class_probabilities=self._output.class_probabilities,
            terms=self.transfer_,
            transfer_weight=self.transfer_weight,
            batch_size=self.batch_size,
            step_size=None if self._is_solved else self._step_size,
            n_topics=self.n_topics,
            held_out=split_validation(
                training_set.samples.language,
                self._output.strata(training_set.samples),
                0.0 if self._is_solved or solve is not None else self.validation_fraction,
                rng,
            ),
            rng=rng,
            progress=execution.progress,
            solve=solve,
        )
        stages.run(
            network,
            training_set,
            has_source_stage=start is None and not source.teaches,
            n_rounds=self._n_rounds(source),
        )
        if stages.n_pseudo_labels == 0 and self.self_training != "auto":
            warn_user(
                "`self_training` has given no pseudo-label: with so few rows without labels, the "
                "share of a class in a topic is less than one row. Pass n_topics=1, more rows, or "
                "self_training=0."
            )
        self.net_ = list(stages.nets.values())[-1]
        self.history_ = history_frame(stages.nets)
        self._forget_start(training_set, self.net_.module_)
        self._complete_statistics(training_set.samples, rng)
        if "source" in stages.nets:
            self.source_model_ = self._with_net(stages.nets["source"])

    def _find_solver(self, network: ClassifierNetwork) -> Callable[..., None] | None:
        """What solves for the head of a new network; None where it is trained."""
        return None

    def _add_epochs(self, X, y, classes, language, n_epochs, planned_epochs) -> None:
        is_first = not hasattr(self, "net_")
        self._check_epochs(n_epochs, planned_epochs)
        samples = check_samples(self, X, y, language, reset=is_first, needs_y=True)
        source = self._choose_source(samples)
        if "distill" in list_terms(self.transfer) and not source.teaches:
            raise ValueError(
                f"`transfer`: 'distill' needs a {self._teacher} as `source` in partial_fit, which "
                "trains no source network; sklearn.pipeline.make_pipeline makes one of a fitted "
                "network."
            )
        if is_first:
            # Later calls go on drawing: with the same dropout in every epoch nothing is learnt.
            self._random_state = agree_on_random_state(self.random_state)
        with Progress.of(self) as progress:
            execution = self._execution(progress)
            if is_first:
                classes = None if classes is None else np.unique(classes)
                with seeded(self._random_state) as rng:
                    start = self._find_start(source)
                    training_set, network = self._prepare(
                        samples, source, start, rng, execution, classes
                    )
                    self._forget_start(training_set, network)
                    self.net_ = self._new_net(network, training_set, self.transfer_)
            else:
                samples = self._output.align(samples)
                training_set = self._prepare_more(samples, source, execution)
                if self.net_.settings.is_solved:
                    self.net_ = self._new_net_after_solving(training_set)
                self.net_ = copy_to_train(self.net_)
                self._suspect_parameters()
                self.net_.criterion_.terms = tuple(self.transfer_)
            self._train_epochs(training_set, n_epochs, planned_epochs, progress)
        epochs = history_frame({"partial_fit": self.net_}).tail(n_epochs)
        if not is_first:
            epochs = pd.concat([self.history_, epochs], ignore_index=True)
        self.history_ = epochs

    def _check_epochs(self, n_epochs, planned_epochs) -> None:
        """Raise a ValueError unless `partial_fit` can add so many epochs."""
        n_done = len(self.net_.history) if hasattr(self, "net_") else 0
        if isinstance(n_epochs, bool) or not isinstance(n_epochs, Integral) or n_epochs < 1:
            raise ValueError(f"`n_epochs` must be a whole number of at least 1, got {n_epochs!r}.")
        if planned_epochs is not None and n_done + n_epochs > planned_epochs:
            raise ValueError(
                f"`planned_epochs` is {planned_epochs}, but {n_epochs} more epochs after {n_done} "
                f"are {n_done + n_epochs}."
            )
        if hasattr(self, "net_") and not hasattr(self, "translator_"):
            raise ValueError(
                "partial_fit cannot go on with a loaded estimator, which has no source model and "
                "no state of the optimiser; pass it as `source` of a new one."
            )

    def _train_epochs(self, training_set: TrainingSet, n_epochs, planned_epochs, progress) -> None:
        """Add epochs to the training of the target model."""
        streams = training_set.streams(self.transfer_)
        has_labels = any(len(stream) for name, stream in streams.items() if name != "target")
        if not has_labels and "distill" not in self.transfer_:
            raise ValueError("partial_fit: X has no row that the objective can learn from.")
        for _ in range(n_epochs):
            # Each epoch draws anew, so that two calls do what one of two epochs does.
            with seeded(self._random_state) as rng:
                train(
                    self.net_,
                    StepIterator(streams, self._step_size, rng),
                    None,
                    progress,
                    "partial_fit",
                    one_more=True,
                    planned_epochs=planned_epochs,
                )
