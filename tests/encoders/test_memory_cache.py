"""Each text is encoded once."""

import numpy as np
import pytest
from encoder_cases import PLAIN, TEXTS, X, Y
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from tiny import make_classifier

from metaling_sk import EncoderVectorizer
from metaling_sk._encoders.memory_cache import VectorCache, keys_of

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_a_text_is_encoded_once(folder, count_forwards):
    n_texts = X["text"].nunique()
    parameters = {"encoder": folder, "trainable": "head", "target_languages": "zh"}
    model = make_classifier(max_epochs=5, **parameters).fit(X, Y)
    model.predict(X)
    assert count_forwards["texts"] == n_texts
    labelled = X[:40].sample(frac=1, random_state=0)
    y = Y[labelled.index].astype(int)
    cross_val_score(make_classifier(**parameters), labelled, y, cv=3, error_score="raise")
    grid = {"learning_rate": [1e-3, 1e-2]}
    GridSearchCV(make_classifier(**parameters), grid, cv=2, error_score="raise").fit(labelled, y)
    clone(model).fit(X, Y).predict(X)
    EncoderVectorizer(folder, **PLAIN).fit_transform(X)
    assert count_forwards["texts"] == n_texts
    model.predict(["something new", "something new"], language="en")
    assert count_forwards["texts"] == n_texts + 1


def test_other_encoders_have_other_vectors(bert, decoder):
    parameters = [{}, {"layer": 2}, {"pooling": "cls"}, {"prompt": "好 "}, {"max_length": 3}]
    vectors = [EncoderVectorizer(bert, **kind, **PLAIN).fit_transform(TEXTS) for kind in parameters]
    vectors.append(EncoderVectorizer(decoder, **PLAIN).fit_transform(TEXTS))
    vectors += [
        EncoderVectorizer(random_state=seed, **PLAIN).fit_transform(TEXTS)[:, :16]
        for seed in range(2)
    ]
    for number, one in enumerate(vectors):
        assert not any(np.allclose(one, other) for other in vectors[:number])


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = VectorCache(max_bytes=3 * 8)
    vectors = np.arange(8, dtype=np.float32).reshape(4, 2)
    keys = keys_of(b"key", ["a", "b", "c", "d"])
    cache.put(keys[:3], vectors[:3])
    assert cache.get(keys[:1])[0].tolist() == [0, 1]
    cache.put(keys[3:], vectors[3:])
    found = cache.get(keys)
    assert [vector is None for vector in found] == [False, True, False, False]
    vectors[0] = 7
    assert cache.get(keys[:1])[0].tolist() == [0, 1]
    cache.clear()
    assert cache.get(keys) == [None] * 4


def test_the_cache_does_not_outgrow_its_limit_for_a_moment():
    cache, sizes = VectorCache(max_bytes=3 * 8), []

    def vectors():
        for number in range(9):
            sizes.append(cache._n_bytes)
            yield np.full(2, number, dtype=np.float32)

    keys = keys_of(b"key", map(str, range(9)))
    cache.put(keys, vectors())
    assert max(sizes) == 3 * 8
    assert [vector is None for vector in cache.get(keys)] == [True] * 6 + [False] * 3
