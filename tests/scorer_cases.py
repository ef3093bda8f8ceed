"""Fitted classifiers whose predictions are known, for the tests of scorers."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from metaling_sk.metrics import (
    CircularValidation,
    ImportanceWeightedScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
)

SCORERS = [
    CircularValidation,
    ImportanceWeightedScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
]


class Given(ClassifierMixin, BaseEstimator):
    """Predicts the probabilities that X holds, whatever it is fitted on."""

    def __init__(self, classes=(0, 1)):
        self.classes = classes
        self.classes_ = np.array(classes)

    def fit(self, X, y, language=None):
        return self

    def predict_proba(self, X, language=None):
        X = X.drop(columns="language") if isinstance(X, pd.DataFrame) else X
        return np.asarray(X, dtype=float)

    def predict(self, X, language=None):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def make_given(source, target):
    """X of probabilities in English and in Chinese, and which rows are Chinese."""
    frame = pd.DataFrame(np.concatenate([source, target])).add_prefix("p")
    is_target = np.arange(len(frame)) >= len(source)
    return frame.assign(language=np.where(is_target, "zh", "en")), is_target


def make_numbers(n_rows=60, shift=1.0, seed=0):
    """Numbers of two classes in English and, further to the right, in Chinese; all labels."""
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1], n_rows)
    is_target = np.arange(2 * n_rows) >= n_rows
    values = rng.normal(size=(2 * n_rows, 4)) + 2 * y[:, None] + shift * is_target[:, None]
    X = pd.DataFrame(values).add_prefix("v")
    return X.assign(language=np.where(is_target, "zh", "en")), y
