"""The outputs of trained encoders in low precision, and of equal samples."""

import numpy as np
import pytest
from tiny import make_classifier, make_config, make_pair

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.tokens import Tokens

X, Y = make_pair(200, 200, n_labelled=20)


@pytest.fixture(scope="module")
def model():
    encoder = make_config()
    return make_classifier(encoder=encoder, trainable="all", dtype="bfloat16").fit(X, Y)


def test_a_trained_encoder_predicts_in_its_precision(model):
    low = model.predict_proba(X)
    high = model.set_params(dtype="float32").predict_proba(X)
    model.set_params(dtype="bfloat16")
    assert 0 < np.abs(low - high).max() < 0.02
    one_by_one = np.concatenate([model.predict_proba(X.iloc[[row]]) for row in range(len(X))])
    np.testing.assert_allclose(one_by_one, low, atol=0.02)


def test_equal_texts_of_a_language_are_computed_once_and_get_equal_results(model):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(X), 300)
    lengths = []
    handle = model.net_.module_.encoder.register_forward_pre_hook(
        lambda module, args, kwargs: lengths.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    try:
        proba = model.predict_proba(X.iloc[rows])
    finally:
        handle.remove()
    assert sum(lengths) == len(X.iloc[rows].drop_duplicates())
    for row in np.unique(rows):
        assert len(np.unique(proba[rows == row], axis=0)) == 1


def test_the_first_of_equal_samples():
    tokens = Tokens.from_rows([np.array(row, dtype=np.int32) for row in ([5, 6], [5], [5, 6], [5])])
    first, position = EncodedSamples(tokens, np.array([1, 1, 1, 2])).distinct()
    assert first.tolist() == [0, 1, 3]
    assert position.tolist() == [0, 1, 0, 2]
