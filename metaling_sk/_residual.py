"""What a language's own rows add to the logits that a network gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax

MAX_ITERATIONS = 200


@dataclass(frozen=True)
class Residual:
    """A linear model on top of another one.

    Attributes
    ----------
    coef : ndarray or CSR array, shape (n_classes, n_features)
    intercept : ndarray of shape (n_classes,)
    """

    coef: np.ndarray | sparse.csr_array
    intercept: np.ndarray

    def apply(self, features) -> np.ndarray:
        """What is added to the logits of the rows, shape (n_rows, n_classes)."""
        found = features @ self.coef.T
        return (found.toarray() if sparse.issparse(found) else found) + self.intercept


def fit_residual(features, y, logits, penalty: float, class_weight=None) -> Residual:
    """Minimise ``Σ L(logits + W x + b, y) + penalty / 2 (‖W‖² + ‖b‖²)``.

    A multinomial logistic regression whose prior is what the logits say. W is sparse where the
    features are: it is 0 for those that no row has.

    Parameters
    ----------
    features : ndarray or CSR array, shape (n_rows, n_features)
    y : ndarray of int64, shape (n_rows,)
    logits : ndarray of shape (n_rows, n_classes)
    penalty : float
    class_weight : ndarray of shape (n_classes,), optional
    """
    n_classes = logits.shape[1]
    n_features = features.shape[1]
    is_sparse = sparse.issparse(features)
    used = np.unique(features.indices) if is_sparse else np.arange(n_features)
    x = (features[:, used] if is_sparse else features).astype(np.float64)
    weight = np.ones(len(y)) if class_weight is None else class_weight[y]
    truth = np.eye(n_classes)[y]

    def loss(parameters):
        coef, intercept = np.split(parameters, [n_classes * len(used)])
        coef = coef.reshape(len(used), n_classes)
        log_p = log_softmax(logits + x @ coef + intercept, axis=1)
        error = weight[:, None] * (np.exp(log_p) - truth)
        value = -(weight[:, None] * truth * log_p).sum() + penalty / 2 * (parameters**2).sum()
        gradient = np.r_[(x.T @ error).ravel(), error.sum(axis=0)]
        return value, gradient + penalty * parameters

    start = np.zeros((len(used) + 1) * n_classes)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
    ).x
    coef = found[: n_classes * len(used)].reshape(len(used), n_classes).T
    if is_sparse:
        wide = sparse.csr_array(coef).tocoo()
        coef = sparse.csr_array(
            (wide.data, (wide.row, used[wide.col])), shape=(n_classes, n_features)
        )
    return Residual(coef, found[n_classes * len(used) :])
