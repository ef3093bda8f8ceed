"""Self-training: the surest predictions of a model serve as labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from metaling_sk._data.samples import Samples

FIRST_SHARE, LAST_SHARE = 0.2, 0.6
"""Shares of the unlabelled samples that get a pseudo-label in the first and in the last round."""

SMOOTHING = 10.0
"""What is added to the number of labels of each class, before its share is estimated."""

TOPIC_NGRAMS = (1, 3)
"""Least and largest length of the character n-grams that tell topics."""

TOPIC_DIMENSIONS = 30
"""Number of dimensions in which topics are clusters."""

MIN_DF = 4e-4
"""Share of texts in which an n-gram must occur."""


def char_tfidf(ngram_range, min_df=MIN_DF) -> TfidfVectorizer:
    """Make a vectorizer: TF-IDF of whether a text has a character n-gram."""
    return TfidfVectorizer(
        analyzer="char", ngram_range=ngram_range, min_df=min_df, binary=True, dtype=np.float32
    )


def find_topics(samples: Samples, n_topics: int, rng: np.random.RandomState) -> np.ndarray:
    """Find the topic of each sample by k-means of latent semantic representations [1]_.

    Images and other cells have one topic.

    Parameters
    ----------
    samples : Samples
        The samples.
    n_topics : int
        Number of topics; fewer where there are fewer samples.
    rng : RandomState
        Draws the seed.

    Returns
    -------
    ndarray of int, shape (n_samples,)

    References
    ----------
    .. [1] Deerwester et al. (1990). Indexing by latent semantic analysis. Journal of the American
       Society for Information Science.
    """
    n_topics = min(n_topics, len(samples))
    if n_topics == 1 or samples.cells is not None:
        return np.zeros(len(samples), dtype=int)
    features: Any = samples.features
    if samples.is_text:
        texts: Any = samples.texts
        if samples.is_pairs:  # Both texts tell the topic.
            texts = [" ".join(pair) for pair in texts]
        if not any(texts):
            return np.zeros(len(samples), dtype=int)
        features = char_tfidf(TOPIC_NGRAMS).fit_transform(texts)
    seed = rng.randint(2**31)
    if features.shape[1] > TOPIC_DIMENSIONS:
        features = TruncatedSVD(TOPIC_DIMENSIONS, random_state=seed).fit_transform(features)
    return KMeans(n_topics, n_init=3, random_state=seed).fit_predict(normalize(features))


def round_shares(n_rounds: int) -> np.ndarray:
    """Return the share of the unlabelled samples that get a pseudo-label in each round."""
    return np.linspace(FIRST_SHARE, LAST_SHARE, n_rounds)


def class_shares(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Estimate the shares of the classes, by additive smoothing.

    The fewer labels there are, the less they say about the shares, and the more equal these are.

    Parameters
    ----------
    labels : ndarray of int, shape (n_labels,)
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes,)
        Their sum is 1.
    """
    counts = np.bincount(labels, minlength=n_classes) + SMOOTHING
    return counts / counts.sum()


def pseudo_labels(
    probabilities: np.ndarray, topics: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the samples that a model is surest of.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        The predictions of the model.
    topics : ndarray of int, shape (n_samples,)
        The topic of each sample.
    shares : ndarray of shape (n_classes,)
        The share of the samples of each topic that get the label of each class.

    Returns
    -------
    indices, labels : ndarrays of int, shape (n_chosen,)
        The samples and their pseudo-labels. A sample that is among the surest of two classes is
        left out.
    """
    is_chosen = np.zeros(probabilities.shape, dtype=bool)
    for topic in np.unique(topics):
        members = np.flatnonzero(topics == topic)
        surest = members[np.argsort(-probabilities[members], axis=0, kind="stable")]
        for label, n_chosen in enumerate((shares * len(members)).astype(int)):
            is_chosen[surest[:n_chosen, label], label] = True
    indices = np.flatnonzero(is_chosen.sum(axis=1) == 1)
    return indices, is_chosen[indices].argmax(axis=1)
