"""Source models: where the target model starts, or the model whose predictions it learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline

from metaling_sk._data.labels import MISSING
from metaling_sk._data.samples import Samples
from metaling_sk._network.estimator import NetworkEstimator
from metaling_sk._network.network_classifier import NetworkClassifier
from metaling_sk._network.network_regressor import NetworkRegressor
from metaling_sk._utils.frozen import is_fitted, not_fitted, unfreeze
from metaling_sk._utils.progress import silent

TEACHER = "teacher"
"""What the fit of a source model that teaches is called on the progress bar."""


class SourceModel:
    """A source model of `TransferClassifier` or `TransferRegressor`.

    Attributes
    ----------
    start : fitted NetworkEstimator or None
        The estimator whose network the target model starts from.
    teaches : str or None
        What it is, "classifier" or "regressor", if the target model learns from its predictions;
        None if it learns from its weights.
    needs_source_labels : bool
        Whether it is fitted on labelled samples of the source languages.
    """

    start: NetworkEstimator | None = None
    teaches: str | None = None
    needs_source_labels = True

    def fit(self, samples: Samples, languages, is_target: np.ndarray, translator, rng, progress):
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
        progress : Progress
        """
        return None

    def teaching(self, model, samples: Samples, output) -> np.ndarray:
        """What the fitted source model teaches about samples, shape (n_samples, n_outputs).

        Parameters
        ----------
        model : estimator
            What `fit` returned.
        samples : Samples
        output : OutputKind
            The kind of output of the target model.
        """
        raise NotImplementedError

    def n_network_rounds(self, n_rounds: int) -> int:
        """Rounds of self-training of the target network, where so many are asked for."""
        return n_rounds


class NewNetworkSource(SourceModel):
    """No source is given: a source network is trained first."""


class FittedNetworkSource(SourceModel):
    """A fitted estimator of this package, whose network is the start."""

    needs_source_labels = False

    def __init__(self, start: NetworkEstimator):
        if not is_fitted(start):
            raise not_fitted(start, "source")
        self.start = start

    def fit(self, samples, languages, is_target, translator, rng, progress):
        return self.start


class TeachingClassifier(SourceModel):
    """A classifier that the target model learns from by its predictions."""

    teaches = "classifier"

    def teaching(self, model, samples, output):
        probabilities = _predict(model, samples, ClassifierSource.predicts_by)
        return output.teaching_of_classifier(probabilities, model.classes_)


class _SklearnSource(SourceModel):
    """A model of sklearn; where it is not fitted, a clone is, on the labelled source samples."""

    predicts_by: str
    """The method whose predictions are learnt from."""

    def __init__(self, model):
        self.model = model
        self.needs_source_labels = not is_fitted(model)

    def fit(self, samples, languages, is_target, translator, rng, progress):
        if not self.needs_source_labels:
            return self.model
        source = samples.take(~is_target & samples.labelled)
        _check_complete(source)
        if translator is not None:
            source = replace(source, texts=translator._translated(source))
        language = _language_argument(self.model, source, self.predicts_by)
        if isinstance(self.model, Pipeline):
            last, _ = self.model.steps[-1]
            language = {f"{last}__{name}": value for name, value in language.items()}
        progress.start(TEACHER, 1, "fit")
        with config_context(enable_metadata_routing=False), silent():
            model = clone(self.model).fit(
                _as_input(self.model, source), source.given_labels, **language
            )
        progress.advance()
        return model


class ClassifierSource(_SklearnSource, TeachingClassifier):
    """An sklearn classifier."""

    predicts_by = "predict_proba"

    def __init__(self, classifier):
        if not hasattr(classifier, "predict_proba"):
            if is_regressor(classifier):
                raise _other_output(classifier, "regressor", "TransferRegressor")
            raise TypeError(
                f"`source`: {type(classifier).__name__} has no predict_proba, which the target "
                "model learns from; wrap it in sklearn.calibration.CalibratedClassifierCV."
            )
        super().__init__(classifier)


