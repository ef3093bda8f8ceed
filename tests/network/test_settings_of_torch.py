"""What the caller has set in torch decides neither what is learnt nor what is predicted."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from estimators import X_TEST, Y_TEST, X, Y
from tiny import make_classifier, make_meta_net

from metaling_sk import load
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._utils.random_state import others_may_seed, seeded


@contextmanager
def default_float64():
    torch.set_default_dtype(torch.float64)
    try:
        yield
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device():
    torch.set_default_device("meta")  # Every machine has it, and nothing can be computed there.
    try:
        yield
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


def low_precision():
    return torch.autocast("cpu", torch.bfloat16)


SETTINGS = [default_float64, default_device, torch.inference_mode, low_precision, torch.no_grad]
MODELS = [
    make_classifier(),
    make_classifier(trainable="head"),
    make_meta_net(trainable="adapter"),
    make_meta_net(trainable="head"),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("model", MODELS, ids=range(len(MODELS)))
def test_models_are_the_same(model, settings, tmp_path):
    more = model.adapt if hasattr(model, "adapt") else model.partial_fit
    expected = [step(X, Y).predict_proba(X_TEST) for step in (model.fit, more)]
    CACHE.clear()
    with settings():
        found = [model.fit(X, Y).predict_proba(X_TEST)]
        model.save(tmp_path)
        np.testing.assert_array_equal(load(tmp_path).predict_proba(X_TEST), found[0])
        found.append(more(X, Y).predict_proba(X_TEST))
    np.testing.assert_array_equal(found, expected)
    assert np.isfinite(more(X_TEST, Y_TEST).predict(X_TEST)).all()


def test_what_others_compute_meanwhile_is_as_they_have_set():
    with default_float64(), seeded(0):
        assert torch.get_default_dtype() == torch.float32
        with others_may_seed():
            assert torch.get_default_dtype() == torch.float64
        assert torch.get_default_dtype() == torch.float32
