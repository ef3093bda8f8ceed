"""The learning rate of every step."""

import pickle

import numpy as np
import pytest
from skorch.callbacks import Callback
from tiny import make_classifier
from transfer_cases import ENGLISH

PEAK = 0.01
N_STEPS = 10
"""Steps in an epoch of these models."""


class RecordRates(Callback):
    """Keeps the learning rate of each step; its class is shared by copies."""

    rates = []

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        if training:
            self.rates.append(net.optimizer_.param_groups[0]["lr"])


def new_model(**parameters):
    RecordRates.rates.clear()
    parameters = {"learning_rate": PEAK, "validation_fraction": 0, "batch_size": 6} | parameters
    return make_classifier(callbacks=[RecordRates()], **parameters)


def shares():
    return np.array(RecordRates.rates) / PEAK


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.3, 1.0])
def test_fit(warmup):
    new_model(warmup=warmup, max_epochs=3).fit(*ENGLISH)
    n_steps, n_warmup = 3 * N_STEPS, round(3 * N_STEPS * warmup)
    up = np.arange(1, n_warmup + 1) / (n_warmup + 1)
    down = np.arange(n_steps - n_warmup, 0, -1) / max(1, n_steps - n_warmup)
    np.testing.assert_allclose(shares(), np.r_[up, down])


CALLS = {"at once": [6], "epoch by epoch": [1] * 6, "in parts": [1, 3, 2], "not all": [2, 2]}


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_planned_epochs(calls, warmup):
    """Up in the first epoch, 1 until a third of the plan is done, then down to 0."""
    model = new_model(warmup=warmup)
    for n_epochs in calls:
        model.partial_fit(*ENGLISH, n_epochs=n_epochs, planned_epochs=6)
        model = pickle.loads(pickle.dumps(model))
    n_warmup = round(N_STEPS * warmup)
    up = np.arange(1, n_warmup + 1) / (n_warmup + 1)
    stable = np.ones(2 * N_STEPS - n_warmup)
    down = np.arange(4 * N_STEPS, 0, -1) / (4 * N_STEPS)
    expected = np.r_[up, stable, down][: sum(calls) * N_STEPS]
    np.testing.assert_allclose(shares(), expected)


def test_without_a_plan_the_rate_is_constant():
    model = new_model()
    for _ in range(2):
        model.partial_fit(*ENGLISH)
    assert shares().tolist() == [1] * 2 * N_STEPS


def test_a_plan_that_comes_later():
    model = new_model().partial_fit(*ENGLISH)
    for _ in range(2):
        model.partial_fit(*ENGLISH, planned_epochs=3)
    down = np.arange(2 * N_STEPS, 0, -1) / (2 * N_STEPS)
    np.testing.assert_allclose(shares(), np.r_[np.ones(N_STEPS), down])


def test_after_a_fit_the_rate_is_the_peak_again():
    model = new_model(max_epochs=1).fit(*ENGLISH)
    RecordRates.rates.clear()
    model.partial_fit(*ENGLISH)
    assert shares().tolist() == [1] * N_STEPS


def test_each_group_has_a_peak_of_its_own(bert):
    model = make_classifier(encoder=bert, learning_rate="auto", warmup=0.5, max_epochs=1)
    rates = []

    class Record(Callback):
        def on_batch_begin(self, net, batch=None, training=None, **kwargs):
            rates.append(sorted({group["lr"] for group in net.optimizer_.param_groups}))

    model.set_params(callbacks=[Record()], validation_fraction=0).fit(*ENGLISH)
    for step, share in ((0, 1 / 6), (5, 1.0), (9, 1 / 5)):
        np.testing.assert_allclose(rates[step], [share * 2e-5, share * 2e-3])
