"""Saved classifiers with parts of scikit-learn in them."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from tiny import DICTIONARY, make_classifier, make_meta_net, make_pair

from metaling_sk import LinearTransferClassifier, TransferClassifier, load
from metaling_sk._saving.reading import record_file

pytest.importorskip("skops")

X, Y = make_pair(30, 30, n_labelled=15)
CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
NUMBERS = np.random.default_rng(0).normal(size=(60, 3))


def split_words(text):
    return text.split()


@pytest.mark.parametrize(
    "model",
    [
        LinearTransferClassifier(target_languages="zh", dictionary=DICTIONARY, random_state=0),
        LinearTransferClassifier(target_languages="zh", self_training=0),
        make_classifier(target_languages="zh", encoder=CHARACTERS),
        make_meta_net(encoder=make_union(CHARACTERS, TfidfVectorizer())),
    ],
    ids=["linear with a dictionary", "linear", "transfer", "meta network on a union"],
)
def test_there_and_back(model, tmp_path):
    model.fit(X, Y).save(tmp_path)
    loaded = load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.sample_counts_.equals(model.sample_counts_)
    assert {path.suffix for path in tmp_path.rglob("*.*")} <= {
        ".json",
        ".md",
        ".safetensors",
        ".skops",
    }


def test_features(tmp_path):
    model = LinearTransferClassifier(self_training=0).fit(NUMBERS, NUMBERS[:, 0] > 0)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict(NUMBERS), model.predict(NUMBERS))
    # A linear model computes on no device, so that the argument has no effect.
    assert not hasattr(load(tmp_path, device="cpu"), "device")


def test_what_runs_code_is_refused(tmp_path):
    vectorizer = TfidfVectorizer(tokenizer=split_words, token_pattern=None)
    clf = TransferClassifier(encoder=vectorizer, max_epochs=1, verbose=0, transfer=None).fit(X, Y)
    with pytest.raises(ValueError, match="split_words.*joblib"):
        clf.save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_forged_file_is_refused(tmp_path):
    """With a type that skops does not know, and all digests right."""
    import skops.io
    from saved_cases import forge

    model = LinearTransferClassifier(self_training=0).fit(X, Y)
    model.save(tmp_path)
    parts = {"vectorizer_": model.vectorizer_, "model_": split_words}
    (tmp_path / "model.skops").write_bytes(skops.io.dumps(parts))

    def edit(content):
        content["files"]["model.skops"] = record_file(tmp_path / "model.skops")

    forge(tmp_path, edit)
    with pytest.raises(ValueError, match="split_words"):
        load(tmp_path)
    assert json.loads((tmp_path / "estimator.json").read_text())["class"] == type(model).__name__
