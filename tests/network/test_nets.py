"""Steps of the optimiser: parts of a batch, short memory, losses that stay on the device."""

import copy
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from small_callbacks import NoDropout
from tiny import DEVICE, DICTIONARY, make_classifier, make_config, make_meta_net, make_pair
from torch import nn
from transformers import AutoModel

from metaling_sk import load
from metaling_sk._data.batches import EncodedSamples, TrainingStep
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._encoders.scratch import train_tokenizer
from metaling_sk._network import callbacks
from metaling_sk._network.nets import share
from metaling_sk.exceptions import InputWarning

X, Y = make_pair(64, 40, n_labelled=40)
WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
TERMS = {"target_languages": "zh", "dictionary": DICTIONARY}


class Gradients(Callback):
    """The first gradient of every weight; the class is shared by copies."""

    found: dict = {}

    def on_grad_computed(self, net, named_parameters, **kwargs):
        for name, weight in named_parameters:
            if weight.grad is not None:
                self.found.setdefault(name, weight.grad.clone())


def gradients(make=make_classifier, **parameters):
    """The gradient of the first step."""
    Gradients.found.clear()
    defaults = {
        "encoder": make_config(**WITHOUT_DROPOUT),
        "callbacks": [NoDropout(), Gradients()],
        "max_epochs": 1,
        "validation_fraction": 0,
    }
    make(**defaults | parameters).fit(X, Y)
    return dict(Gradients.found)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (make_classifier, {"transfer": None}),
        (make_classifier, {"transfer": ["labels", "l2sp", "code_switch"]} | TERMS),
        (make_meta_net, {"language_dropout": 0.0, "size_weight": 0.0}),
    ],
)
def test_the_gradient_of_a_few_batches_is_that_of_a_large_one(make, parameters, monkeypatch):
    monkeypatch.setattr(callbacks, "MAX_GRADIENT_NORM", np.inf)  # Clipped ones have one norm.
    # An epoch has 10 steps or more, so a step has 10 samples: 2 and 5 are parts of it.
    large = gradients(make, batch_size=10, language_norm=False, **parameters)
    for n_batches, batch_size in [(5, 2), (3, 4)]:
        parts = gradients(
            make,
            batch_size=batch_size,
            gradient_accumulation_steps=n_batches,
            language_norm=False,
            **parameters,
        )
        assert large.keys() == parts.keys()
        for name in large:
            torch.testing.assert_close(parts[name], large[name], rtol=1e-3, atol=1e-5)


class Rates(Callback):
    rates: list = []

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            self.rates.append(net.optimizer_.param_groups[0]["lr"])


@pytest.mark.parametrize("parameters", [{"batch_size": 6}, {"batch_size": 3}])
def test_the_learning_rate_follows_the_steps_of_the_optimiser(parameters):
    n_accumulated = 6 // parameters["batch_size"]
    Rates.rates.clear()
    model = make_classifier(
        gradient_accumulation_steps=n_accumulated,
        callbacks=[Rates()],
        validation_fraction=0,
        max_epochs=2,
        **parameters,
    ).fit(X, Y)
    # 104 samples, six at a time; the last step of an epoch has only two of them.
    assert len(Rates.rates) == 2 * 18
    assert Rates.rates[-1] < 0.1 * max(Rates.rates)
    sizes = model.net_.history[-1, "batches", :, "train_batch_size"]
    assert sizes.count(6) == 17
    assert sizes.count(2) == 1


def test_partial_fit_accumulates():
    fits = []
    for batch_size, steps in [(6, 1), (3, 2)]:
        model = make_classifier(
            encoder=make_config(**WITHOUT_DROPOUT),
            callbacks=[NoDropout()],
            batch_size=batch_size,
            gradient_accumulation_steps=steps,
            language_norm=False,
        )
        fits.append(model.partial_fit(X, Y, n_epochs=2).predict_proba(X))
    np.testing.assert_allclose(fits[0], fits[1], atol=1e-3)


@pytest.mark.parametrize("meta_algorithm", ["maml", "reptile"])
def test_episodes_are_not_split(meta_algorithm):
    model = make_meta_net(meta_algorithm=meta_algorithm, gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="goes with meta_algorithm='joint'"):
        model.fit(X, Y)


def test_parts_have_the_weights_of_their_samples():
    rng = np.random.RandomState(0)
    encoded = EncodedSamples(rng.normal(size=(7, 2)), np.ones(7, dtype=np.int64))
    streams = {"source": encoded, "labels": encoded.take(np.arange(1))}
    batches = {name: stream.collate(np.arange(len(stream))) for name, stream in streams.items()}
    step = TrainingStep(batches, {"source": 7, "labels": 1})
    parts = step.split(3)
    assert [part.batch_size for part in parts] == [3, 2, 2]
    assert [share(("source",), part, parts) for part in parts] == [3 / 7, 2 / 7, 2 / 7]
    assert [share(("labels",), part, parts) for part in parts] == [1, 0, 0]
    assert [share((), part, parts) for part in parts] == [4 / 8, 2 / 8, 2 / 8]
    assert step.split(7) == [step]


