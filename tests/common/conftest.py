"""The models that our suite goes through: those of texts, where a module names no other kind."""

import pytest
from input_kinds import KINDS
from sklearn.base import clone


@pytest.fixture
def kind(request):
    return getattr(request.module, "KIND", KINDS["texts"])


@pytest.fixture(params=KINDS["texts"].models)
def name(request):
    return request.param


@pytest.fixture
def model(kind, name):
    return clone(kind.models[name])


@pytest.fixture
def fitted(kind, name):
    """The fitted model; for tests that do not change it."""
    return kind.fitted(name)
