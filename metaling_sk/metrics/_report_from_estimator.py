"""A report of the scores of a fitted estimator in each language."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.base import is_regressor

from metaling_sk._data.suspicions import suspect_order
from metaling_sk._utils.parameters import common_constraints
from metaling_sk._utils.sklearn_compat import HasMethods, validate_params
from metaling_sk.metrics._inputs import (
    check_complete_classes,
    check_complete_numbers,
    check_known_labels,
    languages_in,
    predict_labels,
)
from metaling_sk.metrics._language_report import REPORT_CONSTRAINTS, language_report
from metaling_sk.metrics._regression_report import regression_report

ARGUMENTS = "X, y and `language`"
"""What messages call the arguments that have the same rows."""


@validate_params(
    {"estimator": [HasMethods("predict")]}
    | common_constraints("language_column")
    | REPORT_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def language_report_from_estimator(
    estimator,
    X,
    y,
    *,
    language=None,
    language_column="language",
    average: str = "macro",
    zero_division: float | str = 0.0,
    by_class: bool = False,
    n_bootstraps: int = 0,
    confidence: float = 0.95,
    random_state=None,
) -> pd.DataFrame:
    """Report the scores of a fitted classifier or regressor in each language.

    Parameters
    ----------
    estimator : classifier or regressor
        A fitted one, or a pipeline or search of it.
    X : DataFrame or array-like of n_samples
        The samples. Where X has a language column, the languages are those in it.
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        The true labels or numbers; none may be missing.
    language : str or array-like of str, shape (n_samples,), default=None
        The language of each sample, where X has no language column. It is passed to `predict` if
        the estimator takes it.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    average : {"macro", "micro", "weighted"}, default="macro"
        See `language_report`, also for the other parameters. Of numbers there are no averages and
        no classes.
    zero_division : {0.0, 1.0, nan, "warn"}, default=0.0
        The precision of a class that is never predicted, and the recall of one that never occurs.
    by_class : bool, default=False
        Whether to report each class of each language.
    n_bootstraps : int, default=0
        The number of bootstrap draws for confidence intervals; 0 for none.
    confidence : float, default=0.95
        The confidence level of the intervals.
    random_state : int, RandomState instance or None, default=None
        The seed of the bootstrap draws.

    Returns
    -------
    DataFrame
        What `language_report` returns; of a regressor, what `regression_report` returns.

    Raises
    ------
    ValueError
        If X has no language, `by_class` is True for a regressor, and as these functions.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from metaling_sk.metrics import language_report_from_estimator
    >>> X = pd.DataFrame({"text": ["good", "bad", "不错"], "language": ["en", "en", "zh"]})
    >>> y = ["positive", "negative", "positive"]
    >>> model = DummyClassifier(strategy="constant", constant="positive").fit(X, y)
    >>> report = language_report_from_estimator(model, X, y)
    >>> report["accuracy"].tolist()
    [0.5, 1.0, 0.75, 0.5, 0.5]
    """
    languages = languages_in(
        estimator, X, language, language_column, "language_report_from_estimator"
    )
    suspect_order(None, "X", X=X, y=y, language=language)
    check_known_labels(estimator, y)
    options: Any = {
        "n_bootstraps": n_bootstraps,
        "confidence": confidence,
        "random_state": random_state,
    }
    if is_regressor(estimator):
        if by_class:
            raise ValueError(
                f"`by_class` is for classes, and this {type(estimator).__name__} predicts numbers."
            )
        check_complete_numbers(y, "y", ARGUMENTS)  # before anything is predicted
        predicted = predict_labels(estimator, X, language)
        return regression_report(y, predicted, languages, **options)
    check_complete_classes(y, "y", ARGUMENTS)
    predicted = predict_labels(estimator, X, language)
    return language_report(
        y,
        predicted,
        languages,
        average=average,
        zero_division=zero_division,
        by_class=by_class,
        **options,
    )