class SmallMemory(nn.Module):
    """A Transformer for which the memory suffices only up to some number of texts.

    Without gradients it takes more texts, as a real one does.
    """

    def __init__(self, limit, predict_limit=1000, in_backward=False):
        super().__init__()
        self.model = AutoModel.from_config(make_config(**WITHOUT_DROPOUT))
        self.limit, self.predict_limit, self.in_backward = limit, predict_limit, in_backward
        self.n_failures = 0

    def forward(self, input_ids, attention_mask):
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        limit = self.limit if torch.is_grad_enabled() else self.predict_limit
        if len(input_ids) > limit:
            if self.in_backward and torch.is_grad_enabled():
                hidden.register_hook(lambda gradient: self.fail())
            else:
                self.fail()
        return hidden

    def fail(self):
        self.n_failures += 1
        raise torch.OutOfMemoryError("CUDA out of memory.")


TOKENIZER = train_tokenizer(X["text"].to_numpy(), X["language"].to_numpy(), 300)


def small_memory(
    make=make_classifier, batch_size=10, parameters=(), memory_class=SmallMemory, **memory
):
    torch.manual_seed(0)
    return make(
        encoder=(memory_class(**memory), TOKENIZER),
        callbacks=[NoDropout()],
        batch_size=batch_size,
        **dict(parameters),
    )


@pytest.mark.parametrize("in_backward", [False, True])
def test_short_memory_halves_the_batch_once(in_backward):
    enough = small_memory(limit=10).fit(X, Y)
    model = small_memory(limit=5, in_backward=in_backward)
    message = r"does not suffice for `batch_size`=10: from here on it is 5, with twice the"
    with pytest.warns(InputWarning, match=message) as caught:
        model.fit(X, Y)
    assert len(caught) == 1
    assert model.net_.module_.encoder.backbone.n_failures == 1
    # The running means see halves from then on; apart from that the steps are the same.
    assert len(model.net_.history[0, "batches"]) == len(enough.net_.history[0, "batches"])
    first, other = (clf.net_.history[0, "batches", 0, "train_loss"] for clf in (model, enough))
    assert first == pytest.approx(other, rel=1e-3)
    assert model.predict_proba(X).shape == (len(X), 2)


class SmallMemoryOfCpu(SmallMemory):
    def fail(self):
        self.n_failures += 1
        torch.empty(2**45)  # More bytes than a process has addresses.


@pytest.mark.filterwarnings("ignore:The memory does not")
def test_short_memory_of_the_cpu_is_that_of_a_gpu():
    model = small_memory(limit=5, memory_class=SmallMemoryOfCpu).fit(X, Y)
    assert model.net_.module_.encoder.backbone.n_failures == 1
    assert model.predict_proba(X).shape == (len(X), 2)
    with pytest.raises(MemoryError, match="`max_seconds`.*DefaultCPUAllocator"):
        small_memory(limit=0, memory_class=SmallMemoryOfCpu).fit(X, Y)


def test_halves_make_the_same_steps():
    parameters = {"language_norm": False}
    enough = small_memory(limit=10, parameters=parameters).fit(X, Y)
    with pytest.warns(InputWarning, match="from here on it is 5"):
        model = small_memory(limit=5, parameters=parameters).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), enough.predict_proba(X), atol=1e-3)
    np.testing.assert_allclose(
        model.history_["train_loss"], enough.history_["train_loss"], rtol=1e-3
    )


def test_later_stages_begin_with_halves():
    parameters = {"target_languages": "zh", "validation_fraction": 0}
    with pytest.warns(InputWarning, match="from here on") as caught:
        small_memory(limit=4, batch_size=6, parameters=parameters).fit(X, Y)
    assert len(caught) == 1


