"""Sentiment of NusaX as a number (-1, 0, 1), from English and Indonesian to ten other languages.

    python benchmarks/sentiment_scores.py FOLDER_OF_NUSAX
    python benchmarks/sentiment_scores.py FOLDER_OF_NUSAX --split validation

All methods read vectors of a frozen multilingual-e5-small. They get the training rows
of NusaX: English and Indonesian with labels, the others without, but for k labels in each.
The methods:

- ridge: sklearn's RidgeCV on the labelled vectors, standardised by LanguageStandardScaler.
- ridge alone: one for each language on its own labels; not for k = 0.
- ridge averaged: the mean of the predictions of these two.
- ridge, raw vectors: the first without standardising.
- meta network: MetaNetRegressor with its defaults.
- transfer: TransferRegressor with its defaults.
- huber: the same with loss="huber".
- distill: the same with RidgeCV as `source` and the transfer term "distill".
- mmd: the same with the transfer term "mmd".

Labels of the other languages count by the term "labels".

R² and Spearman's correlation are means over the ten languages. The seed draws the k rows and the
weights. `--split validation` is for choices, such as that of the learning rate by default.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from metaling_sk import (
    EncoderVectorizer,
    LanguageStandardScaler,
    MetaNetRegressor,
    TransferRegressor,
)
from metaling_sk.datasets import fetch_nusax, load_encoder

SOURCES = ["eng", "ind"]
ALPHAS = np.logspace(-1, 5, 13)
METHODS = [
    "ridge",
    "ridge alone",
    "ridge averaged",
    "ridge, raw vectors",
    "meta network",
    "transfer",
    "huber",
    "distill",
    "mmd",
]


def read(folder, subset, kept):
    """The vectors, the numbers and the languages of a subset."""
    found = fetch_nusax(mirror=folder, subset=subset, verbose=0)
    path = None if kept is None else kept / f"nusax-e5-{subset}.npy"
    if path is not None and path.exists():
        vectors = np.load(path)
    else:
        encoder = load_encoder("multilingual-e5-small")
        vectors = EncoderVectorizer(encoder, max_length=64, verbose=0).fit_transform(found.data)
        if path is not None:
            np.save(path, vectors)
    return vectors, found.target - 1.0, found.data["language"].to_numpy()


def predict(method, seed, X, y, language, X_test, language_test):
    """Fit a method, and predict the test rows."""
    labelled = ~np.isnan(y)
    if method.startswith("ridge"):
        if method != "ridge, raw vectors":
            scaler = LanguageStandardScaler().fit(X, language=language)
            X = scaler.transform(X, language=language)
            X_test = scaler.transform(X_test, language=language_test)
        pooled = RidgeCV(ALPHAS).fit(X[labelled], y[labelled]).predict(X_test)
        if method in ("ridge", "ridge, raw vectors"):
            return pooled
        alone = np.empty(len(X_test))
        for name in np.unique(language_test):
            own, there = labelled & (language == name), language_test == name
            alone[there] = RidgeCV(ALPHAS).fit(X[own], y[own]).predict(X_test[there])
        return alone if method == "ridge alone" else (pooled + alone) / 2
    if method == "meta network":
        model = MetaNetRegressor(verbose=0, random_state=seed).fit(X, y, language=language)
        return model.predict(X_test, language=language_test)
    parameters = {"transfer": "labels" if labelled[~np.isin(language, SOURCES)].any() else None}
    if method == "huber":
        parameters["loss"] = "huber"
    if method in ("distill", "mmd"):
        parameters["transfer"] = [*filter(None, [parameters["transfer"]]), method]
    if method == "distill":
        parameters["source"] = make_pipeline(RidgeCV(ALPHAS))
    model = TransferRegressor(
        source_languages=SOURCES, verbose=0, random_state=seed, **parameters
    ).fit(X, y, language=language)
    return model.predict(X_test, language=language_test)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--split", default="test", choices=["validation", "test"])
    parser.add_argument("--labels", nargs="+", type=int, default=[0, 16, 64, 500])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--vectors", type=Path, help="folder where vectors are kept")
    arguments = parser.parse_args()
    X, y, language = read(arguments.folder, "train", arguments.vectors)
    X_test, y_test, language_test = read(arguments.folder, arguments.split, arguments.vectors)
    targets = sorted(set(language) - {*SOURCES})
    for k in arguments.labels:
        for method in arguments.methods:
            if k == 0 and method in ("ridge alone", "ridge averaged"):
                continue
            scores, start = [], time.perf_counter()
            for seed in arguments.seeds:
                rng, given = np.random.default_rng(seed), np.isin(language, SOURCES)
                for name in targets:
                    given[rng.choice(np.flatnonzero(language == name), k, replace=False)] = True
                labels = np.where(given, y, np.nan)
                found = predict(method, seed, X, labels, language, X_test, language_test)
                parts = [language_test == name for name in targets]
                pairs = [(y_test[part], found[part]) for part in parts]
                scores.append(
                    [
                        np.mean([r2_score(*pair) for pair in pairs]),
                        np.mean([spearmanr(*pair).statistic for pair in pairs]),
                    ]
                )
            seconds = (time.perf_counter() - start) / len(arguments.seeds)
            (r2, rho), (r2_std, rho_std) = np.mean(scores, axis=0), np.std(scores, axis=0)
            print(
                f"k={k:<3} {method:<20} R2 {r2:.3f} ± {r2_std:.3f}   "
                f"Spearman {rho:.3f} ± {rho_std:.3f}   {seconds:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
