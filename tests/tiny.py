"""Reviews of a made-up language pair, and models that learn from them in a moment."""

import os

import numpy as np
import pandas as pd
from transformers import BertConfig

from metaling_sk import (
    MetaNetClassifier,
    MetaNetRegressor,
    TransferClassifier,
    TransferRegressor,
)

DEVICE = os.environ.get("METALING_SK_TEST_DEVICE", "cpu")
"""Where the small models of the tests compute."""

POSITIVE = {"good": "不错", "clean": "干净", "quiet": "安静", "friendly": "热情"}
NEGATIVE = {"bad": "糟糕", "dirty": "肮脏", "noisy": "吵闹", "rude": "冷漠"}
NEUTRAL = {"hotel": "酒店", "room": "房间", "staff": "员工", "breakfast": "早餐"}
ONLY_TARGET = {0: ["退房", "失望"], 1: ["推荐", "满意"]}
DICTIONARY = {
    word: [found] for words in (POSITIVE, NEGATIVE, NEUTRAL) for word, found in words.items()
}
ODD_TEXTS = {
    "empty": "",
    "blank": " \n\t",
    "one character": "a",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "control characters": "good\x00\x07\x1b[31m\u200b\ufeff hotel",
    "right to left": "مرحبا بالعالم \u202e שלום",
    "combining marks": "e" + "\u0301" * 50,
    "unpaired surrogates": "good \ud800 hotel \udfff",
    "special tokens": "[PAD] [UNK] [CLS] <s> </s>",
    "markup": "<b>%s</b> {text} \\N{DIGIT ONE}",
}


def make_reviews(n_rows, language, seed, joiner=None):
    """Reviews of three neutral and two opinion words, the target ones with words of their own."""
    if joiner is None:
        joiner = "" if language == "zh" else " "
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_rows)
    texts = []
    for label in y:
        words = [*rng.choice(list(NEUTRAL), 3), *rng.choice(list((NEGATIVE, POSITIVE)[label]), 2)]
        if language == "zh":
            words = [DICTIONARY[word][0] for word in words] + [rng.choice(ONLY_TARGET[label])]
        texts.append(joiner.join(words))
    return pd.DataFrame({"text": texts, "language": language}, dtype=object), y


def make_pair(n_en=40, n_zh=40, n_labelled=0, seed=0, joiner=None):
    """English reviews with labels and Chinese ones, of which the first `n_labelled` have one."""
    reviews = make_reviews(n_en, "en", seed, joiner), make_reviews(n_zh, "zh", seed + 1, joiner)
    return join_languages(*reviews, n_labelled)


def join_languages(first, second, n_labelled):
    """X and y of two languages; of the second one only the first `n_labelled` have a label."""
    (X, y), (X_second, y_second) = first, second
    y_second = np.where(np.arange(len(y_second)) < n_labelled, y_second, np.nan)
    return pd.concat([X, X_second], ignore_index=True), np.concatenate([y, y_second])


def make_config(**parameters):
    """An encoder of one layer."""
    return BertConfig(
        vocab_size=300,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        **parameters,
    )


QUICK = {
    "encoder": make_config(),
    "max_epochs": 1,
    "dtype": "float32",
    "device": DEVICE,
    "verbose": 0,
    "random_state": 0,
}
"""Parameters of models that are fitted in a tenth of a second."""


def make_classifier(**parameters):
    """A classifier that is fitted in a tenth of a second."""
    return TransferClassifier(**QUICK | parameters)


def make_regressor(**parameters):
    """A regressor that is fitted in a tenth of a second."""
    return TransferRegressor(**QUICK | parameters)


def as_stars(y):
    """Ratings of reviews for their labels, with a fraction that nothing tells; NaN stays NaN."""
    return 1 + 3 * np.asarray(y, dtype=float) + np.arange(len(y)) % 3 / 2


def make_meta_net(**parameters):
    """A meta network that is fitted in a tenth of a second."""
    return MetaNetClassifier(**QUICK | parameters)


def make_meta_regressor(**parameters):
    """A meta network of numbers that is fitted in a tenth of a second."""
    return MetaNetRegressor(**QUICK | parameters)


def make_learner(**parameters):
    """A classifier that learns what the reviews have to teach, in less than a second."""
    defaults = {"max_epochs": 10, "learning_rate": 0.02, "patience": 10}
    return make_classifier(**defaults | parameters)
