"""The features that speak most for each class in each language."""

from __future__ import annotations

from contextlib import suppress
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._network.fixed_front_ends import FixedFrontEnd
from metaling_sk._utils.messages import name_some
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.sklearn_compat import HasMethods, validate_params
from metaling_sk._utils.wrapped import final_estimator
from metaling_sk.meta_net._classifier import MetaNetClassifier
from metaling_sk.transfer._classifier import TransferClassifier
from metaling_sk.transfer._linear import LinearTransferClassifier


@validate_params(
    {
        "estimator": [HasMethods(["predict"])],
        "n_features": [Number(Integral, 1, None, closed="left")],
        "languages": [str, "array-like", None],
        "feature_names": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def top_features(estimator, *, n_features=10, languages=None, feature_names=None) -> pd.DataFrame:
    """List the features with the largest weights, for each class and language of a linear model.

    Features that a `MetaNetClassifier` or a `TransferClassifier` standardises have the weights of
    standardised features: all dense ones, and columns of sparse ones that are mostly filled, such
    as counts of frequent words.

    Parameters
    ----------
    estimator : fitted classifier
        A `MetaNetClassifier` that was solved for, or a `TransferClassifier` whose head is on fixed
        features, which are linear in the features; a `LinearTransferClassifier`; a linear model of
        scikit-learn; or a `Pipeline` that ends in one of these, or a search over one.
    n_features : int, default=10
        Number of features for each class and language.
    languages : str or array-like of str, default=None
        Languages of a `MetaNetClassifier`; None is all that have a model of their own.
    feature_names : array-like of str, shape (n_features_in,), default=None
        The names of the features. None takes those of the vectorizer or of the columns of X, or
        numbers.

    Returns
    -------
    DataFrame
        The columns are "language", "class", "feature", "weight", and for a `MetaNetClassifier`
        "meta_weight", the weight in the meta-model: what is larger in "weight" is particular to
        the language. Weights are relative to the mean of the classes. Of several labels of a row
        each one is a class, whose weights tell it from its absence. The largest come first.

    Raises
    ------
    ValueError
        If it is no linear classifier, or `languages` or `feature_names` do not fit to it.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from metaling_sk import MetaNetClassifier
    >>> from metaling_sk.inspection import top_features
    >>> texts = ["good hotel", "bad hotel", "buen hotel", "mal hotel"] * 5
    >>> clf = MetaNetClassifier(encoder=TfidfVectorizer())
    >>> _ = clf.fit(texts, [1, 0, 1, 0] * 5, language=["en", "en", "es", "es"] * 5)
    >>> top_features(clf, n_features=1)[["language", "class", "feature"]]
      language  class feature
    0       en      0     bad
    1       en      1    good
    2       es      0     mal
    3       es      1    buen
    """
    check_is_fitted(estimator)
    estimator = getattr(estimator, "best_estimator_", estimator)
    model = _linear_model(estimator)
    if isinstance(model, MetaNetClassifier):
        models = _of_meta_net(model, languages)
    elif languages is not None:
        raise ValueError(
            f"`languages`: {type(model).__name__} has one model for all languages, so leave it out."
        )
    elif isinstance(model, TransferClassifier):
        coef = _of_transfer_classifier(model)
        models = {UNNAMED_LANGUAGE: (coef, coef)}
    else:
        coef = _of_linear_model(model, getattr(estimator, "classes_", ()))
        models = {UNNAMED_LANGUAGE: (coef, coef)}
    n_columns = next(iter(models.values()))[0].shape[1]
    if feature_names is None:
        names = _names(estimator, n_columns)
    else:
        names = np.asarray(feature_names, dtype=object)
    if len(names) != n_columns:
        raise ValueError(
            f"`feature_names` has {len(names)} names, but the model has {n_columns} features."
        )
    labels = getattr(model, "label_names_", None)
    labels = estimator.classes_ if labels is None else labels
    parts = []
    for language, (coef, meta_coef) in models.items():
        for label, weights, meta_weights in zip(labels, coef, meta_coef, strict=True):
            best = np.argsort(-weights, kind="stable")[:n_features]
            table = {"feature": names[best], "weight": weights[best]}
            if isinstance(model, MetaNetClassifier):
                table["meta_weight"] = meta_weights[best]
            parts.append(pd.DataFrame({"language": language, "class": label} | table))
    return pd.concat(parts, ignore_index=True)


def _linear_model(estimator):
    """The model on the features: the estimator itself, its last step or a part of that."""
    last = final_estimator(estimator)
    return last.model_ if isinstance(last, LinearTransferClassifier) else last


def _of_linear_model(model, classes) -> np.ndarray:
    """The coefficients of each class."""
    coef = getattr(model, "coef_", None)
    # A support vector machine has a row for each pair of classes.
    is_by_pairs = hasattr(model, "support_vectors_") and len(classes) > 2
    n_rows = 1 if len(classes) == 2 else len(classes)
    if coef is None or is_by_pairs or not is_classifier(model) or np.shape(coef)[:-1] != (n_rows,):
        raise ValueError(
            f"{type(model).__name__} is no linear classifier of one label, with a row of `coef_` "
            "for each class."
        )
    coef = _dense(coef)
    return _centred(np.vstack([-coef, coef]) / 2 if len(coef) == 1 else coef)


def _of_transfer_classifier(estimator: TransferClassifier) -> np.ndarray:
    """The coefficients of each class in the head."""
    network, front_end = estimator.net_.module_, estimator.front_end_
    if not isinstance(front_end, FixedFrontEnd) or network.hidden is not None:
        raise ValueError(
            "This TransferClassifier is no linear classifier: an encoder or a hidden "
            "layer is trained. Fit on features, n-grams or a frozen encoder, without terms that "
            "align."
        )
    coef = network.head.weight.numpy(force=True) * front_end.column_factors()
    return _centred(coef) if estimator.label_names_ is None else coef


def _of_meta_net(estimator: MetaNetClassifier, languages) -> dict[str, tuple]:
    """The coefficients of each language, and of all."""
    known = sorted(estimator.architecture_)
    if isinstance(languages, str):
        languages = [languages]
    languages = known if languages is None else list(languages)
    unknown = [name for name in languages if name not in known]
    if unknown or not languages:
        raise ValueError(
            f"`languages`: {name_some(unknown) or 'none of them'} have no model of their own; "
            f"these have: {name_some(known)}."
        )
    meta = _weights(estimator, None)
    return {name: (_weights(estimator, name), meta) for name in languages}


def _weights(estimator: MetaNetClassifier, language: str | None) -> np.ndarray:
    coef, front_end = _dense(estimator._linear_model(language).coef), estimator.front_end_
    assert isinstance(front_end, FixedFrontEnd)  # else there is no linear model
    coef = coef * front_end.column_factors()
    return _centred(coef) if estimator.label_names_ is None else coef


def _names(estimator, n_features: int) -> np.ndarray:
    """What the vectorizer, the table that the model was given or the steps before it call them."""
    last = final_estimator(estimator)
    front_end = getattr(last, "front_end_", None)
    vectorizer: Any = getattr(last, "vectorizer_", getattr(front_end, "vectorizer", None))
    columns = np.asarray(getattr(last, "feature_names_in_", ()), dtype=object)
    if vectorizer is None and len(columns) == n_features:
        return columns
    if vectorizer is None and isinstance(estimator, Pipeline) and len(estimator) > 1:
        vectorizer = estimator[:-1]
    with suppress(AttributeError):
        return vectorizer.get_feature_names_out()
    return np.array([f"x{number}" for number in range(n_features)], dtype=object)


def _dense(coef) -> np.ndarray:
    return coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)


def _centred(coef: np.ndarray) -> np.ndarray:
    """The coefficients minus their mean over the classes, which changes no prediction."""
    return coef - coef.mean(axis=0)
