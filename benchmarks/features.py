"""Features that the benchmarks on NusaX and SIB-200 share."""

from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from metaling_sk import EncoderVectorizer

PROMPT_TOKENS = 16
"""Room for the prompt behind a text of 128 tokens."""


def frozen_vectors(texts, encoder: str, prompt: str | None, kept: Path | None) -> np.ndarray:
    """Encode texts: the mean of layer 9 and, if a prompt is given, the last token of layer 12.

    The last token is that of the text followed by the prompt. If the file `kept` exists, the
    vectors are read from it. Otherwise they are written to it.
    """
    if kept is not None and kept.exists():
        return np.load(kept).astype(np.float32)
    vectors = EncoderVectorizer(encoder, layer=9).fit_transform(texts)
    if prompt is not None:
        last = EncoderVectorizer(encoder, layer=12, pooling="last", max_length=128 + PROMPT_TOKENS)
        vectors = np.hstack([vectors, last.fit_transform([text + prompt for text in texts])])
    if kept is not None:
        np.save(kept, vectors.astype(np.float16))
    return vectors


def characters_and_words(read, texts, min_df: int = 2) -> sparse.csr_array:
    """Compute TF-IDF of character and word n-grams, fitted on the texts `read`."""
    options = {"sublinear_tf": True, "min_df": min_df, "dtype": np.float32}
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), **options)
    words = TfidfVectorizer(ngram_range=(1, 2), **options)
    parts = [vectorizer.fit(read).transform(texts) for vectorizer in (characters, words)]
    return sparse.csr_array(sparse.hstack(parts, format="csr"))
