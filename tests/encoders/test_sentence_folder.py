"""Folders of sentence-transformers: what their files say is done."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from encoder_cases import PLAIN, TEXTS, X, Y
from safetensors.torch import save_file
from saved_cases import forge
from tiny import make_classifier, make_meta_net
from transformers import AutoModel, AutoTokenizer

from metaling_sk import EncoderVectorizer, load

pytestmark = pytest.mark.usefixtures("empty_cache")

PROMPT = "room: "


def write_json(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def make_folder(bert, tmp_path):
    """A function that adds the files of sentence-transformers to a copy of a checkpoint."""

    def make(modules=("Pooling",), prompt="", pooling=None, dense=None, **settings):
        folder = tmp_path / "model"
        shutil.copytree(bert, folder)
        names = ["Transformer", *modules]
        paths = ["", *(f"{number}_{name}" for number, name in enumerate(modules, 1))]
        write_json(
            folder / "modules.json",
            [
                {"idx": number, "path": path, "type": f"sentence_transformers.models.{name}"}
                for number, (name, path) in enumerate(zip(names, paths, strict=True))
            ],
        )
        write_json(folder / "sentence_bert_config.json", settings)
        general = {"prompts": {"ours": prompt, "other": "no"}, "default_prompt_name": "ours"}
        write_json(folder / "config_sentence_transformers.json", general)
        for path in paths:
            if path.endswith("Pooling"):
                config = {"pooling_mode": "mean"} if pooling is None else pooling
                write_json(folder / path / "config.json", config)
            if path.endswith("Dense"):
                config = {"activation_function": "torch.nn.modules.activation.Tanh"}
                write_json(folder / path / "config.json", config | (dense or {}))
                weights = {"linear.weight": weight(), "linear.bias": torch.arange(5.0) / 10}
                save_file(weights, folder / path / "model.safetensors")
        return str(folder)

    return make


def weight():
    return torch.linspace(-1, 1, 5 * 16).reshape(5, 16)


def reference(folder, texts, pooling="mean", max_length=64, dense=False, normalize=False):
    """The vectors by transformers and torch alone, a text at a time."""
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    vectors = []
    for text in texts:
        ids = tokenizer(text)["input_ids"][:max_length] or [tokenizer.unk_token_id]
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        vectors.append({"mean": hidden.mean(dim=0), "cls": hidden[0], "last": hidden[-1]}[pooling])
    vectors = torch.stack(vectors)
    if dense:
        vectors = torch.tanh(vectors @ weight().T + torch.arange(5.0) / 10)
    return F.normalize(vectors, dim=1) if normalize else vectors


def encode(folder, **parameters):
    vectorizer = EncoderVectorizer(folder, **PLAIN | parameters)
    vectors = vectorizer.fit_transform(TEXTS)
    assert vectorizer.get_feature_names_out().shape == (vectors.shape[1],)
    return vectors


def assert_close(vectors, expected):
    np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-5)


# Vectors


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["lasttoken"], "include_prompt": True}, "last"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last"),
    ],
)
def test_pooling(make_folder, config, pooling):
    folder = make_folder(pooling=config)
    assert_close(encode(folder), reference(folder, TEXTS, pooling))
    assert_close(encode(folder, pooling="last"), reference(folder, TEXTS, "last"))


def test_modules_on_pooled_vectors(make_folder):
    folder = make_folder(("Pooling", "Dense", "Normalize"))
    expected = reference(folder, TEXTS, dense=True, normalize=True)
    assert expected.shape == (len(TEXTS), 5)
    assert_close(encode(folder), expected)
    assert_close(encode(folder, layer=4), expected)
    # They belong to the pooling and the layer that they were trained on.
    assert_close(encode(folder, pooling="mean"), reference(folder, TEXTS))
    plain = encode(folder, pooling="mean", layer=0.5)
    np.testing.assert_array_equal(encode(folder, layer=0.5), plain)


def test_vectors_in_low_precision(make_folder):
    folder = make_folder(("Pooling", "Dense", "Normalize"))
    vectors = encode(folder, dtype="bfloat16")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, encode(folder), atol=0.05)


def test_the_prompt_and_the_length(make_folder):
    folder = make_folder(prompt=PROMPT, max_seq_length=9)
    texts = [PROMPT + text for text in TEXTS]
    assert_close(encode(folder), reference(folder, texts, max_length=9))
    assert_close(encode(folder, max_length=7), reference(folder, texts, max_length=7))
    assert_close(encode(folder, prompt=""), reference(folder, TEXTS, max_length=9))
    other = [f"好 {text}" for text in TEXTS]
    assert_close(encode(folder, prompt="好 "), reference(folder, other, max_length=9))
    fitted = EncoderVectorizer(folder, **PLAIN).fit(TEXTS)
    assert_close(encode(fitted, prompt="good"), reference(folder, texts, max_length=9))


def test_a_prompt_for_an_encoder_without_such_files(bert):
    texts = [PROMPT + text for text in TEXTS]
    assert_close(encode(bert, prompt=PROMPT), reference(bert, texts))
    pair = AutoModel.from_pretrained(bert), AutoTokenizer.from_pretrained(bert)
    assert_close(encode(pair, prompt=PROMPT), reference(bert, texts))


def test_a_prompt_that_leaves_no_room(bert):
    with pytest.raises(ValueError, match="`prompt`: the first 4 tokens, to which `max_length`"):
        encode(bert, prompt="room hotel staff breakfast ", max_length=4)


def test_the_length_of_the_tokenizer_where_the_files_name_none(make_folder):
    folder = make_folder()
    assert EncoderVectorizer(folder, **PLAIN).fit(TEXTS).text_encoder_.max_length == 64
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 7
    tokenizer.save_pretrained(folder)
    assert_close(encode(folder), reference(folder, TEXTS, max_length=7))


def test_a_transformer_in_a_subfolder(make_folder):
    folder = Path(make_folder(prompt=PROMPT))
    expected = encode(folder)
    inside = folder / "0_Transformer"
    inside.mkdir()
    moved = "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"
    for name in (*moved, "sentence_bert_config.json"):
        (folder / name).rename(inside / name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    write_json(folder / "modules.json", modules)
    assert_close(encode(folder), expected)


def test_lower_case(make_folder):
    folder = Path(make_folder(do_lower_case=True))
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    steps = content["normalizer"]["normalizers"]
    content["normalizer"]["normalizers"] = [step for step in steps if step["type"] != "Lowercase"]
    write_json(path, content)
    vectors = EncoderVectorizer(folder, **PLAIN).fit_transform(["Good HOTEL", "good hotel"])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    write_json(folder / "sentence_bert_config.json", {})
    vectors = EncoderVectorizer(folder, **PLAIN).fit_transform(["Good HOTEL", "good hotel"])
    assert not np.allclose(vectors[0], vectors[1])


HUB = """
import json, sys
import numpy as np
from metaling_sk import EncoderVectorizer, TransferClassifier
texts, folder = json.load(sys.stdin), sys.argv[1]
parameters = {"device": "cpu", "dtype": "float32", "verbose": 0}
for name in ("whole", "plain"):
    vectors = EncoderVectorizer(f"somebody/{name}", **parameters).fit_transform(texts)
    np.save(f"{folder}/{name}.npy", vectors)
