"""Our suite: parameters, copies, seeds and state."""

import copy
import json
import pickle
import random
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from estimators import (
    CHARACTERS,
    FITTED,
    REGRESSORS,
    STARS,
    VARIANTS,
    X_LABELLED,
    X_TEST,
    Y_LABELLED,
    Y_TEST,
    X,
    Y,
    assert_same_predictions,
    not_a_search,
)
from marks import predicts_unseen_languages
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from tiny import make_config, make_pair

from metaling_sk import MetaNetClassifier


def bare(text):
    """A parameter or state without the addresses in its repr."""
    return json.dumps(text, default=lambda value: type(value).__name__, sort_keys=True)


def test_clone_has_the_parameters_and_nothing_fitted(fitted):
    copied = clone(fitted)
    assert bare(copied.get_params()) == bare(fitted.get_params())
    assert not hasattr(copied, "classes_")
    with pytest.raises(NotFittedError):
        copied.predict(X_TEST)


@not_a_search
def test_parameters_go_round(model):
    parameters = model.get_params(deep=False)
    other = type(model)(**parameters)
    assert other.get_params(deep=False) == parameters
    fresh = type(model)()
    assert fresh.set_params(**parameters) is fresh
    for name, value in fresh.get_params(deep=False).items():
        assert value is parameters[name]


def test_fit_does_not_write_to_the_parameters(model):
    before = pickle.dumps(model.get_params())
    given_ones = model.get_params(deep=False)
    model.fit(X, Y)
    assert all(value is given_ones[name] for name, value in model.get_params(deep=False).items())
    assert pickle.dumps(model.get_params()) == before


def test_unknown_parameter(model):
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        model.set_params(speed=3)


def test_pickling(model, fitted):
    assert_same_predictions(pickle.loads(pickle.dumps(model)).fit(X, Y), fitted)
    assert_same_predictions(pickle.loads(pickle.dumps(fitted)), fitted)
    assert_same_predictions(copy.deepcopy(fitted), fitted)


PREDICT = """
import json, sys
import joblib
X, *paths = map(joblib.load, sys.argv[1:])
for model in paths:
    predict = getattr(model, "predict_proba", model.predict)
    print(json.dumps(predict(X).tolist()))
"""


def test_joblib_in_another_process(tmp_path):
    models = [FITTED.get(name) or clone(model).fit(X, Y) for name, model in VARIANTS.items()]
    models += [clone(model).fit(X, STARS) for model in REGRESSORS.values()]
    paths = [str(tmp_path / f"{number}.joblib") for number in range(len(models) + 1)]
    for path, content in zip(paths, [X_TEST, *models], strict=True):
        joblib.dump(content, path)
    command = [sys.executable, "-W", "error", "-c", PREDICT, *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for model, there in zip(models, done.stdout.splitlines(), strict=True):
        predict = getattr(model, "predict_proba", model.predict)
        np.testing.assert_allclose(json.loads(there), predict(X_TEST), rtol=1e-6)


@not_a_search
@predicts_unseen_languages
def test_predicting_changes_nothing(fitted):
    before = pickle.dumps(fitted)
    fitted.predict(X_TEST)
    fitted.predict_proba(X_TEST["text"].tolist(), language="fr")
    fitted.score(X_TEST, Y_TEST)
    assert pickle.dumps(fitted) == before


def test_the_same_seed_gives_the_same_bits(model, fitted):
    assert_same_predictions(model.fit(X, Y), fitted)
    # Whatever was fitted before, and whatever state the global generators are in.
    torch.rand(3)
    check_random_state(None).random_sample()
    assert_same_predictions(model.fit(X, Y), fitted)
    other = clone(model).set_params(random_state=np.random.RandomState(0)).fit(X, Y)
    again = clone(model).set_params(random_state=np.random.RandomState(0)).fit(X, Y)
    assert_same_predictions(other, again)


def test_fit_forgets_the_last_fit(model, fitted):
    model.fit(X_LABELLED[::-1], 2 * Y_LABELLED + 1).fit(X, Y)
    assert_same_predictions(model, fitted)


def test_global_random_states_are_left_alone(model):
    def states():
        _, numbers, position, *_ = check_random_state(None).get_state()
        return torch.get_rng_state().tolist(), numbers.tolist(), position, random.getstate()

    before = states()
    model.fit(X, Y).predict(X_TEST)
    assert states() == before


def test_silence(model, capfd):
    model.fit(X, Y).predict(X_TEST)
    model.predict_proba(X_TEST)
    assert capfd.readouterr() == ("", "")


@not_a_search
def test_the_reviews_can_be_learnt(name):
    """So that "alike" above does not mean "constant"."""
    X, y = make_pair(80, 80, n_labelled=40, joiner=" ")
    parameters = {"encoder": make_config(), "max_epochs": 30, "learning_rate": 0.01}
    model = clone(VARIANTS[name])
    if name.endswith("characters"):
        parameters["encoder"] = CHARACTERS
    if isinstance(model, MetaNetClassifier):
        parameters["max_epochs"] = 10
    if name != "linear":
        model.set_params(**parameters, batch_size=16, patience=30)
    X_test, y_test = make_pair(50, 50, n_labelled=50, seed=5, joiner=" ")
    model.fit(X, y)
    assert len(set(model.predict(X_test))) == 2
    # All terms at once pull against each other: what they reach on so few rows is luck.
    assert name == "every term" or model.score(X_test, y_test) > 0.8
