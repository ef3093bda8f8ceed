import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from encoder_cases import PLAIN, TEXTS, X, Y
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import DEVICE, ODD_TEXTS, make_config

from metaling_sk import EncoderVectorizer
from metaling_sk._encoders.memory_cache import CACHE

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_the_vectorizer_is_a_transformer_like_others(bert):
    vectorizer = EncoderVectorizer(bert, **PLAIN)
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)
    vectors = vectorizer.fit(X).transform(X)
    np.testing.assert_array_equal(clone(vectorizer).fit_transform(X["text"]), vectors)
    loaded = pickle.loads(pickle.dumps(vectorizer))
    CACHE.clear()
    np.testing.assert_array_equal(loaded.transform(X["text"].tolist()), vectors)
    assert vectorizer.get_feature_names_out()[:2].tolist() == [
        "encodervectorizer0",
        "encodervectorizer1",
    ]
    frame = clone(vectorizer).set_output(transform="pandas").fit_transform(X)
    assert isinstance(frame, pd.DataFrame) and frame.shape == (len(X), 16)
    pipeline = make_pipeline(vectorizer, LogisticRegression()).fit(X[:30], Y[:30])
    assert pipeline.predict(X).shape == (len(X),)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(folder, text):
    vectorizer = EncoderVectorizer(folder, **PLAIN).fit(TEXTS)
    alone = vectorizer.transform([text])
    assert np.isfinite(alone).all()
    CACHE.clear()
    np.testing.assert_allclose(
        vectorizer.transform(["room " * 30, text])[1:], alone, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_vectors_do_not_depend_on_what_else_is_encoded(folder, dtype):
    # As many tokens as fit into a vector of a processor, fewer and more.
    texts = [" ".join(["room", word] * n) for n in range(1, 20) for word in ("good", "不错", "a")]
    vectorizer = EncoderVectorizer(folder, **PLAIN | {"dtype": dtype}).fit(texts)
    is_exact = dtype == "float32" or DEVICE == "cpu"
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if is_exact else {"rtol": 0.02, "atol": 0.02}

    def check(rows):
        np.testing.assert_allclose(vectorizer.transform(texts[rows]), together[rows], **tolerance)

    together = vectorizer.transform(texts)
    for batch_size, rows in ((1, slice(None)), (64, slice(4)), (64, slice(None, None, -2))):
        CACHE.clear()
        vectorizer.set_params(batch_size=batch_size)
        check(rows)
    CACHE.clear()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check, [slice(start, None) for start in range(0, 40, 5)]))


def test_the_seed_of_random_weights():
    first, again, other = (
        EncoderVectorizer(make_config(), random_state=seed, **PLAIN).fit_transform(TEXTS)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_vectorizer_refuses_numbers_and_wrong_parameters(bert):
    with pytest.raises(ValueError, match="EncoderVectorizer encodes texts, but X holds numbers"):
        EncoderVectorizer(bert, **PLAIN).fit(np.eye(3))
    with pytest.raises(ValueError, match="'batch_size' parameter .* an int in the range .1, inf"):
        EncoderVectorizer(bert, **PLAIN, batch_size=0).fit(TEXTS)


def test_low_precision(folder):
    exact = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    rough = EncoderVectorizer(folder, **PLAIN | {"dtype": "bfloat16"}).fit_transform(TEXTS)
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, exact, atol=0.2)
    assert not np.array_equal(rough, exact)
