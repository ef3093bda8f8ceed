"""One fit of a search: a candidate on the training part of a split, scored on the test part."""

from __future__ import annotations

import gc
import time
from contextlib import nullcontext
from traceback import format_exc, format_exception_only

from sklearn.base import clone

from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._utils.imported import imported
from metaling_sk._utils.progress import silent
from metaling_sk._utils.random_state import seeded_globally
from metaling_sk._utils.sklearn_compat import check_method_params, safe_split
from metaling_sk.meta_param._fit_spec import Fit, FitResult, FitSpec
from metaling_sk.meta_param._folder import Marks
from metaling_sk.meta_param._folds import SearchData
from metaling_sk.meta_param._orphans import end_with
from metaling_sk.meta_param._resume import can_resume, train_on
from metaling_sk.meta_param._scoring import score_samples
from metaling_sk.meta_param._states import States


def fit_and_score(
    estimator, X, y, fit: Fit, spec: FitSpec, marks: Marks, caller, context
) -> FitResult:
    """Fit a clone of the search's estimator and score it.

    Parameters
    ----------
    estimator : estimator
        A clone for this fit alone.
    X, y : array-like
        All samples of the search.
    fit : Fit
    spec : FitSpec
    marks : Marks
        The fit is marked as running there.
    caller : MetaParamSearchCV or None
        The search that callbacks see; None if there are no callbacks.
    context : CallbackContext
        The context of this fit.

    Returns
    -------
    FitResult
    """
    end_with(spec.process)
    started = time.perf_counter()
    fit_time = None
    fitted = None
    with marks.mark(fit.name):
        try:
            with silent(), use_disk_cache(spec.folder.cache):
                fitted = _fit_candidate(estimator, X, y, fit, spec, caller, context)
                fit_time = time.perf_counter() - started
                result = _score(fitted, X, y, fit, spec)
        except Exception as error:
            if spec.error_score == "raise":
                raise
            reason = "".join(format_exception_only(error)).strip()
            result = failed_result(reason, format_exc())
        finally:
            del fitted
            _release_memory()
    total = time.perf_counter() - started
    result["fit_time"] = total if fit_time is None else fit_time
    result["score_time"] = total - result["fit_time"]
    return result


def failed_result(failure: str, traceback: str) -> FitResult:
    """The result of a fit that failed; its times are 0 until they are known."""
    return {
        "failure": failure,
        "traceback": traceback,
        "test_scores": None,
        "train_scores": None,
        "languages": {},
        "fit_time": 0.0,
        "score_time": 0.0,
    }


def fit_best(
    estimator, data: SearchData, spec: FitSpec, n_resources: int | None, context, task: dict
) -> float:
    """Fit the best candidate on all samples, in the way in which it was fitted to be scored.

    Parameters
    ----------
    estimator : estimator
        With the parameters of the best candidate. It is fitted in place.
    data : SearchData
    spec : FitSpec
    n_resources : int or None
        The amount of the resource that the candidate has had; None if it is not a parameter.
    context : CallbackContext
        The context of this fit.
    task : dict
        What callbacks are told about it.

    Returns
    -------
    float
        The time it took in seconds.
    """
    resumes = can_resume(estimator, spec)
    with _propagated(context, estimator, resumes):
        context.call_on_fit_task_begin(**task)
        started = time.perf_counter()
        if resumes and n_resources is not None:
            train_on(
                estimator,
                data.X,
                data.y,
                spec,
                spec.fit_params,
                n_done=0,
                n_resources=n_resources,
                seed=spec.seed,
            )
        else:
            _fit_anew(estimator, data.X, data.y, spec.fit_params)
    return time.perf_counter() - started


def make_task(search, X, y, sample_weight) -> dict:
    """What callbacks are told about a fit."""
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return {"estimator": search, "X": X, "y": y, "metadata": metadata}


def _fit_candidate(estimator, X, y, fit: Fit, spec: FitSpec, caller, context):
    """Fit a candidate on its training samples and let callbacks know."""
    X_train, y_train = safe_split(estimator, X, y, fit.train)
    estimator = estimator.set_params(**clone(fit.params, safe=False))
    fit_params = check_method_params(X, params=spec.fit_params, indices=fit.train)
    resumes = can_resume(estimator, spec)
    task = make_task(caller, X_train, y_train, fit_params.get("sample_weight"))
    try:
        with _propagated(context, estimator, resumes):
            context.call_on_fit_task_begin(**task)
            if resumes and fit.n_resources is not None:
                return _train_further(
                    estimator, X_train, y_train, fit, fit.n_resources, spec, fit_params
                )
            with seeded_globally(spec.seed_of(fit)):
                return _fit_anew(estimator, X_train, y_train, fit_params)
    finally:
        context.call_on_fit_task_end(**task)


def _fit_anew(estimator, X, y, fit_params: dict):
    return estimator.fit(X, **fit_params) if y is None else estimator.fit(X, y, **fit_params)


def _train_further(estimator, X, y, fit: Fit, n_resources: int, spec: FitSpec, fit_params: dict):
    """Train the kept estimator of this candidate and split further, and keep it again."""
    states = States(spec.folder.states, spec.seed)
    n_done, state = states.load(fit, n_resources)
    if state is not None:
        estimator = state.set_params(**{str(spec.resource): n_resources})
    if n_done == n_resources:
        # The process was killed before the score of this estimator was written down.
        return estimator
    estimator = train_on(
        estimator,
        X,
        y,
        spec,
        fit_params,
        n_done=n_done,
        n_resources=n_resources,
        seed=spec.seed_of(fit),
    )
    if not fit.is_last:
        states.save(fit, estimator)
    return estimator


def _propagated(context, estimator, resumes: bool):
    """A context in which the estimator has the search's callbacks.

    An estimator that goes on training has no `fit` that callbacks could follow.
    """
    return nullcontext() if resumes else context.propagate_callback_context(estimator)


def _score(fitted, X, y, fit: Fit, spec: FitSpec) -> FitResult:
    """Score the test samples and, if the search returns it, the training samples."""
    test = score_samples(fitted, X, y, fit.test, fit.train, spec)
    result: FitResult = {
        "failure": test.failure,
        "test_scores": test.scores,
        "languages": test.languages,
        "fit_time": 0.0,
        "score_time": 0.0,
    }
    if spec.return_train_score:
        scored = fit.train[spec.scored[fit.train]]
        result["train_scores"] = score_samples(fitted, X, y, scored, fit.train, spec).scores
    return result


def _release_memory() -> None:
    """Free the GPU: its memory must not grow from candidate to candidate."""
    torch = imported("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
