"""Several labels in each row, in five languages that all have labels; n-grams of characters.

    python benchmarks/several_labels_everywhere.py FOLDER_OF_SIB200
    python benchmarks/several_labels_everywhere.py --report

The rows are those of several_labels.py. Each language has as many labelled rows as `--labels` says,
and 300 rows of each are predicted, of validation sentences unless `--split test` is given:

- logistic regression: of scikit-learn, one for each language and label; its penalty is chosen by
  cross-validation of the log-loss
- MetaNetClassifier: with its defaults, on n-grams of the texts of all languages
"""

from pathlib import Path

import numpy as np
import pandas as pd
from several_labels import COLUMNS, N_PREDICTED, OTHERS, SOURCE, main, read_joined
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from metaling_sk import MetaNetClassifier

LANGUAGES = [SOURCE, *OTHERS]
METHODS = ["logistic regression", "MetaNetClassifier"]
FIGURES = ["F1", "rows", "share of labels", "log-loss"]
RESULT = Path(__file__).parent / "results" / "several_labels_everywhere.json"


def read(folder: Path, split: str, labels: int, seed: int) -> list[pd.DataFrame]:
    """Labelled rows of each language, and the rows to predict."""
    rng = np.random.default_rng(seed)
    sizes = [("train", labels), (split, N_PREDICTED)]
    return [
        pd.concat([read_joined(folder, name, part, n, rng) for name in LANGUAGES])
        for part, n in sizes
    ]


def make_vectorizer() -> TfidfVectorizer:
    """N-grams of characters."""
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True, min_df=2)


def predict(method: str, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Fit, and return the probabilities of the labels."""
    Y = train.drop(columns=COLUMNS)
    if method == "MetaNetClassifier":
        clf = MetaNetClassifier(encoder=make_vectorizer(), verbose=0, random_state=seed)
        return clf.fit(train[COLUMNS], Y).predict_proba(test[COLUMNS])
    parts = []
    for language in LANGUAGES:
        one = LogisticRegressionCV(
            Cs=np.geomspace(0.1, 1000, 9), scoring="neg_log_loss", max_iter=1000
        )
        model = make_pipeline(make_vectorizer(), OneVsRestClassifier(one))
        own = train["language"] == language
        model.fit(train.loc[own, "text"], Y[own].to_numpy())
        parts.append(model.predict_proba(test.loc[test["language"] == language, "text"]))
    return np.concatenate(parts)


def measure(folder: Path, run: dict) -> dict:
    """Fit and predict; return means of the languages."""
    arguments = run["arguments"]
    train, test = read(folder, arguments["split"], arguments["labels"], run["seed"])
    truth = test.drop(columns=COLUMNS).to_numpy()
    found = predict(run["method"], train, test, run["seed"])
    scores = []
    for language in LANGUAGES:
        rows = (test["language"] == language).to_numpy()
        y, p = truth[rows], np.clip(found[rows], 1e-6, 1 - 1e-6)
        predicted = p > 0.5
        f1 = f1_score(y, predicted, average="macro", zero_division=0)
        right = (y == predicted).all(axis=1).mean()
        loss = -np.log(np.where(y == 1, p, 1 - p)).mean()
        scores.append((100 * f1, 100 * right, 100 * predicted.sum() / y.sum(), loss))
    figures = dict(zip(FIGURES, np.mean(scores, axis=0), strict=True))
    return {name: round(float(value), 3) for name, value in figures.items()}


if __name__ == "__main__":
    main(__doc__.splitlines()[0], measure, METHODS, FIGURES, RESULT, split="dev", labels=[50])
