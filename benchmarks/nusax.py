"""A new language on NusaX: sentiment in 12 languages, macro-F1, each language left out in turn.

    python benchmarks/nusax.py FOLDER_OF_NUSAX --gemma FOLDER_OF_GEMMA
    python benchmarks/nusax.py --report

Of the train and valid rows of the new language k have labels. The others are text. All models read
character and word n-grams and vectors of a frozen multilingual-e5-small, standardised by language.
The methods:

- adapt: MetaNetClassifier on the other languages, then `adapt` with the k rows and the text. For
  k = 0 it learns from the text alone.
- adapt, two encoders: the same with the vectors of a frozen gemma-3-270m beside the others.
- labels only: the same, but `adapt` has the k rows only. For k = 0 it is the meta-model.
- pooled: logistic regression on the vectors of the other languages and of the k rows.
- own and pooled: the mean of the probabilities of this and of one on the n-grams of the k rows.

The seed draws the k rows.
"""

import argparse
import functools
import time
import warnings
from pathlib import Path

import features
import numpy as np
import records
from meta_net import TEXT, VECTORS, Task, macro_f1, read_nusax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from metaling_sk import MetaNetClassifier

KS = [0, 16, 64, 256]
LANGUAGES = "acehnese balinese banjarese buginese english indonesian javanese madurese minangkabau"
LANGUAGES = [*LANGUAGES.split(), "ngaju", "sundanese", "toba_batak"]
METHODS = ["adapt", "adapt, two encoders", "labels only", "pooled", "own and pooled"]
RESULT = Path(__file__).parent / "results" / "nusax.json"


class NewLanguage:
    """A language that is left out, and the models of the others."""

    def __init__(self, task: Task, code: str):
        self.task, self.code = task, code
        is_own = task.language == code
        self.others = np.flatnonzero(~is_own & task.is_train)
        self.text = np.flatnonzero(is_own & task.is_train)
        self.test = task.test[is_own[task.test]]
        self.model = functools.cache(self._fit_meta_model)

    def _fit_meta_model(self, representation: str) -> tuple[MetaNetClassifier, float]:
        """Return the model of the other languages and the seconds that its fit takes."""
        task, rows, start = self.task, self.others, time.perf_counter()
        model = MetaNetClassifier(language_norm=False, random_state=0, verbose=0)
        model.fit(task.X[representation][rows], task.y[rows], language=task.language[rows])
        return model, time.perf_counter() - start

    def score(self, method: str, k: int, seed: int) -> dict[str, float]:
        """Return the score of a method and the seconds it takes, without the first fit."""
        text = np.random.default_rng(seed).permutation(self.text)
        representation = "two encoders" if method == "adapt, two encoders" else "both"
        _, first = self.model(representation)
        start = time.perf_counter()
        found = self._predict(method, representation, text, text[:k])
        seconds = time.perf_counter() - start
        return {
            "macro-F1": round(100 * macro_f1(self.task.y[self.test], found), 2),
            "seconds": round(seconds, 2),
            "seconds of the first fit": round(first, 2),
        }

    def _predict(self, method: str, representation: str, text: np.ndarray, few: np.ndarray):
        y = self.task.y
        if method not in ("pooled", "own and pooled"):
            X, (model, _) = self.task.X[representation], self.model(representation)
            rows = few if method == "labels only" else text
            labels = np.where(np.isin(rows, few), y[rows], None)
            if len(rows):
                model.adapt(X[rows], labels if len(few) else None, language=self.code)
            found = model.predict(X[self.test], language=self.code)
            if len(rows):
                model.forget(self.code)
            return found
        proba = self._fit(VECTORS, "vectors", np.r_[self.others, few])
        if method == "own and pooled" and len(few):
            proba = proba + self._fit(TEXT, "n-grams", few)
        return np.unique(y)[proba.argmax(axis=1)]

    def _fit(self, model, name: str, rows: np.ndarray) -> np.ndarray:
        X = self.task.X[name]
        return clone(model).fit(X[rows], self.task.y[rows]).predict_proba(X[self.test])


def report(path: Path) -> None:
    """Print the means over the languages, for each k and method."""
    for split, part in records.read_table(path).groupby("split"):
        by_seed = part.groupby(["k", "method", "seed"])["macro-F1"].mean()
        methods = [method for method in METHODS if method in set(part["method"])]
        rows = [["k", *methods]]
        for k in sorted(set(part["k"])):
            cells = [records.mean_and_std(by_seed[k, m]) for m in methods]
            rows.append([str(k), *cells])
        print(f"{split}, {part['language'].nunique()} languages\n\n{records.simple_table(rows)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of the repository IndoNLP/nusax")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, help="languages to leave out")
    parser.add_argument("--labels", type=int, nargs="+", default=KS, help="values of k")
    parser.add_argument("--vectors", type=Path, default=Path("vectors"), help="folder to keep them")
    features.add_gemma(parser)
    args = parser.parse_args()
    if args.report:
        report(args.result)
        return
    if args.folder is None:
        parser.error("the copy of NusaX is missing")
    if args.gemma is None and "adapt, two encoders" in args.methods:
        parser.error("--gemma is missing")
    warnings.simplefilter("ignore", ConvergenceWarning)
    task = functools.cache(
        lambda: Task("nusax", read_nusax(args.folder), args.split, args.vectors, args.gemma)
    )
    # Runs of a language follow each other, so one is kept.
    new_language = functools.lru_cache(maxsize=1)(lambda code: NewLanguage(task(), code))

    def measure(run: dict) -> dict:
        arguments = run["arguments"]
        model = new_language(arguments["language"])
        return model.score(run["method"], arguments["k"], run["seed"])

    runs = [
        records.new_record(method, seed, {"split": args.split, "language": code, "k": k})
        for code in args.languages
        for k in args.labels
        for method in args.methods
        for seed in (args.seeds if k else args.seeds[:1])
    ]
    records.run_unknown(args.result, runs, measure)
    report(args.result)


if __name__ == "__main__":
    main()
