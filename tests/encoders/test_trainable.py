"""trainable="lora" and "adapter": little is trained, all else stays as it is."""

import copy
import pickle
import sys

import numpy as np
import pytest
import torch
from encoder_cases import BagOfTokens, make_decoder_config
from safetensors.torch import load_file
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from tiny import make_classifier, make_config, make_meta_net, make_pair, make_reviews
from transformers import AutoModel, AutoTokenizer, LlamaConfig

from metaling_sk import load
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.modalities import MODALITIES
from metaling_sk._encoders.trainable import set_trainable

X, Y = make_pair(30, 30, n_labelled=15)
TEST = make_pair(10, 10, seed=5)[0]
NUMBERS = np.random.default_rng(0).normal(size=(60, 5))
LANGUAGE = X["language"].to_numpy()
CONFIGS = {
    "bert": make_config(pad_token_id=0),
    "gpt2": make_decoder_config(n_layer=2),
    "llama": LlamaConfig(
        vocab_size=300,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    ),
}
MODES = ["lora", "adapter"]
ADDED = {"lora": ".lora_", "adapter": "encoder.adapters."}
MAKERS = {"transfer": make_classifier, "meta network": make_meta_net}

both = pytest.mark.parametrize("mode", MODES)
with_meta_net = pytest.mark.parametrize("maker", MAKERS)
all_folders = pytest.mark.parametrize(
    ("folder", "maker"),
    [*((name, "transfer") for name in CONFIGS), ("bert", "meta network")],
    indirect=["folder"],
)


@pytest.fixture(scope="module")
def checkpoints(save_checkpoint):
    folders = {}
    for name, config in CONFIGS.items():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            folders[name] = save_checkpoint(config)
    return folders


@pytest.fixture
def folder(request, checkpoints):
    return checkpoints[request.param]


@pytest.fixture(scope="module")
def bert(checkpoints):
    return checkpoints["bert"]


def fit(encoder, mode, maker="transfer", X=X, language=None, **parameters):
    parameters = {"learning_rate": 0.01} | parameters
    if maker == "transfer":
        parameters = {"target_languages": "zh"} | parameters
    model = MAKERS[maker](encoder=encoder, trainable=mode, **parameters)
    return model.fit(X, Y, language=language)


def own_weights(encoder):
    """The weights of the backbone, by the names that they have in the checkpoint."""
    return {
        name.replace(".base_layer", ""): weight
        for name, weight in encoder.backbone.state_dict().items()
        if ".lora_" not in name
    }


def assert_checkpoint_in(encoder, folder):
    weights = own_weights(encoder)
    for name, weight in AutoModel.from_pretrained(folder).state_dict().items():
        if not name.startswith("pooler"):
            assert torch.equal(weight, weights[name].cpu())


# What is trained


@both
@pytest.mark.parametrize("folder", CONFIGS, indirect=True)
def test_nothing_changes_at_first(folder, mode):
    encoder = (
        MODALITIES["texts"]
        .make_encoder(EncodingParameters(folder, pooling="mean", max_length=64))
        .eval()
    )
    batch = encoder.tokenizer(TEST["text"].tolist(), padding=True, return_tensors="pt")
    inputs = batch["input_ids"], batch["attention_mask"]
    before = encoder(*inputs)
    set_trainable(encoder, mode)
    assert torch.equal(encoder(*inputs), before)


@both
@all_folders
def test_what_is_trained(folder, mode, maker):
    model = fit(folder, mode, maker)
    module = model.net_.module_
    assert not model.front_end_.inputs_are_fixed and model.text_encoder_ is module.encoder
    assert_checkpoint_in(module.encoder, folder)
    trained = {name for name, weight in module.named_parameters() if weight.requires_grad}
    in_encoder = {name for name in trained if name.startswith("encoder.")}
    assert {"head.weight", "head.bias"} <= trained - in_encoder
    assert all(ADDED[mode] in name for name in in_encoder)
    # The meta network's adapters are generated.
    assert bool(in_encoder) == ((mode, maker) != ("adapter", "meta network"))
    for name, weight in module.named_parameters():
        assert name in trained or weight.grad is None
        if ".lora_B." in name or name.endswith("adapters.0.up"):
            assert weight.any(), f"{name} has stayed 0"
    groups = model.net_.optimizer_.param_groups
    optimised = {id(weight) for group in groups for weight in group["params"]}
    assert optimised == {id(module.get_parameter(name)) for name in trained}


