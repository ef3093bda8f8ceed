"""Features that several benchmarks share."""

from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from metaling_sk import EncoderVectorizer
from metaling_sk.datasets import load_encoder


def characters_and_words(read, texts, min_df: int = 2) -> sparse.csr_array:
    """Compute TF-IDF of character and word n-grams, fitted on the texts `read`."""
    options = {"sublinear_tf": True, "min_df": min_df, "dtype": np.float32}
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), **options)
    words = TfidfVectorizer(ngram_range=(1, 2), **options)
    parts = [vectorizer.fit(read).transform(texts) for vectorizer in (characters, words)]
    return sparse.csr_array(sparse.hstack(parts, format="csr"))


def e5_vectors(path: Path, texts: list[str]) -> np.ndarray:
    """Return the vectors of a frozen multilingual-e5-small, from the file if it exists."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        encoder = EncoderVectorizer(load_encoder("multilingual-e5-small"), prompt="query: ")
        np.save(path, encoder.fit_transform(texts).astype(np.float16))
    return np.load(path).astype(np.float32)
