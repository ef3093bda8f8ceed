"""Estimators that go on training instead of being fitted anew in each rung."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from metaling_sk._utils.imported import is_instance
from metaling_sk._utils.random_state import seeded_globally
from metaling_sk.meta_param._fit_spec import FitSpec

EPOCHS = ("max_epochs", "max_iter", "n_epochs", "epochs")
"""Parameters that count epochs, of which a call of `partial_fit` is one."""


def can_resume(estimator, spec: FitSpec) -> bool:
    """Whether a fit with more of the resource can start from one with less.

    That is so if the resource is the number of epochs of an estimator with `partial_fit`, or of
    one that is the last step of a pipeline.
    """
    step, name = _find_step(estimator, spec.resource)
    if name not in EPOCHS or not hasattr(step, "partial_fit"):
        return False
    return not isinstance(estimator, Pipeline) or not (spec.fit_params or _resamples(estimator))


def train_on(
    estimator,
    X,
    y,
    spec: FitSpec,
    fit_params: dict,
    *,
    n_done: int,
    n_resources: int,
    seed: int,
):
    """Train an estimator that has had some epochs until it has had more.

    An epoch draws the same random numbers whether or not training was interrupted before it.

    Parameters
    ----------
    estimator : estimator
        One for which `can_resume` is true.
    X, y : array-like
        The training samples.
    spec : FitSpec
        If the estimator has a schedule, it is laid over the planned epochs of the search.
    fit_params : dict
        Passed to `partial_fit` as far as it takes them.
    n_done : int
        The epochs that the estimator has had.
    n_resources : int
        The epochs that it is to have had in the end.
    seed : int
        The seed of the fit.

    Returns
    -------
    estimator
    """
    step, _ = _find_step(estimator, spec.resource)
    if step is not estimator:
        with seeded_globally(seed):
            X = _transform(estimator, X, y, is_fitted=n_done > 0)
        step = estimator[-1]
    accepted = signature(step.partial_fit).parameters
    params = {name: value for name, value in fit_params.items() if name in accepted}
    if spec.classes is not None and "classes" in accepted:
        params["classes"] = spec.classes
    if "planned_epochs" in accepted:
        with seeded_globally(seed):
            step.partial_fit(
                X, y, n_epochs=n_resources - n_done, planned_epochs=spec.n_planned, **params
            )
        return estimator
    with _one_epoch_each(step):
        for epoch in range(n_done, n_resources):
            with seeded_globally(seed + epoch):
                step.partial_fit(X, y, **params)
    return estimator


@contextmanager
def _one_epoch_each(estimator) -> Iterator[None]:
    """Inside, `partial_fit` of a skorch net trains one epoch, as that of sklearn's estimators."""
    if not is_instance(estimator, "skorch", "NeuralNet"):
        yield
        return
    max_epochs = estimator.max_epochs
    estimator.set_params(max_epochs=1)
    try:
        yield
    finally:
        estimator.set_params(max_epochs=max_epochs)


def _find_step(estimator, resource: str | None):
    """The step that the resource belongs to and the name of its parameter; None if there is none.

    The step is the estimator itself, or the last one of a pipeline.
    """
    if resource is None:
        return None, None
    prefix, _, name = resource.rpartition("__")
    if not prefix:
        return estimator, name
    if isinstance(estimator, Pipeline) and estimator.steps[-1][0] == prefix:
        return estimator[-1], name
    return None, None


def _resamples(pipeline: Pipeline) -> bool:
    """Whether a step changes y or the number of samples, as the samplers of imbalanced-learn do."""
    return any(hasattr(step, "fit_resample") for _, step in pipeline.steps)


def _transform(pipeline: Pipeline, X, y, is_fitted: bool):
    """Transform the training samples by all steps but the last, as `Pipeline.fit` does.

    `fit_transform` may give other values than `transform`. It is called before every rung, so
    that it makes no difference where training was interrupted.
    """
    if len(pipeline) == 1:
        return X
    head = pipeline[:-1]
    return (clone(head) if is_fitted else head).fit_transform(X, y)