@both
@pytest.mark.parametrize(
    ("config", "maker"), [("bert", "transfer"), ("llama", "transfer"), ("bert", "meta network")]
)
def test_it_learns(checkpoints, mode, config, maker):
    X_pair, y = make_pair(60, 60, n_labelled=60, joiner=" ")
    parameters = {"max_epochs": 9, "patience": 9, "batch_size": 16, "learning_rate": 0.03}
    model = MAKERS[maker](encoder=checkpoints[config], trainable=mode, **parameters)
    model.fit(X_pair, y)
    assert model.history_["train_loss"].iloc[-1] < model.history_["train_loss"].iloc[0]
    for language in ("en", "zh"):
        assert model.score(*make_reviews(60, language, seed=9, joiner=" ")) > 0.7


@both
def test_learning_rates(bert, mode):
    model = fit(bert, mode, learning_rate="auto", max_epochs=1)
    assert {group["initial_lr"] for group in model.net_.optimizer_.param_groups} == {2e-3}


@both
def test_the_same_random_state_gives_the_same_model(bert, mode):
    one, other = (fit(bert, mode).predict_proba(TEST) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@both
def test_a_layer_at_half_the_depth(checkpoints, mode):
    model = fit(checkpoints["llama"], mode, layer=0.5)
    assert len(model.text_encoder_.layers) == 1
    assert np.isfinite(model.predict_proba(TEST)).all()


@both
def test_low_precision(bert, mode):
    model = fit(bert, mode, dtype="bfloat16")
    assert_checkpoint_in(model.text_encoder_, bert)
    assert {weight.dtype for weight in model.net_.module_.parameters()} == {torch.float32}


@with_meta_net
@pytest.mark.parametrize(
    ("mode", "kind"), [("lora", "numbers"), ("adapter", "an sklearn transformer")]
)
def test_without_a_transformer_it_is_ignored(mode, maker, kind):
    X_other = NUMBERS if kind == "numbers" else X["text"].tolist()
    encoder = "scratch" if kind == "numbers" else TfidfVectorizer()
    models = [fit(encoder, each, maker, X_other, LANGUAGE) for each in (mode, "head")]
    one, other = (model.predict_proba(X_other, language=LANGUAGE) for model in models)
    np.testing.assert_array_equal(one, other)


@both
@pytest.mark.parametrize("transfer", [["coral", "labels"], "l2sp", "adversarial"])
def test_terms(bert, mode, transfer):
    assert np.isfinite(fit(bert, mode, transfer=transfer).history_["train_loss"]).all()


# A fitted one


@both
@with_meta_net
def test_copies(bert, mode, maker):
    model = fit(bert, mode, maker)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict_proba(TEST), model.predict_proba(TEST))
        assert again.text_encoder_ is again.net_.module_.encoder
    assert clone(model).get_params() == model.get_params()


@both
@all_folders
def test_save_and_load(folder, mode, maker, tmp_path):
    model = fit(folder, mode, maker)
    expected = model.predict_proba(TEST)
    model.save(tmp_path / "one")
    loaded = load(tmp_path / "one")
    np.testing.assert_allclose(
        loaded.predict_proba(TEST), expected, rtol=1e-4 if mode == "lora" else 0
    )
    # Saving changes nothing in the estimator, and what is loaded can be saved.
    np.testing.assert_array_equal(model.predict_proba(TEST), expected)
    loaded.save(tmp_path / "other")
    np.testing.assert_array_equal(
        load(tmp_path / "other").predict_proba(TEST), loaded.predict_proba(TEST)
    )


def test_what_is_saved_needs_no_peft(bert, tmp_path, monkeypatch):
    fit(bert, "lora").save(tmp_path)
    monkeypatch.setitem(sys.modules, "peft", None)
    assert np.isfinite(load(tmp_path).predict_proba(TEST)).all()
    assert not any("lora" in name for name in load_file(tmp_path / "weights.safetensors"))


@both
def test_partial_fit(bert, mode):
    model = make_classifier(encoder=bert, trainable=mode, target_languages="zh", learning_rate=0.01)
    first = model.partial_fit(X, Y).predict_proba(TEST)
    assert not np.allclose(model.partial_fit(X, Y).predict_proba(TEST), first)
    assert_checkpoint_in(model.text_encoder_, bert)


