"""A scorer that computes any metric in each language."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import check_consistent_length
from sklearn.utils.metadata_routing import MetadataRequest

from metaling_sk._data.indicators import positive_probabilities
from metaling_sk._data.labels import check_same_type, plain_labels
from metaling_sk._data.languages import positions_by_language
from metaling_sk._data.suspicions import suspect_order
from metaling_sk._utils.parameters import common_constraints
from metaling_sk._utils.sklearn_compat import BaseScorer, StrOptions, validate_params
from metaling_sk.metrics._inputs import (
    call_with_language,
    check_complete_labels,
    check_known_labels,
    languages_in,
)

AGGREGATES: dict[str, Callable] = {
    "mean": np.mean,
    "min": np.min,
    "gap": lambda scores: np.min(scores) - np.max(scores),
}
"""One number for the scores of all languages: the higher, the better."""


@validate_params(
    {
        "metric": [callable, StrOptions(set(get_scorer_names()))],
        "aggregate": [StrOptions(set(AGGREGATES))],
        "greater_is_better": ["boolean"],
        "response_method": [StrOptions({"predict", "predict_proba", "decision_function"})],
    }
    | common_constraints("language_column"),
    prefer_skip_nested_validation=True,
)
def make_language_scorer(
    metric,
    *,
    aggregate: str = "mean",
    greater_is_better: bool = True,
    response_method: str = "predict",
    language_column: Hashable = "language",
    **kwargs,
) -> LanguageScorer:
    """Make a scorer that computes a metric in each language, for scikit-learn's `scoring`.

    It is to a metric by language what `sklearn.metrics.make_scorer` is to a metric of all samples.

    Parameters
    ----------
    metric : callable or str
        A function of true labels and predictions, such as `sklearn.metrics.f1_score`, or the name
        of a scorer of scikit-learn, such as "f1_macro", which says what the next two parameters and
        the keyword arguments would say.
    aggregate : {"mean", "min", "gap"}, default="mean"
        How the languages make one score: their mean, in which each language counts the same, the
        score of the worst language, or the negated difference between the best and the worst.
    greater_is_better : bool, default=True
        False for a loss, which is negated first. Then "min" is the language with the highest loss.
    response_method : {"predict", "predict_proba", "decision_function"}, default="predict"
        The method that makes the predictions. Of two classes the metric is given the values of the
        second one or, if the metric has a `pos_label`, of that one.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    **kwargs : object
        Passed to the metric.

    Returns
    -------
    LanguageScorer
        A function of a fitted estimator, X and y, and of `sample_weight` if the metric takes it.
        Where X has no language column, it takes `language`, which scikit-learn passes on if
        metadata routing is enabled. `TunedThresholdClassifierCV` shows scorers no X, and always
        needs that.

    Raises
    ------
    ValueError
        If a parameter is invalid. The scorer raises it if y lacks a label, X has no language, or
        the metric fails or is not finite in a language, which is named. A cross-validation then
        has NaN for that split, as for every error.

    See Also
    --------
    language_report : The scores of all languages in a table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.metrics import accuracy_score
    >>> from metaling_sk.metrics import make_language_scorer
    >>> X = pd.DataFrame({"text": ["good", "bad", "不错"], "language": ["en", "en", "zh"]})
    >>> y = ["positive", "negative", "positive"]
    >>> model = DummyClassifier(strategy="constant", constant="positive").fit(X, y)
    >>> [float(make_language_scorer(accuracy_score, aggregate=aggregate)(model, X, y))
    ...  for aggregate in ("mean", "min", "gap")]
    [0.75, 0.5, -0.5]
    """
    sign = 1 if greater_is_better else -1
    if isinstance(metric, str):
        if not greater_is_better or response_method != "predict" or kwargs:
            raise ValueError(
                f"`metric`={metric!r} names a scorer, which says whether greater is better, which "
                "method predicts and how the metric is called; leave these out, or pass a function."
            )
        scorer = get_scorer(metric)
        metric, sign, kwargs = scorer._score_func, scorer._sign, scorer._kwargs
        response_method = scorer._response_method
    return LanguageScorer(metric, sign, kwargs, response_method, aggregate, language_column)


class LanguageMetric:
    """A metric that is computed in each language.

    It is what scikit-learn makes scorers of its own from, so that these do not lose the languages.

    Parameters
    ----------
    metric : callable
        A function of true labels and predictions, whose name and signature this has as well.
    sign : {1, -1}
        -1 for a loss.
    aggregate : {"mean", "min", "gap"}
        How the languages make one value.
    """

    def __init__(self, metric, sign: int, aggregate: str):
        self.metric = self.__wrapped__ = metric  # Signatures are looked up in `__wrapped__`.
        self.__name__ = getattr(metric, "__name__", repr(metric))
        self.sign = sign
        self.aggregate = aggregate

    def __call__(self, y_true, response, *, language=None, sample_weight=None, **kwargs) -> float:
        """Compute the metric of each language, and aggregate.

        Parameters
        ----------
        y_true : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        response : ndarray of n_samples
            The predictions.
        language : array-like of str, shape (n_samples,)
            The language of each sample.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each sample in its language.
        **kwargs : object
            Passed to the metric.

        Returns
        -------
        float
            The value: for a loss, the lower, the better.
        """
        if language is None:
            raise ValueError(
                "The language scorer found no language, because scikit-learn computes this score "
                "without X. Enable metadata routing, and pass `language` beside X."
            )
        y_true, language = np.asarray(y_true), np.asarray(language, dtype=object)
        check_consistent_length(y_true, response, language, sample_weight)
        scores = []
        for name, part in positions_by_language(language).items():
            if sample_weight is not None:
                kwargs["sample_weight"] = np.asarray(sample_weight)[part]
            scores.append(self._score_language(name, y_true[part], response[part], kwargs))
        return self.sign * float(AGGREGATES[self.aggregate](scores))

    def _score_language(self, name: str, y_true, response, kwargs: dict) -> float:
        """Compute the metric in one language: the higher, the better."""
        try:
            score = self.sign * float(self.metric(y_true, response, **kwargs))
        except ValueError as error:
            raise ValueError(f"The metric failed in the language {name!r}: {error}") from error
        if not np.isfinite(score):
            raise ValueError(
                f"The metric must be a finite number in every language, got {score} in {name!r} "
                f"({len(y_true)} rows). Use larger test parts or a metric that is defined there."
            )
        return score


class LanguageScorer(BaseScorer):
    """The scorer that `make_language_scorer` makes.

    Parameters
    ----------
    metric : callable
        A function of true labels and predictions.
    sign : {1, -1}
        -1 for a loss.
    kwargs : dict
        Passed to the metric.
    response_method : str or tuple of str
        The method that makes the predictions; of several the first that the estimator has.
    aggregate : {"mean", "min", "gap"}
        How the languages make one score.
    language_column : str
        The column of a DataFrame X that holds the languages.
    """

    def __init__(self, metric, sign, kwargs, response_method, aggregate, language_column):
        super().__init__(LanguageMetric(metric, sign, aggregate), sign, kwargs, response_method)
        self.aggregate = aggregate
        self.language_column = language_column

    def __repr__(self) -> str:
        return (
            f"make_language_scorer{super().__repr__().removeprefix('make_scorer')[:-1]}, "
            f"aggregate={self.aggregate!r})"
        )

    def __call__(self, estimator, X, y_true, *, language=None, sample_weight=None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator.
        X : DataFrame or array-like of n_samples
            The samples.
        y_true : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels; none may be missing.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each sample in its language, for metrics that take it.

        Returns
        -------
        float
            The score: the higher, the better.
        """
        return self._score(
            None, estimator, X, y_true, language=language, sample_weight=sample_weight
        )

    def _score(
        self, method_caller, estimator, X, y_true, language=None, sample_weight=None
    ) -> float:
        languages = languages_in(
            estimator, X, language, self.language_column, "The language scorer"
        )
        suspect_order(None, "X", X=X, y=y_true, language=language)
        check_known_labels(estimator, y_true)
        y_true = check_complete_labels(y_true, "y", "X, y and `language`")
        method = self._find_method(estimator)
        response = call_with_language(estimator, method, X, language)
        if y_true.ndim == 1:
            response = self._select_class(estimator, np.asarray(response), method)
            if method == "predict":
                predicted = plain_labels(response, "what is predicted")
                check_same_type(y_true, predicted, ("y", "what is predicted"))
        elif method == "predict_proba":
            response = positive_probabilities(response, estimator.classes_, y_true.shape[1])
        elif hasattr(response, "toarray"):  # sparse
            response = response.toarray()
        score = self._score_func(
            y_true, response, language=languages, sample_weight=sample_weight, **self._kwargs
        )
        return self._sign * score

    def _find_method(self, estimator) -> str:
        """The first method that the estimator has, of those that scorers with names may take."""
        methods = self._response_method
        if isinstance(methods, str):
            return methods
        return next((name for name in methods if hasattr(estimator, name)), methods[0])

    def _select_class(self, estimator, response: np.ndarray, method: str) -> np.ndarray:
        """Of two classes return the values of the one that the metric takes for positive."""
        if method == "predict" or len(estimator.classes_) != 2:
            return response
        classes = list(estimator.classes_)
        pos_label = self._get_pos_label()
        is_second = pos_label is None or pos_label == classes[1]
        if not is_second and pos_label != classes[0]:
            raise ValueError(
                f"`pos_label` of the metric must be one of {classes}, got {pos_label!r}."
            )
        if method == "predict_proba":
            return response[:, int(is_second)]
        return response if is_second else -response

    def _get_metadata_request(self) -> MetadataRequest:
        """Ask for the language, without being asked to."""
        request = super()._get_metadata_request()
        if "language" not in request.score.requests:
            request.score.add_request(param="language", alias=True)
        return request
