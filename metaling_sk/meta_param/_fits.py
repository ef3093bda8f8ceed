"""One fit of a search: a candidate on the training part of a split, scored on the test part."""

from __future__ import annotations

import gc
import os
import time
import warnings
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import wraps
from numbers import Number
from pathlib import Path
from traceback import format_exc, format_exception_only

import joblib
import numpy as np
import torch
from sklearn.base import clone

from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._utils.progress import silent
from metaling_sk._utils.random_state import seeded_globally
from metaling_sk._utils.sklearn_compat import BaseScorer, check_method_params, safe_split
from metaling_sk.meta_param._resume import can_resume, train_on


@dataclass(frozen=True)
class FitSpec:
    """What all fits of a search have in common.

    Attributes
    ----------
    scorer : callable
        Of (estimator, X, y); gives a score or a dict of scores.
    language : ndarray of str, shape (n_samples,), or None
        The language of each row, for the scores by language.
    language_is_metadata : bool
        Whether predictions need it as a parameter.
    classes : ndarray or None
        All labels, where the estimator is a classifier.
    labelled : ndarray of bool, shape (n_samples,), or None
        Which rows can be scored; None is all.
    resource : str or None
        The parameter that grows from rung to rung.
    n_planned : int or None
        How much of it the last rung has.
    """

    scorer: object
    fit_params: dict
    score_params: dict
    language: np.ndarray | None
    language_is_metadata: bool
    classes: np.ndarray | None
    return_train_score: bool
    error_score: float | str
    resource: str | None
    n_planned: int | None
    seed: int
    folder: Path
    labelled: np.ndarray | None = None

    def seed_of(self, fit: Fit) -> int:
        """The seed of a fit, which its candidate and split decide."""
        sequence = np.random.SeedSequence([self.seed, fit.candidate, fit.split])
        return int(sequence.generate_state(1)[0])


@dataclass(frozen=True)
class Fit:
    """A fit to do.

    Attributes
    ----------
    n_resources : int or None
    train, test : ndarrays of int
        Rows.
    is_last : bool
        Whether nothing will go on from here.
    """

    candidate: int
    params: dict
    split: int
    n_resources: int | None
    train: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    is_last: bool = True


def fit_and_score(estimator, X, y, fit: Fit, setting: FitSpec, caller=None, context=None) -> dict:
    """Fit a clone of the search's estimator and score it.

    Returns
    -------
    dict
        `test_scores` and, where asked for, `train_scores`: a dict of scores; `languages`: a dict
        of scores by language; `fit_time`, `score_time` in seconds; `failure`: None or one line;
        `traceback` of a failed fit.
    """
    marker = _marker(setting.folder, fit)
    with suppress(OSError):  # on a machine that does not see the folder
        marker.touch()
    started = time.perf_counter()
    result = {"failure": None}
    seed = setting.seed_of(fit)
    fitted, fit_time = None, None
    try:
        with silent(), use_disk_cache(setting.folder / "store"):
            X_train, y_train = safe_split(estimator, X, y, fit.train)
            fitted = _train(estimator, X, X_train, y_train, fit, setting, seed, caller, context)
            fit_time = time.perf_counter() - started
            scores, languages, failure = _score(fitted, X, y, fit.test, fit, setting)
            result |= {"test_scores": scores, "languages": languages, "failure": failure}
            if setting.return_train_score:
                rows = fit.train
                if setting.labelled is not None:
                    rows = rows[setting.labelled[rows]]
                result["train_scores"], _, _ = _score(fitted, X, y, rows, fit, setting)
    except Exception as error:
        if setting.error_score == "raise":
            raise
        result |= {
            "failure": "".join(format_exception_only(error)).strip(),
            "traceback": format_exc(),
            "test_scores": None,
            "train_scores": None,
            "languages": {},
        }
    finally:
        with suppress(OSError):
            marker.unlink(missing_ok=True)
        del fitted
        _release_memory()
    total = time.perf_counter() - started
    result["fit_time"] = total if fit_time is None else fit_time
    result["score_time"] = total - result["fit_time"]
    return result