def test_statistics_of_a_failed_attempt_are_taken_back():
    counted = []

    class Means(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if training and not counted:
                counted.append(net.module_.norm.mean.clone())

    expected = small_memory(limit=5, batch_size=5, parameters={"gradient_accumulation_steps": 2})
    expected.set_params(callbacks=[NoDropout(), Means()], validation_fraction=0).fit(X, Y)
    halved = small_memory(limit=5, in_backward=True)
    halved.set_params(callbacks=[NoDropout(), Means()], validation_fraction=0)
    means, counted[:] = counted[0], []
    with pytest.warns(InputWarning, match="from here on it is 5"):
        halved.fit(X, Y)
    torch.testing.assert_close(counted[0], means)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (make_classifier, {}),
        (make_meta_net, {"meta_algorithm": "maml"}),
        (make_meta_net, {"meta_algorithm": "reptile"}),
    ],
)
@pytest.mark.filterwarnings("ignore:The memory does not")
def test_memory_that_does_not_suffice_for_halves(make, parameters):
    with pytest.raises(MemoryError, match="lower `batch_size` or `max_length` "):
        small_memory(make, limit=1, parameters=parameters).fit(X, Y)


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_prediction_halves_its_batches_until_they_fit(trainable):
    more, _ = make_pair(70, 70, seed=5)
    model = small_memory(limit=64, parameters={"trainable": trainable}).fit(X, Y)
    expected = model.predict_proba(more)
    encoder = model.text_encoder_.backbone
    encoder.limit = encoder.predict_limit = 32
    CACHE.clear()
    with pytest.warns(InputWarning, match="batches of 64 samples: from here on they have 32"):
        np.testing.assert_allclose(model.predict_proba(more), expected, atol=1e-5)
    assert encoder.n_failures == 1
    encoder.limit = encoder.predict_limit = 5
    CACHE.clear()
    with pytest.warns(InputWarning, match="from here on they have 4") as caught:
        np.testing.assert_allclose(model.predict_proba(more), expected, atol=1e-5)
    assert len(caught) == 1
    encoder.limit = encoder.predict_limit = 0
    CACHE.clear()
    with pytest.raises(MemoryError, match="lower `batch_size`"):
        model.predict_proba(more)


@pytest.mark.filterwarnings("ignore:The memory does not")
@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
def test_where_training_fits_all_else_does(make):
    """Statistics of the languages, predictions and adaptation among it."""
    parameters = {"validation_fraction": 0}
    model = small_memory(make, limit=5, predict_limit=5, parameters=parameters).fit(X, Y)
    assert model.predict_proba(X).shape == (len(X), 2)
    more, _ = make_pair(70, 70, seed=5)
    model.register_language(more[["text"]], language="new")
    if hasattr(model, "adapt"):
        small = small_memory(make, batch_size=5, limit=5, parameters=parameters).fit(X, Y)
        small.adapt(more[["text"]], np.tile([0, 1], 70), language="new")


class FullDevice(nn.Module):
    """An encoder for which there is no room on the device that it is moved to."""

    is_full = False

    def __init__(self):
        super().__init__()
        self.model = AutoModel.from_config(make_config(**WITHOUT_DROPOUT))

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def _apply(self, *args, **kwargs):
        if self.is_full:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super()._apply(*args, **kwargs)


def test_memory_that_does_not_suffice_for_the_network(monkeypatch):
    """Not only the steps of a training find too little memory."""
    for make in (make_classifier, make_meta_net):
        model = make(encoder=(FullDevice(), TOKENIZER)).fit(X, Y)
        monkeypatch.setattr(FullDevice, "is_full", True)
        for name in ("fit", "partial_fit"):
            if hasattr(model, name):
                with pytest.raises(MemoryError, match="lower `batch_size` or `max_length` "):
                    getattr(clone(model), name)(X, Y)
        monkeypatch.undo()


class Tensors(pickle.Pickler):
    """Counts the tensors of an object that a machine without its device could not load."""

    def __init__(self):
        super().__init__(io.BytesIO())
        self.n_found = 0

    def reducer_override(self, value):
        self.n_found += isinstance(value, torch.Tensor)
        return NotImplemented


@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
def test_pickles_need_no_gpu(make, bert):
    model = make(encoder=bert).fit(X, Y)
    pickler = Tensors()
    pickler.dump(model)
    assert pickler.n_found == 0
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        net = other.net_
        assert net.module is net.module_ and net.criterion is net.criterion_
        assert net.settings == model.net_.settings
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_a_net_goes_on_where_it_is_loaded(monkeypatch):
    """skorch changes the device of a net if the machine has it not."""
    net = make_classifier().fit(X, Y).net_
    state = net.__getstate__() | {"settings": replace(net.settings, device=torch.device("cuda:7"))}
    other = copy.copy(net)
    other.__setstate__(state)
    assert other.settings.device == torch.device(DEVICE)


class SeenLosses(Callback):
    def __init__(self):
        self.losses = []

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            self.losses.append(net.history[-1, "batches", -1, "train_loss"])


def test_callbacks_read_the_loss_of_each_batch_on_a_cpu():
    seen = SeenLosses()
    model = make_classifier(callbacks=[seen], max_epochs=1, device="cpu").fit(X, Y)
    assert all(isinstance(loss, float) for loss in seen.losses)
    assert np.mean(seen.losses) == model.history_["train_loss"][0]


def test_a_folder_from_before_these_parameters(tmp_path):
    model = make_classifier().fit(X, Y)
    names = {"compile", "gradient_accumulation_steps", "gradient_checkpointing"}
    get_params = model.get_params
    model.get_params = lambda deep=True: {
        name: value for name, value in get_params(deep).items() if name not in names
    }
    model.save(tmp_path / "old")
    assert not names & set((tmp_path / "old" / "estimator.json").read_text().split('"'))
    loaded = load(tmp_path / "old")
    assert (loaded.compile, loaded.gradient_accumulation_steps) == (False, 1)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
