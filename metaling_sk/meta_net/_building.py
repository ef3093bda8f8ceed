"""The start of a new meta network: a head, or the models that were solved for."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from sklearn.linear_model import RidgeCV

from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._residual_head import ResidualHead
from metaling_sk.meta_net._solving import Solution

N_DIMENSIONS = 32
"""Dimensions of the language embeddings."""

FEATURE_PENALTIES = np.logspace(0, 4, 9)
"""L2 penalties of the map from the features of languages to embeddings, to choose from."""


def set_solution(network: MetaNetwork, solution: Solution) -> None:
    """Give a new network the models that were solved for.

    Parameters
    ----------
    network : MetaNetwork
        It has as many basis heads as the solution has factors, or one if it has none.
    solution : Solution
    """
    factors = solution.factors
    n_factors = len(factors.coef)
    hypernetwork = network.hypernetwork
    indices = torch.tensor(list(factors.embeddings))
    embeddings = torch.zeros(len(indices), N_DIMENSIONS)
    embeddings[:, :n_factors] = torch.tensor(np.array(list(factors.embeddings.values())))
    with torch.no_grad():
        set_head(network, solution.head)
        network.basis.zero_()
        network.basis[:n_factors] = torch.tensor(factors.coef)
        network.basis_bias[:n_factors] = torch.tensor(factors.intercept)
        hypernetwork.mix_by_embedding()
        hypernetwork.agnostic.zero_()
        hypernetwork.place.copy_(_regress(hypernetwork.features[indices], embeddings))
        hypernetwork.delta.zero_()
        start = hypernetwork.embed(indices)
        hypernetwork.delta[indices] = embeddings - start


def _regress(features: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """The matrix that predicts embeddings from the features of languages."""
    if not features.any() or not embeddings.any() or len(features) < 3:
        return torch.zeros(embeddings.shape[1], features.shape[1])
    model = RidgeCV(FEATURE_PENALTIES, fit_intercept=False)
    return torch.tensor(model.fit(features.numpy(), embeddings.numpy()).coef_)


def set_head(network: MetaNetwork, head: ResidualHead) -> None:
    """Set the head that all languages have in common."""
    coef = head.coef.toarray() if sparse.issparse(head.coef) else head.coef
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor(coef))
        network.head.bias.copy_(torch.tensor(head.intercept))
