"""The work of a search as data: what all fits share, one fit, its result, one candidate."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

import numpy as np

from metaling_sk.meta_param._folder import SearchFolder


@dataclass(frozen=True)
class FitSpec:
    """What all fits of a search have in common.

    Attributes
    ----------
    scorer : callable
        Takes an estimator, X and, if there is one, y; returns a score or a dict of scores.
    fit_params : dict
        Passed to `fit` or `partial_fit` of the estimator.
    score_params : dict
        Passed to the scorer.
    language : ndarray of str, shape (n_samples,), or None
        The language of each sample, for the scores of each language.
    language_is_metadata : bool
        Whether the predictions need the language as an argument.
    scored : ndarray of bool, shape (n_samples,)
        The samples that can be scored.
    classes : ndarray or None
        All classes of y, if the estimator is a classifier.
    return_train_score : bool
        Whether the training samples are scored as well.
    error_score : float or "raise"
        The score of a fit that fails; "raise" stops the search.
    resource : str or None
        The parameter that grows from rung to rung, or "n_samples".
    n_planned : int or None
        The amount of the resource in the last rung.
    seed : int
        The seed of the search.
    folder : SearchFolder
        The folder that the workers share.
    process : int
        The id of the process of the search.
    """

    scorer: Callable
    fit_params: dict
    score_params: dict
    language: np.ndarray | None
    language_is_metadata: bool
    scored: np.ndarray
    classes: np.ndarray | None
    return_train_score: bool
    error_score: float | str
    resource: str | None
    n_planned: int | None
    seed: int
    folder: SearchFolder
    process: int = field(default_factory=os.getpid)

    def seed_of(self, fit: Fit) -> int:
        """The seed of a fit, which depends on its candidate and its split."""
        sequence = np.random.SeedSequence([self.seed, fit.candidate, fit.split])
        return int(sequence.generate_state(1)[0])


@dataclass(frozen=True)
class Fit:
    """One fit: a candidate on the training part of one split.

    Attributes
    ----------
    candidate : int
        The number of the candidate.
    params : dict
        The parameters of the candidate.
    split : int
        The number of the split.
    n_resources : int or None
        The amount of the resource; None for a search without resources.
    train, test : ndarray of int
        The indices of the training and test samples.
    is_last : bool
        Whether the candidate ends here. Otherwise the fitted estimator is kept for the next rung.
    """

    candidate: int
    params: dict
    split: int
    n_resources: int | None
    train: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    is_last: bool = True

    @property
    def key(self) -> tuple[int, int, int | None]:
        """What tells the fits of a search apart."""
        return self.candidate, self.split, self.n_resources

    @property
    def name(self) -> str:
        """The key as a file name."""
        return f"{self.candidate}-{self.split}-{self.n_resources}"


class FitResult(TypedDict):
    """The result of a fit, in the form that the journal keeps.

    Attributes
    ----------
    test_scores : dict or None
        The score of each metric on the test samples; None if the fit failed.
    train_scores : dict or None
        The same of the training samples, if `return_train_score` asks for it.
    languages : dict
        For each language the score of each metric on its test samples.
    fit_time, score_time : float
        In seconds.
    failure : str or None
        The reason of a failure, in one line.
    traceback : str
        The traceback of a fit that failed.
    """

    test_scores: dict[str, float] | None
    train_scores: NotRequired[dict[str, float] | None]
    languages: dict[str, dict[str, float]]
    fit_time: float
    score_time: float
    failure: str | None
    traceback: NotRequired[str]


@dataclass(frozen=True)
class Evaluation:
    """A candidate in a rung: a row of `cv_results_`, with one fit per split.

    Attributes
    ----------
    candidate : int
        The number of the candidate.
    params : dict
        The parameters of the candidate.
    bracket : int
        The number of the bracket, for "hyperband".
    iteration : int
        The number of the rung in its bracket.
    n_resources : int or None
        The amount of the resource; None for a search without resources.
    """

    candidate: int
    params: dict
    bracket: int
    iteration: int
    n_resources: int | None
