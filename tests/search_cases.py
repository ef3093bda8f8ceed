"""Data, estimators and searches of the tests of MetaParamSearchCV.

Worker processes import what they are sent from here.
"""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from metaling_sk import MetaParamSearchCV
from metaling_sk.meta_param._folds import read_data, split

RNG = np.random.default_rng(0)
Y = np.arange(60) % 2
X = RNG.normal(size=(60, 3)) + Y[:, None]
WEIGHTS = RNG.uniform(0.1, 3, 60)
C = {"C": [0.01, 0.1, 1.0]}
LANGUAGE = np.array(["en", "zh", "zh"] * 20, dtype=object)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(language=LANGUAGE)
TIMES = {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"}


def make_search(estimator=None, distributions=C, **parameters):
    defaults = {"n_iter": 3, "cv": 3, "random_state": 0, "verbose": 0}
    estimator = LogisticRegression() if estimator is None else estimator
    return MetaParamSearchCV(estimator, distributions, **defaults | parameters)


def numbers(X):
    return X[["a", "b", "c"]]


def make_numeric(**parameters):
    """A pipeline for FRAME."""
    return make_pipeline(FunctionTransformer(numbers), LogisticRegression(**parameters))


NUMERIC_C = {"logisticregression__C": [0.01, 0.1, 1.0]}


class Known(ClassifierMixin, BaseEstimator):
    """Gives the true class, which X holds, this probability in each language."""

    def __init__(self, en=0.5, zh=0.5, epochs=1, extra=0.0):
        self.en, self.zh, self.epochs, self.extra = en, zh, epochs, extra

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.n_rows_ = len(X)
        return self

    def predict_proba(self, X):
        right = X["language"].map({"en": self.en, "zh": self.zh}).to_numpy() + self.extra
        first = np.where(X["truth"] == 0, right, 1 - right)
        return np.column_stack([first, 1 - first])

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


KNOWN = pd.DataFrame({"truth": Y, "language": np.repeat(["en", "zh"], 30)})


class Failing(LogisticRegression):
    """Fails, or has a loss that is not finite, as told."""

    def __init__(self, fail=None, C=1.0):
        super().__init__(C=C)
        self.fail = fail

    def fit(self, X, y, sample_weight=None):
        if self.fail == "fit" or (self.fail == "first" and not np.isin(X[0], X_FIRST).all()):
            raise ValueError("it is too cold")
        return super().fit(X, y, sample_weight)

    def predict_proba(self, X):
        if self.fail == "score":
            raise ValueError("it is too hot")
        probabilities = super().predict_proba(X)
        return probabilities * np.nan if self.fail == "nan" else probabilities


X_FIRST = X[:1]


def assert_same_results(ours, theirs):
    """All that RandomizedSearchCV has in cv_results_ but the times."""
    assert set(theirs) <= set(ours)
    for name in set(theirs) - TIMES:
        if name == "params" or name.startswith("param_"):
            assert list(ours[name]) == list(theirs[name])
        else:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12, err_msg=name)


def failing(match, category=ValueError):
    return pytest.raises(category, match=match)


def two_scores(estimator, X, y):
    accuracy = accuracy_score(y, estimator.predict(X))
    return {"accuracy": accuracy, "reverse": -accuracy}


FAILURES = {"fail": ["fit", None]}


class Semisupervised(KNeighborsClassifier):
    def fit(self, X, y):
        self.seen_ = len(X)
        labelled = ~pd.isna(pd.Series(y)).to_numpy()
        return super().fit(X[labelled], np.asarray(y)[labelled].astype(int))


def folds_of(estimator, X, y, cv, language=None, **params):
    data = read_data(estimator, X, y, language)
    return data, split(estimator, data, cv, params, 0)


class Recording:
    """Appends what is called to a file, which workers can do too."""

    def __init__(self, path):
        self.path = path

    def _write(self, hook, context, **more):
        path = []
        while context is not None:
            path.insert(0, (context.task_name, context.task_id))
            context = context.parent
        with open(self.path, "a") as file:
            file.write(json.dumps({"hook": hook, "path": path} | more) + "\n")

    def setup(self, estimator, context):
        self._write("setup", context)

    def teardown(self, estimator, context):
        self._write("teardown", context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        n_samples = None if X is None else X.shape[0]
        weights = (metadata or {}).get("sample_weight")
        n_weights = None if weights is None else len(weights)
        self._write("begin", context, n_samples=n_samples, n_weights=n_weights)

    def on_fit_task_end(self, estimator, context):
        self._write("end", context, estimator=type(estimator).__name__)

    def read(self):
        with open(self.path) as file:
            return [json.loads(line) for line in file]


class Propagated(Recording):
    max_propagation_depth = None
