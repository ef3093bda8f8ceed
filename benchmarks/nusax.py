"""Sentiment in the 12 languages of NusaX: MetaNetClassifier beside linear baselines, macro-F1.

Both have character n-grams (TF-IDF) and the vectors of a frozen gemma-3-270m; MetaNetClassifier has
word n-grams, too.

- all: trained on the train and valid rows of all languages, and tested in each.
- new: one language is left out; of its train and valid rows none, 16, 64 or 256 are labelled, and
  the others are text without labels. "adapt, labels only" does not see that text, except for the
  statistics of the language, as the baselines do. "refit" is a fit with the 16 rows added
  (first seed).

    python benchmarks/nusax.py FOLDER_OF_NUSAX gemma-3-270m.gguf
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from features import characters_and_words, frozen_vectors
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from tqdm.auto import tqdm

from metaling_sk import LanguageStandardScaler, MetaNetClassifier

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=Path)
parser.add_argument("encoder", help="path of gemma-3-270m")
parser.add_argument("--vectors", type=Path, help="file (.npy) to keep the encoder's vectors in")
parser.add_argument("--only", choices=["all", "new"])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--languages", nargs="+", help="to leave out; by default one after another all")
parser.add_argument("--rows", type=Path, help="file (.csv) for the figures of new languages")
args = parser.parse_args()

frames = []
for path in sorted(args.folder.glob("datasets/sentiment/*/*.csv")):
    frames.append(pd.read_csv(path).assign(language=path.parent.name, split=path.stem))
data = pd.concat(frames, ignore_index=True)
y, language = data["label"].to_numpy(), data["language"].to_numpy()
is_test = (data["split"] == "test").to_numpy()
languages = sorted(set(language))

# Text of every language is there to be read; labels are not.
read = data["text"][~is_test]
characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4))
X_char = characters.fit(read).transform(data["text"]).tocsr()
vectors = frozen_vectors(data["text"].tolist(), args.encoder, "\nSentiment:", args.vectors)
X_both = sparse.hstack(
    [characters_and_words(read, data["text"]), sparse.csr_array(vectors)], format="csr"
)
scaler = LanguageStandardScaler().fit(vectors[~is_test], language=language[~is_test])
X_gemma = scaler.transform(vectors, language=language)
CHAR = LogisticRegression(C=10, max_iter=1000)
GEMMA = LogisticRegression(C=0.001, max_iter=1000)
REFIT_WITH = 16


def proba(model, X, train, test):
    return clone(model).fit(X[train], y[train]).predict_proba(X[test])


def score(found, classes, test):
    if found.ndim > 1:
        found = classes[found.argmax(axis=1)]
    return 100 * f1_score(y[test], found, average="macro")


def meta_net(seed):
    # Rows held out would be translations of rows that are not: the number of epochs is given.
    return MetaNetClassifier(max_epochs=1, validation_fraction=0, verbose=0, random_state=seed)


def report(rows, index):
    table = pd.DataFrame(rows)
    names = [name for name in table if name not in (*index, "seed", "language")]
    by_seed = table.groupby([*index, "seed"])[names].mean()
    summary = pd.concat(
        {
            "mean": by_seed.groupby(list(index)).mean().T if index else by_seed.mean(),
            "sd of the seeds": by_seed.groupby(list(index)).std().T if index else by_seed.std(),
        },
        axis=1,
    )
    print(table.groupby([*index, "language"])[names].mean().round(1).to_string())
    print(summary.round(2).to_string(), flush=True)


def measure_all():
    classes = np.unique(y)
    train = np.flatnonzero(~is_test)
    pooled = proba(GEMMA, X_gemma, train, np.arange(len(y)))
    rows = []
    for seed in range(args.seeds):
        start = time.perf_counter()
        model = meta_net(seed).fit(X_both[train], y[train], language=language[train])
        seconds = time.perf_counter() - start
        for code in languages:
            own, test = (np.flatnonzero((language == code) & part) for part in (~is_test, is_test))
            char = proba(CHAR, X_char, own, test)
            rows.append(
                {
                    "seed": seed,
                    "language": code,
                    "char": score(char, classes, test),
                    "gemma pooled": score(pooled[test], classes, test),
                    "averaged": score(char + pooled[test], classes, test),
                    "meta net": score(
                        model.predict(X_both[test], language=language[test]), classes, test
                    ),
                    "seconds of fit": seconds,
                }
            )
    report(rows, [])


def measure_new():
    classes = np.unique(y)
    rows = []
    for seed in range(args.seeds):
        for code in tqdm(args.languages or languages, file=sys.stderr):
            others = np.flatnonzero((language != code) & ~is_test)
            test = np.flatnonzero((language == code) & is_test)
            text = np.flatnonzero((language == code) & ~is_test)
            text = np.random.default_rng(seed).permutation(text)
            model = meta_net(seed).fit(X_both[others], y[others], language=language[others])
            model.register_language(X_both[text], language=code)
            for k in (0, 16, 64, 256):
                few = text[:k]
                rows.append(
                    {"k": k, "seed": seed, "language": code}
                    | {
                        name: score(found, classes, test)
                        for name, found in baselines(others, few, test, code).items()
                    }
                    | adapted(model, text, few, test, code, classes)
                )
                if k == REFIT_WITH and seed == 0:
                    rows[-1] |= refit(seed, others, few, text, test, classes)
    if args.rows:
        pd.DataFrame(rows).to_csv(args.rows, index=False)
    report(rows, ["k"])


def baselines(others, few, test, code):
    """Probabilities that linear models give the test rows."""
    both = np.r_[others, few]
    found = {
        "char, all rows": proba(CHAR, X_char, both, test),
        "gemma, all rows": proba(GEMMA, X_gemma, both, test),
    }
    found["averaged, all rows"] = found["char, all rows"] + found["gemma, all rows"]
    if len(few):
        found["char, own rows"] = proba(CHAR, X_char, few, test)
        # As strong a prior for fewer rows.
        found["gemma, own rows"] = proba(GEMMA, X_gemma, few, test)
        found["averaged, own rows"] = found["char, own rows"] + found["gemma, own rows"]
        found["char, own, and gemma, all"] = found["char, own rows"] + found["gemma, all rows"]
        found["EasyAdapt, char"] = easy_adapt(CHAR, X_char, others, few, test)
        found["EasyAdapt, gemma"] = easy_adapt(GEMMA, sparse.csr_array(X_gemma), others, few, test)
        found["EasyAdapt, averaged"] = found["EasyAdapt, char"] + found["EasyAdapt, gemma"]
    return found


def easy_adapt(model, X, others, few, test):
    """Daumé III (2007): features are doubled, for all languages and for the new one alone."""
    nothing = sparse.csr_array((len(others), X.shape[1]))
    train = sparse.vstack(
        [sparse.hstack([X[others], nothing]), sparse.hstack([X[few], X[few]])], format="csr"
    )
    fitted = clone(model).fit(train, y[np.r_[others, few]])
    return fitted.predict_proba(sparse.hstack([X[test], X[test]], format="csr"))


def adapted(model, text, few, test, code, classes):
    """The meta network after it has seen the labels, and the text; it forgets them again."""
    labels = np.where(np.isin(text, few), y[text], None)
    found = {}
    if not len(few):
        found["meta-model"] = score(model.predict(X_both[test], language=code), classes, test)
    for name, rows, known in (("adapt", text, labels), ("adapt, labels only", few, y[few])):
        if not len(rows):
            continue
        start = time.perf_counter()
        model.adapt(X_both[rows], known if len(few) else None, language=code)
        found[f"seconds of {name}"] = time.perf_counter() - start
        found[name] = score(model.predict(X_both[test], language=code), classes, test)
        model.forget(code)
    return found


def refit(seed, others, few, text, test, classes):
    """A fit with the rows of the new language, its text without labels for the statistics."""
    both = np.r_[others, text]
    labels = np.where(np.isin(both, text) & ~np.isin(both, few), None, y[both])
    start = time.perf_counter()
    model = meta_net(seed).fit(X_both[both], labels, language=language[both])
    seconds = time.perf_counter() - start
    found = model.predict(X_both[test], language=language[test])
    return {"refit": score(found, classes, test), "seconds of refit": seconds}


if args.only != "new":
    measure_all()
if args.only != "all":
    measure_new()
