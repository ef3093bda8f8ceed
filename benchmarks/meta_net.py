"""What each part of MetaNetClassifier is worth, beside linear models, on three representations.

    python benchmarks/meta_net.py FOLDER_OF_NUSAX FOLDER_OF_SIB200 --vectors FOLDER

- nusax: sentiment in 12 languages, macro-F1. All train and valid rows.
- nusax-20, or another number: as many of them in each language, drawn by the seed. Vectors are
  standardised by the text of all of them.
- sib200: topics in 10 languages, accuracy. 20 train rows of each class and language, drawn by the
  seed, so that languages have different sentences.

The representations are character and word n-grams, vectors of a frozen multilingual-e5-small, and
both. Methods:

- alone: a logistic regression on the rows of each language
- pooled: one on the rows of all languages
- averaged: the mean of the probabilities of these two; on both representations, of the n-grams
  alone and the vectors alone and pooled
- meta-net: MetaNetClassifier
- no residual: without residual heads
- maml, reptile: trained by these meta-algorithms

The figure is the mean of the languages. The least difference of meta-net from the best of the first
three in a language is reported, too.
"""

import argparse
import functools
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import records
from features import characters_and_words, e5_vectors, gemma_vectors
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

from metaling_sk import LanguageStandardScaler, MetaNetClassifier

LANGUAGES = "eng_Latn fra_Latn hau_Latn hin_Deva kat_Geor swh_Latn tam_Taml tur_Latn yor_Latn"
LANGUAGES = [*LANGUAGES.split(), "zho_Hans"]
N_PER_CLASS = 20
VECTOR_NORM = 0.5
"""Norm of the vectors beside n-grams, as in a union of MetaNetClassifier."""
TEXT, VECTORS = (LogisticRegression(C=C, max_iter=1000) for C in (10, 0.001))
META_NETS = {
    "meta-net": {},
    "no residual": {"residual_penalty": None},
    "maml": {"meta_algorithm": "maml"},
    "reptile": {"meta_algorithm": "reptile"},
}
METHODS = ["alone", "pooled", "averaged", *META_NETS]
REPRESENTATIONS = ["n-grams", "vectors", "both"]
RESULT = Path(__file__).parent / "results" / "meta_net.json"


def read_nusax(folder: Path) -> pd.DataFrame:
    """Read the rows of NusaX."""
    frames = [
        pd.read_csv(path).assign(language=path.parent.name, split=path.stem)
        for path in sorted(folder.glob("datasets/sentiment/*/*.csv"))
    ]
    return pd.concat(frames, ignore_index=True).replace({"split": {"valid": "dev"}})


def read_sib200(folder: Path) -> pd.DataFrame:
    """Read the rows of SIB-200 in ten languages."""
    frames = [
        pd.read_csv(folder / f"data/annotated/{code}/{split}.tsv", sep="\t", quoting=3).assign(
            language=code, split=split
        )
        for code in LANGUAGES
        for split in ("train", "dev", "test")
    ]
    return pd.concat(frames, ignore_index=True).rename(columns={"category": "label"})