def _train(estimator, X, X_train, y_train, fit, setting, seed, caller, context):
    """The fitted estimator."""
    estimator = estimator.set_params(**clone(fit.params, safe=False))
    fit_params = check_method_params(X, params=setting.fit_params, indices=fit.train)
    resumes = resumable(estimator, setting)
    train = _resume if resumes else _fit
    args = estimator, X_train, y_train, fit, setting, fit_params, seed
    if context is None:
        return train(*args)
    weights = fit_params.get("sample_weight")
    task = {
        "estimator": caller,
        "X": X_train,
        "y": y_train,
        "metadata": None if weights is None else {"sample_weight": weights},
    }
    try:
        with propagated(context, estimator, resumes):
            context.call_on_fit_task_begin(**task)
            return train(*args)
    finally:
        context.call_on_fit_task_end(**task)


def resumable(estimator, setting: FitSpec) -> bool:
    """Whether the fits of a candidate in different rungs are one."""
    resource = setting.resource
    return resource is not None and can_resume(estimator, resource, setting.fit_params)


def propagated(context, estimator, resumes: bool):
    """A context in which the estimator has the search's callbacks.

    What goes on training has no `fit` of its own that callbacks could follow.
    """
    return nullcontext() if resumes else context.propagate_callback_context(estimator)


def _fit(estimator, X, y, fit: Fit, setting: FitSpec, fit_params: dict, seed: int):
    with seeded_globally(seed):
        return estimator.fit(X, **fit_params) if y is None else estimator.fit(X, y, **fit_params)


def _resume(estimator, X, y, fit: Fit, setting: FitSpec, fit_params: dict, seed: int):
    resource = setting.resource
    states = States(setting.folder)
    n_done, state = states.load(fit)
    estimator = estimator if state is None else state.set_params(**{resource: fit.n_resources})
    estimator = train_on(
        estimator,
        X,
        y,
        resource=resource,
        n_done=n_done,
        n_resources=fit.n_resources,
        n_planned=setting.n_planned,
        classes=setting.classes,
        fit_params=fit_params,
        seed=seed,
    )
    if not fit.is_last:
        states.save(fit, estimator)
    return estimator


class States:
    """Estimators on the disk, from which a fit with more of the resource goes on.

    One that is missing or cannot be read costs the time to train it again, nothing else. On a
    machine that does not see the folder there are none.
    """

    def __init__(self, folder: Path):
        self.folder = folder / "states"

    def load(self, fit: Fit):
        """How far the furthest state of this candidate and split is, and the estimator."""
        found = {int(path.stem): path for path in self._folder_of(fit).glob("*.joblib")}
        for n_done in sorted((n for n in found if n <= fit.n_resources), reverse=True):
            try:
                return n_done, joblib.load(found[n_done])
            except Exception:
                # Cut off by a crash, or of a class that this program does not have.
                continue
        return 0, None

    def save(self, fit: Fit, estimator) -> None:
        folder = self._folder_of(fit)
        if not self.folder.exists():
            return
        path = folder / f"{fit.n_resources}.joblib"
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            folder.mkdir(exist_ok=True)
            joblib.dump(estimator, part)
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            warnings.warn(
                f"A candidate could not be kept for the next rung and will be trained again: "
                f"{error}",
                UserWarning,
                stacklevel=2,
            )

    def drop(self, candidate: int) -> None:
        """Forget a candidate."""
        for path in self.folder.glob(f"{candidate}-*/*"):
            path.unlink(missing_ok=True)

    def _folder_of(self, fit: Fit) -> Path:
        return self.folder / f"{fit.candidate}-{fit.split}"


def was_running(folder: Path, fit: Fit) -> bool:
    """Whether the fit had begun when its worker died."""
    return _marker(folder, fit).exists()


