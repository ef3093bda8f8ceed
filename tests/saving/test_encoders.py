import socket

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file, save_file
from saved_cases import X, Y, fit, forge
from torch import nn
from transformers import AutoModel, AutoTokenizer, BertConfig, BertForMaskedLM, BertModel

from metaling_sk import load

CONFIG = {
    "vocab_size": 300,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


def cut_layers(module):
    del module.encoder.layer[2:]


def inject_peft(module):
    inject_adapter_in_model(LoraConfig(r=2, target_modules="all-linear"), module)


def enlarge_vocabulary(module):
    module.embeddings.word_embeddings = nn.Embedding(350, 16)


def exchange_activation(module):
    module.encoder.layer[0].intermediate.intermediate_act_fn = nn.ReLU()


def change_epsilon(module):
    module.encoder.layer[0].output.LayerNorm.eps = 1.0


CHANGES = [
    cut_layers,
    inject_peft,
    enlarge_vocabulary,
    exchange_activation,
    change_epsilon,
]


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_module_changed_after_its_config_is_refused(change, trainable, bert, tmp_path):
    module = BertModel(BertConfig(**CONFIG))
    change(module)
    model = fit(encoder=(module, AutoTokenizer.from_pretrained(bert)), trainable=trainable)
    with pytest.raises(ValueError, match=r"does not make from its config.*\('.*by the config\)"):
        model.save(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


MODULES = {
    "eager attention": lambda: AutoModel.from_config(
        BertConfig(**CONFIG), attn_implementation="eager"
    ),
    "low precision by its config": lambda: AutoModel.from_config(
        BertConfig(**CONFIG, dtype="bfloat16")
    ).float(),
    "dropout of its own": lambda: _with_dropout(BertModel(BertConfig(**CONFIG))),
    "resized as transformers does": lambda: _resized(BertModel(BertConfig(**CONFIG))),
    "weight norm, which becomes one weight": lambda: _normed(BertModel(BertConfig(**CONFIG))),
}


def _with_dropout(module):
    module.embeddings.dropout.p = 0.5
    return module


def _normed(module):
    nn.utils.parametrizations.weight_norm(module.encoder.layer[0].output.dense)
    return module


def _resized(module):
    module.resize_token_embeddings(350)
    return module


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_its_config_describes(name, trainable, bert, tmp_path):
    pair = MODULES[name](), AutoTokenizer.from_pretrained(bert)
    model = fit(encoder=pair, trainable=trainable)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict_proba(X), model.predict_proba(X))


def test_a_tokenizer_that_is_not_read_as_it_was(bert, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(bert)

    class Reversed(type(tokenizer)):
        def __call__(self, texts, **options):
            return super().__call__([text[::-1] for text in texts], **options)

    tokenizer.__class__ = Reversed
    model = fit(encoder=(AutoModel.from_pretrained(bert), tokenizer))
    with pytest.raises(ValueError, match="tokenizer cannot be stored.*use joblib.dump"):
        model.save(tmp_path)


SIZES = {
    "num_hidden_layers": 100_000,
    "vocab_size": 10**9,
    "intermediate_size": 10**9,
    "hidden_size": "a",
    "model_type": "roberta",
}


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("name", SIZES)
def test_a_config_of_another_model(name, trainable, tmp_path):
    fit(trainable=trainable).save(tmp_path)
    forge(tmp_path, edit_config=lambda config: config.update({name: SIZES[name]}))
    with pytest.raises(ValueError, match="does not hold a complete .*encoder/config.json"):
        load(tmp_path)


LOOKUPS = [
    {"auto_map": {"AutoModel": "somebody/model--code.Model", "AutoConfig": "code.Config"}},
    {"_attn_implementation": "somebody/kernel"},
    {"attn_implementation": "somebody/kernel"},
    {"_name_or_path": "somebody/model"},
    {"quantization_config": {"quant_method": "gptq", "bits": 4}},
]


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_load_asks_nothing_of_the_network(lookup, tmp_path, monkeypatch):
    model = fit()
    monkeypatch.chdir(tmp_path)
    model.save("name")
    forge(tmp_path / "name", edit_config=lambda config: config.update(lookup))

    def connect(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    np.testing.assert_array_equal(load("name").predict_proba(X), model.predict_proba(X))


def test_files_beside_the_saved_ones_are_not_read(tmp_path):
    model = fit()
    model.save(tmp_path)
    (tmp_path / "encoder" / "adapter_config.json").write_text('{"base_model_name_or_path": "a/b"}')
    (tmp_path / "encoder" / "tokenizer" / "added_tokens.json").write_text('{"good": 5}')
    np.testing.assert_array_equal(load(tmp_path).predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("model_class", [BertModel, BertForMaskedLM])
def test_a_checkpoint_that_lacks_a_weight(model_class, trainable, bert, tmp_path):
    model_class(BertConfig(**CONFIG)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    fit(encoder=str(tmp_path), trainable=trainable)  # A pooler is not needed.
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "layer.1.attention.self.query.weight" in name)
    del weights[name]
    save_file({name: weight.clone() for name, weight in weights.items()}, path, {"format": "pt"})
    with pytest.raises(ValueError, match="lack 'encoder.layer.1.attention.self.query.weight'"):
        fit(encoder=str(tmp_path), trainable=trainable)


def test_weights_that_are_not_finite(tmp_path):
    model = fit(X, Y)
    with torch.no_grad():
        model.net_.module_.head.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="head.weight' holds NaN or infinite numbers"):
        model.save(tmp_path)
    assert not list(tmp_path.iterdir())
