"""Compare MetaNetClassifier with linear baselines on NusaX: sentiment in 12 languages, macro-F1.

Both read character n-grams (TF-IDF) and vectors of a frozen gemma-3-270m. MetaNetClassifier also
reads word n-grams.

- all: train on the train and valid rows of all languages, test on each language.
- new: leave one language out. Of its train and valid rows none, 16, 64 or 256 have labels, and the
  others are text without labels. "adapt, labels only" uses this text only for the statistics of
  the language, as the baselines do. "refit" is a new fit with the 16 labelled rows (first seed
  only).

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
parser.add_argument("folder", type=Path, help="copy of the repository IndoNLP/nusax")
parser.add_argument("encoder", help="path of gemma-3-270m")
parser.add_argument("--vectors", type=Path, help="file (.npy) to keep the encoder's vectors in")
parser.add_argument("--only", choices=["all", "new"])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--languages", nargs="+", help="languages to leave out; default all")
parser.add_argument("--rows", type=Path, help="file (.csv) for the scores of new languages")
args = parser.parse_args()

frames = []
for path in sorted(args.folder.glob("datasets/sentiment/*/*.csv")):
    frames.append(pd.read_csv(path).assign(language=path.parent.name, split=path.stem))
data = pd.concat(frames, ignore_index=True)
y, language = data["label"].to_numpy(), data["language"].to_numpy()
is_test = (data["split"] == "test").to_numpy()
languages = sorted(set(language))

# The vectorizers read the text of every language, but no labels.
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
    """Fit a model on the train indices; return its probabilities on the test indices."""
    return clone(model).fit(X[train], y[train]).predict_proba(X[test])


def score(found, classes, test):
    """Return the macro-F1, in percent, of probabilities or predicted classes."""
    if found.ndim > 1:
        found = classes[found.argmax(axis=1)]
    return 100 * f1_score(y[test], found, average="macro")


def meta_net(seed):
    """Return a MetaNetClassifier with a fixed number of epochs.

    NusaX is parallel, so held-out rows would be translations of training rows.
    """
    return MetaNetClassifier(max_epochs=1, validation_fraction=0, verbose=0, random_state=seed)


def report(rows, index):
    """Print the mean by language, and mean and standard deviation over the seeds."""
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
    """Train on all languages and test on each."""
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
    """Leave each language out, then adapt to it with few labels."""
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
    """Return the probabilities of linear models on the test rows, by name."""
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
    """EasyAdapt (Daumé III, 2007): shared features, and features of the new language alone."""
    nothing = sparse.csr_array((len(others), X.shape[1]))
    train = sparse.vstack(
        [sparse.hstack([X[others], nothing]), sparse.hstack([X[few], X[few]])], format="csr"
    )
    fitted = clone(model).fit(train, y[np.r_[others, few]])
    return fitted.predict_proba(sparse.hstack([X[test], X[test]], format="csr"))


def adapted(model, text, few, test, code, classes):
    """Score the meta network after `adapt` with labels and text, and forget them again."""
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
    """Score a new fit with the rows of the new language; text without labels is included."""
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