def _marker(folder: Path, fit: Fit) -> Path:
    return folder / "running" / f"{fit.candidate}-{fit.split}-{fit.n_resources}"


class _Remembered:
    """A fitted estimator that predicts some rows once, for scorers of all or a part of them.

    Parameters
    ----------
    estimator : estimator
    X : array-like or DataFrame
        The rows.
    params : dict
        Passed with them to every predicting method.
    """

    METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

    def __init__(self, estimator, X, params: dict, found=None, part=slice(None)):
        self._estimator, self._X, self._params = estimator, X, params
        self._found = {} if found is None else found
        self._part = part

    def __getattr__(self, name):
        method = getattr(self._estimator, name)
        if name not in self.METHODS:
            return method

        @wraps(method)  # scorers ask for the name
        def predict(X, **params):
            if name not in self._found:
                self._found[name] = method(self._X, **self._params)
            return self._found[name][self._part]

        return predict

    def at(self, part: np.ndarray) -> _Remembered:
        """The estimator for these of the rows."""
        return _Remembered(self._estimator, self._X, self._params, self._found, part)


def _score(fitted, X, y, rows: np.ndarray, fit: Fit, setting: FitSpec):
    """The scores of the rows, those of each language, and what failed."""
    part = _split(fitted, X, y, rows, fit)
    params = {}
    if setting.language_is_metadata:
        params["language"] = setting.language[rows]
    remembered = _Remembered(fitted, part[0], params)
    scores, failure = _scores_of(fitted, remembered, X, *part, rows, setting)
    languages = {}
    spoken = [] if setting.language is None else setting.language[rows]
    for code in sorted(set(spoken)):
        where = np.flatnonzero(spoken == code)
        with warnings.catch_warnings():
            # Of metrics that need what a single language may not have, such as all classes.
            warnings.simplefilter("ignore")
            languages[code], _ = _scores_of(
                fitted,
                remembered.at(where),
                X,
                *_split(fitted, X, y, rows[where], fit),
                rows[where],
                setting,
                strict=False,
            )
    return scores, languages, failure


def _split(fitted, X, y, rows, fit: Fit):
    X_part, y_part = safe_split(fitted, X, y, rows, fit.train)
    if getattr(y_part, "dtype", None) == np.dtype(object) and np.ndim(y_part) == 1:
        # Such as where some of y is None: metrics take numbers or strings.
        y_part = plain_labels(label_array(y_part))
    return X_part, y_part


def _scores_of(fitted, remembered, X, X_part, y_part, rows, setting: FitSpec, strict=True):
    """A dict of scores, NaN where there is none, and why there is none."""
    scorers = getattr(setting.scorer, "_scorers", {"score": setting.scorer}).values()
    known = all(isinstance(scorer, BaseScorer) for scorer in scorers)
    estimator = remembered if known else fitted
    params = check_method_params(X, params=setting.score_params, indices=rows)
    try:
        if y_part is None:
            scores = setting.scorer(estimator, X_part, **params)
        else:
            scores = setting.scorer(estimator, X_part, y_part, **params)
        if not isinstance(scores, dict):
            scores = {"score": scores}
        return _as_numbers(scores)
    except Exception:
        if strict:
            raise
        return {}, None


def _as_numbers(scores: dict) -> tuple[dict, str | None]:
    failure = None
    numbers = {}
    for name, score in scores.items():
        if isinstance(score, str):
            # What sklearn's scorer of several metrics says about one that failed.
            failure = f"{name}: {score.strip().splitlines()[-1]}"
            score = np.nan
        score = score.item() if hasattr(score, "item") else score
        if not isinstance(score, Number):
            raise ValueError(
                f"`scoring` must give a number, but {name!r} gave {score!r} ({type(score)})."
            )
        if failure is None and not np.isfinite(score):
            failure = f"{name} is {score}"
        numbers[name] = float(score)
    return numbers, failure


def _release_memory() -> None:
    """Leave nothing of a fit on the GPU: its memory must not grow from candidate to candidate."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
