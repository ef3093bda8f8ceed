"""Which two sentences of SIB-200 are the same sentence in two languages? Pairs of unseen languages.

    python benchmarks/sentence_pairs.py FOLDER_OF_SIB200
    python benchmarks/sentence_pairs.py FOLDER_OF_SIB200 --split dev --methods cosine compared
    python benchmarks/sentence_pairs.py --report

A row is a sentence in one language and a sentence in another one: its translation, or a sentence
that is hard to tell from it. For every other sentence that is the one whose English vector is
nearest, for the others one of the same topic with about the same length. Labels are those of
`--rows` sentences in three pairs of languages. The score is the accuracy in these pairs and in six
pairs of other languages, none of whose rows are seen before, on other sentences. Half of the rows
are translations. The encoder is multilingual-e5-small. The methods:

- cosine: of the vectors of both texts, with the threshold that is best on the training rows
- logistic-regression: of [u, v, |u - v|, u * v] on these vectors, in scikit-learn
- compared: TransferClassifier on |u - v| and u * v, as its `encoder`
- cosine-by-language, compared-by-language: the same two, standardised by pair of languages. For
  that they also get rows without labels in the six pairs.
- head: TransferClassifier on pairs, which the frozen encoder reads as one sequence
- all: the same, but all weights are trained, in 3 epochs
"""

import argparse
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import records
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from metaling_sk import EncoderVectorizer, TransferClassifier
from metaling_sk.datasets import load_encoder

SEEN = [("eng_Latn", "zho_Hans"), ("eng_Latn", "arb_Arab"), ("eng_Latn", "swh_Latn")]
UNSEEN = [
    ("deu_Latn", "rus_Cyrl"),
    ("tur_Latn", "hin_Deva"),
    ("ind_Latn", "jpn_Jpan"),
    ("fra_Latn", "yor_Latn"),
    ("jav_Latn", "sun_Latn"),
    ("amh_Ethi", "khm_Khmr"),
]
COLUMNS = ["first", "second"]
N_SIMILAR = 5
"""A sentence of the same topic is drawn from so many whose length is nearest."""

METHODS = ["cosine", "logistic-regression", "compared"]
BY_LANGUAGE = {f"{name}-by-language": name for name in ("cosine", "compared")}
METHODS = [*METHODS, *BY_LANGUAGE, "head", "all"]
RESULT = Path(__file__).parent / "results" / "sentence_pairs.json"


@functools.cache
def read(folder: Path, language: str, split: str) -> pd.DataFrame:
    """Read the sentences of a language, in the same order for all of them."""
    path = folder / f"data/annotated/{language}/{split}.tsv"
    return pd.read_csv(path, sep="\t", quoting=3).sort_values("index_id", ignore_index=True)


@functools.cache
def vectorizer() -> EncoderVectorizer:
    """The frozen encoder of one text."""
    encoder = load_encoder("multilingual-e5-small")
    return EncoderVectorizer(encoder, max_length=64, verbose=0).fit(["a text"])


