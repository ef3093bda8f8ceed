"""Our suite: parameters, copies, seeds and state."""

import json

import numpy as np
import pytest
from estimators import (
    MODELS,
    X_TEST,
    X,
    Y,
    assert_same_predictions,
    not_a_search,
)
from input_kinds import CHARACTERS, KINDS
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from tiny import make_config, make_pair


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


def test_unknown_parameter(model):
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        model.set_params(speed=3)


@pytest.mark.parametrize("name", KINDS["texts"].quick, indirect=True)
def test_a_generator_is_a_seed(model):
    first, second = (
        clone(model).set_params(random_state=np.random.RandomState(0)).fit(X, Y) for _ in range(2)
    )
    assert_same_predictions(first, second)


# All terms at once pull against each other: what they reach on so few rows is luck.
LEARN = [name for name in MODELS if name != "every term"]


@pytest.mark.parametrize("name", LEARN, indirect=True)
def test_the_reviews_can_be_learnt(name, model):
    X, y = make_pair(80, 80, n_labelled=40, joiner=" ")
    if name != "linear":
        encoder = CHARACTERS if name.endswith("characters") else make_config()
        model.set_params(encoder=encoder, max_epochs=5, learning_rate=0.05, batch_size=16)
    X_test, y_test = make_pair(50, 50, n_labelled=50, seed=5, joiner=" ")
    assert model.fit(X, y).score(X_test, y_test) > 0.8
