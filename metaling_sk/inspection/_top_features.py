"""The features that speak most for each class in each language."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._utils.messages import name_some
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.sklearn_compat import HasMethods, validate_params
from metaling_sk.meta_net._classifier import MetaNetClassifier
from metaling_sk.transfer._linear import LinearTransferClassifier


@validate_params(
    {
        "estimator": [HasMethods(["predict"])],
        "n_features": [Number(Integral, 1, None, closed="left")],
        "languages": ["array-like", None],
        "feature_names": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def top_features(estimator, *, n_features=10, languages=None, feature_names=None) -> pd.DataFrame:
    """List the features with the largest weights, for each class and language of a linear model.

    The weights of dense features of a `MetaNetClassifier` are those of standardised features.

    Parameters
    ----------
    estimator : fitted classifier
        A `MetaNetClassifier` that was solved for, whose models are linear in the features; a
        `LinearTransferClassifier`; a linear model of scikit-learn, or a `Pipeline` that ends in
        one.
    n_features : int, default=10
        Number of features for each class and language.
    languages : array-like of str, default=None
        Languages of a `MetaNetClassifier`; None is all that have a model of their own.
    feature_names : array-like of str, shape (n_features_in,), default=None
        The names of the features. None takes those of the vectorizer, or numbers.

    Returns
    -------
    DataFrame
        The columns are "language", "class", "feature", "weight", and for a `MetaNetClassifier`
        "meta_weight", the weight in the meta-model: what is larger in "weight" is particular to
        the language. Weights are relative to the mean of the classes. The largest come first.

    Raises
    ------
    ValueError
        If the model is not linear in the features, or `languages` or `feature_names` do not fit
        to it.

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
    models, classes, names = _linear_models(estimator, languages)
    names = names if feature_names is None else np.asarray(feature_names, dtype=object)
    parts = []
    for language, (coef, meta_coef) in models.items():
        if len(names) != coef.shape[1]:
            raise ValueError(
                f"`feature_names` has {len(names)} names, but the model has {coef.shape[1]} "
                "features."
            )
        for label, weights, meta_weights in zip(classes, coef, meta_coef, strict=True):
            best = np.argsort(-weights, kind="stable")[:n_features]
            table = {"feature": names[best], "weight": weights[best]}
            if isinstance(estimator, MetaNetClassifier):
                table["meta_weight"] = meta_weights[best]
            parts.append(pd.DataFrame({"language": language, "class": label} | table))
    return pd.concat(parts, ignore_index=True)


def _linear_models(estimator, languages):
    """The coefficients of each language and of all, the classes and the names of the features."""
    if isinstance(estimator, MetaNetClassifier):
        return _of_meta_net(estimator, languages)
    if languages is not None:
        raise ValueError(
            f"`languages`: {type(estimator).__name__} has one model for all languages, so leave it "
            "out."
        )
    vectorizer, model = None, estimator
    if isinstance(estimator, LinearTransferClassifier):
        vectorizer, model = estimator.vectorizer_, estimator.model_
    elif isinstance(estimator, Pipeline):
        vectorizer, model = estimator[:-1], estimator[-1]
    if not hasattr(model, "coef_"):
        raise ValueError(f"{type(model).__name__} is no linear model: it has no `coef_`.")
    coef = _dense(model.coef_)
    coef = _centred(np.vstack([-coef, coef]) / 2 if len(coef) == 1 else coef)
    names = _names(vectorizer, coef.shape[1])
    return {UNNAMED_LANGUAGE: (coef, coef)}, estimator.classes_, names


def _of_meta_net(estimator: MetaNetClassifier, languages):
    known = sorted(estimator.architecture_)
    languages = known if languages is None else list(languages)
    if unknown := sorted(set(languages) - set(known)):
        raise ValueError(
            f"`languages`: {name_some(unknown)} have no model of their own; these have: "
            f"{name_some(known)}."
        )
    meta = _centred(_dense(estimator._linear_model(None).coef))
    models = {
        name: (_centred(_dense(estimator._linear_model(name).coef)), meta) for name in languages
    }
    names = _names(getattr(estimator.front_end_, "vectorizer", None), meta.shape[1])
    return models, estimator.classes_, names


def _names(vectorizer, n_features: int) -> np.ndarray:
    if hasattr(vectorizer, "get_feature_names_out"):
        return vectorizer.get_feature_names_out()
    return np.array([f"x{number}" for number in range(n_features)], dtype=object)


def _dense(coef) -> np.ndarray:
    return coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)


def _centred(coef: np.ndarray) -> np.ndarray:
    """The coefficients minus their mean over the classes, which changes no prediction."""
    return coef - coef.mean(axis=0)