def hard_negatives(folder: Path, split: str, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the index of another sentence for each, by turns the nearest and a similar one."""
    english = read(folder, "eng_Latn", split).loc[rows]
    vectors = vectorizer().transform(english["text"])
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    chosen = similarity.argmax(axis=1)
    length, topic = english["text"].str.len().to_numpy(), english["category"].to_numpy()
    rng = np.random.default_rng(seed)
    for index in range(1, len(rows), 2):
        others = np.flatnonzero((topic == topic[index]) & (np.arange(len(rows)) != index))
        difference = np.abs(length[others] - length[index])
        chosen[index] = rng.choice(others[np.argsort(difference, kind="stable")[:N_SIMILAR]])
    return chosen


def read_pairs(folder: Path, split: str, languages, seed: int, n_rows=None) -> pd.DataFrame:
    """Read the rows of pairs of languages: translations, and hard negatives beside them."""
    n_sentences = len(read(folder, "eng_Latn", split))
    rows = np.sort(np.random.default_rng(seed).permutation(n_sentences)[:n_rows])
    chosen = hard_negatives(folder, split, rows, seed)
    kinds = np.where(np.arange(len(rows)) % 2, "topic", "nearest")
    parts = []
    for one, other in languages:
        first = read(folder, one, split).loc[rows, "text"].to_numpy()
        second = read(folder, other, split).loc[rows, "text"].to_numpy()
        for texts, same, kind in ((second, 1, "same"), (second[chosen], 0, kinds)):
            columns = {"first": first, "second": texts, "language": f"{one}-{other}"}
            parts.append(pd.DataFrame(columns | {"same": same, "kind": kind}))
    return pd.concat(parts, ignore_index=True)


def in_halves(both: np.ndarray) -> list[np.ndarray]:
    """The vectors of the first and of the second texts."""
    return np.split(both, 2, axis=1)


def compare(both: np.ndarray) -> np.ndarray:
    """What tells whether two vectors are alike, and where."""
    u, v = in_halves(both)
    return np.hstack([np.abs(u - v), u * v])


def vectors_of(rows: pd.DataFrame) -> np.ndarray:
    """The vectors of the first and of the second texts, beside each other."""
    return np.hstack([vectorizer().transform(rows[column]) for column in COLUMNS])


def cosine(rows: pd.DataFrame) -> np.ndarray:
    """The cosines of the vectors, which have length 1."""
    return np.prod(in_halves(vectors_of(rows)), axis=0).sum(axis=1)


def predict_by_cosine(train: pd.DataFrame, test: pd.DataFrame, by_language: bool) -> np.ndarray:
    """Predict by the cosine and a threshold."""
    scores, test_scores = (pd.Series(cosine(rows)) for rows in (train, test))
    if by_language:
        known = scores.groupby(train["language"].to_numpy()).agg(["mean", "std"])
        scores, test_scores = (
            (each - rows["language"].map(known["mean"])) / rows["language"].map(known["std"])
            for each, rows in ((scores, train), (test_scores, test))
        )
    labelled = train["same"].notna().to_numpy()
    y = train.loc[labelled, "same"].to_numpy()
    return (test_scores > best_threshold(scores[labelled].to_numpy(), y)).to_numpy()


def predict(method: str, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Fit on the training rows, and predict the test rows."""
    by_language, method = method in BY_LANGUAGE, BY_LANGUAGE.get(method, method)
    if method == "cosine":
        return predict_by_cosine(train, test, by_language)
    if method == "logistic-regression":
        X, X_test = (np.hstack([both, compare(both)]) for both in map(vectors_of, (train, test)))
        clf = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        return clf.fit(X, train["same"].astype(int)).predict(X_test)
    encoder, trainable = load_encoder("multilingual-e5-small"), method
    if method == "compared":
        of_both = make_column_transformer(*((vectorizer(), name) for name in COLUMNS))
        encoder = make_pipeline(of_both, FunctionTransformer(compare))
        trainable = "all"
    clf = TransferClassifier(
        source_languages=["-".join(languages) for languages in SEEN],
        encoder=encoder,
        text_column=COLUMNS,
        trainable=trainable,
        language_norm=by_language,
        max_epochs=3 if method == "all" else "auto",
        batch_size=16,
        verbose=0,
        random_state=seed,
    )
    return clf.fit(train, train["same"]).predict(test)


def best_threshold(scores: np.ndarray, y: np.ndarray) -> float:
    """Return the threshold above which most scores are of class 1, and below it of class 0."""
    order = np.argsort(scores)
    n_right = np.cumsum(y[order] == 0) - np.cumsum(y[order] == 1)
    return scores[order][n_right.argmax()]


def measure(folder: Path, split: str, method: str, seed: int, rows: int) -> dict:
    """Fit and predict; return the accuracy in each pair of languages, and on each kind of row."""
    languages = SEEN + UNSEEN if method in BY_LANGUAGE else SEEN
    train = read_pairs(folder, "train", languages, seed, rows)
    seen, unseen = (["-".join(languages) for languages in each] for each in (SEEN, UNSEEN))
    train["same"] = train["same"].where(train["language"].isin(seen))
    test = read_pairs(folder, split, SEEN + UNSEEN, 0)
    is_right = predict(method, train, test, seed) == test["same"].to_numpy()
    is_right = pd.Series(100.0 * is_right)
    by_pair = is_right.groupby(test["language"]).mean()
    is_unseen = test["language"].isin(unseen)
    by_kind = is_right[is_unseen].groupby(test.loc[is_unseen, "kind"]).mean()
    figures = {
        "accuracy": by_pair.round(2).to_dict(),
        "seen": by_pair[seen].mean(),
        "unseen": by_pair[unseen].mean(),
        "worst": by_pair[unseen].min(),
        **by_kind.to_dict(),
    }
    return {
        name: value if isinstance(value, dict) else round(float(value), 2)
        for name, value in figures.items()
    }


def report(path: Path) -> None:
    """Print the means of the seeds."""
    for split, found in records.read_table(path).groupby("split"):
        names = ["seen", "unseen", "worst", "same", "nearest", "topic"]
        table = [[split, *names]]
        for method in METHODS:
            rows = found[found["method"] == method]
            if len(rows):
                table.append([method, *(records.mean_and_std(rows[name]) for name in names)])
        print(f"{records.simple_table(table)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--rows", type=int, default=300, help="training sentences")
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the copy of dadelani/sib-200 is missing")
        runs = [
            records.new_record(method, seed, {"split": args.split, "rows": args.rows})
            for method in args.methods
            for seed in args.seeds
        ]
        records.run_unknown(
            args.result,
            runs,
            lambda run: measure(
                args.folder, args.split, run["method"], run["seed"], run["arguments"]["rows"]
            ),
        )
    report(args.result)


if __name__ == "__main__":
    main()
