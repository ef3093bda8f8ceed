"""The scores of a fitted candidate, of all samples and of each language."""

from __future__ import annotations

import warnings
from functools import partial, wraps
from inspect import signature
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing

from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._data.languages import positions_by_language
from metaling_sk._utils.sklearn_compat import (
    BaseScorer,
    MultimetricScorer,
    PassthroughScorer,
    check_method_params,
    safe_split,
)
from metaling_sk.meta_param._fit_spec import FitSpec

SCORE = "score"
"""The name of the metric if there is only one."""


class Scores(NamedTuple):
    """The scores of a fitted candidate.

    Attributes
    ----------
    scores : dict
        The score of each metric.
    languages : dict
        For each language the score of each metric on its samples.
    failure : str or None
        The reason if a metric has no finite score.
    """

    scores: dict[str, float]
    languages: dict[str, dict[str, float]]
    failure: str | None


def scores_unlabelled(scorer) -> bool:
    """Tell whether the scorers of a search score samples without a label.

    Parameters
    ----------
    scorer : callable
        One scorer, or scikit-learn's scorer of several metrics.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If some do and others do not.
    """
    scorers = getattr(scorer, "_scorers", {SCORE: scorer})
    needs = {name: not getattr(each, "scores_unlabelled", False) for name, each in scorers.items()}
    if any(needs.values()) and not all(needs.values()):
        raise ValueError(
            f"`scoring`: {[name for name in needs if needs[name]]} need labels and "
            f"{[name for name in needs if not needs[name]]} score rows without labels, but all are "
            "given the same rows. Pass a function that returns a dict of all scores, and "
            "`cv`=StratifiedLanguageKFold(score_unlabelled=True)."
        )
    return not all(needs.values())


def score_samples(fitted, X, y, indices: np.ndarray, train: np.ndarray, spec: FitSpec) -> Scores:
    """Score a fitted estimator on some samples and on those of each language among them.

    Parameters
    ----------
    fitted : estimator
    X, y : array-like
        All samples of the search.
    indices : ndarray of int
        The samples to score.
    train : ndarray of int
        The samples on which the estimator was fitted, for precomputed kernels.
    spec : FitSpec

    Returns
    -------
    Scores
    """
    X_part, y_part = _take(fitted, X, y, indices, train)
    params: dict[str, Any] = {}
    if spec.language_is_metadata and spec.language is not None:
        params["language"] = spec.language[indices]
    predictions = CachedPredictions(fitted, X_part, params)
    scores, failure = _apply_scorer(fitted, predictions, X, X_part, y_part, indices, spec)
    languages: dict[str, dict[str, float]] = {}
    if spec.language is None:
        return Scores(scores, languages, failure)
    for language, positions in positions_by_language(spec.language[indices]).items():
        X_of, y_of = (
            None if one is None else _safe_indexing(one, positions) for one in (X_part, y_part)
        )
        with warnings.catch_warnings():
            # Some metrics warn of what a single language lacks, such as a class.
            warnings.simplefilter("ignore")
            try:
                languages[language], _ = _apply_scorer(
                    fitted, predictions.take(positions), X, X_of, y_of, indices[positions], spec
                )
            except Exception:
                languages[language] = {}
    return Scores(scores, languages, failure)


class CachedPredictions:
    """A fitted estimator that predicts its samples once, for all scorers and languages.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator.
    X : array-like or DataFrame
        The samples.
    params : dict
        Passed with X to every predicting method.
    predictions : dict, optional
        The predictions so far by method, which are shared.
    part : slice or ndarray of int
        The positions in X of the samples to return predictions for.
    """

    METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

    def __init__(
        self,
        estimator,
        X,
        params: dict,
        predictions: dict[str, Any] | None = None,
        part: slice | np.ndarray = slice(None),
    ):
        self._estimator, self._X, self._params = estimator, X, params
        self._predictions = {} if predictions is None else predictions
        self._part = part

    def __getattr__(self, name):
        method = getattr(self._estimator, name)
        if name == "score" and self._params:
            return _with_language(method, self._params["language"][self._part])
        if name not in self.METHODS:
            return method

        @wraps(method)  # scorers ask for the name
        def predict(X, **params):
            if name not in self._predictions:
                self._predictions[name] = method(self._X, **self._params)
            return self._predictions[name][self._part]

        return predict

    def take(self, positions: np.ndarray) -> CachedPredictions:
        """The same estimator, for the samples at some positions."""
        return CachedPredictions(
            self._estimator, self._X, self._params, self._predictions, positions
        )


def _take(fitted, X, y, indices: np.ndarray, train: np.ndarray):
    """X and y of some samples."""
    X_part, y_part = safe_split(fitted, X, y, indices, train)
    is_object = getattr(y_part, "dtype", None) == np.dtype(object)
    if is_object and not pd.isna(y_part).any():
        # y is an array of objects if some labels are None. Metrics take numbers or strings.
        is_column = np.ndim(y_part) == 1
        y_part = plain_labels(label_array(y_part)) if is_column else np.asarray(y_part.tolist())
    return X_part, y_part


def _apply_scorer(fitted, predictions, X, X_part, y_part, indices: np.ndarray, spec: FitSpec):
    """A dict of scores, NaN where there is none, and the reason of the first that is missing."""
    scorer: Any = spec.scorer
    scorers = getattr(scorer, "_scorers", {SCORE: scorer})
    # Any other callable may do with X what it likes, so its predictions cannot be kept.
    are_sklearn = all(isinstance(each, BaseScorer | PassthroughScorer) for each in scorers.values())
    estimator = predictions if are_sklearn else fitted
    params = check_method_params(X, params=spec.score_params, indices=indices)
    if spec.language_is_metadata and spec.language is not None and "language" not in params:
        language = spec.language[indices]
        if scorers.get(SCORE) is scorer:
            scorer = _with_language(scorer, language)
        else:
            bound = {name: _with_language(each, language) for name, each in scorers.items()}
            scorer = MultimetricScorer(scorers=bound, raise_exc=scorer._raise_exc)
    if y_part is None:
        scores = scorer(estimator, X_part, **params)
    else:
        scores = scorer(estimator, X_part, y_part, **params)
    return _to_numbers(scores if isinstance(scores, dict) else {SCORE: scores})


def _with_language(function, language: np.ndarray):
    """A function that is given the languages, if it takes them."""
    takes_language = "language" in signature(function).parameters
    return partial(function, language=language) if takes_language else function


def _to_numbers(scores: dict) -> tuple[dict[str, float], str | None]:
    """The scores as floats, and the reason of the first that is not finite."""
    failure = None
    numbers = {}
    for name, score in scores.items():
        if isinstance(score, str):
            # scikit-learn's scorer of several metrics gives the traceback of one that failed.
            failure = f"{name}: {score.strip().splitlines()[-1]}"
            score = np.nan
        score = score.item() if hasattr(score, "item") else score
        if not isinstance(score, Real):
            raise ValueError(
                f"`scoring` must give a number, but {name!r} gave {score!r} ({type(score)})."
            )
        numbers[name] = float(score)
        if failure is None and not np.isfinite(numbers[name]):
            failure = f"{name} is {score}"
    return numbers, failure
