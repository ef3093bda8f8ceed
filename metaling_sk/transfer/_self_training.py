"""Pseudo-labels: a model's surest predictions become labels."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from metaling_sk._data.samples import Samples

FIRST_SHARE, LAST_SHARE = 0.2, 0.6


TOPIC_NGRAMS = (1, 3)
TOPIC_DIMENSIONS = 30

MIN_DF = 4e-4
"""Share of texts in which an n-gram must occur."""


def char_tfidf(ngram_range, min_df=MIN_DF) -> TfidfVectorizer:
    """TF-IDF of which character n-grams a text has."""
    return TfidfVectorizer(
        analyzer="char", ngram_range=ngram_range, min_df=min_df, binary=True, dtype=np.float32
    )


def find_topics(samples: Samples, n_topics: int, rng: np.random.RandomState) -> np.ndarray:
    """The topic of each row, by k-means of its latent semantic representation."""
    n_topics = min(n_topics, len(samples))
    if n_topics == 1:
        return np.zeros(len(samples), dtype=int)
    features = samples.features
    if samples.is_text:
        features = char_tfidf(TOPIC_NGRAMS).fit_transform(samples.texts)
    seed = rng.randint(2**31)
    if features.shape[1] > TOPIC_DIMENSIONS:
        features = TruncatedSVD(TOPIC_DIMENSIONS, random_state=seed).fit_transform(features)
    return KMeans(n_topics, n_init=3, random_state=seed).fit_predict(normalize(features))


def round_shares(n_rounds: int) -> np.ndarray:
    """Share of the unlabelled rows that get a pseudo-label in each round."""
    return np.linspace(FIRST_SHARE, LAST_SHARE, n_rounds)


def pseudo_labels(
    probabilities: np.ndarray, topics: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rows a model is surest of, with their labels.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
    topics : ndarray of int, shape (n_samples,)
    shares : ndarray of shape (n_classes,)
        The share of each topic's rows that gets the label of each class.

    Returns
    -------
    rows, labels : ndarrays of int, shape (n_selected,)
        A row that is among the surest of two classes is left out.
    """
    chosen = np.zeros(probabilities.shape, dtype=bool)
    for topic in np.unique(topics):
        rows = np.flatnonzero(topics == topic)
        surest = rows[np.argsort(-probabilities[rows], axis=0, kind="stable")]
        for label, n_rows in enumerate((shares * len(rows)).astype(int)):
            chosen[surest[:n_rows, label], label] = True
    rows = np.flatnonzero(chosen.sum(axis=1) == 1)
    return rows, chosen[rows].argmax(axis=1)
