"""What the offsets of languages from the model of all languages have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from metaling_sk.meta_net._labelled_features import LabelledFeatures
from metaling_sk.meta_net._linear_loss import LOG_LOSS, LinearLoss
from metaling_sk.meta_net._residual_head import ResidualHead

MAX_FACTORS = 8
"""Largest number of factors."""


@dataclass(frozen=True)
class Factors:
    """What the offsets of languages have in common: ``offset_l ≈ Σ_j e_lj B_j``.

    Attributes
    ----------
    coef : ndarray of shape (n_factors, n_outputs, n_features)
    intercept : ndarray of shape (n_factors, n_outputs)
    embeddings : dict of int to ndarray of shape (n_factors,)
        The e of each language, by index.
    """

    coef: np.ndarray
    intercept: np.ndarray
    embeddings: dict[int, np.ndarray]

    def logits(self, features) -> np.ndarray:
        """The logits of each factor, shape (n_samples, n_factors, n_outputs)."""
        n_factors, n_outputs, n_features = self.coef.shape
        products = features @ self.coef.reshape(-1, n_features).T
        return products.reshape(len(products), n_factors, n_outputs) + self.intercept

    def add_up(self, samples: LabelledFeatures) -> np.ndarray:
        """The sum of the factors of the language of each sample, shape (n_samples, n_outputs)."""
        logits = self.logits(samples.features)
        found = np.zeros((len(samples), samples.n_outputs))
        for index, members in samples.members.items():
            if index in self.embeddings:
                found[members] = np.einsum("j,njk->nk", self.embeddings[index], logits[members])
        return found

    def gated(self, n_factors: dict[int, int]) -> Factors:
        """Keep the first factors of each language only, and drop those that no language has."""
        n_kept = min(len(self.coef), max(n_factors[index] for index in self.embeddings))
        embeddings = {
            index: np.where(np.arange(n_kept) < n_factors[index], embedding[:n_kept], 0.0)
            for index, embedding in self.embeddings.items()
        }
        return Factors(self.coef[:n_kept], self.intercept[:n_kept], embeddings)


def factor(offsets: dict[int, ResidualHead]) -> Factors:
    """Factor the offsets of languages: the first factors leave the least squares.

    The embeddings have a mean square of 1.

    Parameters
    ----------
    offsets : dict of int to ResidualHead
        The offset of each language, by index.
    """
    heads = list(offsets.values())
    rows = [sparse.csr_array(head.coef.reshape((1, -1))) for head in heads]
    coef = sparse.vstack(rows, format="csr")
    intercept = np.array([head.intercept for head in heads])
    values, vectors = np.linalg.eigh((coef @ coef.T).toarray() + intercept @ intercept.T)
    kept = np.flatnonzero(values > values[-1] * 1e-9)[::-1][:MAX_FACTORS]
    vectors = vectors[:, kept]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(kept))])
    scale = np.sqrt(len(heads))
    shape = (len(kept), *heads[0].coef.shape)
    return Factors(
        (vectors.T @ coef / scale).reshape(shape),
        vectors.T @ intercept / scale,
        dict(zip(offsets, vectors * scale, strict=True)),
    )


def place(
    logits: np.ndarray,
    factor_logits: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    loss: LinearLoss = LOG_LOSS,
) -> np.ndarray:
    """Place a new language among the others by its labelled samples.

    The embedding e minimises ``Σ_i w_i L(logits_i + Σ_j e_j B_ij, t_i) + ‖e‖² / 2``: before a
    label is known, e is normally distributed with a variance of 1, as the embeddings of the others
    are.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_outputs)
        Of the model of all languages.
    factor_logits : ndarray of shape (n_samples, n_factors, n_outputs)
        B.
    targets : ndarray of shape (n_samples, n_outputs)
        What the outputs should be, t: probabilities of the classes, or numbers.
    weight : ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
        w.
    loss : LinearLoss, default=LOG_LOSS
        L.

    Returns
    -------
    ndarray of shape (n_factors,)
    """

    def value_and_gradient(embedding):
        outputs = logits + np.einsum("j,njk->nk", embedding, factor_logits)
        value, error = loss.total(outputs, targets, weight)
        value = value + (embedding**2).sum() / 2
        return value, np.einsum("nk,njk->j", error, factor_logits) + embedding

    start = np.zeros(factor_logits.shape[1])
    return minimize(value_and_gradient, start, jac=True, method="L-BFGS-B").x
