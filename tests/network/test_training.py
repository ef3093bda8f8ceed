"""Epochs, class weights, early stopping, callbacks and interrupts."""

import copy

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback
from small_callbacks import Count
from tiny import make_classifier, make_learner, make_meta_net, make_reviews
from transfer_cases import CHINESE, ENGLISH, FEW_SHOT

from metaling_sk import LinearTransferClassifier, TransferClassifier
from metaling_sk._network import estimator


def test_class_weights():
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 10 == 0).astype(int)
    X = rng.normal(size=(400, 2)) + y[:, None]

    def recall(class_weight):
        model = make_learner(class_weight=class_weight, batch_size=100, learning_rate=0.05)
        return model.fit(X, y).predict(X)[y == 1].mean()

    assert recall(None) < 0.4 < 0.6 < recall("balanced") < recall({0: 1, 1: 1000})


def test_class_weights_that_are_all_zero():
    X, y = np.eye(4), [0, 1, 0, 1]
    with pytest.raises(ValueError, match="`class_weight` gives the labels a mean weight of 0"):
        make_learner(class_weight={0: 0, 1: 0}).fit(X, y)


@pytest.mark.parametrize("make", [make_classifier, make_meta_net, LinearTransferClassifier])
@pytest.mark.parametrize("weight", [-1.0, np.inf, np.nan])
def test_class_weights_that_are_no_weights(make, weight):
    X, y, language = np.eye(12), [0, 1] * 6, ["en"] * 6 + ["zh"] * 6
    with pytest.raises(ValueError, match="`class_weight` must hold finite numbers from 0 on"):
        make(class_weight={0: weight, 1: 3.0}).fit(X, y, language=language)


def test_balanced_classes_of_which_one_has_no_row():
    model = make_classifier(class_weight="balanced")
    assert model.partial_fit(*ENGLISH, classes=[0, 1, 2]).predict_proba(CHINESE[0]).shape[1] == 3


class RememberEpochs(Callback):
    """Keeps the weights of each epoch; its class is shared by copies, so that a test sees them."""

    states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append(copy.deepcopy(net.module_.state_dict()))


def test_early_stopping_restores_the_best_epoch():
    RememberEpochs.states.clear()
    # Random labels: what is learnt of them is of no use for the rows held out.
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 20)), rng.integers(2, size=60)
    model = make_classifier(
        callbacks=[RememberEpochs()],
        validation_fraction=0.3,
        patience=4,
        max_epochs=100,
        learning_rate=0.3,
    ).fit(X, y)
    losses = model.history_["valid_loss"].to_numpy()
    best = losses.argmin()
    assert len(losses) == best + 1 + 4 < 100
    for name, weight in model.net_.module_.state_dict().items():
        assert torch.equal(weight, RememberEpochs.states[best][name])


def test_without_validation_every_epoch_is_trained():
    model = make_classifier(validation_fraction=0, patience=1, max_epochs=6).fit(*ENGLISH)
    assert len(model.history_) == 6
    assert "valid_loss" not in model.history_


def test_callbacks_may_have_names():
    Count.calls.clear()
    make_classifier(callbacks=[("counter", Count())], max_epochs=2).fit(*ENGLISH)
    assert Count.calls == ["begin", "epoch", "epoch", "end"]


def test_callbacks_are_called_in_every_stage():
    Count.calls.clear()
    callbacks = [Count()]
    model = make_classifier(target_languages="zh", callbacks=callbacks, max_epochs=2)
    model.fit(*FEW_SHOT)
    assert Count.calls == ["begin", "epoch", "epoch", "end"] * 2
    assert model.callbacks is callbacks


class Interrupt(Callback):
    def __init__(self, error=KeyboardInterrupt):
        self.error = error

    def on_batch_end(self, net, **kwargs):
        raise self.error


def test_ctrl_c_ends_the_fit():
    model = make_classifier(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*ENGLISH)
    assert not hasattr(model, "net_")
    with pytest.raises(NotFittedError):
        model.predict(ENGLISH[0])


def test_memory_of_the_gpu():
    model = make_classifier(callbacks=[Interrupt(torch.OutOfMemoryError("2 GiB"))])
    with pytest.raises(MemoryError, match="lower `batch_size` or `max_length` .*2 GiB"):
        model.fit(*ENGLISH)


