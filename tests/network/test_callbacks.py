"""Callbacks of the user: used as they are, as in skorch."""

import threading

import pytest
from skorch.callbacks import Callback, EpochScoring
from tiny import make_classifier, make_meta_net, make_pair

X, Y = make_pair(20, 20, n_labelled=20)
MAKERS = [make_classifier, make_meta_net]


class Record(Callback):
    def __init__(self):
        self.losses = []
        self.lock = threading.Lock()

    def on_epoch_end(self, net, **kwargs):
        self.losses.append(net.history[-1, "train_loss"])


@pytest.mark.parametrize("make", MAKERS)
def test_what_a_callback_records_is_kept(make):
    record, named = Record(), Record()
    model = make(callbacks=[record, ("named", named)]).fit(X, Y)
    assert record.losses == named.losses == model.history_["train_loss"].tolist()


class Seen(Callback):
    stages = 0

    def on_train_begin(self, net, **kwargs):
        Seen.stages += 1


def test_a_class_is_made_an_instance():
    make_classifier(callbacks=[Seen], transfer="labels", target_languages="zh").fit(X, Y)
    assert Seen.stages == 2


WRONG = {
    "a string": ("EarlyStopping", "'callbacks' parameter of .* must be"),
    "a number": ([("a", 1)], r"`callbacks` must hold skorch callbacks .*, got \('a', 1\)"),
    "a function": ([print], "`callbacks` must hold skorch callbacks"),
    "scores of predictions": ([EpochScoring("accuracy")], "EpochScoring cannot score the steps"),
}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_callbacks(make, name):
    callbacks, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        make(callbacks=callbacks).fit(X, Y)


class Evaluating(Callback):
    """Notes in which mode a step is computed, and leaves the network in that of predictions."""

    modes: list = []

    def on_grad_computed(self, net, **kwargs):
        self.modes.append(all(module.training for module in net.module_.modules()))

    def on_batch_end(self, net, **kwargs):
        net.module_.eval()


def test_steps_are_computed_in_training_mode(bert):
    """Also where a checkpoint has been loaded for predictions, and a callback predicts."""
    Evaluating.modes.clear()
    make_classifier(encoder=bert, callbacks=[Evaluating()], max_epochs=2).fit(X, Y)
    assert Evaluating.modes and all(Evaluating.modes)
