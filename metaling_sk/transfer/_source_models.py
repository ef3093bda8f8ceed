"""Source models: where the target model starts, or the classifier whose predictions it learns."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.samples import Samples
from metaling_sk._network.estimator import NetworkClassifier
from metaling_sk.transfer._linear import LinearTransferClassifier

if TYPE_CHECKING:
    from metaling_sk.transfer._classifier import TransferClassifier

LINEAR_ROUNDS = 6
"""Rounds of self-training of the linear recipe on texts, for self_training="auto"."""


class SourceModel:
    """A source model of `TransferClassifier`.

    Attributes
    ----------
    start : fitted NetworkClassifier or None
        The classifier whose network the target model starts from.
    teaches : bool
        Whether the target model learns from its predictions, not from its weights.
    needs_source_labels : bool
        Whether it is fitted on labelled samples of the source languages.
    """

    start: NetworkClassifier | None = None
    teaches = False
    needs_source_labels = True

    def fit(self, estimator: TransferClassifier, samples: Samples, is_target, translator, rng):
        """Return the fitted source model; None where it is not known before the network is.

        Parameters
        ----------
        estimator : TransferClassifier
        samples : Samples
            All samples in source and target languages.
        is_target : ndarray of bool, shape (n_samples,)
        translator : fitted DictionaryTranslator or None
        rng : RandomState
        """
        return None

    def n_network_rounds(self, self_training) -> int:
        """Rounds of self-training of the target network."""
        return 0 if self_training == "auto" else self_training


class NewNetworkSource(SourceModel):
    """No source is given: a source network is trained first."""


class FittedNetworkSource(SourceModel):
    """A fitted classifier of this package, whose network is the start."""

    needs_source_labels = False

    def __init__(self, start: NetworkClassifier):
        check_is_fitted(start)
        self.start = start

    def fit(self, estimator, samples, is_target, translator, rng):
        return self.start


class _TeachingSource(SourceModel):
    """A classifier that the target model learns from by its predictions."""

    teaches = True


class LinearSource(_TeachingSource):
    """The linear recipe, fitted on all samples."""

    def fit(self, estimator, samples, is_target, translator, rng):
        n_rounds = estimator.self_training
        if n_rounds == "auto":
            n_rounds = LINEAR_ROUNDS if samples.is_text else 0
        recipe = LinearTransferClassifier(
            source_languages=estimator.source_languages_,
            target_languages=estimator.target_languages_,
            dictionary=estimator.dictionary,
            self_training=n_rounds,
            n_topics=estimator.n_topics,
            class_weight=estimator.class_weight,
            random_state=rng.randint(2**31),
            text_column=estimator.text_column,
            language_column=estimator.language_column,
            missing_label=estimator.missing_label,
        )
        for name in ("_input_kind", "n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(recipe, name, getattr(estimator, name))
        languages = estimator.source_languages_, estimator.target_languages_
        return recipe._fit_samples(
            samples, languages, translator, check_random_state(recipe.random_state)
        )

    def n_network_rounds(self, self_training) -> int:
        return 0  # It is the recipe that trains itself.


class ClassifierSource(_TeachingSource):
    """An sklearn classifier; where it is not fitted, a clone is, on the labelled source samples."""

    def __init__(self, classifier):
        if not hasattr(classifier, "predict_proba"):
            raise TypeError(
                f"`source`: {type(classifier).__name__} has no predict_proba, which the target "
                "model learns from; wrap it in sklearn.calibration.CalibratedClassifierCV."
            )
        self.classifier = classifier
        self.needs_source_labels = not _is_fitted(classifier)

    def fit(self, estimator, samples, is_target, translator, rng):
        if not self.needs_source_labels:
            return self.classifier
        source = samples.take(~is_target & samples.labelled)
        if translator is not None:
            texts = translator.transform(source.texts, language=source.language)
            source = replace(source, texts=texts)
        X, metadata = _as_input(self.classifier, source)
        return clone(self.classifier).fit(X, source.classes[source.y], **metadata)


def choose_source(source) -> SourceModel:
    """The kind of a `source` parameter."""
    if source is None:
        return NewNetworkSource()
    if isinstance(source, str):
        return LinearSource()
    if isinstance(source, NetworkClassifier):
        return FittedNetworkSource(source)
    return ClassifierSource(source)


def predict_source(model, samples: Samples, classes: np.ndarray) -> np.ndarray:
    """The probabilities that a fitted source model predicts, with a column for each class."""
    unknown = sorted(set(model.classes_.tolist()) ^ set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"`source` knows the classes {model.classes_.tolist()}, but y and `source` together "
            f"do not agree on {unknown}; both must have the same classes."
        )
    X, metadata = _as_input(model, samples)
    probabilities = model.predict_proba(X, **metadata)
    return probabilities[:, np.searchsorted(model.classes_, classes)]


def _is_fitted(classifier) -> bool:
    try:
        check_is_fitted(classifier)
    except (NotFittedError, TypeError):
        return False
    return True


def _as_input(classifier, samples: Samples) -> tuple[object, dict]:
    """X as the classifier takes it, and `language` beside it, where it takes one."""
    # A FrozenEstimator does not show the parameters of what it holds.
    inner = getattr(classifier, "estimator", classifier)
    if not samples.is_text:
        takes_language = "language" in signature(inner.predict_proba).parameters
        return samples.features, {"language": samples.language} if takes_language else {}
    first = inner[0] if isinstance(inner, Pipeline) else inner
    # The parts of a union take one form of X: that of the plainest, texts.
    parameters = {} if isinstance(first, FeatureUnion) else inner.get_params()
    columns = {
        wanted: next((parameters[name] for name in parameters if name.endswith(wanted)), None)
        for wanted in ("text_column", "language_column")
    }
    return samples.texts if None in columns.values() else samples.to_frame(**columns), {}
