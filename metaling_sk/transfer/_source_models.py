"""Source models: where the target model starts, or the classifier whose predictions it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import check_random_state

from metaling_sk._data.samples import Samples
from metaling_sk._network.estimator import NetworkClassifier
from metaling_sk._utils.frozen import is_fitted, not_fitted, unfreeze
from metaling_sk.transfer._linear import LinearTransferClassifier

NewRecipe = Callable[[Samples, int], LinearTransferClassifier]
"""Makes the linear recipe for samples and a random state."""


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

    def fit(self, samples: Samples, languages, is_target: np.ndarray, translator, rng):
        """Return the fitted source model; None where it is not known before the network is.

        Parameters
        ----------
        samples : Samples
            All samples in source and target languages.
        languages : tuple of (list of str, list of str)
            The source and the target languages.
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
        if not is_fitted(start):
            raise not_fitted(start, "source")
        self.start = start

    def fit(self, samples, languages, is_target, translator, rng):
        return self.start


class _TeachingSource(SourceModel):
    """A classifier that the target model learns from by its predictions."""

    teaches = True


class LinearSource(_TeachingSource):
    """The linear recipe, fitted on all samples."""

    def __init__(self, new_recipe: NewRecipe):
        self.new_recipe = new_recipe

    def fit(self, samples, languages, is_target, translator, rng):
        random_state = rng.randint(2**31)
        recipe = self.new_recipe(samples, random_state)
        return recipe._fit_samples(samples, languages, translator, check_random_state(random_state))

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
        self.needs_source_labels = not is_fitted(classifier)

    def fit(self, samples, languages, is_target, translator, rng):
        if not self.needs_source_labels:
            return self.classifier
        source = samples.take(~is_target & samples.labelled)
        if translator is not None:
            texts = translator.transform(source.texts, language=source.language)
            source = replace(source, texts=texts)
        language = _language_argument(self.classifier, source)
        if isinstance(self.classifier, Pipeline):
            last, _ = self.classifier.steps[-1]
            language = {f"{last}__{name}": value for name, value in language.items()}
        with config_context(enable_metadata_routing=False):
            return clone(self.classifier).fit(
                _as_input(self.classifier, source), source.classes[source.y], **language
            )


def choose_source(source, new_recipe: NewRecipe) -> SourceModel:
    """Choose the kind for a `source` parameter."""
    source = unfreeze(source, "source")
    if source is None:
        return NewNetworkSource()
    if isinstance(source, str):
        return LinearSource(new_recipe)
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
    with config_context(enable_metadata_routing=False):
        probabilities = model.predict_proba(
            _as_input(model, samples), **_language_argument(model, samples)
        )
    return probabilities[:, np.searchsorted(model.classes_, classes)]


def _as_input(classifier, samples: Samples):
    """X in the form that a classifier takes."""
    if not samples.is_text:
        return samples.features
    first = _step(classifier, 0)
    # The parts of a union take one form of X: that of the plainest, texts.
    parameters = [] if isinstance(first, FeatureUnion) else list(_parameters(classifier))
    columns: dict[str, Any] = {
        wanted: next((value for name, value in parameters if name.endswith(wanted)), None)
        for wanted in ("text_column", "language_column")
    }
    return samples.texts if None in columns.values() else samples.to_frame(**columns)


def _language_argument(classifier, samples: Samples) -> dict[str, np.ndarray]:
    """The languages of features, by the name of the argument, where a classifier takes them."""
    takes_language = "language" in signature(_step(classifier, -1).predict_proba).parameters
    return {"language": samples.language} if takes_language and not samples.is_text else {}


def _step(classifier, number: int):
    """The first or last step of a pipeline, or the classifier itself."""
    while isinstance(classifier, FrozenEstimator | Pipeline):
        is_pipeline = isinstance(classifier, Pipeline)
        classifier = classifier.steps[number][1] if is_pipeline else classifier.estimator
    return classifier


def _parameters(estimator) -> Iterator[tuple[str, Any]]:
    """The parameters of an estimator and of those in it; frozen ones do not show theirs."""
    for name, value in estimator.get_params().items():
        yield name, value
        if isinstance(value, FrozenEstimator):
            yield from _parameters(value.estimator)
