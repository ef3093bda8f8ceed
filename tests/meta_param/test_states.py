"""States of encoders: what a checkpoint holds is not written, and is there when they are read."""

import os
import shutil
import signal
import warnings
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
import tiny_audio
import tiny_images
from searches import assert_same_results
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from tiny import make_classifier, make_pair
from transformers import AutoModel, Wav2Vec2FeatureExtractor

from metaling_sk import EncoderVectorizer, MetaParamSearchCV
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.meta_param._fit_spec import Fit
from metaling_sk.meta_param._states import States

X, Y = make_pair(30, 30, n_labelled=30)
ROWS = np.arange(2)
FIT = Fit(candidate=0, params={}, split=0, n_resources=1, train=ROWS, test=ROWS)


def make(encoder, trainable, **parameters):
    defaults = {"encoder": encoder, "trainable": trainable, "learning_rate": 0.01}
    return make_classifier(**defaults | parameters)


def score_or_die(estimator, X, y, *, log, at):
    """Count the calls in a file, and kill the process at some of them."""
    with open(log, "a") as file:
        file.write(".")
        if file.tell() in at:
            os.kill(os.getpid(), signal.SIGKILL)
    return estimator.score(X, y)


def save_and_load(folder, estimator):
    """The state of an estimator as bytes, and what is read from it."""
    states = States(folder, seed=0)
    states.save(FIT, estimator)
    (path,) = folder.glob("*/*.state")
    n_done, again = states.load(FIT, 1)
    assert n_done == 1
    return path.read_bytes(), again


def large_weights(encoder):
    """The weights of the checkpoint that are large enough not to be in a file by chance."""
    weights = dict(encoder.backbone.named_parameters())
    return {
        name: weight.detach().numpy().tobytes()
        for name, weight in weights.items()
        if weight.numel() > 100 and ".lora_" not in name
    }


@pytest.mark.parametrize("trainable", ["head", "lora", "adapter"])
def test_a_state_goes_on_as_the_estimator_does(bert, trainable, tmp_path):
    estimator = make(bert, trainable).partial_fit(X, Y)
    content, again = save_and_load(tmp_path, estimator)
    weights = large_weights(estimator.text_encoder_)
    assert len(weights) > 10
    assert not [name for name, weight in weights.items() if weight in content]
    words = [word for word in estimator.text_encoder_.tokenizer.get_vocab() if len(word) > 4]
    assert len(words) > 5
    assert not [word for word in words if f'"{word}"'.encode() in content]
    for _ in range(2):
        np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
        for one in (estimator, again):
            one.partial_fit(X, Y)


@pytest.mark.parametrize("trainable", ["lora", "adapter"])
def test_weights_that_were_trained_before_they_were_frozen_are_kept(bert, trainable, tmp_path):
    source = make(bert, "all", max_epochs=2).fit(X, Y)
    estimator = make(bert, trainable, source=source).partial_fit(X, Y)
    _, again = save_and_load(tmp_path, estimator)
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))


@pytest.mark.parametrize("kind", ["text", "image", "audio"])
def test_a_frozen_encoder_before_another_classifier(kind, bert, tmp_path):
    (tmp_path / "states").mkdir()
    folder, table, column = bert, X, {}
    if kind == "image":
        folder = tiny_images.save_checkpoint(tmp_path / "encoder")
        table, column = tiny_images.make_pair()[0], {"image_column": kind}
    elif kind == "audio":
        folder = tmp_path / "encoder"
        AutoModel.from_config(tiny_audio.make_wave_config()).save_pretrained(folder)
        Wav2Vec2FeatureExtractor().save_pretrained(folder)
        table, column = tiny_audio.make_pair()[0], {"audio_column": kind}
    vectorizer = EncoderVectorizer(folder, device="cpu", dtype="float32", verbose=0, **column)
    pipeline = make_pipeline(vectorizer, SGDClassifier(random_state=0))
    pipeline.fit(table, np.arange(len(table)) % 2)
    content, again = save_and_load(tmp_path / "states", pipeline)
    weights = large_weights(getattr(vectorizer, f"{kind}_encoder_"))
    assert weights and not [name for name, weight in weights.items() if weight in content]
    expected = vectorizer.transform(table)
    CACHE.clear()
    np.testing.assert_allclose(again[0].transform(table), expected, atol=1e-5)


def test_a_checkpoint_that_has_changed_meanwhile(bert, tmp_path):
    folder, states = tmp_path / "encoder", tmp_path / "states"
    shutil.copytree(bert, folder)
    states.mkdir()
    estimator = make(str(folder), "head").partial_fit(X, Y)
    save_and_load(states, estimator)
    weights = folder / "model.safetensors"
    os.utime(weights)  # Only its date changes.
    again = States(states, seed=0).load(FIT, 1)[1]
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    model = AutoModel.from_pretrained(folder)
    model.embeddings.word_embeddings.weight.data += 1
    model.save_pretrained(folder)
    with pytest.warns(
        UserWarning, match="cannot be used and .* files of its `encoder` have changed"
    ):
        assert States(states, seed=0).load(FIT, 1) == (0, None)


@pytest.mark.parametrize("search", ["halving", "freeze-thaw"])
def test_another_process_goes_on_with_a_frozen_encoder(search, bert, tmp_path):
    def run(name, at=(), checkpoint=None):
        return MetaParamSearchCV(
            make(bert, "head", max_epochs=4, head_penalty=0.0),
            {"learning_rate": [0.01, 0.1, 1.0]},
            search=search,
            factor=2,
            n_iter=3,
            cv=2,
            scoring=partial(score_or_die, log=str(tmp_path / name), at=at),
            checkpoint=checkpoint,
            random_state=0,
            verbose=0,
        )

    expected = run("calls").fit(X, Y)
    # In the second rung.
    killed = run("log", (8,), tmp_path / "run")
    process = get_context("fork").Process(target=killed.fit, args=(X, Y))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [*(tmp_path / "run" / "states").glob("*/*.state")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_results(killed.fit(X, Y), expected, X)
