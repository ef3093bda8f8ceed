"""What each part of MetaNetClassifier is worth where an encoder is trained.

    python benchmarks/trained_meta_net.py FOLDER_OF_NUSAX FOLDER_OF_SIB200
    python benchmarks/trained_meta_net.py --report

All weights of multilingual-e5-small are trained on few rows of five languages:

- nusax: sentiment, macro-F1
- sib200: topics, accuracy

The seed draws the rows, 5 of each class and language, so that languages have different sentences.
The figure is the mean of the languages on their test rows. Methods:

- pooled: TransferClassifier on all rows: the same encoder with nothing generated
- meta-net: MetaNetClassifier
- no residual: without residual heads
- no gate cost: an open gate costs nothing
- maml, reptile: trained by these meta-algorithms
"""

import argparse
import copy
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import records
from meta_net import META_NETS, macro_f1, read_nusax, read_sib200
from sklearn.metrics import accuracy_score

from metaling_sk import MetaNetClassifier, TransferClassifier
from metaling_sk.datasets import load_encoder

TASKS = {
    "nusax": (read_nusax, "acehnese buginese english javanese minangkabau", macro_f1),
    "sib200": (read_sib200, "hin_Deva swh_Latn tur_Latn yor_Latn zho_Hans", accuracy_score),
}
"""How a task is read, its languages and its metric."""

METHODS = {
    "pooled": (TransferClassifier, {}),
    **{name: (MetaNetClassifier, changed) for name, changed in META_NETS.items()},
    "no gate cost": (MetaNetClassifier, {"size_weight": 0}),
}
COLUMNS = ["text", "language"]
RESULT = Path(__file__).parent / "results" / "trained_meta_net.json"


def read_task(folder: Path, task: str, split: str, rows: int, seed: int):
    """Return the training rows that the seed draws, and those to predict."""
    read, languages, _ = TASKS[task]
    data = read(folder)
    data = data[data["language"].isin(languages.split())]
    groups = data[data["split"] == "train"].groupby(["language", "label"])
    return groups.sample(rows, random_state=seed), data[data["split"] == split]


@lru_cache(maxsize=1)
def fit(folder: Path, task: str, split: str, rows: int, method: str, seed: int):
    """Fit a method; return the classifier and the seconds."""
    train, _ = read_task(folder, task, split, rows, seed)
    estimator, changed = METHODS[method]
    clf = estimator(
        encoder=load_encoder("multilingual-e5-small"),
        prompt="query: ",
        max_length=64,
        verbose=0,
        random_state=seed,
        **changed,
    )
    start = time.perf_counter()
    clf.fit(train[COLUMNS], train["label"].to_numpy(str))
    return clf, time.perf_counter() - start


def measure(folder: Path, run: dict) -> dict[str, float]:
    """Return the score of a method in each language and the seconds of its fit."""
    arguments, method, seed = run["arguments"], run["method"], run["seed"]
    _, test = read_task(folder, seed=seed, **arguments)
    is_without = method == "no residual"
    fitted = "meta-net" if is_without else method
    clf, seconds = fit(folder, method=fitted, seed=seed, **arguments)
    if is_without:
        # They are fitted last, so that the rest is what a fit without them gives.
        clf = copy.copy(clf)
        clf.residual_heads_ = {}
    test = test.assign(found=clf.predict(test[COLUMNS]))
    *_, metric = TASKS[arguments["task"]]
    scores = {
        name: round(100 * float(metric(part["label"], part["found"])), 2)
        for name, part in test.groupby("language")
    }
    return scores | {
        "mean": round(float(np.mean([*scores.values()])), 2),
        "seconds": round(seconds, 2),
    }


def report(path: Path) -> None:
    """Print the mean of the languages by task and method."""
    found = records.read_table(path)
    table = found.groupby(["split", "task", "method"], sort=False)[["mean", "seconds"]]
    print(pd.concat({"mean": table.mean(), "std": table.std()}, axis=1).round(1).to_string())


def main() -> None:
    """Run what is not known yet, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nusax", type=Path, nargs="?", help="copy of the repository IndoNLP/nusax")
    parser.add_argument("sib200", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--rows", type=int, default=5, help="of each class and language")
    args = parser.parse_args()
    if not args.report:
        if args.sib200 is None:
            parser.error("the copies of NusaX and SIB-200 are missing")
        runs = [
            records.new_record(method, seed, {"task": task, "split": args.split, "rows": args.rows})
            for seed in args.seeds
            for task in args.tasks
            for method in args.methods
        ]

        records.run_unknown(
            args.result, runs, lambda run: measure(getattr(args, run["arguments"]["task"]), run)
        )
    report(args.result)


if __name__ == "__main__":
    main()
