"""What a language's own rows add to the logits that a network gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax

MAX_ITERATIONS = 100

MAX_ROWS = 2000
"""Of which the inner products, all with all, are faster than the features."""

INTERCEPT_PENALTY = 10.0
"""Of the squared intercept: in a few rows, the shares of the classes are those of the draw."""


@dataclass(frozen=True)
class ResidualHead:
    """A linear model on top of another one, whose logits become ``share · logits + W x + b``.

    Attributes
    ----------
    coef : ndarray or CSR array, shape (n_classes, n_features)
    intercept : ndarray of shape (n_classes,)
    share : float
    """

    coef: np.ndarray | sparse.csr_array
    intercept: np.ndarray
    share: float = 1.0

    def apply(self, logits: np.ndarray, features) -> np.ndarray:
        """The logits of the rows, shape (n_rows, n_classes)."""
        found = features @ self.coef.T
        found = found.toarray() if sparse.issparse(found) else found
        return self.share * logits + found + self.intercept

    def get_state(self) -> dict[str, Any]:
        """Return everything that `from_state` needs."""
        state: dict[str, Any] = {"intercept": self.intercept, "share": self.share}
        if sparse.issparse(self.coef):
            arrays = {name: getattr(self.coef, name) for name in ("data", "indices", "indptr")}
            return state | arrays | {"shape": list(self.coef.shape)}
        # The transpose is contiguous, so that rounding is the same after loading.
        return state | {"transposed": np.ascontiguousarray(self.coef.T)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ResidualHead:
        """Restore a residual head."""
        if "transposed" in state:
            coef = state["transposed"].T
        else:
            parts = state["data"], state["indices"], state["indptr"]
            coef = sparse.csr_array(parts, shape=tuple(state["shape"]))
        return cls(coef, state["intercept"], state["share"])

    def after(self, first: ResidualHead) -> ResidualHead:
        """The one that does what `first` does, and then what this one does."""
        return ResidualHead(
            self.share * first.coef + self.coef,
            self.share * first.intercept + self.intercept,
            self.share * first.share,
        )


def fit_residual_head(
    features, targets, logits, penalty: float, weight=None, share: float = 1.0
) -> ResidualHead:
    """Minimise ``Σ_i w_i L(share · logits_i + W x_i + b, t_i) + penalty / 2 ‖W‖² + 5 ‖b‖²``.

    A multinomial logistic regression whose prior is what the logits say. W is sparse where the
    features are: it is 0 for those that no row has.

    Parameters
    ----------
    features : ndarray or CSR array, shape (n_rows, n_features)
    targets, logits : ndarray of shape (n_rows, n_classes)
        Probabilities, and what is added to.
    penalty : float
        As if the mean squared norm of the rows were 1: it is multiplied with that.
    weight : ndarray of shape (n_rows,), optional
    share : float, default=1.0
    """
    n_classes = logits.shape[1]
    is_sparse = sparse.issparse(features)
    penalty *= (features**2).sum() / len(targets) or 1.0
    used = np.unique(features.indices) if is_sparse else np.arange(features.shape[1])
    x = (features[:, used] if is_sparse else features).astype(np.float64)
    is_wide = len(used) > len(targets) and len(targets) <= MAX_ROWS
    small, back = _square(x) if is_wide else (x, None)
    weight = np.ones((len(targets), 1)) if weight is None else weight[:, None]
    n_coef = small.shape[1] * n_classes
    penalties = np.r_[np.full(n_coef, penalty), np.full(n_classes, INTERCEPT_PENALTY)]

    def loss(parameters):
        coef, intercept = parameters[:n_coef].reshape(-1, n_classes), parameters[n_coef:]
        log_p = log_softmax(share * logits + small @ coef + intercept, axis=1)
        error = weight * (np.exp(log_p) - targets)
        value = -(weight * targets * log_p).sum() + (penalties * parameters**2).sum() / 2
        gradient = np.r_[(small.T @ error).ravel(), error.sum(axis=0)]
        return value, gradient + penalties * parameters

    options = {"maxiter": MAX_ITERATIONS}
    start = np.zeros(n_coef + n_classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    coef, intercept = found[:n_coef].reshape(-1, n_classes), found[n_coef:]
    coef = (coef if back is None else x.T @ (back @ coef)).T
    if is_sparse:
        wide = sparse.coo_array(coef)
        positions = (wide.row, used[wide.col])
        shape = (n_classes, features.shape[1])
        coef = sparse.csr_array((wide.data, positions), shape=shape)
    return ResidualHead(coef, intercept, share)


def _square(x) -> tuple[np.ndarray, np.ndarray]:
    """As many columns as rows, with the same inner products; and the way back.

    The best weights are sums of the rows, so with fewer rows than features there is no need to look
    elsewhere. From weights V on the columns, those on the features are ``xᵀ @ back @ V``.
    """
    products = x @ x.T
    values, vectors = np.linalg.eigh(products.toarray() if sparse.issparse(x) else products)
    kept = values > values[-1] * len(values) * np.finfo(float).eps
    root = np.sqrt(values[kept])
    return vectors[:, kept] * root, vectors[:, kept] / root
