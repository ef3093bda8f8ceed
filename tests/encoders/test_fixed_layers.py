"""trainable=0.5: the upper layers are trained, and what is below them stays as it is."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import tiny_audio
import tiny_images
import torch
from encoder_cases import BagOfTokens, make_decoder_config
from skorch.callbacks import Callback
from tiny import QUICK, make_classifier, make_config, make_meta_net, make_pair
from torch import nn
from transformers import AutoTokenizer

from metaling_sk import TransferClassifier, load
from metaling_sk._encoders import fixed_layers
from metaling_sk._encoders.short_pickles import short_pickles

X, Y = make_pair(30, 30, n_labelled=15)
TEST = make_pair(10, 10, seed=5)[0]
FOUR = make_config()
FOUR.num_hidden_layers = 4
GPT = make_decoder_config(n_layer=4)


class Start(Callback):
    """Keeps the weights at the start of the last training; the class is shared by copies."""

    weights: dict = {}

    def on_train_begin(self, net, **kwargs):
        state = net.module_.encoder.state_dict()
        Start.weights = {name: tensor.clone() for name, tensor in state.items()}


def changed(model):
    """The weights of the encoder that the last training has changed."""
    after = model.net_.module_.encoder.state_dict()
    return {name for name, before in Start.weights.items() if not torch.equal(before, after[name])}


def wave_config():
    return tiny_audio.make_wave_config(num_hidden_layers=4)


def fit_images(**parameters):
    parameters = {"encoder": tiny_images.make_config(num_hidden_layers=4)} | parameters
    return tiny_images.make_classifier(**parameters).fit(*tiny_images.make_pair())


def fit_audio(**parameters):
    parameters = QUICK | {"audio_column": "audio", "encoder": wave_config()} | parameters
    return TransferClassifier(**parameters).fit(*tiny_audio.make_pair())


FITS = {
    "texts": lambda **parameters: make_classifier(encoder=FOUR, **parameters).fit(X, Y),
    "a decoder": lambda **parameters: make_classifier(encoder=GPT, **parameters).fit(X, Y),
    "a meta network": lambda **parameters: make_meta_net(encoder=FOUR, **parameters).fit(X, Y),
    "images": fit_images,
    "recordings": fit_audio,
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize(("share", "n_trained"), [(0.5, 2), (0.01, 1)])
def test_what_is_below_the_upper_layers_stays(name, share, n_trained):
    model = FITS[name](trainable=share, callbacks=[Start()])
    encoder = model.net_.module_.encoder
    name_of = {id(weight): name for name, weight in encoder.named_parameters()}
    names = [{name_of[id(weight)] for weight in layer.parameters()} for layer in encoder.layers]
    in_layers = set().union(*names)
    below = {name for name in name_of.values() if re.search(r"embed|\.wte|\.feature_", name)}
    assert below - in_layers
    for kept in [below - in_layers, *names[:-n_trained]]:
        assert not kept & changed(model)
    for trained in names[-n_trained:]:
        assert trained & changed(model)


class Calls(Callback):
    """Counts how often the lowest layer is computed; the class is shared by copies."""

    count = 0

    def on_train_begin(self, net, **kwargs):
        layer = net.module_.encoder.layers[0]
        part = next(module for module in layer.modules() if isinstance(module, nn.LayerNorm))
        self.handle_ = part.register_forward_hook(self.note)

    def on_train_end(self, net, **kwargs):
        self.handle_.remove()

    @staticmethod
    def note(*args):
        Calls.count += 1


@pytest.mark.parametrize("config", [FOUR, GPT], ids=["encoder", "decoder"])
def test_fixed_layers_are_computed_once_for_each_text(config, monkeypatch):
    parameters = {"trainable": 0.5, "max_epochs": 3, "batch_size": 7, "callbacks": [Calls()]}
    model = make_classifier(encoder=config, **parameters)
    found, counts = [], []
    for bound in (fixed_layers.MAX_BYTES, 0):
        monkeypatch.setattr(fixed_layers, "MAX_BYTES", bound)
        Calls.count = 0
        found.append(model.fit(X, Y).predict_proba(TEST))
        counts.append(Calls.count)
        assert not any("forward" in vars(layer) for layer in model.text_encoder_.layers)
    assert 0 < counts[0] <= counts[1] / 3
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


class CopyNetwork(Callback):
    """Keeps a copy and a pickle of the network that is trained; the class is shared by copies."""

    copies = []

    def on_epoch_end(self, net, **kwargs):
        network = net.module_
        self.copies[:] = [copy.deepcopy(network), pickle.loads(pickle.dumps(network))]


@pytest.mark.parametrize("parameters", [{}, {"gradient_checkpointing": True}])
def test_copies_made_in_a_training_have_layers_of_their_own(parameters):
    model = make_classifier(trainable=0.5, callbacks=[CopyNetwork()], **parameters).fit(X, Y)
    expected = model.predict_proba(X)
    for network in CopyNetwork.copies:
        layers = network.encoder.layers
        assert all(layer.forward.__self__ is layer for layer in layers)
        for weights in layers[-1].parameters():
            weights.data.zero_()
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_generated_adapters_below_the_upper_layers_are_trained(monkeypatch):
    # They change what these layers give, by language and with every step.
    X_both = pd.concat([X, X.assign(language="jav")], ignore_index=True)
    y_both = np.concatenate([Y, 1 - Y])
    parameters = {"trainable": 0.5, "max_epochs": 3, "learning_rate": 0.01}
    model = make_meta_net(encoder=FOUR, validation_fraction=0.2, **parameters)
    found = model.fit(X_both, y_both).predict_proba(X_both)
    monkeypatch.setattr(fixed_layers, "MAX_BYTES", 0)
    np.testing.assert_array_equal(found, model.fit(X_both, y_both).predict_proba(X_both))


def test_they_are_pickled_saved_and_continued(tmp_path):
    model = FITS["texts"](trainable=0.5)
    expected = model.predict_proba(TEST)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TEST), expected)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict_proba(TEST), expected)
    more = make_classifier(source=model, trainable="all", callbacks=[Start()]).fit(X, Y)
    assert any("embed" in name for name in changed(more))
    less = make_classifier(source=more, trainable=0.25, callbacks=[Start()]).fit(X, Y)
    assert {name.split(".")[3] for name in changed(less)} == {"3"}


def test_a_short_pickle_leaves_out_what_the_checkpoint_holds(bert):
    model = make_classifier(encoder=bert, trainable=0.5).partial_fit(X, Y)
    with short_pickles():
        again, size = pickle.loads(pickle.dumps(model)), len(pickle.dumps(model))
    assert size < len(pickle.dumps(model)) - 4 * 300 * 16
    for each in (again, model):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(TEST), model.predict_proba(TEST))


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.5, float("nan"), "half"])
def test_what_is_no_share(share):
    with pytest.raises(ValueError, match="'trainable' parameter of"):
        make_classifier(trainable=share).fit(X, Y)


def test_an_encoder_that_does_not_show_its_layers(bert):
    pair = BagOfTokens(), AutoTokenizer.from_pretrained(bert)
    with pytest.raises(ValueError, match="`trainable`: 0.5 is a share of the layers of the enc"):
        make_classifier(encoder=pair, trainable=0.5).fit(X, Y)
