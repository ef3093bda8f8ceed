"""Sentiment of NusaX as a number (-1, 0, 1), from English and Indonesian to ten other languages.

    python benchmarks/sentiment_scores.py FOLDER_OF_NUSAX
    python benchmarks/sentiment_scores.py FOLDER_OF_NUSAX --split dev
    python benchmarks/sentiment_scores.py --report

All methods read vectors of a frozen multilingual-e5-small. They get the training rows
of NusaX: English and Indonesian with labels, the others without, but for k labels in each.
The methods:

- ridge: sklearn's RidgeCV on the labelled vectors, standardised by LanguageStandardScaler.
- ridge alone: one for each language on its own labels; not for k = 0.
- ridge averaged: the mean of the predictions of these two.
- ridge, raw vectors: the first without standardising.
- meta network: MetaNetRegressor with its defaults.
- transfer: TransferRegressor with its defaults, which is solved for.
- trained: the same with the learning rate that it has by default where it is trained.
- huber: transfer with loss="huber".
- distill: the same with RidgeCV on the raw vectors as `source` and the transfer term "distill".
- mmd: transfer with the transfer term "mmd".

Labels of the other languages count by the term "labels".

R² and Spearman's correlation are means over the ten languages. The seed draws the k rows and the
weights. `--split dev` is for choices, such as that of the learning rate by default.
"""

import argparse
import functools
import time
from pathlib import Path

import numpy as np
import records
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
KS = [0, 16, 64, 500]
METHODS = [
    "ridge",
    "ridge alone",
    "ridge averaged",
    "ridge, raw vectors",
    "meta network",
    "transfer",
    "trained",
    "huber",
    "distill",
    "mmd",
]
DRAWS_WEIGHTS = ["trained", "mmd"]
"""Methods that depend on the seed even where no rows are drawn."""

RESULT = Path(__file__).parent / "results" / "sentiment_scores.json"


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
    if method == "trained":
        scaled = LanguageStandardScaler().fit_transform(X, language=language)
        parameters["learning_rate"] = 0.2 / np.abs(scaled).sum(axis=1).mean()
    if method in ("distill", "mmd"):
        parameters["transfer"] = [*filter(None, [parameters["transfer"]]), method]
    if method == "distill":
        parameters["source"] = make_pipeline(RidgeCV(ALPHAS))
    model = TransferRegressor(
        source_languages=SOURCES, verbose=0, random_state=seed, **parameters
    ).fit(X, y, language=language)
    return model.predict(X_test, language=language_test)


def measure(train, test, method: str, k: int, seed: int) -> dict[str, float]:
    """Return the scores of a method, as means over the ten languages, and its seconds."""
    (X, y, language), (X_test, y_test, language_test) = train, test
    targets = sorted(set(language) - {*SOURCES})
    rng, given = np.random.default_rng(seed), np.isin(language, SOURCES)
    for name in targets:
        given[rng.choice(np.flatnonzero(language == name), k, replace=False)] = True
    start = time.perf_counter()
    found = predict(method, seed, X, np.where(given, y, np.nan), language, X_test, language_test)
    seconds = time.perf_counter() - start
    pairs = [(y_test[part], found[part]) for part in (language_test == name for name in targets)]
    return {
        "R2": round(100 * np.mean([r2_score(*pair) for pair in pairs]), 2),
        "Spearman": round(100 * np.mean([spearmanr(*pair).statistic for pair in pairs]), 2),
        "seconds": round(seconds, 2),
    }


def report(path: Path) -> None:
    """Print R² and Spearman's correlation in percent by method and number of labels."""
    for split, part in records.read_table(path).groupby("split"):
        for score in ("R2", "Spearman"):
            rows = [[f"{split}, {score}", *(f"k = {k}" for k in sorted(set(part["k"])))]]
            for method in [each for each in METHODS if each in set(part["method"])]:
                of_method = part[part["method"] == method].groupby("k")[score]
                found = {k: records.mean_and_std(values) for k, values in of_method}
                rows.append([method, *(found.get(k, "") for k in sorted(set(part["k"])))])
            print(f"{records.simple_table(rows)}\n")


def main() -> None:
    """Run what is not known yet, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="copy of the repository IndoNLP/nusax")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--labels", nargs="+", type=int, default=KS, help="values of k")
    parser.add_argument("--vectors", type=Path, help="folder where vectors are kept")
    args = parser.parse_args()
    if args.report:
        report(args.result)
        return
    if args.folder is None:
        parser.error("the copy of NusaX is missing")
    subset = {"dev": "validation", "test": "test"}[args.split]
    train, test = (
        functools.cache(functools.partial(read, args.folder, each, args.vectors))
        for each in ("train", subset)
    )
    runs = [
        records.new_record(method, seed, {"split": args.split, "k": k})
        for k in args.labels
        for method in args.methods
        for seed in (args.seeds if k or method in DRAWS_WEIGHTS else args.seeds[:1])
        if k or method not in ("ridge alone", "ridge averaged")
    ]
    records.run_unknown(
        args.result,
        runs,
        lambda run: measure(train(), test(), run["method"], run["arguments"]["k"], run["seed"]),
    )
    report(args.result)


if __name__ == "__main__":
    main()