@pytest.mark.parametrize("language_norm", [True, False])
def test_a_loss_that_is_not_finite(language_norm):
    model = make_classifier(learning_rate=1e30, language_norm=language_norm)
    message = r"The loss became (nan|inf) in epoch 1, batch 2. Lower `learning_rate` \(now 1e\+30\)"
    with pytest.raises(ValueError, match=message):
        model.fit(*ENGLISH)


def test_the_net_is_within_reach():
    model = make_classifier(target_languages="zh").fit(*FEW_SHOT)
    assert len(model.net_.history) == 1
    assert model.net_.module_.head.out_features == 2


@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
def test_matrices_alone_decay(make):
    groups = make(weight_decay=0.25).fit(*FEW_SHOT).net_.optimizer_.param_groups
    found = {
        (weight.ndim > 1, group["weight_decay"]) for group in groups for weight in group["params"]
    }
    assert found == {(True, 0.25), (False, 0.0)}


class Norms(Callback):
    found = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        gradients = [weight.grad for _, weight in named_parameters if weight.grad is not None]
        self.found.append(torch.nn.utils.get_total_norm(gradients).item())


def test_large_gradients_are_clipped():
    Norms.found.clear()
    parameters = {"transfer": "labels", "transfer_weight": 1e3, "target_languages": "zh"}
    make_classifier(callbacks=[Norms()], **parameters).fit(*FEW_SHOT)
    assert max(Norms.found) == pytest.approx(1, rel=1e-4)


class Progress(Callback):
    found = []

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            self.found.append(net.criterion_.progress)


def test_the_objective_knows_the_share_of_the_steps_that_are_done():
    """By it the adversarial term becomes stronger."""
    Progress.found.clear()
    make_classifier(callbacks=[Progress()], max_epochs=2, validation_fraction=0).fit(*ENGLISH)
    n_steps = len(Progress.found)
    np.testing.assert_allclose(Progress.found, np.arange(n_steps) / n_steps)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_features_of_any_width_and_scale_are_learnt_at_the_same_pace(scale):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200)
    for n_features in (2, 500):
        X = scale * (rng.normal(size=(200, n_features)) + 2 * y[:, None])
        clf = TransferClassifier(verbose=0, random_state=0).fit(X, y)
        assert clf.score(X, y) > 0.9
        assert clf.predict_proba(X).max(axis=1).mean() > 0.75


@pytest.mark.parametrize(("max_steps", "n_epochs"), [(1000, 10), (80, 4), (1, 1)])
def test_many_samples_get_fewer_epochs_by_default(monkeypatch, max_steps, n_epochs):
    """An epoch has 20 steps, and too few samples to hold some out."""
    monkeypatch.setattr(estimator, "MAX_FIT_STEPS", max_steps)
    X, y = make_reviews(40, "en", 0)
    parameters = {"batch_size": 2, "validation_fraction": 0}
    model = make_classifier(max_epochs="auto", **parameters).fit(X, y)
    assert model.n_iter_ == n_epochs
    assert make_classifier(max_epochs=3, **parameters).fit(X, y).n_iter_ == 3


def test_fixed_inputs_get_ten_epochs_or_enough_steps(monkeypatch):
    """An epoch has 10 steps."""
    monkeypatch.setattr(estimator, "MAX_FIT_STEPS", 1)
    X, y = make_reviews(40, "en", 0)
    parameters = {"trainable": "head", "head_penalty": 0, "validation_fraction": 0}
    model = make_classifier(max_epochs="auto", **parameters)
    assert model.fit(X, y).n_iter_ == 50
    monkeypatch.setattr(estimator, "MIN_FIT_STEPS", 50)
    assert model.fit(X, y).n_iter_ == 10


def test_the_default_bound_leaves_some_thousand_samples_alone():
    model = make_classifier().fit(*make_reviews(40, "en", 0))
    n_epochs = model.set_params(max_epochs="auto")._settings().n_epochs
    assert [n_epochs(n_rows // 32) for n_rows in (700, 7_200, 16_000)] == [10, 10, 10]
    assert [n_epochs(n_rows // 32) for n_rows in (33_000, 100_000, 1_000_000)] == [5, 2, 1]
