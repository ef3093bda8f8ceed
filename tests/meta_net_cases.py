"""Languages in which words mean the opposite, and meta networks that learn them."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from tiny import make_config, make_meta_net, make_reviews

from metaling_sk import MetaNetClassifier
from metaling_sk._data.samples import check_samples
from metaling_sk._data.sparse_features import SparseFeatures

CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
LEARNING = {"learning_rate": 0.01, "max_epochs": 10, "batch_size": 16, "patience": 10}
LANGUAGES = ["as is 1", "as is 2", "opposite 1", "opposite 2"]
FEATURES = pd.DataFrame(
    {"group": [1.0, 1.0, 1.0, -1.0, -1.0, -1.0], "number": [1, 2, 3, 1, 2, 3]},
    index=[f"{group} {number}" for group in ("as is", "opposite") for number in (1, 2, 3)],
)
"""What is known of the languages: which group they belong to."""


def make_numbers(languages=LANGUAGES, n_rows=50, seed=0):
    """Numbers whose first column tells the label, the wrong way round in "opposite" languages."""
    rng = np.random.default_rng(seed)
    language = np.repeat(np.array(languages, dtype=object), n_rows)
    X = rng.normal(size=(len(language), 4))
    opposite = np.array([code.startswith("opposite") for code in language])
    return X, ((X[:, 0] > 0) != opposite).astype(int), language


def make_texts(languages=("as is 1", "opposite 1"), n_rows=60, seed=0):
    """Reviews whose words have the opposite label in "opposite" languages."""
    parts = [make_reviews(n_rows, code, seed + number) for number, code in enumerate(languages)]
    y = [
        y if code.startswith("as is") else 1 - y
        for code, (_, y) in zip(languages, parts, strict=True)
    ]
    texts = np.concatenate([X["text"] for X, _ in parts])
    return texts, np.concatenate(y), np.repeat(np.array(languages, dtype=object), n_rows)


ENCODERS = {
    "scratch": make_config(),
    "head": make_config(),
    "characters": CHARACTERS,
    "numbers": None,
    "sparse": None,
}


def make_data(kind, languages=("as is 1", "opposite 1"), n_rows=60, seed=0):
    if ENCODERS[kind] is not None:
        return make_texts(languages, n_rows, seed)
    X, y, language = make_numbers(languages, n_rows, seed)
    return sparse.csr_array(X) if kind == "sparse" else X, y, language


def make_model(kind, **parameters):
    """The meta network alone, without a residual."""
    trainable = "head" if kind == "head" else "all"
    encoder = ENCODERS[kind] or "scratch"
    own = {"encoder": encoder, "trainable": trainable, "residual_penalty": None}
    return make_meta_net(**LEARNING | own | parameters)


def fit(model, X, y, language):
    return model.fit(X, y, language=language)


_FITTED = {}


def fitted(kind):
    """A copy of a model that has learnt two languages in which words mean the opposite."""
    if kind not in _FITTED:
        _FITTED[kind] = fit(make_model(kind, residual_penalty=1.0), *make_data(kind))
    return copy.deepcopy(_FITTED[kind])


every_kind = pytest.mark.parametrize("kind", ENCODERS)
some_kinds = pytest.mark.parametrize("kind", ["scratch", "characters", "numbers"])


def scramble(model, seed=0):
    """Give the hypernetwork weights at random: every language has an architecture of its own."""
    torch.manual_seed(seed)
    hypernetwork = model.net_.module_.hypernetwork
    with torch.no_grad():
        hypernetwork.delta[1:].normal_()
        hypernetwork.gate.bias.fill_(-1.0)
        for layer in (hypernetwork.gate, hypernetwork.core, hypernetwork.head):
            layer.weight.normal_(std=3)
    return model


def vectors_of(module, batch):
    """What the encoder of a network makes of a batch, dense."""
    with torch.no_grad():
        vectors = module.encoder(**batch.inputs)
    return vectors.to_dense() if isinstance(vectors, SparseFeatures) else vectors


def samples_of(X):
    return check_samples(MetaNetClassifier(), X, reset=True, needs_y=False)


COLUMNS = {
    "joint": ["language", "meta", "size"],
    "maml": ["language", "meta", "adapted", "size"],
    "reptile": ["language", "meta", "size"],
}
FEW = 30


def few(kind, language="opposite 2", n_rows=FEW, seed=8):
    return make_data(kind, (language,), n_rows, seed)


def assert_same(model, other, X, language):
    np.testing.assert_array_equal(
        model.predict_proba(X, language=language), other.predict_proba(X, language=language)
    )
