"""What is the same goes on from a checkpoint; what is another thing, or unknown, does not."""

import json
import os
import subprocess
import sys
import threading

import described
import numpy as np
import pytest
from described import DIFFERENT, X, Y, make_class, scale_by, texts_of
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from metaling_sk import MetaParamSearchCV
from metaling_sk.meta_param import _describe
from metaling_sk.meta_param._describe import UnknownContentError, describe


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_things_are_described_differently_and_equal_ones_equally(kind):
    texts = texts_of(kind)
    assert len(set(texts)) == len(texts)
    assert texts_of(kind) == texts


def test_descriptions_are_the_same_in_every_process():
    command = [sys.executable, "-W", "ignore", described.__file__]
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {kind: texts_of(kind) for kind in DIFFERENT}


def test_another_version_of_a_package_is_another_class(monkeypatch):
    before = describe(LogisticRegression())
    _describe._version_of.cache_clear()
    monkeypatch.setattr("sklearn.__version__", "0.0")
    assert describe(LogisticRegression()) != before
    assert _describe.versions()["sklearn"] == "0.0"
    _describe._version_of.cache_clear()


def test_what_counts_in_a_list_stays_the_same():
    calls = []

    def count(X):
        calls.append(1)
        return X

    before = describe(count)
    count(X)
    assert describe(count) == before


@pytest.mark.parametrize("value", [threading.Lock(), (number for number in "ab")])
def test_what_cannot_be_known_is_refused_by_name(value):
    with pytest.raises(UnknownContentError, match=r"estimator\.func\[0\]"):
        describe([value], "estimator.func")


def make_search(folder, **parameters):
    settings = {"cv": 2, "n_iter": 2, "random_state": 0, "verbose": 0} | parameters
    estimator = make_pipeline(FunctionTransformer(), LogisticRegression())
    return MetaParamSearchCV(
        estimator, {"logisticregression__C": [0.1, 1.0]}, checkpoint=folder, **settings
    )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("scoring", lambda: make_scorer(lambda a, b: float(np.mean(a == b)))),
        ("random_state", lambda: np.random.RandomState(0)),
        ("estimator__functiontransformer__func", lambda: scale_by(2)),
        ("estimator__logisticregression__random_state", lambda: np.random.RandomState(0)),
        ("param_distributions", lambda: {"functiontransformer__func": [scale_by(1), scale_by(2)]}),
    ],
)
def test_what_is_the_same_goes_on(tmp_path, name, make):
    searches = [make_search(tmp_path).set_params(**{name: make()}).fit(X, Y) for _ in range(2)]
    first, second = (search.cv_results_["mean_test_score"].tolist() for search in searches)
    assert first == second
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 1 + 2 * 2


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("scoring", [make_scorer(lambda a, b: 1.0), make_scorer(lambda a, b: 2.0)]),
        ("random_state", [np.random.RandomState(0), np.random.RandomState(1)]),
        ("estimator__functiontransformer__func", [scale_by(1), scale_by(2)]),
        ("estimator__logisticregression", [make_class(1)(), make_class(2)()]),
    ],
)
def test_what_is_different_is_refused(tmp_path, name, values):
    make_search(tmp_path).set_params(**{name: values[0]}).fit(X, Y)
    with pytest.raises(ValueError, match="holds a different search"):
        make_search(tmp_path).set_params(**{name: values[1]}).fit(X, Y)


def test_an_unknown_parameter_value_is_named(tmp_path):
    search = make_search(tmp_path)
    search.set_params(estimator__functiontransformer__kw_args={"lock": threading.Lock()})
    with pytest.raises(ValueError, match=r"`checkpoint`.*kw_args\['lock'\].*without a checkpoint"):
        search.fit(X, Y)
