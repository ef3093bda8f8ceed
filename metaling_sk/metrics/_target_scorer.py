"""What scorers share that judge a classifier in target languages without labels there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from metaling_sk._data.labels import MISSING, check_labels
from metaling_sk._data.languages import find_roles
from metaling_sk._utils.parameters import common_constraints
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import (
    safe_split,
)
from metaling_sk.metrics._inputs import languages_in


@dataclass(frozen=True)
class ScoredSamples:
    """The samples that a classifier is scored on.

    Attributes
    ----------
    estimator : classifier
        The fitted classifier.
    X : array-like or DataFrame
        All samples.
    language : ndarray of str, shape (n_samples,)
        The language of each sample.
    language_is_metadata : bool
        Whether the language was passed beside X.
    is_source : ndarray of bool, shape (n_samples,)
        The labelled samples in source languages.
    is_target : ndarray of bool, shape (n_samples,)
        The samples in target languages.
    source_labels : ndarray of shape (n_source_samples,)
        The labels of the source samples.
    """

    estimator: Any
    X: Any
    language: np.ndarray
    language_is_metadata: bool
    is_source: np.ndarray
    is_target: np.ndarray
    source_labels: np.ndarray

    def pass_to(self, method: Callable, mask: np.ndarray, *args):
        """Call a method of a classifier with some of the samples.

        Parameters
        ----------
        method : callable
            Such as `predict`.
        mask : ndarray of bool, shape (n_samples,)
            The samples.
        *args : object
            Passed after X.

        Returns
        -------
        object
            What the method returns.
        """
        indices = np.flatnonzero(mask)
        X, _ = safe_split(self.estimator, self.X, None, indices)
        params = {"language": self.language[indices]} if self.language_is_metadata else {}
        return method(X, *args, **params)

    def source_probabilities(self) -> np.ndarray:
        """Predict the probabilities of the classes of the source samples."""
        return np.asarray(self.pass_to(self.estimator.predict_proba, self.is_source), dtype=float)

    def target_probabilities(self) -> np.ndarray:
        """Predict the probabilities of the classes of the target samples."""
        return np.asarray(self.pass_to(self.estimator.predict_proba, self.is_target), dtype=float)


class TargetScorer(ReprMixin, BaseEstimator, ABC):
    """Base of the scorers that need no labels in the target languages."""

    scores_unlabelled = True
    """Tells searches to put unlabelled samples into the test parts."""

    _parameter_constraints: dict = common_constraints(
        "source_languages", "target_languages", "language_column", "missing_label"
    )

    source_languages: Any
    target_languages: Any
    language_column: Any
    missing_label: Any

    def __call__(self, estimator, X, y=None, language=None) -> float:
        """Score a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            A fitted classifier with `predict_proba`.
        X : DataFrame or array-like of n_samples
            Samples of the target languages and, where the score needs them, of the source
            languages.
        y : array-like of shape (n_samples,), default=None
            The labels. Those in target languages are not read.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        float
            The score: the higher the better.

        Raises
        ------
        ValueError
            If a parameter is invalid, or X has no language, no sample in a target language or,
            where the score needs them, no labelled sample in a source language.
        """
        self._validate_params()
        return float(self._score(self._read(estimator, X, y, language)))

    def get_metadata_routing(self) -> MetadataRequest:
        """Get the metadata that the scorer takes: the language, without being asked to.

        Returns
        -------
        MetadataRequest
            See `sklearn.utils.metadata_routing`.
        """
        request = MetadataRequest(owner=self)
        request.score.add_request(param="language", alias=True)
        return request

    @abstractmethod
    def _score(self, samples: ScoredSamples) -> float:
        """Return the score: the higher the better."""

    @property
    def _needs_source(self) -> bool:
        """Whether the score needs labelled source samples."""
        return True

    def _read(self, estimator, X, y, language) -> ScoredSamples:
        """Read the languages and the labels, and find the source and the target samples."""
        languages = languages_in(estimator, X, language, self.language_column, type(self).__name__)
        y = np.full(len(languages), np.nan) if y is None else y
        class_indices, classes = check_labels(y, len(languages), self.missing_label, needed=False)
        is_labelled = class_indices != MISSING
        sources, targets = find_roles(
            set(languages),
            set(languages[~is_labelled]),
            self.source_languages,
            self.target_languages,
        )
        is_source = np.isin(languages, list(sources)) & is_labelled
        is_target = np.isin(languages, list(targets))
        self._check_roles(is_source, is_target)
        return ScoredSamples(
            estimator=estimator,
            X=X,
            language=languages,
            language_is_metadata=language is not None,
            is_source=is_source,
            is_target=is_target,
            source_labels=classes[class_indices[is_source]],
        )

    def _check_roles(self, is_source: np.ndarray, is_target: np.ndarray) -> None:
        """Raise unless there are the samples that the score needs."""
        name = type(self).__name__
        if not is_target.any():
            raise ValueError(
                f"{name} found no row of a target language. Name the languages in "
                "`target_languages`, and split with StratifiedLanguageKFold(score_unlabelled=True),"
                " which puts unlabelled rows into the test parts."
            )
        if self._needs_source and not is_source.any():
            raise ValueError(
                f"{name} found no labelled row of a source language, which it needs beside the "
                "target languages. See `source_languages`."
            )
