"""Compare MetaNetClassifier with linear baselines on SIB-200: 7 topics, 200 languages, accuracy.

    python benchmarks/sib200.py FOLDER_OF_SIB200 gemma-3-270m.gguf

100 languages are trained on and 100 others are new; the seed decides which. The result is the
accuracy on the test rows, averaged over the new languages. All models have 200 training rows of
each language. In the languages to train on all of them have labels, in the new ones 16 have labels
and the others are text. All models read character n-grams (TF-IDF) and vectors of a frozen
gemma-3-270m, centred and scaled by language. MetaNetClassifier also reads word n-grams. "adapt,
labels only" uses the text only for the statistics of the language, as the baselines do.
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
from tqdm.auto import tqdm

from metaling_sk import LanguageStandardScaler, MetaNetClassifier

N_TRAIN, N_LANGUAGES, N_FEW, MIN_DF = 200, 100, 16, 10

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=Path, help="copy of the repository dadelani/sib-200")
parser.add_argument("encoder", help="path of gemma-3-270m")
parser.add_argument("--vectors", type=Path, help="file (.npy) to keep the encoder's vectors in")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
args = parser.parse_args()

frames = []
for number, path in enumerate(sorted(args.folder.glob("data/annotated/*/"))):
    for split in ("train", "test"):
        frame = pd.read_csv(path / f"{split}.tsv", sep="\t", quoting=3)
        if split == "train":
            # Languages get different sentences.
            frame = frame.sample(N_TRAIN, random_state=number)
        frames.append(frame.assign(language=path.name, split=split))
data = pd.concat(frames, ignore_index=True)
texts = data["text"].tolist()
y, language = data["category"].to_numpy(), data["language"].to_numpy()
is_test = (data["split"] == "test").to_numpy()
languages = np.unique(language)
classes = np.unique(y)

vectors = frozen_vectors(texts, args.encoder, None, args.vectors)
scaler = LanguageStandardScaler().fit(vectors[~is_test], language=language[~is_test])
X_gemma = scaler.transform(vectors, language=language)
CHAR = LogisticRegression(C=10, max_iter=300)
GEMMA = LogisticRegression(C=0.001, max_iter=300)


def characters(read):
    """Compute TF-IDF of character n-grams, fitted on the rows `read`."""
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), min_df=MIN_DF, dtype=np.float32
    )
    return vectorizer.fit(data["text"][read]).transform(texts).tocsr()


def proba(model, X, train, test):
    """Fit a model and return the probabilities of all classes; classes without a row get 0."""
    # Columns that are zero in all rows would get no weight, so they are left out.
    used = np.unique(X[train].nonzero()[1])
    fitted = clone(model).fit(X[train][:, used], y[train])
    found = np.zeros((len(test), len(classes)))
    found[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X[test][:, used])
    return found


def accuracy(found, test):
    """Return the accuracy in percent; all languages have the same number of test rows."""
    return 100 * np.mean(classes[found.argmax(axis=1)] == y[test])


def easy_adapt(X, new):
    """EasyAdapt (Daumé III, 2007): shared columns, and columns of each new language alone."""
    code = np.searchsorted(new, language).clip(0, len(new) - 1)
    is_new = new[code] == language
    columns = code[:, None] * X.shape[1] + np.arange(X.shape[1])
    own = sparse.csr_array(
        (
            (X * is_new[:, None]).ravel(),
            columns.ravel(),
            np.arange(0, X.size + 1, X.shape[1]),
        ),
        shape=(len(X), len(new) * X.shape[1]),
    )
    own.eliminate_zeros()
    return sparse.hstack([sparse.csr_array(X), own], format="csr")


rows = []
for seed in args.seeds:
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(languages)
    old, new = np.sort(drawn[:N_LANGUAGES]), np.sort(drawn[N_LANGUAGES : 2 * N_LANGUAGES])
    source = np.flatnonzero(np.isin(language, old) & ~is_test)
    text = {code: rng.permutation(np.flatnonzero((language == code) & ~is_test)) for code in new}
    few = np.concatenate([text[code][:N_FEW] for code in new])
    test = np.flatnonzero(np.isin(language, new) & is_test)
    read = np.concatenate([source, *text.values()])
    X_char, found, seconds = characters(read), {}, {}

    both = np.r_[source, few]
    found["char, all rows"] = proba(CHAR, X_char, both, test)
    found["gemma, all rows"] = proba(GEMMA, X_gemma, both, test)
    found["gemma, without the 16"] = proba(GEMMA, X_gemma, source, test)
    X_easy = easy_adapt(X_gemma.astype(np.float32), new)
    found["EasyAdapt, gemma"] = proba(GEMMA, X_easy, both, test)
    for name, model, X in (("char", CHAR, X_char), ("gemma", GEMMA, X_gemma)):
        own = np.zeros((len(test), len(classes)))
        for code in new:
            where = language[test] == code
            own[where] = proba(model, X, text[code][:N_FEW], test[where])
        found[f"{name}, own rows"] = own
    found["averaged, all rows"] = found["char, all rows"] + found["gemma, all rows"]
    found["averaged, own rows"] = found["char, own rows"] + found["gemma, own rows"]
    found["char, own, and gemma, all"] = found["char, own rows"] + found["gemma, all rows"]
    found["char, all, and EasyAdapt, gemma"] = found["char, all rows"] + found["EasyAdapt, gemma"]

    X = sparse.hstack(
        [characters_and_words(data["text"][read], texts, MIN_DF), sparse.csr_array(vectors)],
        format="csr",
    )
    start = time.perf_counter()
    model = MetaNetClassifier(max_epochs=1, validation_fraction=0, verbose=0, random_state=seed)
    model.fit(X[source], y[source], language=language[source])
    seconds["seconds of fit"] = time.perf_counter() - start
    for name in ("meta-model", "adapt, labels only", "adapt"):
        found[name] = np.zeros((len(test), len(classes)))
    spent = 0.0
    for code in tqdm(new, desc=f"seed {seed}: adapt", file=sys.stderr):
        where = np.flatnonzero(language[test] == code)
        X_test, own = X[test[where]], text[code]
        model.register_language(X[own], language=code)
        found["meta-model"][where] = model.predict_proba(X_test, language=code)
        labels = np.where(np.arange(len(own)) < N_FEW, y[own], None)
        for name, chosen in (("adapt, labels only", own[:N_FEW]), ("adapt", own)):
            start = time.perf_counter()
            model.adapt(X[chosen], labels[: len(chosen)], language=code)
            spent += time.perf_counter() - start
            found[name][where] = model.predict_proba(X_test, language=code)
            model.forget(code)
    seconds["seconds of an adapt"] = spent / (2 * len(new))
    rows.append({name: accuracy(p, test) for name, p in found.items()} | seconds)
    print(f"seed {seed}: {X.shape[1]} features\n{pd.Series(rows[-1]).round(1).to_string()}")
    sys.stdout.flush()
print(pd.DataFrame(rows).agg(["mean", "std"]).T.round(2).to_string())
