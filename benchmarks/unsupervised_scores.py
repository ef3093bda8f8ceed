"""How well scorers without target labels rank models by their accuracy there.

    python benchmarks/unsupervised_scores.py FEATURES.npz
    python benchmarks/unsupervised_scores.py --report

FEATURES.npz holds a vector for each row of NusaX, as the arrays X, language, split, id and label.

Random candidates are fitted on labelled source rows and unlabelled target rows. Each is scored on
other rows of both languages, of which the target labels are hidden. The methods are scorers, and

- any candidate, best candidate: no scorer; their mean accuracy and the greatest

The tasks:

- reviews: English to Chinese. All rows are from the training part of `load_reviews`. The English
  rows are translated word for word. The candidates read character n-grams.
- nusax: English to three languages of Indonesia, from the train and valid rows. Rows of different
  languages are translations of each other, so no sentence is both a source and a target row. The
  candidates read vectors of a frozen gemma-3-270m.

The seed draws rows and candidates. Figures: the Spearman correlation of the scores with the true
accuracy on the target rows, and this accuracy, in percent, of the candidate with the best score.
"""

import argparse
import functools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import records
from scipy.stats import spearmanr
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score
from tqdm.auto import tqdm

from metaling_sk import DictionaryTranslator, LinearTransferClassifier, TransferClassifier
from metaling_sk.datasets import load_dictionary, load_reviews
from metaling_sk.exceptions import InputWarning
from metaling_sk.metrics import (
    CircularValidation,
    ImportanceWeightedScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
)

TARGETS = ["buginese", "javanese", "minangkabau"]
ANY, BEST = "any candidate", "best candidate"
RESULT = Path(__file__).parent / "results" / "unsupervised_scores.json"


def source_accuracy(estimator, X, y):
    """Score the labelled rows, which are those of the source language."""
    is_source = ~np.isnan(y)
    return accuracy_score(y[is_source], estimator.predict(X[is_source]))


SCORERS = {
    "accuracy on source rows": source_accuracy,
    "importance-weighted accuracy": ImportanceWeightedScorer(),
    "importance-weighted log-loss": ImportanceWeightedScorer(metric="neg_log_loss"),
    "soft neighbourhood density": SoftNeighborhoodDensity(),
    "entropy": PredictionEntropyScorer(diversity=False, calibrated=False),
    "entropy and diversity": PredictionEntropyScorer(calibrated=False),
    "entropy and diversity, calibrated": PredictionEntropyScorer(),
    "circular validation": CircularValidation(),
}


def reviews(args, seed):
    """Return X, the labels and the part of each row, and a function that draws a candidate."""
    X, y = load_reviews(return_X_y=True)
    rng = np.random.default_rng(seed)
    is_long = (X["text"].str.len() >= 400).to_numpy()
    english = rng.permutation(np.flatnonzero((X["language"] == "en").to_numpy() & is_long))
    chinese = rng.permutation(np.flatnonzero((X["language"] == "zh").to_numpy()))
    chosen = np.r_[english[:2000], chinese[:2500]]
    X = X.iloc[chosen].reset_index(drop=True)
    X["text"] = X["text"].str.slice(stop=1000)
    is_train = np.isin(np.arange(len(X)), [*range(1000), *range(2000, 3000)])
    translator = DictionaryTranslator(
        load_dictionary("en", "zh"),
        source_language="en",
        target_language="zh",
        min_length=2,
        random_state=seed,
    )
    return translator.fit(X[is_train]).transform(X), y[chosen], is_train, reviews_candidate


def nusax(args, seed):
    """Return X, the labels and the part of each row, and a function that draws a candidate."""
    data = np.load(args.features, allow_pickle=True)
    rng = np.random.default_rng(seed)
    chosen = []
    for split in ("train", "valid"):
        is_split = data["split"] == split
        ids = data["id"].astype(int)
        is_source_id = rng.random(ids[is_split].max() + 1) < 0.5
        is_source = (data["language"] == "english") & is_source_id[ids % len(is_source_id)]
        is_target = np.isin(data["language"], TARGETS) & ~is_source_id[ids % len(is_source_id)]
        chosen += [np.flatnonzero(is_split & is_source), np.flatnonzero(is_split & is_target)]
    chosen = np.concatenate(chosen)
    X = pd.DataFrame(data["X"][chosen].astype(np.float32)).add_prefix("v")
    X["language"] = data["language"][chosen].astype(object)
    y = pd.factorize(data["label"][chosen], sort=True)[0]
    return X, y, rng.random(len(X)) < 0.5, nusax_candidate


