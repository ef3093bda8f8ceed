"""Sentiment in the 12 languages of NusaX: MetaNetClassifier beside linear baselines, macro-F1.

The features of all are the same: character n-grams (TF-IDF) and the vectors of a frozen encoder.

- all: trained on the train and valid rows of all languages, and tested in each.
- new: one language is left out; of its train and valid rows none, 16, 64 or 256 are labelled, and
  the others are text without labels. "adapt, labels only" does not see that text, except for the
  statistics of the language, as the baselines do.

    python benchmarks/nusax.py FOLDER_OF_NUSAX PATH_OF_nusax_gemma-3-270m_layer9.npz
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from tqdm.auto import tqdm

from metaling_sk import LanguageStandardScaler, MetaNetClassifier

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=Path)
parser.add_argument("features")
parser.add_argument("--only", choices=["all", "new"])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--languages", type=int, default=12, help="to leave out, for a quick look")
args = parser.parse_args()

frames = []
for path in sorted(args.folder.glob("datasets/sentiment/*/*.csv")):
    frames.append(pd.read_csv(path).assign(language=path.parent.name, split=path.stem))
data = pd.concat(frames, ignore_index=True)
with np.load(args.features, allow_pickle=True) as arrays:
    keys = pd.MultiIndex.from_arrays([arrays[name] for name in ("language", "split", "id")])
    order = keys.get_indexer(pd.MultiIndex.from_frame(data[["language", "split", "id"]]))
    vectors = arrays["X"][order].astype(np.float32)
y, language = data["label"].to_numpy(), data["language"].to_numpy()
is_test = (data["split"] == "test").to_numpy()
languages = sorted(set(language))

# Text of every language is there to be read; labels are not.
characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4))
ours_characters = TfidfVectorizer(
    analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2
)
X_char = characters.fit(data["text"][~is_test]).transform(data["text"]).tocsr()
X_ours = ours_characters.fit(data["text"][~is_test]).transform(data["text"])
X_both = sparse.hstack([X_ours.astype(np.float32), sparse.csr_array(vectors)], format="csr")
scaler = LanguageStandardScaler().fit(vectors[~is_test], language=language[~is_test])
X_gemma = scaler.transform(vectors, language=language)
CHAR = LogisticRegression(C=10, max_iter=1000)
GEMMA = LogisticRegression(C=0.001, max_iter=1000)


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
                    "meta-model": score(
                        # The statistics of the language, and no more.
                        without_model(model, code, test),
                        classes,
                        test,
                    ),
                    "seconds of fit": seconds,
                }
            )
    report(rows, [])


def without_model(model, code, test):
    other = clone_fitted(model)
    other.residuals_.pop(code)
    other.net_.module_.hypernetwork.known[other.languages_.index(code) + 1] = False
    return other.predict(X_both[test], language=code)