class Task:
    """A task with its representations, and its rows for a seed.

    `gemma` is the folder of a second encoder.
    """

    def __init__(
        self, name: str, data: pd.DataFrame, split: str, kept: Path, gemma: Path | None = None
    ):
        self.name = name
        self.y, self.language = data["label"].to_numpy(str), data["language"].to_numpy(str)
        self.split = data["split"].to_numpy(str)
        held_out = ["test"] if split == "test" else ["dev", "test"]
        self.is_train = ~np.isin(self.split, held_out)
        self.test = np.flatnonzero(self.split == split)
        self.metric = accuracy_score if name == "sib200" else macro_f1
        texts = data["text"].tolist()
        corpus = name.split("-")[0]
        vectors = self._standardize(e5_vectors(kept / f"{corpus}.npy", texts))
        n_grams = characters_and_words(data["text"][self.is_train], data["text"])
        self.X = {"n-grams": n_grams, "vectors": vectors, "both": join(n_grams, vectors)}
        if gemma is not None:
            others = self._standardize(gemma_vectors(kept / f"{corpus}_gemma.npy", gemma, texts))
            self.X["two encoders"] = join(n_grams, np.hstack([vectors, others]))

    def _standardize(self, vectors: np.ndarray) -> np.ndarray:
        scaler = LanguageStandardScaler()
        scaler.fit(vectors[self.is_train], language=self.language[self.is_train])
        return scaler.transform(vectors, language=self.language)

    def train(self, seed: int) -> np.ndarray:
        """Return the indices of the training rows."""
        if self.name == "nusax":
            return np.flatnonzero(self.is_train)
        rng = np.random.default_rng(seed)
        table = pd.DataFrame({"language": self.language, "y": self.y})[self.is_train]
        if self.name == "sib200":
            drawn = table.groupby(["language", "y"]).sample(N_PER_CLASS, random_state=rng)
        else:
            n_samples = int(self.name.split("-")[1])
            drawn = table.groupby("language").sample(n_samples, random_state=rng)
        return np.sort(drawn.index.to_numpy())

    def results(self, representation: str, method: str, seed: int) -> dict[str, float]:
        """Fit a method, and return its score in each language and the seconds."""
        train, start = self.train(seed), time.perf_counter()
        if method in META_NETS:
            X = self.X[representation]
            model = MetaNetClassifier(
                language_norm=False, random_state=seed, **META_NETS[method]
            ).fit(X[train], self.y[train], language=self.language[train])
            found = model.predict(X[self.test], language=self.language[self.test])
        else:
            proba = self.probabilities(representation, method, train)
            found = np.unique(self.y[train])[proba.argmax(axis=1)]
        seconds = time.perf_counter() - start
        scores = {}
        for code in np.unique(self.language):
            members = self.language[self.test] == code
            scores[str(code)] = 100 * float(self.metric(self.y[self.test][members], found[members]))
        return scores | {"seconds": round(seconds, 2)}

    def probabilities(self, representation: str, method: str, train: np.ndarray) -> np.ndarray:
        """Return what linear models predict for the test rows."""
        if method == "averaged" and representation == "both":
            parts = [("n-grams", "alone"), ("vectors", "alone"), ("vectors", "pooled")]
            return sum(self.probabilities(*part, train) for part in parts)
        if method == "averaged":
            parts = ("alone", "pooled")
            return sum(self.probabilities(representation, part, train) for part in parts)
        X = self.X[representation]
        model = VECTORS if representation == "vectors" else TEXT
        if method == "pooled":
            return model.fit(X[train], self.y[train]).predict_proba(X[self.test])
        classes = np.unique(self.y[train])
        proba = np.zeros((len(self.test), len(classes)))
        for code in np.unique(self.language):
            own = train[self.language[train] == code]
            members = np.flatnonzero(self.language[self.test] == code)
            fitted = model.fit(X[own], self.y[own])
            columns = np.searchsorted(classes, fitted.classes_)
            proba[np.ix_(members, columns)] = fitted.predict_proba(X[self.test[members]])
        return proba


def join(n_grams: sparse.csr_array, vectors: np.ndarray) -> sparse.csr_array:
    """Return n-grams and vectors side by side, the vectors as long as by default in a union."""
    scaled = vectors * (VECTOR_NORM / np.linalg.norm(vectors, axis=1).mean())
    return sparse.csr_array(sparse.hstack([n_grams, sparse.csr_array(scaled)], format="csr"))


def macro_f1(y, predicted) -> float:
    """Return the mean F1 of the classes."""
    return f1_score(y, predicted, average="macro")


def report(path: Path) -> None:
    """Print a table for each setting."""
    for setting, by_method in records.settings(path):
        scores = {
            method: pd.DataFrame([one["figures"] for one in found])
            for method, found in by_method.items()
        }
        rows = [["", "mean", "seconds"]]
        for method in METHODS:
            if method in scores:
                seconds = scores[method].pop("seconds")
                means = scores[method].mean(axis=1)
                rows.append([method, records.mean_and_std(means), records.mean_and_std(seconds, 0)])
        print(f"{setting}\n\n{records.simple_table(rows)}\n")
        if {"alone", "pooled", "averaged", "meta-net"} <= scores.keys():
            best = pd.concat([scores[name].mean() for name in METHODS[:3]], axis=1).max(axis=1)
            excess = scores["meta-net"].mean() - best
            print(
                f"meta-net minus the best of the three, by language: {excess.round(1).to_dict()}\n"
            )


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nusax", type=Path, nargs="?", help="copy of the repository IndoNLP/nusax")
    parser.add_argument("sib200", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--tasks", nargs="+", default=["nusax", "sib200"])
    parser.add_argument("--representations", nargs="+", default=REPRESENTATIONS)
    parser.add_argument("--vectors", type=Path, default=Path("vectors"), help="folder to keep them")
    args = parser.parse_args()
    if args.report:
        report(args.result)
        return
    if args.sib200 is None:
        parser.error("the copies of NusaX and SIB-200 are missing")
    warnings.simplefilter("ignore", ConvergenceWarning)
    read = {"nusax": read_nusax, "sib200": read_sib200}

    @functools.lru_cache(maxsize=1)
    def read_task(name: str) -> Task:
        corpus = name.split("-")[0]
        return Task(name, read[corpus](getattr(args, corpus)), args.split, args.vectors)

    def measure(run: dict) -> dict:
        arguments = run["arguments"]
        task = read_task(arguments["task"])
        return task.results(arguments["representation"], run["method"], run["seed"])

    runs = [
        records.new_record(
            method, seed, {"task": name, "representation": representation, "split": args.split}
        )
        for name in args.tasks
        for representation in args.representations
        for method in args.methods
        # On NusaX no row is drawn, and only training depends on the seed.
        for seed in (args.seeds if name != "nusax" or method in META_NETS else args.seeds[:1])
    ]
    records.run_unknown(args.result, runs, measure)
    report(args.result)


if __name__ == "__main__":
    main()
