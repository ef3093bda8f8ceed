"""Source models that teach by their predictions: any sklearn classifier."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.samples import Samples


def fit_teacher(classifier, samples: Samples, translator=None):
    """A fitted classifier: itself where it is fitted, else a clone fitted on the samples.

    Parameters
    ----------
    classifier : sklearn classifier
    samples : Samples
        All labelled.
    translator : DictionaryTranslator, optional
        Translates the texts before the classifier sees them.
    """
    if not hasattr(classifier, "predict_proba"):
        raise TypeError(
            f"`source`: {type(classifier).__name__} has no predict_proba, which the target model "
            "learns from; wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    if is_fitted(classifier):
        return classifier
    X, language = _as_input(classifier, samples, translator)
    return clone(classifier).fit(X, samples.classes[samples.y], **language)


def is_fitted(source) -> bool:
    """Whether `source` is a fitted estimator."""
    try:
        check_is_fitted(source)
    except (NotFittedError, TypeError):
        return False
    return True


def teach(teacher, samples: Samples, classes: np.ndarray) -> np.ndarray:
    """Its probabilities, with a column for each of `classes`."""
    unknown = sorted(set(teacher.classes_.tolist()) ^ set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"`source` knows the classes {teacher.classes_.tolist()}, but y and `source` together "
            f"do not agree on {unknown}; both must have the same classes."
        )
    X, language = _as_input(teacher, samples)
    probabilities = teacher.predict_proba(X, **language)
    return probabilities[:, np.searchsorted(teacher.classes_, classes)]


def _as_input(classifier, samples: Samples, translator=None) -> tuple[object, dict]:
    """X as the classifier takes it, and `language` beside it, where it knows of languages."""
    # A FrozenEstimator does not show the parameters of what it holds.
    inner = getattr(classifier, "estimator", classifier)
    if not samples.is_text:
        takes_language = "language" in signature(inner.predict_proba).parameters
        return samples.features, {"language": samples.language} if takes_language else {}
    if translator is not None:
        texts = translator.transform(samples.texts, language=samples.language)
        samples = replace(samples, texts=texts)
    first = inner[0] if isinstance(inner, Pipeline) else inner
    # The parts of a union take one form of X: that of the plainest, texts.
    parameters = {} if isinstance(first, FeatureUnion) else inner.get_params()
    columns = {
        wanted: next((parameters[name] for name in parameters if name.endswith(wanted)), None)
        for wanted in ("text_column", "language_column")
    }
    return samples.texts if None in columns.values() else samples.to_frame(**columns), {}
