"""New meta networks, and the start of their heads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._network.front_end import Body
from metaling_sk.meta_net._hypernetwork import Hypernetwork
from metaling_sk.meta_net._language_features import standardised
from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._residual_head import fit_residual_head

N_DIMENSIONS = 32
"""Dimensions of the language embeddings."""

HEAD_PENALTY = 1.0
"""L2 penalty of the logistic regression that a head starts from."""


def new_meta_network(
    body: Body,
    languages: list[str],
    language_features: pd.DataFrame | None,
    *,
    learnt: np.ndarray,
    n_heads: int,
    n_classes: int,
    max_width: int,
) -> MetaNetwork:
    """Make a network with random weights.

    Parameters
    ----------
    body : Body
    languages : list of str
    language_features : DataFrame or None
        Its index holds languages.
    learnt : ndarray of int
        Indices of the languages with labelled samples.
    n_heads : int
        Number of basis heads.
    n_classes, max_width : int
    """
    features = None
    if language_features is not None:
        features = standardised(language_features, languages)
    indices = torch.arange(1, len(languages) + 1)
    hypernetwork = Hypernetwork(
        len(languages),
        body.encoder.n_layers,
        max_width,
        n_heads,
        N_DIMENSIONS,
        features,
        torch.isin(indices, torch.from_numpy(learnt)),
    )
    return MetaNetwork(
        body.encoder, body.norm, hypernetwork, body.n_features, n_classes, body.dropout
    )


def fit_head(
    network: MetaNetwork, training: EncodedSamples, class_weights: torch.Tensor | None
) -> None:
    """Set the head to the logistic regression on the samples of all languages."""
    targets = np.eye(network.head.out_features)[training.y]
    fitted = fit_residual_head(
        training.inputs,
        targets,
        np.zeros(targets.shape),
        HEAD_PENALTY,
        None if class_weights is None else class_weights.numpy()[training.y],
    )
    coef = fitted.coef.toarray() if sparse.issparse(fitted.coef) else fitted.coef
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor(coef))
        network.head.bias.copy_(torch.tensor(fitted.intercept))
