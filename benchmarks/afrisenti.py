"""Compare MetaNetClassifier with linear models on AfriSenti: sentiment of tweets, weighted F1.

    python benchmarks/afrisenti.py FOLDER_OF_AFRISENTI --vectors afrisenti.npy
    python benchmarks/afrisenti.py --report

12 languages have training rows. Two more, orm and tir, have none, so a model of the others predicts
for them (zero-shot). The methods:

- words, characters: logistic regression on TF-IDF of words (1-2) or characters (1-4), in each
  language alone.
- vectors: logistic regression on the vectors of a frozen multilingual-e5-small ("query: "),
  standardised by language, in each language alone. vectors-pooled: in all 12 together.
- words-and-vectors, characters-and-vectors: the average of the probabilities of the one in each
  language alone and of vectors-pooled.
- meta-net: MetaNetClassifier with its defaults on the words, the characters and the vectors. It
  adapts to orm and tir with their texts alone. meta-model: without this.

vectors-pooled, meta-net and meta-model also predict for orm and tir. They have the text, not the
labels, of another split of these two (the dev rows if the test rows are to be predicted). C is 10
for n-grams, the best on the dev rows; for vectors 3-fold cross-validation on the training rows
chooses it. Training rows are drawn once, and no method depends on a seed.

Some test rows repeat training rows up to case and white space (pcm 926 of 4,154, twi 195 of 949).
The score is computed with and without rows that repeat one of any training file. The time is that
of fit and predict, without encoding. Each run is written to benchmarks/results/afrisenti.json at
once. A benchmark that was stopped goes on where it was. A GPU is used where there is one.
"""

import argparse
import functools
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import records
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer

from metaling_sk import EncoderVectorizer, LanguageStandardScaler, MetaNetClassifier
from metaling_sk.datasets import load_encoder

METHODS = [
    "words",
    "characters",
    "vectors",
    "vectors-pooled",
    "words-and-vectors",
    "characters-and-vectors",
    "meta-net",
    "meta-model",
]
AVERAGES = {
    "words-and-vectors": ("words", "vectors-pooled"),
    "characters-and-vectors": ("characters", "vectors-pooled"),
}
NEW = ["orm", "tir"]
COLUMNS = ["text", "language"]
OPTIONS = {"sublinear_tf": True, "min_df": 2, "dtype": np.float32}
WORDS = TfidfVectorizer(ngram_range=(1, 2), **OPTIONS)
CHARACTERS = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), **OPTIONS)
C_OF_TEXT, C_OF_VECTORS = 10, [1e-4, 1e-3, 1e-2, 1e-1]
RESULT = Path(__file__).parent / "results" / "afrisenti.json"


def read_afrisenti(args) -> pd.DataFrame:
    """Read the rows; `part` is what they are for: train, statistics (text alone) or evaluation."""
    frames, seen = [], set()
    for path in sorted(args.folder.glob("data/*/")):
        splits = {
            split: pd.read_csv(path / f"{split}.tsv", sep="\t", quoting=3, keep_default_na=False)
            for split in ("train", "dev", "test")
        }
        seen |= set(normalised(splits["train"]["tweet"]))
        if path.name in NEW:
            known, part = splits["dev" if args.split == "test" else "test"], "statistics"
        else:
            known, part = splits["train"], "train"
        evaluation = splits[args.split]
        for rows, limit, name in (
            (known, args.rows or len(known), part),
            (evaluation, args.test_rows or len(evaluation), "evaluation"),
        ):
            rows = rows.sample(min(len(rows), limit), random_state=0)
            frames.append(rows[["tweet", "label"]].assign(language=path.name, part=name))
    data = pd.concat(frames, ignore_index=True).rename(columns={"tweet": "text"})
    return data.assign(repeats=normalised(data["text"]).isin(seen))


def normalised(texts: pd.Series) -> pd.Series:
    """Return the texts in lower case, with single spaces."""
    return texts.str.lower().str.split().str.join(" ")


