"""Sparse features in a batch: never made dense where a layer multiplies them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import sparse


class SparseFeatures:
    """Sparse features of a batch, as far as they are used like a tensor.

    They stay on the CPU, which is where networks on fixed inputs are computed. SciPy multiplies
    their transpose in a fraction of the time of torch, and a row as it does without the others.

    Parameters
    ----------
    rows : CSR array of shape (n_samples, n_features)
    """

    def __init__(self, rows: sparse.csr_array):
        self.rows = rows

    def to(self, device) -> SparseFeatures:
        """The same features."""
        return self

    def __getitem__(self, part: slice) -> SparseFeatures:
        return SparseFeatures(self.rows[part])

    def to_dense(self) -> torch.Tensor:
        """The features as an ordinary tensor."""
        return torch.from_numpy(self.rows.toarray())

    def times(self, weight: torch.Tensor) -> torch.Tensor:
        """The products with the rows of a weight, shape (n_samples, n_outputs)."""
        return _Product.apply(self.rows, weight)


class _Product(torch.autograd.Function):
    """The products of sparse rows and those of a weight, with the gradient of the weight."""

    @staticmethod
    def forward(ctx, rows, weight):
        ctx.rows = rows
        return torch.from_numpy(rows @ weight.detach().numpy().T)

    @staticmethod
    def backward(ctx: Any, gradient: Any):
        by_feature = ctx.rows.T @ gradient.numpy()
        return None, torch.from_numpy(np.ascontiguousarray(by_feature.T))