def reviews_candidate(rng):
    """Draw a classifier of text."""
    smallest = int(rng.integers(1, 3))
    ngram_range = (smallest, smallest + int(rng.integers(0, 2)))
    if rng.random() < 0.7:
        return LinearTransferClassifier(
            C=float(10 ** rng.uniform(-2, 2)),
            self_training=int(rng.integers(0, 7)),
            n_topics=int(rng.choice([1, 3, 8])),
            ngram_range=ngram_range,
            min_df=int(rng.choice([2, 5, 20])),
            random_state=0,
        )
    return TransferClassifier(
        encoder=TfidfVectorizer(analyzer="char", ngram_range=ngram_range, max_features=1500),
        source=[None, "linear"][rng.integers(2)],
        self_training=int(rng.integers(0, 4)),
        **network_parameters(rng),
    )


def nusax_candidate(rng):
    """Draw a classifier of numbers."""
    if rng.random() < 0.3:
        return LinearTransferClassifier(
            C=float(10 ** rng.uniform(-4, 2)),
            self_training=int(rng.integers(0, 7)),
            n_topics=int(rng.choice([1, 3, 8])),
            random_state=0,
        )
    return TransferClassifier(self_training=int(rng.integers(0, 4)), **network_parameters(rng))


def network_parameters(rng):
    """Draw the parameters of a network."""
    terms = ["auto", "coral", "mmd", "adversarial"]
    return {
        "transfer": terms[rng.integers(len(terms))],
        "transfer_weight": float(10 ** rng.uniform(-1, 1)),
        "language_norm": bool(rng.random() < 0.7),
        "learning_rate": float(10 ** rng.uniform(-4, -1)),
        "weight_decay": float(10 ** rng.uniform(-3, 0)),
        "max_epochs": int(rng.choice([1, 3, 10])),
        "verbose": 0,
        "random_state": 0,
    }


TASKS = {"reviews": reviews, "nusax": nusax}


def candidates(args, task: str, seed: int) -> pd.DataFrame:
    """Return the scores and the true accuracy of each candidate."""
    X, y, is_train, draw = TASKS[task](args, seed)
    rng = np.random.default_rng(seed)
    is_target = ~X["language"].isin(["en", "english"]).to_numpy()
    visible = np.where(is_target, np.nan, y)
    is_hidden = is_target & ~is_train
    sources = np.flatnonzero(is_train & ~is_target)
    rows = []
    for _ in tqdm(range(args.candidates), desc=f"{task}, seed {seed}", leave=False):
        model = draw(rng)
        left_out = sources[rng.random(len(sources)) > rng.choice([0.2, 1.0])]
        fitted = np.setdiff1d(np.flatnonzero(is_train), left_out)
        model.fit(X.iloc[fitted], visible[fitted])
        scores = {
            name: float(scorer(model, X[~is_train], visible[~is_train]))
            for name, scorer in SCORERS.items()
        }
        accuracy = 100 * accuracy_score(y[is_hidden], model.predict(X[is_hidden]))
        rows.append({"accuracy": accuracy} | scores)
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame, method: str) -> dict[str, float]:
    """Return the accuracy of what a scorer chooses, and its rank correlation."""
    accuracy = table["accuracy"]
    if method in (ANY, BEST):
        chosen = accuracy.mean() if method == ANY else accuracy.max()
        return {"chosen": round(float(chosen), 2)}
    correlation = np.nan_to_num(spearmanr(table[method], accuracy)[0])
    return {
        "correlation": round(float(correlation), 3),
        "chosen": round(float(accuracy[table[method].idxmax()]), 2),
    }


def report(path: Path) -> None:
    """Print the means of the seeds."""
    found = records.read_table(path).groupby(["task", "method"], sort=False)
    print(found[["correlation", "chosen"]].mean().unstack("task").round(2).to_string())


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", type=Path, nargs="?", help="vectors of NusaX (.npz)")
    records.add_arguments(parser, [*SCORERS, ANY, BEST], RESULT)
    parser.set_defaults(seeds=[0, 1])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--candidates", type=int, default=30)
    args = parser.parse_args()
    if not args.report:
        if args.features is None and "nusax" in args.tasks:
            parser.error("the file of the vectors of NusaX is missing")
        warnings.simplefilter("ignore", InputWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        of_task = functools.cache(functools.partial(candidates, args))
        runs = [
            records.new_record(method, seed, {"task": task, "candidates": args.candidates})
            for seed in args.seeds
            for task in args.tasks
            for method in args.methods
        ]
        records.run_unknown(
            args.result,
            runs,
            lambda run: summarise(of_task(run["arguments"]["task"], run["seed"]), run["method"]),
        )
    report(args.result)


if __name__ == "__main__":
    main()
