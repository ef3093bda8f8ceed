"""Several labels in each row: one to three sentences of SIB-200, with the topics of all of them.

    python benchmarks/several_labels.py FOLDER_OF_SIB200
    python benchmarks/several_labels.py FOLDER_OF_SIB200 --split dev
    python benchmarks/several_labels.py --report

English rows have labels, 200 rows of each of four other languages have none, and 300 rows of each
language are predicted. All methods have a frozen multilingual-e5-small:

- logistic regression: of scikit-learn, one for each label, on the English vectors; its penalty is
  chosen by cross-validation
- by language: the same on vectors that are standardised by language
- default: TransferClassifier(trainable="head")
- no penalty: the same with `head_penalty=0`, so that the head is trained in epochs
"""

import argparse
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import records
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier

from metaling_sk import EncoderVectorizer, LanguageStandardScaler, TransferClassifier
from metaling_sk.datasets import load_encoder
from metaling_sk.exceptions import InputWarning

SOURCE = "eng_Latn"
OTHERS = ["zho_Hans", "swh_Latn", "tur_Latn", "yor_Latn"]
MAX_LENGTH, N_TEXTS, N_PREDICTED = 128, 200, 300
COLUMNS = ["text", "language"]
METHODS = ["logistic regression", "by language", "default", "no penalty"]
PARTS = {"source": [SOURCE], "others": OTHERS}
FIGURES = [f"{part} {name}" for part in PARTS for name in ("F1", "rows", "share of labels")]
RESULT = Path(__file__).parent / "results" / "several_labels.json"


def read_joined(folder: Path, language: str, split: str, n_rows: int, rng) -> pd.DataFrame:
    """Rows of one to three sentences, with a column of 0 and 1 for each topic."""
    path = folder / f"data/annotated/{language}/{split}.tsv"
    sentences = pd.read_csv(path, sep="\t", quoting=3)
    sentences = pd.get_dummies(sentences[["text", "category"]], columns=["category"], dtype=float)
    rows = []
    for n_sentences in rng.integers(1, 4, n_rows):
        drawn = sentences.iloc[rng.choice(len(sentences), n_sentences, replace=False)]
        topics = drawn.drop(columns="text").max()
        rows.append({"text": " ".join(drawn["text"]), "language": language, **topics})
    return pd.DataFrame(rows)


@lru_cache(maxsize=1)
def read(folder: Path, split: str, labels: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """English rows with labels and others without, and the rows to predict."""
    rng = np.random.default_rng(seed)
    train = [read_joined(folder, SOURCE, "train", labels, rng)]
    train += [
        read_joined(folder, name, "train", N_TEXTS, rng)[COLUMNS] for name in OTHERS
    ]  # Their labels are left out.
    test = [read_joined(folder, name, split, N_PREDICTED, rng) for name in [SOURCE, *OTHERS]]
    return pd.concat(train, ignore_index=True), pd.concat(test, ignore_index=True)


def predict(method: str, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Fit on the labelled rows, and return the labels that are predicted."""
    encoder = load_encoder("multilingual-e5-small")
    Y = train.drop(columns=COLUMNS)
    if method in ("default", "no penalty"):
        penalty = {"head_penalty": 0.0} if method == "no penalty" else {}
        clf = TransferClassifier(
            encoder=encoder,
            trainable="head",
            max_length=MAX_LENGTH,
            verbose=0,
            random_state=seed,
            **penalty,
        )
        return clf.fit(train[COLUMNS], Y).predict(test[COLUMNS])
    vectorizer = EncoderVectorizer(encoder, max_length=MAX_LENGTH, verbose=0)
    parts = {"train": train, "test": test}
    vectors = {name: vectorizer.fit_transform(rows[COLUMNS]) for name, rows in parts.items()}
    if method == "by language":
        scaler = LanguageStandardScaler().fit(vectors["train"], language=train["language"])
        for name, rows in parts.items():
            vectors[name] = scaler.transform(vectors[name], language=rows["language"])
    is_labelled = Y.notna().all(axis=1).to_numpy()
    one = LogisticRegressionCV(Cs=7, scoring="neg_log_loss", max_iter=1000)
    model = OneVsRestClassifier(one).fit(vectors["train"][is_labelled], Y[is_labelled].to_numpy())
    return model.predict(vectors["test"])


def measure(folder: Path, run: dict) -> dict:
    """Fit and predict; return macro-F1, the rows that are right and the number of labels."""
    arguments = run["arguments"]
    train, test = read(folder, arguments["split"], arguments["labels"], run["seed"])
    truth = test.drop(columns=COLUMNS).to_numpy()
    predicted = predict(run["method"], train, test, run["seed"])
    means: list[float] = []
    for languages in PARTS.values():
        scores = []
        for language in languages:
            rows = (test["language"] == language).to_numpy()
            y, found = truth[rows], predicted[rows]
            f1 = f1_score(y, found, average="macro", zero_division=0)
            scores.append((100 * f1, 100 * (y == found).all(axis=1).mean(), found.sum() / y.sum()))
        means.extend(np.mean(scores, axis=0))
    return {name: round(float(value), 2) for name, value in zip(FIGURES, means, strict=True)}


def main(description: str, measure, methods, figures, result: Path, *, split: str, labels) -> None:
    """Run what is not known yet, unless `--report` is given, and print the means of the seeds.

    Parameters
    ----------
    description : str
        What the benchmark does.
    measure : callable
        Takes the folder of SIB-200 and a record, and returns its figures.
    methods, figures : list of str
        The methods, and the names of the figures.
    result : Path
        The file of the records.
    split : {"dev", "test"}
        The rows that are predicted by default.
    labels : list of int
        The numbers of labelled rows by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, methods, result)
    records.add_split(parser, split)
    parser.add_argument(
        "--labels", type=int, nargs="+", default=labels, help="labelled rows of a language"
    )
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the copy of dadelani/sib-200 is missing")
        for kind in (InputWarning, ConvergenceWarning, FutureWarning):
            warnings.simplefilter("ignore", kind)
        runs = [
            records.new_record(method, seed, {"split": args.split, "labels": n_labels})
            for seed in args.seeds
            for n_labels in args.labels
            for method in args.methods
        ]
        records.run_unknown(args.result, runs, lambda run: measure(args.folder, run))
    table = records.read_table(args.result).groupby(["split", "labels", "method"], sort=False)
    print(table[figures].mean().round(2).to_string())


if __name__ == "__main__":
    main(
        __doc__.splitlines()[0], measure, METHODS, FIGURES, RESULT, split="test", labels=[100, 600]
    )