TransferClassifier(encoder="somebody/plain", max_epochs=1, **parameters).fit(texts, [0, 1] * 7)
"""


def test_a_name_on_the_hub(bert, make_folder, tmp_path):
    """Of models that have been downloaded before, without a network, and in silence."""
    folder = make_folder(("Pooling", "Dense", "Normalize"), prompt=PROMPT, max_seq_length=9)
    for name, source in (("whole", folder), ("plain", bert)):
        repository = tmp_path / "hub" / f"models--somebody--{name}"
        shutil.copytree(source, repository / "snapshots" / ("0" * 40))
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0" * 40)
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-W", "error", "-c", HUB, str(tmp_path)]
    run = subprocess.run(
        command, input=json.dumps(TEXTS), capture_output=True, text=True, env=environment
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    np.testing.assert_array_equal(np.load(tmp_path / "whole.npy"), encode(folder))
    np.testing.assert_array_equal(np.load(tmp_path / "plain.npy"), encode(bert))


# What cannot be followed

REFUSED = {
    "pools by 'max'": {"pooling": {"pooling_mode": "max"}},
    "pools by 'cls', 'mean'": {"pooling": {"pooling_mode": ["cls", "mean"]}},
    "does not pool the tokens of the prompt": {
        "pooling": {"include_prompt": False},
        "prompt": PROMPT,
    },
    "has no 'Pooling'": {"modules": ()},
    "module 'LayerNorm' has no equivalent": {"modules": ("Pooling", "LayerNorm", "Normalize")},
    "module 'Normalize' has no equivalent": {"modules": ("Pooling", "Normalize", "Dense")},
    "'Dense' module has the activation 'Softplus'": {
        "modules": ("Pooling", "Dense"),
        "dense": {"activation_function": "torch.nn.Softplus"},
    },
    "'Dense' module has the activation 'Tanh'": {
        "modules": ("Pooling", "Dense"),
        "dense": {"activation_function": "somebody.code.Tanh"},
    },
    "'Dense' module is more than": {"modules": ("Pooling", "Dense"), "dense": {"use_residual": 1}},
    "more than a layer on pooled vectors": {
        "modules": ("Pooling", "Dense"),
        "dense": {"module_input_name": "token_embeddings"},
    },
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_followed_is_refused(make_folder, reason):
    folder = make_folder(**REFUSED[reason])
    with pytest.raises(ValueError, match=f"`encoder`: .*{reason}.*pooling='mean'"):
        encode(folder)
    prompt = REFUSED[reason].get("prompt", "")
    expected = reference(folder, [prompt + text for text in TEXTS])
    assert_close(encode(folder, pooling="mean"), expected)


def test_other_first_modules_and_pickled_weights_are_refused(make_folder):
    folder = Path(make_folder(("Pooling", "Dense")))
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(ValueError, match="no weights in the safetensors format"):
        encode(folder)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "somebody.code.Transformer"
    write_json(folder / "modules.json", modules)
    with pytest.raises(ValueError, match="first module is 'somebody.code.Transformer'"):
        encode(folder)


@pytest.mark.parametrize("content", ["{", "[{}]", '{"a": 1}', '["Transformer"]'])
def test_damaged_files(make_folder, content):
    folder = Path(make_folder())
    (folder / "modules.json").write_text(content)
    with pytest.raises(ValueError, match="`encoder`: .*modules.json' or a file .* is damaged"):
        encode(folder)


def test_a_default_prompt_without_a_text(make_folder):
    folder = Path(make_folder())
    settings = {"prompts": {"query": "query: "}, "default_prompt_name": "passage"}
    write_json(folder / "config_sentence_transformers.json", settings)
    with pytest.raises(ValueError, match="default prompt 'passage' is none of"):
        encode(folder)


# Classifiers


def make_all(make_folder):
    return make_folder(("Pooling", "Dense", "Normalize"), prompt=PROMPT, max_seq_length=20)


@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
@pytest.mark.parametrize("trainable", ["all", "head", "lora"])
def test_classifiers_save_and_load(make_folder, make, trainable, tmp_path):
    folder = make_all(make_folder)
    model = make(encoder=folder, trainable=trainable).fit(X, Y)
    encoder = model.text_encoder_
    assert encoder.n_features == 5 and encoder.max_length == 20
    trained = encoder.dense[0].linear.weight
    assert torch.equal(trained.cpu(), weight()) == (trainable != "all")
    shutil.rmtree(folder)
    model.save(tmp_path / "saved")
    loaded = load(tmp_path / "saved")
    np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), rtol=1e-5)
    assert loaded.text_encoder_.text_tokenizer.prompt == PROMPT
    assert loaded.text_encoder_.fingerprint == encoder.fingerprint or trainable == "lora"


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_classifiers_do_not_scale_vectors(make_folder, trainable):
    folder = make_folder(("Pooling", "Normalize"))
    parameters = {"trainable": trainable, "target_languages": "zh"}
    model = make_classifier(encoder=folder, **parameters).fit(X, Y)
    plain = make_classifier(encoder=folder, pooling="mean", **parameters).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert EncoderVectorizer(folder, **PLAIN).fit(TEXTS).text_encoder_.normalize
    assert not model.text_encoder_.normalize


def test_a_fitted_estimator_keeps_them(make_folder):
    first = make_classifier(encoder=make_all(make_folder), target_languages="zh").fit(X, Y)
    again = make_classifier(encoder=first, trainable="head", target_languages="zh").fit(X, Y)
    assert again.text_encoder_.text_tokenizer.prompt == PROMPT
    assert again.text_encoder_.n_features == 5


@pytest.mark.parametrize("activations", [["Module"], ["Tanh", "Tanh"], []])
def test_saved_activations_that_do_not_belong_to_the_weights(make_folder, activations, tmp_path):
    def edit(content):
        content["fitted"]["front_end"]["encoder"]["activations"] = activations

    model = make_classifier(encoder=make_all(make_folder), trainable="head").fit(X, Y)
    model.save(tmp_path / "saved")
    forge(tmp_path / "saved", edit)
    with pytest.raises(ValueError, match="does not hold a complete estimator"):
        load(tmp_path / "saved")


def test_adapters_need_layers_of_the_size_of_the_vectors(make_folder):
    folder = make_all(make_folder)
    model = make_classifier(encoder=folder, trainable="adapter", target_languages="zh")
    with pytest.raises(ValueError, match="'adapter' .* size .* pooling='mean'"):
        model.fit(X, Y)
    model.set_params(pooling="mean").fit(X, Y)