def encode(texts: list[str], kept: Path | None) -> np.ndarray:
    """Return the vectors of the frozen encoder, from the file `kept` if it exists."""
    if kept is not None and kept.exists():
        vectors = np.load(kept)
        if len(vectors) != len(texts):
            raise SystemExit(f"{kept} holds vectors of other rows, so name another file.")
        return vectors.astype(np.float32)
    encoder = load_encoder("multilingual-e5-small")
    vectors = EncoderVectorizer(encoder, prompt="query: ").fit_transform(texts)
    if kept is not None:
        np.save(kept, vectors.astype(np.float16))
    return vectors


class Models:
    """The models on one set of rows; each is fitted once.

    A result is the probabilities of the evaluation rows, NaN where the model does not predict for
    the language, and the seconds.
    """

    def __init__(self, data: pd.DataFrame, vectors: np.ndarray):
        self.data = data
        self.part, self.language = data["part"].to_numpy(str), data["language"].to_numpy(str)
        self.y = data["label"].to_numpy(str)
        self.classes = np.unique(self.y)
        self.old = np.unique(self.language[self.part == "train"])
        known = self.part != "evaluation"
        scaler = LanguageStandardScaler().fit(vectors[known], language=self.language[known])
        self.standardised = scaler.transform(vectors, language=self.language)
        self.vector_of = dict(zip(data["text"], vectors, strict=True))

    def rows(self, part: str, languages) -> np.ndarray:
        """Return the indices of the rows of a part and some languages."""
        return np.flatnonzero((self.part == part) & np.isin(self.language, languages))

    def results(self, method: str) -> tuple[np.ndarray, float]:
        """Return the probabilities and the seconds of a method."""
        if method in ("meta-net", "meta-model"):
            return self.meta_net(adapts=method == "meta-net")
        if method in AVERAGES:
            (first, seconds), (second, more) = map(self.linear, AVERAGES[method])
            return (first + second) / 2, seconds + more
        return self.linear(method)

    @functools.cache  # noqa: B019
    def linear(self, method: str) -> tuple[np.ndarray, float]:
        """Fit a logistic regression in each language, or one in all."""
        model = LogisticRegression(C=C_OF_TEXT, max_iter=1000)
        if method.startswith("vectors"):
            X = self.standardised
            folds = StratifiedKFold(3, shuffle=True, random_state=0)
            model = GridSearchCV(model, {"C": C_OF_VECTORS}, cv=folds, scoring="f1_weighted")
        else:
            X = self.data["text"].to_numpy()
            model = make_pipeline(WORDS if method == "words" else CHARACTERS, model)
        is_pooled = method == "vectors-pooled"
        start = time.perf_counter()
        found = np.full((len(self.y), len(self.classes)), np.nan)
        for language in [[*self.old, *NEW]] if is_pooled else self.old:
            train, test = self.rows("train", language), self.rows("evaluation", language)
            model.fit(X[train], self.y[train])
            found[test] = 0  # A class without a training row keeps it.
            columns = np.searchsorted(self.classes, model.classes_)
            found[np.ix_(test, columns)] = model.predict_proba(X[test])
        return found[self.part == "evaluation"], time.perf_counter() - start

    def meta_net(self, *, adapts: bool) -> tuple[np.ndarray, float]:
        """Predict by a MetaNetClassifier, after it has read the text of new languages."""
        model, seconds = self.fitted
        start = time.perf_counter()
        text = self.data.iloc[self.rows("statistics", NEW)][COLUMNS]
        if adapts:
            model.adapt(text)
        else:
            model.register_language(text)
        columns = np.searchsorted(self.classes, model.classes_)
        found = np.zeros(((self.part == "evaluation").sum(), len(self.classes)))
        found[:, columns] = model.predict_proba(self.data[self.part == "evaluation"][COLUMNS])
        if adapts:
            for language in NEW:
                model.forget(language)
        return found, seconds + time.perf_counter() - start

    @functools.cached_property
    def fitted(self) -> tuple[MetaNetClassifier, float]:
        """The fitted MetaNetClassifier, and the seconds that this took."""
        known_vectors = FunctionTransformer(
            lambda texts: np.stack([self.vector_of[text] for text in texts])
        )
        train = self.rows("train", self.old)
        start = time.perf_counter()
        model = MetaNetClassifier(
            encoder=make_union(CHARACTERS, WORDS, known_vectors), verbose=0, random_state=0
        ).fit(self.data.iloc[train][COLUMNS], self.y[train])
        return model, time.perf_counter() - start

    def scores(self, proba: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the weighted F1 of each language, of all rows and without repeated ones."""
        evaluation = self.data[self.part == "evaluation"].reset_index(drop=True)
        evaluation["predicted"] = self.classes[np.nan_to_num(proba).argmax(axis=1)]
        evaluation = evaluation[~np.isnan(proba).any(axis=1)]
        kinds = {"all rows": evaluation, "without repeated rows": evaluation[~evaluation.repeats]}
        return {
            name: {
                str(language): round(100 * weighted_f1(rows), 2)
                for language, rows in frame.groupby("language")
            }
            for name, frame in kinds.items()
        }


def weighted_f1(rows: pd.DataFrame) -> float:
    """Return the weighted F1 of a table with labels and predictions."""
    return float(f1_score(rows["label"], rows["predicted"], average="weighted", zero_division=0))


def report(path: Path) -> None:
    """Print two tables for each setting: the means, and the languages."""
    for setting, by_method in records.settings(path):
        methods = [method for method in METHODS if method in by_method]
        figures = {method: [one["figures"] for one in by_method[method]] for method in methods}

        def cell(method: str, kind: str, languages, figures=figures) -> str:
            """Format the mean of some languages, or "-" if the method has none of them."""
            values = [
                np.mean([one[kind][language] for language in languages])
                for one in figures[method]
                if set(languages) <= set(one[kind])
            ]
            return records.mean_and_std(values) if values else "-"

        languages = sorted({name for one in figures.values() for name in one[0]["all rows"]})
        old = [language for language in languages if language not in NEW]
        means = [["", f"mean of {len(old)}", "without repeated rows", *NEW, "seconds"]]
        for method in methods:
            means.append(
                [
                    f"``{method}``",
                    cell(method, "all rows", old),
                    cell(method, "without repeated rows", old),
                    *(cell(method, "all rows", [language]) for language in NEW),
                    records.mean_and_std([one["seconds"] for one in figures[method]]),
                ]
            )
        table = [["", *(f"``{method}``" for method in methods)]]
        for language in languages:
            table.append([language, *(cell(method, "all rows", [language]) for method in methods)])
        print(f"{setting}\n\n{records.simple_table(means)}\n\n{records.simple_table(table)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of AfriSenti's repository")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--rows", type=int, help="training rows of each language; default all")
    parser.add_argument("--test-rows", type=int, help="of each language; default all")
    parser.add_argument("--vectors", type=Path, help="file (.npy) to keep the encoder's vectors in")
    args = parser.parse_args()
    if args.report:
        report(args.result)
        return
    if args.folder is None:
        parser.error("the copy of afrisenti-semeval/afrisent-semeval-2023 is missing")
    arguments = {name: getattr(args, name) for name in ("split", "rows", "test_rows")}
    runs = [records.new_record(method, None, arguments) for method in args.methods]
    warnings.simplefilter("ignore", ConvergenceWarning)

    @functools.cache
    def models() -> Models:
        data = read_afrisenti(args)
        return Models(data, encode(data["text"].tolist(), args.vectors))

    def measure(run: dict) -> dict:
        proba, seconds = models().results(run["method"])
        return models().scores(proba) | {"seconds": round(seconds, 2)}

    records.run_unknown(args.result, runs, measure)
    report(args.result)


if __name__ == "__main__":
    main()
