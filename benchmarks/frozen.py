"""How long 5-fold cross-validation takes on the vectors of a frozen encoder, beside its peers.

    python benchmarks/frozen.py

- metaling_sk: TransferClassifier(trainable="head", max_epochs=10, head_penalty=0)
- sentence-transformers: a pipeline of its encoder, with its defaults, and a logistic regression. It
  needs `sentence-transformers`.
- skrub: a pipeline of its TextEncoder, which runs sentence-transformers and reduces the vectors to
  30 components, and a logistic regression. It needs `skrub` and `sentence-transformers`.

All are scored by `cross_val_score` on the same folds of reviews in English and Chinese, with
multilingual-e5-small. The reviews are cut beforehand, so that all read the same 128 tokens. A
repetition draws other folds. metaling_sk computes in bfloat16 where the hardware does, the others
in float32. metaling_sk encodes each text once in a process; here every repetition begins with
nothing encoded.
"""

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import peers
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from transformers import AutoTokenizer

from metaling_sk import TransferClassifier
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.datasets import load_encoder, load_reviews

MAX_LENGTH = 128
N_TOKENS = 120
"""Tokens of a review, which leaves room for the prompt."""
N_FOLDS, MAX_EPOCHS = 5, 10
NEEDS = {"sentence-transformers": "sentence-transformers", "skrub": "skrub"}
RESULT = Path(__file__).parent / "results" / "frozen.json"


def new_transfer(seed: int):
    """Make a TransferClassifier and return it with the columns that it reads."""
    model = TransferClassifier(
        encoder=load_encoder("multilingual-e5-small"),
        source_languages=["en", "zh"],
        trainable="head",
        max_length=MAX_LENGTH,
        max_epochs=MAX_EPOCHS,
        head_penalty=0,
        device="cpu",
        verbose=0,
        random_state=seed,
    )
    return model, ["text", "language"]


def new_sentence_transformers(seed: int):
    """Make a pipeline with sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(load_encoder("multilingual-e5-small"), device="cpu")

    def encode(texts: pd.Series) -> np.ndarray:
        return encoder.encode(texts.tolist(), show_progress_bar=False)

    return make_pipeline(FunctionTransformer(encode), LogisticRegression(max_iter=1000)), "text"


def new_skrub(seed: int):
    """Make a pipeline with the TextEncoder of skrub."""
    from skrub import TextEncoder

    encoder = TextEncoder(load_encoder("multilingual-e5-small"), device="cpu")
    return make_pipeline(encoder, LogisticRegression(max_iter=1000)), "text"


METHODS = {
    "metaling_sk": new_transfer,
    "sentence-transformers": new_sentence_transformers,
    "skrub": new_skrub,
}


@cache
def read(n_rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Read reviews, cut to a number of tokens."""
    X, y = load_reviews(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(X))[:n_rows]
    X, y = X.iloc[chosen].reset_index(drop=True), y[chosen]
    tokens = AutoTokenizer.from_pretrained(load_encoder("multilingual-e5-small"))(
        X["text"].tolist(), truncation=True, max_length=N_TOKENS, return_offsets_mapping=True
    )
    ends = [max(end for _, end in offsets) for offsets in tokens["offset_mapping"]]
    texts = [text[:end] for text, end in zip(X["text"], ends, strict=True)]
    return X.assign(text=texts), y


def score(method: str, X: pd.DataFrame, y: np.ndarray, seed: int) -> float:
    """Return the mean accuracy of the folds."""
    model, columns = METHODS[method](seed)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    return cross_val_score(model, X[columns], y, cv=folds, error_score="raise").mean()


def measure(method: str, seed: int, rows: int) -> dict[str, float]:
    """Return the figures of a method."""
    X, y = read(rows)
    CACHE.clear()
    seconds, accuracy = peers.timed(score, method, X, y, seed)
    return {"seconds": seconds, "accuracy": 100 * accuracy}


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--rows", type=int, default=300, help="reviews")
    args = parser.parse_args()
    peers.run(args, [{"rows": args.rows}], measure, NEEDS)


if __name__ == "__main__":
    main()