@pytest.mark.parametrize(
    ("way", "source", "target"),
    [
        ("source", "all", "lora"),
        ("source", "all", "adapter"),
        ("source", "lora", "lora"),
        ("source", "lora", "all"),
        ("source", "lora", "adapter"),
        ("source", "adapter", "adapter"),
        ("source", "adapter", "all"),
        ("source", "adapter", "lora"),
        ("loaded source", "lora", "lora"),
        ("loaded source", "adapter", "adapter"),
        ("warm start", "lora", "lora"),
        ("warm start", "adapter", "all"),
        ("warm meta network", "all", "lora"),
        ("warm meta network", "lora", "adapter"),
        ("warm meta network", "adapter", "all"),
    ],
)
def test_going_on(bert, source, target, way, tmp_path):
    maker = "meta network" if way == "warm meta network" else "transfer"
    own = fit(bert, source, maker, language_norm=False, warm_start=maker == "meta network")
    expected = own.predict_proba(TEST)
    if way == "loaded source":
        own.save(tmp_path)
        own = load(tmp_path)
    if way.startswith("warm"):
        model = own.set_params(warm_start=True, trainable=target, learning_rate=0.0)
    else:
        model = make_classifier(
            source=own,
            trainable=target,
            target_languages="zh",
            transfer=["labels", "l2sp"],
            language_norm=False,
            learning_rate=0.0,
        )
    model.fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(TEST), expected, rtol=1e-4)
    before = own_weights(model.text_encoder_)
    model.set_params(warm_start=True, learning_rate=0.01).fit(X, Y)
    after = own_weights(model.text_encoder_)
    assert not np.allclose(model.predict_proba(TEST), expected)
    is_same = all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert is_same == (target != "all")


@both
def test_the_source_stays_as_it_is(bert, mode):
    own = fit(bert, mode)
    before = pickle.dumps(own)
    make_classifier(source=own, trainable="all", learning_rate=0.01).fit(X, Y)
    make_classifier(encoder=own, trainable="all", learning_rate=0.01).fit(X, Y)
    assert pickle.dumps(own) == before


@both
@pytest.mark.parametrize(
    ("maker", "target"),
    [
        ("transfer", "head"),
        ("transfer", "lora"),
        ("transfer", "adapter"),
        ("meta network", "adapter"),
    ],
)
def test_as_encoder(bert, mode, maker, target, tmp_path):
    own = fit(bert, mode)
    model = fit(own, target, maker)
    has_new_adapters = target == "adapter" and maker == "transfer"
    assert len(model.text_encoder_.adapters) == (mode == "adapter" or has_new_adapters)
    if mode == "adapter":
        assert_checkpoint_in(model.text_encoder_, bert)
    model.save(tmp_path)
    np.testing.assert_allclose(
        load(tmp_path).predict_proba(TEST), model.predict_proba(TEST), rtol=1e-4
    )


@both
def test_a_fitted_encoder_gives_its_vectors(bert, mode):
    own = fit(bert, mode)
    frozen = fit(own, "head").text_encoder_
    batch = frozen.tokenizer(TEST["text"].tolist(), padding=True, return_tensors="pt")
    found, expected = (
        encoder.eval()(batch["input_ids"], batch["attention_mask"])
        for encoder in (frozen, own.text_encoder_)
    )
    torch.testing.assert_close(found, expected)


# Refusals


@with_meta_net
@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("adapter", "`trainable`: 'adapter' needs an encoder that shows its layers as one list"),
        (
            "lora",
            "`trainable`: 'lora' needs an encoder with linear layers, which Bag",
        ),
    ],
)
def test_an_encoder_with_nothing_to_adapt(bert, mode, message, maker):
    with pytest.raises(ValueError, match=message):
        fit((BagOfTokens(), AutoTokenizer.from_pretrained(bert)), mode, maker)


def test_without_peft(bert, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ImportError, match='needs peft: pip install "metaling_sk'):
        fit(bert, "lora")


def test_a_frozen_source_is_not_trained(bert):
    own = fit(bert, "head")
    with pytest.raises(ValueError, match="`trainable`: the encoder to start from is frozen; use"):
        make_classifier(source=own, trainable="lora").fit(X, Y)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("trainable", ["all", "head", "adapter"])
def test_a_module_in_half_precision_is_computed_as_dtype_says(bert, dtype, trainable):
    module = AutoModel.from_pretrained(bert).to(dtype)
    pair = module, AutoTokenizer.from_pretrained(bert)
    model = make_classifier(encoder=pair, trainable=trainable, dtype="float32").fit(X, Y)
    weights = [*model.net_.module_.parameters(), *model.text_encoder_.parameters()]
    assert {weight.dtype for weight in weights} == {torch.float32}
    assert np.isfinite(model.predict_proba(X)).all()
    assert {weight.dtype for weight in module.parameters()} == {dtype}
