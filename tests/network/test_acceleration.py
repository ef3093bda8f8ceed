"""Compiled layers and checkpointed gradients compute what layers compute without them."""

from shutil import which

import numpy as np
import pytest
import torch
from encoder_cases import BagOfTokens
from skorch.callbacks import Callback
from tiny import make_classifier, make_config, make_meta_net, make_pair
from torch import nn

from metaling_sk._network.acceleration import accelerated

X, Y = make_pair(40, 40, n_labelled=20)


class LayerCalls(Callback):
    """How often the last layer is computed in a training; the class is shared by copies."""

    counts: list = []

    def on_train_begin(self, net, **kwargs):
        layer = net.module_.encoder.layers[-1]
        linear = next(module for module in layer.modules() if isinstance(module, nn.Linear))
        self.handle_ = linear.register_forward_hook(lambda *_: self.counts.append(1))

    def on_train_end(self, net, **kwargs):
        self.handle_.remove()


CASES = [
    (make_classifier, {}),
    (make_classifier, {"layer": 1}),
    (make_classifier, {"trainable": "adapter"}),
    (make_classifier, {"trainable": "lora"}),
    (make_meta_net, {}),
    (make_meta_net, {"trainable": "adapter", "meta_algorithm": "maml"}),
]


@pytest.mark.parametrize(("make", "parameters"), CASES)
def test_checkpointing_changes_nothing_and_computes_layers_twice(make, parameters, bert):
    fits, counts = [], []
    for gradient_checkpointing in (False, True):
        LayerCalls.counts.clear()
        model = make(
            **{"encoder": bert, "validation_fraction": 0, "max_epochs": 1} | parameters,
            gradient_checkpointing=gradient_checkpointing,
            callbacks=[LayerCalls()],
        )
        fits.append(model.fit(X, Y).predict_proba(X))
        counts.append(len(LayerCalls.counts))
    np.testing.assert_array_equal(fits[0], fits[1])
    assert counts[1] == 2 * counts[0]
    assert not any("forward" in vars(layer) for layer in model.text_encoder_.layers)


@pytest.mark.skipif(which("g++") is None, reason="torch.compile needs a compiler")
@pytest.mark.filterwarnings("ignore")  # those of the compiler
def test_compiled_layers_compute_the_same(monkeypatch):
    # The start of worker processes that compile takes longer than what they would save.
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)
    # Compiled dropout draws other masks.
    config = make_config(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config.num_hidden_layers = 2
    fits = []
    for compile in (False, True):
        torch._dynamo.reset()
        model = make_meta_net(
            encoder=config, compile=compile, gradient_checkpointing=compile, validation_fraction=0
        )
        fits.append(model.fit(X, Y).predict_proba(X))
    np.testing.assert_allclose(fits[0], fits[1], atol=1e-3)
    assert not any("forward" in vars(layer) for layer in model.text_encoder_.layers)


def test_features_have_no_layers():
    numbers = np.random.default_rng(0).normal(size=(40, 3))
    y = numbers[:, 0] > 0
    fits = [
        make_classifier(compile=value, gradient_checkpointing=value).fit(numbers, y)
        for value in (False, True)
    ]
    np.testing.assert_array_equal(*(clf.predict_proba(numbers) for clf in fits))


@pytest.mark.parametrize("name", ["compile", "gradient_checkpointing"])
def test_an_encoder_that_does_not_show_its_layers(name, bert):
    tokenizer = make_classifier(encoder=bert).fit(X, Y).text_encoder_.tokenizer
    model = make_classifier(encoder=(BagOfTokens(), tokenizer), **{name: True})
    with pytest.raises(ValueError, match=rf"`{name}` needs an encoder that .*; use {name}=False"):
        model.fit(X, Y)


def test_layers_are_restored_after_an_error(bert):
    encoder = make_classifier(encoder=bert).fit(X, Y).text_encoder_
    with pytest.raises(KeyError), accelerated(encoder, False, True):
        assert all("forward" in vars(layer) for layer in encoder.layers)
        raise KeyError
    assert not any("forward" in vars(layer) for layer in encoder.layers)


def test_attention_is_the_fused_one(bert):
    for encoder in (make_config(), bert, "scratch"):
        backbone = make_classifier(encoder=encoder).fit(X, Y).text_encoder_.backbone
        assert backbone.config._attn_implementation == "sdpa"


def test_the_optimiser_is_the_fused_one():
    model = make_classifier().fit(X, Y)
    assert model.net_.optimizer_.defaults["fused"]