class RegressorSource(_SklearnSource):
    """An sklearn regressor that the target model learns from by its predictions."""

    teaches = "regressor"
    predicts_by = "predict"

    def __init__(self, regressor):
        if is_classifier(regressor):
            raise _other_output(regressor, "classifier", "TransferClassifier")
        if not hasattr(regressor, "predict"):
            raise TypeError(
                f"`source`: {type(regressor).__name__} has no predict, which the target model "
                "learns from; pass a regressor."
            )
        super().__init__(regressor)

    def teaching(self, model, samples, output):
        predictions = _predict(model, samples, self.predicts_by)
        if predictions.shape not in ((len(samples),), (len(samples), 1)):
            raise ValueError(
                f"`source` predicts numbers of shape {predictions.shape} for {len(samples)} rows; "
                "it must predict one number for each."
            )
        return output.standardise(predictions.reshape(-1), samples.language)[:, None]


def _other_output(source, kind: str, right: str) -> TypeError:
    """The error for a source whose kind of output is another one."""
    return TypeError(
        f"`source`: {type(source).__name__} is a {kind}; {right} learns from it. As `encoder`, a "
        "fitted estimator of this package may be of any kind."
    )


def choose_source(source) -> SourceModel:
    """Choose the kind for a `source` parameter of a classifier that is not the linear recipe."""
    source = unfreeze(source, "source")
    if source is None or isinstance(source, str):  # "auto"
        return NewNetworkSource()
    if isinstance(source, NetworkClassifier):
        return FittedNetworkSource(source)
    return ClassifierSource(source)


def choose_regressor(source) -> SourceModel:
    """Choose the kind for a `source` parameter of a regressor."""
    source = unfreeze(source, "source")
    if source is None:
        return NewNetworkSource()
    if isinstance(source, NetworkRegressor):
        return FittedNetworkSource(source)
    return RegressorSource(source)


def _check_complete(samples: Samples) -> None:
    """Raise a ValueError if only some of the labels of a sample are known."""
    assert samples.y is not None
    if samples.is_multilabel and (samples.y == MISSING).any():
        raise ValueError(
            "`source` is fitted on the labelled rows of the source languages, and y lacks some of "
            "their labels. Pass a fitted classifier, or source=None, which learns from what is "
            "known."
        )


def _predict(model, samples: Samples, method: str) -> np.ndarray:
    with config_context(enable_metadata_routing=False):
        return getattr(model, method)(
            _as_input(model, samples), **_language_argument(model, samples, method)
        )


def _as_input(model, samples: Samples):
    """X in the form that a model takes."""
    if samples.features is not None:
        return samples.features
    first = _step(model, 0)
    # The parts of a union take one form of X: that of the plainest, texts.
    parameters = [] if isinstance(first, FeatureUnion) else list(_parameters(model))
    columns: list[Any] = [
        next((value for name, value in parameters if name.endswith(wanted)), None)
        for wanted in (samples.column_parameter, "language_column")
    ]
    if samples.is_pairs:
        return samples.to_frame(samples.pair_columns, columns[1])
    return samples.given_content() if None in columns else samples.to_frame(*columns)


def _language_argument(model, samples: Samples, method: str) -> dict[str, np.ndarray]:
    """The languages of features, by the name of the argument, where a model takes them."""
    takes_language = "language" in signature(getattr(_step(model, -1), method)).parameters
    return {"language": samples.language} if takes_language and samples.features is not None else {}


def _step(model, number: int):
    """The first or last step of a pipeline, or the model itself."""
    while isinstance(model, FrozenEstimator | Pipeline):
        is_pipeline = isinstance(model, Pipeline)
        model = model.steps[number][1] if is_pipeline else model.estimator
    return model


def _parameters(estimator) -> Iterator[tuple[str, Any]]:
    """The parameters of an estimator and of those in it; frozen ones do not show theirs."""
    for name, value in estimator.get_params().items():
        yield name, value
        if isinstance(value, FrozenEstimator):
            yield from _parameters(value.estimator)
