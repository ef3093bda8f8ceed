"""Predict and fit in threads, and compare with one thread bit by bit.

Eight threads share the fitted models of a front end and predict at once. Then two fits run at once.
Every result has to be that of one thread, and global state has to be as before.

    python benchmarks/threads.py --threads 8 --calls 200 --fits 6 --seed 0
"""

from __future__ import annotations

import argparse
import os
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Models as small as these take no more threads.

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from transformers import BertConfig, BertModel

from metaling_sk import MetaNetClassifier, TransferClassifier
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._encoders.scratch import train_tokenizer

WORDS = {
    "en": ["good", "bad", "hotel", "room"],
    "de": ["gut", "mies", "Hotel", "Zimmer"],
    "fr": ["bon", "mauvais", "hôtel", "repas"],
}
KINDS = ("right", "wrong", "exceptions", "right fits", "wrong fits", "changed global state")
N_NUMBERS = 5
N_PARTS = 20


def make_texts(n_samples: int, languages, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Texts of different lengths whose first word says the class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 2
    language = rng.choice(languages, n_samples)
    texts = [
        " ".join([WORDS[code][1 - label], *rng.choice(WORDS[code][2:], rng.integers(1, 9))])
        for code, label in zip(language, y, strict=True)
    ]
    return pd.DataFrame({"text": texts, "language": language}), y


def make_numbers(n_samples: int, languages, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers that depend on the class."""
    X, y = make_texts(n_samples, languages, seed)
    values = np.random.default_rng(seed).normal(size=(n_samples, N_NUMBERS)) + y[:, None]
    return pd.DataFrame(values).add_prefix("x").assign(language=X["language"]), y


def make_config() -> BertConfig:
    """An encoder of two layers."""
    return BertConfig(
        vocab_size=99,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )


def make_models(kind: type, **parameters) -> list:
    """Two models that differ in their random numbers."""
    settings = {"max_epochs": 2, "learning_rate": 0.01, "device": "cpu", "dtype": "float32"}
    settings |= {"encoder": make_config(), "verbose": 0}
    return [kind(**settings | {"random_state": seed} | parameters) for seed in range(2)]


def make_sharing_models(**parameters) -> list:
    """Two models with one module and tokenizer that cut texts at different lengths."""
    X, _ = make_texts(40, list(WORDS), seed=0)
    torch.manual_seed(0)
    tokenizer = train_tokenizer(X["text"].to_numpy(), X["language"].to_numpy(), 99)
    models = make_models(
        TransferClassifier, encoder=(BertModel(make_config()).eval(), tokenizer), **parameters
    )
    return [model.set_params(max_length=4 + 20 * seed) for seed, model in enumerate(models)]


TRANSFER = partial(make_models, TransferClassifier)
META = partial(make_models, MetaNetClassifier)
CASES: dict[str, tuple[Callable, Callable]] = {
    "numbers": (TRANSFER, make_numbers),
    "vectorizer": (partial(TRANSFER, encoder=TfidfVectorizer(analyzer="char")), make_texts),
    "frozen": (partial(TRANSFER, trainable="head"), make_texts),
    "frozen, layer 1": (partial(TRANSFER, trainable="head", layer=1), make_texts),
    "all": (TRANSFER, make_texts),
    "all, layer 1": (partial(TRANSFER, layer=1), make_texts),
    "lora": (partial(TRANSFER, trainable="lora"), make_texts),
    "adapter": (partial(TRANSFER, trainable="adapter"), make_texts),
    "one module, frozen": (partial(make_sharing_models, trainable="head"), make_texts),
    "one module, all": (make_sharing_models, make_texts),
    "meta, numbers": (META, make_numbers),
    "meta, frozen": (partial(META, trainable="head"), make_texts),
    "meta, all": (META, make_texts),
    "meta, adapter": (partial(META, trainable="adapter"), make_texts),
}
"""The models of each case by the front end that it is about, and its data."""


def fit(model, make_data: Callable):
    """Fit a model; a meta network learns a new language from a few samples afterwards."""
    if not hasattr(model, "adapt"):
        return model.fit(*make_data(40, list(WORDS), seed=0))
    return model.fit(*make_data(40, ["en", "de"], seed=0)).adapt(*make_data(8, ["fr"], seed=1))


def state_of_process() -> tuple:
    """The global state that no call may change."""
    return (
        repr(np.random.get_state()),  # noqa: NPY002
        torch.get_rng_state().tolist(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    )


def make_parts(make_data: Callable, thread: int) -> list[pd.DataFrame]:
    """Samples of which each thread has its own: which texts share a batch decides the last bits."""
    parts = []
    for number in range(N_PARTS):
        X, _ = make_data(3 + number % 9, list(WORDS), seed=N_PARTS * thread + number)
        if "text" in X.columns:
            X["text"] += [f" {thread} {number} {index}" for index in range(len(X))]
        parts.append(X)
    return parts


def run_calls(
    models: list, make_data: Callable, n_threads: int, n_calls: int, counts: Counter
) -> None:
    """Predict in threads and count the calls with other probabilities than in one thread."""
    parts = [make_parts(make_data, thread) for thread in range(n_threads)]
    expected = [[[model.predict_proba(part) for part in own] for own in parts] for model in models]
    CACHE.clear()  # Otherwise a frozen encoder would have nothing to do.
    before = state_of_process()

    def call(thread: int, number: int) -> str:
        model, part = number % len(models), number // len(models) % N_PARTS
        try:
            found = models[model].predict_proba(parts[thread][part])
        except Exception:
            traceback.print_exc()
            return "exceptions"
        return "right" if np.array_equal(found, expected[model][thread][part]) else "wrong"

    with ThreadPoolExecutor(n_threads) as pool:
        threads = [
            pool.submit(lambda thread: [call(thread, number) for number in range(n_calls)], thread)
            for thread in range(n_threads)
        ]
        for thread in threads:
            counts.update(thread.result())
    counts["changed global state"] += state_of_process() != before


def run_fits(make: Callable, make_data: Callable, n_pairs: int, counts: Counter) -> None:
    """Fit two models at once and count those that predict otherwise than fitted alone."""
    part, _ = make_data(20, list(WORDS), seed=9)
    CACHE.clear()
    expected = [fit(model, make_data).predict_proba(part) for model in make()]
    before = state_of_process()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(n_pairs):
            CACHE.clear()
            fits = [pool.submit(fit, model, make_data) for model in make()]
            for alone, fitted in zip(expected, fits, strict=True):
                try:
                    is_right = np.array_equal(fitted.result().predict_proba(part), alone)
                    counts["right fits" if is_right else "wrong fits"] += 1
                except Exception:
                    traceback.print_exc()
                    counts["exceptions"] += 1
    counts["changed global state"] += state_of_process() != before


def main() -> Counter:
    """Run the campaign; returns the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--calls", type=int, default=200, help="of each thread")
    parser.add_argument("--fits", type=int, default=6, help="pairs of each case")
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    options = parser.parse_args()
    total: Counter = Counter()
    for name in options.cases:
        make, make_data = CASES[name]
        models = [fit(model, make_data) for model in make()]
        counts = Counter(dict.fromkeys(KINDS, 0))
        run_calls(models, make_data, options.threads, options.calls, counts)
        run_fits(make, make_data, options.fits, counts)
        total.update(counts)
        print(f"{name}: {dict(counts)}", flush=True)
    print(f"in all: {dict(total)}")
    return total


if __name__ == "__main__":
    main()
