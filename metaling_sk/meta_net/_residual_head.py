"""A linear model on the samples of one language, on top of the outputs of a network."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from metaling_sk.meta_net._linear_loss import LOG_LOSS, LinearLoss

MAX_SAMPLES = 2000
"""Largest number of samples for which inner products are used instead of more numerous features."""

N_VECTORS = 20
"""Number of vectors that L-BFGS goes through in a step, beside the features."""

DENSE_SHARE = 1 / 16
"""Share of the samples from which on a sparse column is handled as a dense one."""


@dataclass(frozen=True)
class ResidualHead:
    """A linear model that turns given outputs into ``share · outputs + W x + b``.

    Attributes
    ----------
    coef : ndarray or CSR array, shape (n_outputs, n_features)
        W.
    intercept : ndarray of shape (n_outputs,)
        b.
    share : float
        Factor of the given outputs, which are logits where there are classes.
    """

    coef: np.ndarray | sparse.csr_array
    intercept: np.ndarray
    share: float = 1.0

    def apply(self, logits: np.ndarray, features) -> np.ndarray:
        """Return the new logits of samples.

        Parameters
        ----------
        logits : ndarray of shape (n_samples, n_outputs)
            The given logits.
        features : ndarray or CSR array, shape (n_samples, n_features)
            The features x.
        """
        products = features @ self.coef.T
        is_sparse = sparse.issparse(products)
        products = products.toarray() if is_sparse else products
        return self.share * logits + products + self.intercept

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
            coef.check_format(full_check=True)
        return cls(coef, state["intercept"], state["share"])

    def after(self, first: ResidualHead) -> ResidualHead:
        """Return the residual head that does what `first` does, and then what this one does."""
        coef: Any = self.share * first.coef + self.coef
        return ResidualHead(
            coef,
            self.share * first.intercept + self.intercept,
            self.share * first.share,
        )


class ResidualHeadProblem:
    """The samples of a language, to which residual heads of several penalties are fitted.

    A head minimises ``Σ_i w_i L(share · logits_i + W x_i + b, t_i) + λ / 2 ‖W‖² + β / 2 ‖b‖²``,
    where λ is the penalty and β that of the intercept, which goes with the loss L.
    W is sparse where the features are sparse: it is 0 for features that no sample has.

    Parameters
    ----------
    features : ndarray or CSR array, shape (n_samples, n_features)
        The features x.
    targets : ndarray of shape (n_samples, n_outputs)
        What the outputs should be, t: probabilities of the classes, or numbers.
    logits : ndarray of shape (n_samples, n_outputs)
        The given logits.
    weight : ndarray of shape (n_samples, 1) or (n_samples, n_outputs), optional
        Weights w of the samples, or of their outputs.
    products : ndarray of shape (n_samples, n_samples), optional
        The inner products of the samples, if they are known.
    loss : LinearLoss, default=LOG_LOSS
        L.
    """

    def __init__(
        self,
        features,
        targets,
        logits,
        weight=None,
        products=None,
        loss: LinearLoss = LOG_LOSS,
    ):
        self._loss = loss
        self._targets, self._logits = targets, logits
        self._weight = np.ones((len(targets), 1)) if weight is None else weight
        self._n_features = features.shape[1]
        self._is_sparse = sparse.issparse(features)
        with np.errstate(over="ignore"):
            self._scale = (features**2).sum() / len(targets) or 1.0
        if not np.isfinite(self._scale):
            raise ValueError(
                "X holds values so extreme that their squares are infinite; scale them down or "
                "leave their rows out."
            )
        if self._is_sparse:
            self._used = np.flatnonzero(np.bincount(features.indices, minlength=self._n_features))
        self._x = self._take_used(features).astype(np.float64)
        self._is_wide = is_wide(self._x)
        self._columns = self._x
        if self._is_wide:
            # The best weights are sums of samples, so nothing is lost by features that have the
            # same inner products and are fewer.
            products = inner_products(self._x) if products is None else products
            self._columns, self._squares = _reduce(products)
        columns: Any = self._columns
        is_dense = isinstance(columns, np.ndarray)
        squares = columns * columns if is_dense else columns.multiply(columns)
        self._norms = squares.T @ self._weight

    def with_logits(self, logits: np.ndarray) -> ResidualHeadProblem:
        """The same samples with other given logits."""
        problem = copy.copy(self)
        problem._logits = logits
        return problem

    def fit(
        self, penalty: float, share: float = 1.0, intercept_penalty: float | None = None
    ) -> ResidualHead:
        """Fit a residual head, with coefficients of the features.

        Parameters
        ----------
        penalty : float
            L2 penalty for features with a mean squared norm of 1. It is multiplied by the mean
            squared norm of the features.
        share : float, default=1.0
            Factor of the given logits.
        intercept_penalty : float, optional
            Penalty of the squared intercept; by default that of the loss.
        """
        solved = self.solve(penalty, share, intercept_penalty)
        coef: Any = solved.coef.T
        if self._is_wide:
            coef = self._x.T @ (self._columns @ (coef / self._squares[:, None]))
        coef = coef.T
        if self._is_sparse:
            reduced = sparse.coo_array(coef)
            positions = (reduced.row, self._used[reduced.col])
            shape = (len(coef), self._n_features)
            coef = sparse.csr_array((reduced.data, positions), shape=shape)
        return replace(solved, coef=coef)

    def solve(
        self, penalty: float, share: float = 1.0, intercept_penalty: float | None = None
    ) -> ResidualHead:
        """Fit a residual head, with coefficients of the columns; see `columns` and `fit`."""
        if intercept_penalty is None:
            intercept_penalty = self._loss.intercept_penalty
        coef, intercept = self._loss.minimise(
            self._columns,
            self._norms,
            self._targets,
            share * self._logits,
            self._weight,
            penalty * self._scale,
            intercept_penalty,
        )
        return ResidualHead(coef.T, intercept, share)

    def columns(self, features, products: np.ndarray | None = None) -> Any:
        """Return the columns that stand for the features of other samples.

        Parameters
        ----------
        features : ndarray or CSR array, shape (n_others, n_features)
        products : ndarray of shape (n_others, n_samples), optional
            Their inner products with the samples of the problem, if they are known.
        """
        if self._is_wide and products is not None:
            return products @ (self._columns / self._squares)
        x = self._take_used(features)
        return x @ (self._x.T @ (self._columns / self._squares)) if self._is_wide else x

    def _take_used(self, features) -> Any:
        """Leave out sparse features that no sample of the problem has."""
        return features[:, self._used] if self._is_sparse else features


def is_wide(x: Any) -> bool:
    """Whether columns with the same inner products as the samples take less time than features.

    They are dense, one for each sample. Sparse features may be more numerous and take less.
    """
    n_samples, n_features = x.shape
    if n_samples > MAX_SAMPLES or n_samples >= n_features:
        return False
    return x.size + N_VECTORS * n_features > n_samples**2


def inner_products(x: Any) -> np.ndarray:
    """Return the inner products of samples, dense or sparse."""
    if isinstance(x, np.ndarray):
        return x @ x.T
    n_samples, n_features = x.shape
    is_frequent = np.bincount(x.indices, minlength=n_features) > DENSE_SHARE * n_samples
    frequent, rare = x[:, is_frequent].toarray(), x[:, ~is_frequent]
    return frequent @ frequent.T + (rare @ rare.T).toarray()


def _reduce(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return orthogonal columns with these inner products, and the squared norms of the columns."""
    values, vectors = np.linalg.eigh(products)
    kept = values > values[-1] * len(values) * np.finfo(float).eps
    return vectors[:, kept] * np.sqrt(values[kept]), values[kept]
