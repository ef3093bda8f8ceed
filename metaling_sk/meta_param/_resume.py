"""Estimators that can go on training: one unit of the resource after another."""

from __future__ import annotations

from inspect import signature

from sklearn.pipeline import Pipeline

from metaling_sk._network.training import train_one_epoch_each
from metaling_sk._utils.random_state import seeded_globally

EPOCHS = ("max_epochs", "max_iter", "n_epochs", "epochs")
"""Parameters that count what a call of `partial_fit` does once."""


def can_resume(estimator, resource: str, fit_params: dict) -> bool:
    """Whether a fit with more of the resource can start from one with less.

    That is so for estimators with `partial_fit`, and pipelines that end with one, where the
    resource is its number of epochs.
    """
    step, name = _owner(estimator, resource)
    return (
        name in EPOCHS
        and hasattr(step, "partial_fit")
        and not (fit_params and isinstance(estimator, Pipeline))
    )


def train_on(
    estimator,
    X,
    y,
    *,
    resource: str,
    n_done: int,
    n_resources: int,
    n_planned: int,
    classes,
    fit_params: dict,
    seed: int,
):
    """Train an estimator that has had `n_done` epochs until it has had `n_resources`.

    An epoch draws the same random numbers whether or not training was interrupted before it.

    Parameters
    ----------
    n_planned : int
        Epochs that the last rung has: where the estimator has a schedule, it is laid over these.
    classes : ndarray or None
        All classes, for a classifier.
    """
    step, _ = _owner(estimator, resource)
    if step is not estimator:
        X = _transform(estimator, X, y, fitted=n_done > 0)
        step = estimator[-1]
    accepted = signature(step.partial_fit).parameters
    params = {name: value for name, value in fit_params.items() if name in accepted}
    if classes is not None and "classes" in accepted:
        params["classes"] = classes
    if "planned_epochs" in accepted:
        with seeded_globally(seed):
            step.partial_fit(
                X, y, n_epochs=n_resources - n_done, planned_epochs=n_planned, **params
            )
        return estimator
    with train_one_epoch_each(step):
        for epoch in range(n_done, n_resources):
            with seeded_globally(seed + epoch):
                step.partial_fit(X, y, **params)
    return estimator


def _owner(estimator, resource: str):
    """The step that is to train, and its parameter."""
    prefix, _, name = resource.rpartition("__")
    if not prefix:
        return estimator, name
    if isinstance(estimator, Pipeline) and estimator.steps[-1][0] == prefix:
        return estimator[-1], name
    return None, None


def _transform(pipeline: Pipeline, X, y, fitted: bool):
    """X after all steps but the last."""
    if len(pipeline) == 1:
        return X
    head = pipeline[:-1]
    return head.transform(X) if fitted else head.fit_transform(X, y)
