"""Features that several benchmarks share."""

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer


def characters_and_words(read, texts, min_df: int = 2) -> sparse.csr_array:
    """Compute TF-IDF of character and word n-grams, fitted on the texts `read`."""
    options = {"sublinear_tf": True, "min_df": min_df, "dtype": np.float32}
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), **options)
    words = TfidfVectorizer(ngram_range=(1, 2), **options)
    parts = [vectorizer.fit(read).transform(texts) for vectorizer in (characters, words)]
    return sparse.csr_array(sparse.hstack(parts, format="csr"))
