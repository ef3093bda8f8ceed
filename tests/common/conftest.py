"""The models that our suite goes through."""

import pytest
from estimators import FITTED, VARIANTS, X, Y
from sklearn.base import clone


@pytest.fixture(params=VARIANTS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return clone(VARIANTS[name])


@pytest.fixture
def fitted(name):
    """The fitted model; for tests that do not change it."""
    if name not in FITTED:
        FITTED[name] = clone(VARIANTS[name]).fit(X, Y)
    return FITTED[name]
