"""The linear recipe as source model of a classifier: when it is one, and how it is made."""

from __future__ import annotations

from typing import Any

from sklearn.utils import check_random_state

from metaling_sk._data.samples import Samples, with_classes
from metaling_sk._encoders.encoder_forms import is_scratch
from metaling_sk._saving.saved_estimator import INPUT_ATTRIBUTES
from metaling_sk.transfer._linear import LinearTransferClassifier
from metaling_sk.transfer._source_models import TEACHER, TeachingClassifier

LINEAR_ROUNDS = 6
"""Rounds of self-training on texts, for self_training="auto"."""


def takes_recipe(classifier: Any, samples: Samples) -> bool:
    """Whether the recipe is the source model of a `TransferClassifier` on these samples.

    Raises
    ------
    ValueError
        If it is to be, but cannot read them.
    """
    source = classifier.source
    if not isinstance(source, str):
        return False
    if source == "auto":
        has_targets = samples.is_text and len(set(samples.language)) > 1
        is_trained = is_scratch(classifier.encoder) and classifier.trainable != "head"
        is_free = classifier.dictionary is not None and classifier._transfer_is_auto
        is_suited = is_free and not samples.is_multilabel and not samples.is_pairs
        return has_targets and is_trained and is_suited
    if samples.cells is not None:
        parameter = samples.column_parameter
        raise ValueError(
            f"`source`='linear' reads texts and numbers, but `{parameter}` is "
            f"{getattr(classifier, parameter)!r}. Pass None, or a classifier of {samples.kind}."
        )
    if samples.is_multilabel:
        raise ValueError(
            "`source`='linear' predicts one class for each row, but y has several labels. Pass "
            "None, or a classifier such as sklearn.multiclass.OneVsRestClassifier."
        )
    if samples.is_pairs:
        raise ValueError(
            "`source`='linear' reads one text in each row, but `text_column` names two "
            f"columns: {samples.pair_columns}. Pass None, or a classifier that takes both as a "
            "table."
        )
    return True


class LinearSource(TeachingClassifier):
    """The linear recipe, fitted on all samples.

    Parameters
    ----------
    classifier : TransferClassifier
        What has the parameters of the recipe, and takes X in the form that the recipe does.
    """

    def __init__(self, classifier: Any):
        self.classifier = classifier

    def fit(self, samples, languages, is_target, translator, rng, progress):
        random_state = rng.randint(2**31)
        classifier, (sources, targets) = self.classifier, languages
        n_rounds = classifier.self_training
        if n_rounds == "auto":
            n_rounds = LINEAR_ROUNDS if samples.is_text else 0
        recipe = LinearTransferClassifier(
            source_languages=sources,
            target_languages=targets,
            dictionary=classifier.dictionary,
            self_training=n_rounds,
            n_topics=classifier.n_topics,
            class_weight=classifier.class_weight,
            random_state=random_state,
            text_column=classifier.text_column,
            language_column=classifier.language_column,
            missing_label=classifier.missing_label,
        )
        for name in INPUT_ATTRIBUTES:
            if hasattr(classifier, name):
                setattr(recipe, name, getattr(classifier, name))
        samples = with_classes(samples, samples.present_classes)
        rng = check_random_state(random_state)
        return recipe._fit_samples(samples, languages, translator, rng, progress, TEACHER)

    def n_network_rounds(self, n_rounds) -> int:
        return 0  # It is the recipe that trains itself.
