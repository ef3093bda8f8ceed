import pickle

import numpy as np
import pandas as pd
import pytest
from encoder_cases import PLAIN, TEXTS, X, Y
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import ODD_TEXTS, make_config

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


def test_vectors_do_not_depend_on_the_batch(folder):
    vectorizer = EncoderVectorizer(folder, batch_size=1, **PLAIN).fit(TEXTS)
    alone = vectorizer.transform(TEXTS)
    CACHE.clear()
    together = vectorizer.set_params(batch_size=64).transform(TEXTS)
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


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
