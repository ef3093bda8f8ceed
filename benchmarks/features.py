"""Features that several benchmarks share."""

from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from metaling_sk import EncoderVectorizer
from metaling_sk.datasets import load_encoder

PROMPT = "query: "


def characters_and_words(read, texts, min_df: int = 2) -> sparse.csr_array:
    """Compute TF-IDF of character and word n-grams, fitted on the texts `read`."""
    options = {"sublinear_tf": True, "min_df": min_df, "dtype": np.float32}
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), **options)
    words = TfidfVectorizer(ngram_range=(1, 2), **options)
    parts = [vectorizer.fit(read).transform(texts) for vectorizer in (characters, words)]
    return sparse.csr_array(sparse.hstack(parts, format="csr"))


def e5() -> EncoderVectorizer:
    """Return a frozen multilingual-e5-small."""
    return EncoderVectorizer(load_encoder("multilingual-e5-small"), prompt=PROMPT, verbose=0)


def gemma(folder: Path) -> EncoderVectorizer:
    """Return the lower half of a frozen gemma-3-270m."""
    return EncoderVectorizer(str(folder), layer=0.5, max_length=128, verbose=0)


def e5_vectors(path: Path, texts: list[str]) -> np.ndarray:
    """Return the vectors of a frozen multilingual-e5-small, from the file if it exists."""
    return _vectors(path, e5, texts)


def gemma_vectors(path: Path, folder: Path, texts: list[str]) -> np.ndarray:
    """Return the vectors of a frozen gemma-3-270m, from the file if it exists."""
    return _vectors(path, partial(gemma, folder), texts)


def _vectors(path: Path, new_encoder, texts: list[str]) -> np.ndarray:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, new_encoder().fit_transform(texts).astype(np.float16))
    return np.load(path).astype(np.float32)


def add_gemma(parser) -> None:
    """Add the argument that names the folder of gemma-3-270m."""
    help_ = "folder of gemma-3-270m, made as docs/user_guide/encoders.rst says"
    parser.add_argument("--gemma", type=Path, help=help_)
