"""The best linear head for numbers on fixed inputs: a ridge regression, solved for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.utils.extmath import row_norms

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.strata import position_in_language
from metaling_sk._network.classifier import ClassifierNetwork
from metaling_sk._utils.threads import one_blas_thread
from metaling_sk.transfer._terms import TERMS

PENALTIES = np.geomspace(1e-4, 1e3, 15)
"""L2 penalties to choose from, in units of the mean squared norm of the samples."""

PENALTY = 1.0
"""The same where there are too few samples to choose."""

N_FOLDS = 5
"""Number of folds of the cross-validation."""

MAX_SAMPLES = 1000
"""About the largest number of samples in the cross-validation."""

MAX_ROUNDS = 20
"""Largest number of fits for the Huber loss, each weighted by the errors of the one before."""

CONVERGED = 1e-3
"""The change of these weights at which they are good enough."""

RIDGE_TOLERANCE = 1e-6
"""Of the iterative solver, which sklearn takes for sparse features."""


@dataclass(frozen=True)
class Summand:
    """Samples whose mean loss is a summand of the objective.

    Attributes
    ----------
    x : ndarray or CSR array, shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Standardised numbers.
    language_index : ndarray of int, shape (n_samples,)
    epsilon : float
        The error from which on the loss is linear; infinite for the squared error.
    share : float
        What the mean loss counts.
    """

    x: Any
    y: np.ndarray
    language_index: np.ndarray
    epsilon: float
    share: float

    @property
    def weight(self) -> float:
        """What the loss of a sample counts."""
        return self.share / len(self.y)


def is_solvable(terms: list[str]) -> bool:
    """Whether the objective with these terms is made of losses of samples alone."""
    return all(TERMS[term].share(1) is not None for term in terms)


def solve_head(
    network: ClassifierNetwork,
    streams: dict[str, EncodedSamples],
    terms: list[str],
    transfer_weight: float,
    epsilon: float,
) -> None:
    """Set the head of a linear network to where the objective and an L2 penalty are least.

    Parameters
    ----------
    network : ClassifierNetwork
        Its head has one output.
    streams : dict of str to EncodedSamples
        What the objective reads.
    terms : list of str
        Those of a solvable objective.
    transfer_weight : float
        λ.
    epsilon : float
        Of the loss of labels, as in `Summand`.
    """
    source = streams["source"]
    summands = [_summand(source, source.y, epsilon, 1.0)]
    for term in (TERMS[name] for name in terms):
        (name,) = term.streams
        stream, share = streams[name], term.share(len(streams[name]))
        assert share is not None
        y, bound = (stream.teacher, np.inf) if term.has_teacher else (stream.y, epsilon)
        summands.append(_summand(stream, y, bound, transfer_weight * share))
    summands = [each for each in summands if len(each.y) and each.share]
    if summands:
        coef, intercept = fit_ridge(summands)
        with torch.no_grad():
            network.head.weight.copy_(torch.from_numpy(coef)[None])
            network.head.bias.fill_(intercept)


def _summand(samples: EncodedSamples, y: np.ndarray | None, epsilon: float, share: float):
    assert y is not None
    features: Any = samples.inputs
    return Summand(features, y.reshape(len(y)), samples.language_index, epsilon, share)


@one_blas_thread()
def fit_ridge(summands: list[Summand]) -> tuple[np.ndarray, float]:
    """Minimise the sum of mean losses and an L2 penalty; return coefficients and intercept.

    The penalty is chosen by the same sum on held-out samples. The Huber loss is that of weighted
    squared errors, whose weights follow from the errors.
    """
    xs = [each.x for each in summands]
    x: Any = sparse.vstack(xs, "csr") if sparse.issparse(xs[0]) else np.concatenate(xs)
    x = x.astype(np.float64)
    y = np.concatenate([each.y for each in summands]).astype(np.float64)
    sizes = [len(each.y) for each in summands]
    weight, epsilon = (
        np.repeat([getattr(each, name) for each in summands], sizes)
        for name in ("weight", "epsilon")
    )
    weight = weight / weight.mean()
    position = np.concatenate([position_in_language(each.language_index) for each in summands])
    robust = np.ones(len(y))
    for _ in range(MAX_ROUNDS):
        alpha = _choose_alpha(x, y, weight * robust, position)
        ridge = Ridge(alpha=alpha, tol=RIDGE_TOLERANCE).fit(x, y, sample_weight=weight * robust)
        errors = np.abs(ridge.predict(x) - y)
        before, robust = robust, np.minimum(1, epsilon / np.maximum(errors, np.finfo(float).eps))
        if np.abs(robust - before).max() < CONVERGED:
            break
    return ridge.coef_, float(ridge.intercept_)


def _choose_alpha(x, y: np.ndarray, weight: np.ndarray, position: np.ndarray) -> float:
    """Choose the penalty of squared coefficients by cross-validation.

    A sample goes to a fold by its position in its language. Where languages hold the same sentences
    in the same order, translations go to the same one.
    """
    step = -(-len(y) // MAX_SAMPLES)
    kept = np.flatnonzero(position % step == 0)
    x, y, weight, fold = x[kept], y[kept], weight[kept], position[kept] // step % N_FOLDS
    unit = row_norms(x, squared=True).mean() or 1.0
    folds = np.unique(fold)
    if len(y) < 2 * N_FOLDS or len(folds) == 1:
        return unit * PENALTY
    alphas = unit * PENALTIES
    targets = np.repeat((y - np.average(y, weights=weight))[:, None], len(alphas), axis=1)
    losses = np.zeros(len(alphas))
    for number in folds:
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        # One fit for all penalties computes the products of the columns, or of the rows, once.
        ridge = Ridge(alpha=alphas, fit_intercept=False, solver="cholesky")
        ridge.fit(x[train], targets[train], sample_weight=weight[train])
        losses += weight[test] @ np.square(ridge.predict(x[test]) - targets[test])
    return float(alphas[losses.argmin()])
