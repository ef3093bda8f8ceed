"""Encoders from a folder."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from encoder_cases import PLAIN, TEXTS, X, Y
from safetensors.torch import save_file
from tiny import make_classifier, make_config
from torch import nn
from transformers import AutoModel, AutoTokenizer, BertForMaskedLM, T5Config

from metaling_sk import EncoderVectorizer
from metaling_sk._encoders import check_encoder
from metaling_sk._encoders.memory_cache import CACHE

pytestmark = pytest.mark.usefixtures("empty_cache")


def reference(folder, texts, pooling, layer, max_length=128):
    """The vectors by transformers alone, a text at a time."""
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    max_length = min(max_length, model.config.max_position_embeddings)
    vectors = []
    for text in texts:
        ids = tokenizer(text)["input_ids"][:max_length] or [tokenizer.unk_token_id]
        with torch.no_grad():
            output = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        hidden = output.hidden_states[layer][0].numpy()
        vectors.append({"mean": hidden.mean(axis=0), "cls": hidden[0], "last": hidden[-1]}[pooling])
    return np.stack(vectors)


LAYERS = [(-1, 4), (4, 4), (1.0, 4), (-2, 3), (3, 3), (0.5, 2), (1, 1), (0.25, 1), (-4, 1)]


@pytest.mark.parametrize(
    ("layer", "number", "pooling"),
    [
        *((*layer, "mean") for layer in LAYERS),
        *((*layer, pooling) for layer in ((-1, 4), (0.5, 2)) for pooling in ("cls", "last")),
    ],
)
def test_vectors_are_those_of_transformers(folder, pooling, layer, number):
    vectorizer = EncoderVectorizer(folder, pooling=pooling, layer=layer, **PLAIN)
    vectors = vectorizer.fit_transform(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), 16)
    expected = reference(folder, TEXTS, pooling, number)
    np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-5)
    backbone = vectorizer.text_encoder_.backbone
    layers = next(module for module in backbone.modules() if isinstance(module, nn.ModuleList))
    assert len(layers) == number


def test_layers_above_are_not_computed(folder):
    encoder = EncoderVectorizer(folder, layer=0.5, **PLAIN).fit(TEXTS).text_encoder_.cpu()
    calls = []
    for module in encoder.backbone.modules():
        if isinstance(module, nn.ModuleList):
            for layer in module:
                layer.register_forward_hook(lambda *args: calls.append(1))
    encoder(torch.ones((1, 3), dtype=torch.int64), torch.ones((1, 3), dtype=torch.int64))
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (0, "got 0: this encoder has 4 layers"),
        (5, "`layer` must be -1"),
        (-5, "`layer` must be -1"),
        (0.0, "'layer' parameter of EncoderVectorizer must be .* Got 0.0"),
        (1.5, "'layer' parameter .* Got 1.5"),
        (0.1, "a fraction of the depth such as 0.5"),
        ("middle", "'layer' parameter .* Got 'middle'"),
        (None, "'layer' parameter .* Got None"),
    ],
)
def test_layers_that_there_are_not(bert, layer, message):
    with pytest.raises(ValueError, match=message):
        EncoderVectorizer(bert, layer=layer, **PLAIN).fit(TEXTS)


def test_a_pooling_that_there_is_not(bert):
    with pytest.raises(ValueError, match="'pooling' parameter of EncoderVectorizer must be"):
        EncoderVectorizer(bert, pooling="max", **PLAIN).fit(TEXTS)


def test_texts_are_truncated(folder, count_forwards):
    vectorizer = EncoderVectorizer(folder, max_length=5, **PLAIN).fit(TEXTS)
    np.testing.assert_allclose(
        vectorizer.transform(TEXTS),
        reference(folder, TEXTS, "mean", 4, max_length=5),
        rtol=1e-4,
        atol=1e-5,
    )
    assert count_forwards["longest"] == 5
    # Never beyond the positions that the model has.
    EncoderVectorizer(folder, max_length=10_000, **PLAIN).fit_transform(["room " * 500])
    assert count_forwards["longest"] == 64


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("layer", [-1, 0.5])
def test_a_checkpoint_is_fitted(folder, trainable, layer):
    model = make_classifier(
        encoder=folder, trainable=trainable, target_languages="zh", layer=layer
    ).fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()
    parts = model.predict_proba(X.iloc[[3]]), model.predict_proba(X)[[3]]
    np.testing.assert_allclose(*parts, rtol=1e-4)


def test_a_path_object(bert):
    as_text = EncoderVectorizer(bert, **PLAIN).fit_transform(TEXTS)
    as_path = EncoderVectorizer(Path(bert), **PLAIN).fit_transform(TEXTS)
    np.testing.assert_array_equal(as_text, as_path)


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_silence(folder, trainable, tmp_path, capfd):
    shutil.copytree(folder, tmp_path / "model")
    model = make_classifier(encoder=tmp_path / "model", trainable=trainable, layer=0.5)
    model.fit(X, Y).predict(X)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n_threads", [1, 4])
def test_no_report_of_what_is_not_used(bert, n_threads, tmp_path, capfd):
    logging = transformers.utils.logging
    settings = logging.get_verbosity(), logging.is_progress_bar_enabled()
    for number in range(n_threads):
        folder = tmp_path / str(number)
        BertForMaskedLM(make_config()).save_pretrained(folder)
        AutoTokenizer.from_pretrained(bert).save_pretrained(folder)
    capfd.readouterr()
    with ThreadPoolExecutor(n_threads) as pool:
        vectorizers = [EncoderVectorizer(path, **PLAIN) for path in tmp_path.iterdir()]
        list(pool.map(lambda vectorizer: vectorizer.fit(TEXTS), vectorizers))
    assert capfd.readouterr() == ("", "")
    assert settings == (logging.get_verbosity(), logging.is_progress_bar_enabled())


def test_an_encoder_is_checked_once(bert, tmp_path, monkeypatch):
    def check(encoder):
        checked.append(encoder.pooling)
        passed(encoder)

    checked, passed = [], check_encoder._check
    monkeypatch.setattr(check_encoder, "_check", check)
    for name in ("one", "other"):
        shutil.copytree(bert, tmp_path / name)
        for pooling in ("mean", "mean", "cls", "auto"):
            EncoderVectorizer(tmp_path / name, pooling=pooling, **PLAIN).fit(TEXTS)
    pair = AutoModel.from_pretrained(bert), AutoTokenizer.from_pretrained(bert)
    for _ in range(2):
        EncoderVectorizer(pair, **PLAIN).fit(TEXTS)
    assert checked == ["mean", "cls", "mean", "cls", "mean", "mean"]


def test_two_estimators_do_not_share_weights(bert):
    one, other = (make_classifier(encoder=bert).fit(X[:30], Y[:30]) for _ in range(2))
    weight = other.net_.module_.encoder.backbone.embeddings.word_embeddings.weight
    before = weight.detach().clone()
    one.partial_fit(X[:30], Y[:30])
    assert torch.equal(weight, before)


def test_pretrained_weights_learn_slowly(bert):
    def rates(encoder):
        model = make_classifier(encoder=encoder, target_languages="zh").fit(X, Y)
        return sorted({group["initial_lr"] for group in model.net_.optimizer_.param_groups})

    of_encoder, of_head = rates(bert)
    assert of_encoder == 2e-5 < of_head
    assert rates(make_config()) == [of_head]


def test_a_folder_that_is_written_again_is_read_again(bert, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(bert, folder)
    old = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    model = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.add_(torch.randn(300, 16))
    weights = model.state_dict()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    new = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    assert not np.allclose(old, new)


@pytest.mark.parametrize("kind", ["no folder", "an empty folder", "a file", "no weights"])
def test_no_model_there(kind, bert, tmp_path):
    path = tmp_path / "model"
    if kind == "an empty folder":
        path.mkdir()
    elif kind == "a file":
        path.write_text("weights")
    elif kind == "no weights":
        shutil.copytree(bert, path)
        (path / "model.safetensors").unlink()
    with pytest.raises(OSError, match="`encoder`: .* is no folder with a transformers model"):
        make_classifier(encoder=str(path)).fit(X, Y)


def test_no_pickled_weights(bert, tmp_path):
    shutil.copytree(bert, tmp_path / "model")
    model = AutoModel.from_pretrained(bert)
    (tmp_path / "model" / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors weights"):
        EncoderVectorizer(tmp_path / "model", **PLAIN).fit(TEXTS)


def test_an_encoder_decoder_model(save_checkpoint):
    config = T5Config(
        vocab_size=300, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    folder = save_checkpoint(config)
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    pair = model.get_encoder(), tokenizer
    vectors = EncoderVectorizer(pair, **PLAIN).fit_transform(TEXTS)
    assert vectors.shape == (len(TEXTS), 16)
    for encoder in (folder, (model, tokenizer)):
        CACHE.clear()
        again = EncoderVectorizer(encoder, **PLAIN).fit_transform(TEXTS)
        np.testing.assert_array_equal(again, vectors)
