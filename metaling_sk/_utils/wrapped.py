"""The estimator inside a search or a pipeline."""

from __future__ import annotations

from sklearn.pipeline import Pipeline


def final_estimator(estimator):
    """Return the estimator that predicts, in fitted searches and pipelines of any depth.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    estimator
        The best estimator of a search, the last step of a pipeline, or what is in these;
        `estimator` itself if it is no such thing.
    """
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        else:
            return estimator
