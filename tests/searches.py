"""Searches that tests run in several processes, and estimators that note what they do."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import SGDClassifier

from metaling_sk import MetaParamSearchCV

DISTRIBUTIONS = {"alpha": loguniform(1e-5, 1.0)}


def make_blobs(n_samples=120, seed=0):
    """Two classes that overlap."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_samples)
    return rng.normal(size=(n_samples, 4)) + y[:, None], y


class Noting(SGDClassifier):
    """Notes every fit and epoch as a line of a file."""

    def __init__(self, alpha=1e-4, loss="log_loss", random_state=0, max_epochs=9, log=None, nap=0):
        super().__init__(loss=loss, alpha=alpha, random_state=random_state)
        self.max_epochs = max_epochs
        self.log = log
        self.nap = nap

    def partial_fit(self, X, y, classes=None):
        self._note("epoch")
        return super().partial_fit(X, y, classes=classes)

    def fit(self, X, y):
        self._note("fit")
        return super().fit(X, y)

    def _note(self, what):
        time.sleep(self.nap)
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write(f"{what} {self.alpha!r}\n")


class Dying(Noting):
    """Counts its calls in a file, and kills its process at some of them."""

    def __init__(self, alpha=1e-4, loss="log_loss", random_state=0, max_epochs=9, log="", at=()):
        super().__init__(alpha=alpha, loss=loss, random_state=random_state, max_epochs=max_epochs)
        self.log = log
        self.at = at

    def _note(self, what):
        with open(self.log, "a") as file:
            file.write(".")
            if file.tell() in self.at:
                os.kill(os.getpid(), signal.SIGKILL)

    def predict_proba(self, X):
        self._note("score")
        return super().predict_proba(X)


class Deadly(ClassifierMixin, BaseEstimator):
    """Kills its process where `deadly` is true, the first time only where a file is named."""

    def __init__(self, deadly=False, once=None):
        self.deadly = deadly
        self.once = once

    def fit(self, X, y):
        if self.deadly and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            os._exit(9)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class Threads(ClassifierMixin, BaseEstimator):
    """Scored by the number of threads that torch may use in the process."""

    def __init__(self, number=0):
        self.number = number

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        import torch  # Only here, so that no other worker has to.

        return torch.get_num_threads()


def make_search(checkpoint=None, log=None, nap=0, **parameters):
    """A search that takes 9 candidates from 1 over 3 to 9 epochs."""
    defaults = {"search": "halving", "n_iter": 9, "cv": 3, "random_state": 0, "verbose": 0}
    estimator = Noting(log=log, nap=nap)
    return MetaParamSearchCV(
        estimator, DISTRIBUTIONS, checkpoint=checkpoint, **defaults | parameters
    )


X, y = make_blobs()
TIMES = ("fit_time", "score_time")


def assert_same_results(a, b, X=X):
    assert list(a.cv_results_) == list(b.cv_results_)
    for name, column in a.cv_results_.items():
        if not name.endswith(TIMES):
            np.testing.assert_array_equal(column, b.cv_results_[name], name)
    assert a.best_params_ == b.best_params_
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


if __name__ == "__main__":
    n_jobs = int(sys.argv[3]) if len(sys.argv) > 3 else None
    make_search(sys.argv[1], nap=0.02, search=sys.argv[2], n_jobs=n_jobs).fit(*make_blobs())
