"""The network of a saved estimator: it is restored, and compared with the rest of the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from metaling_sk._network.classifier import Encoder, Network
from metaling_sk._network.language_norm import LanguageNorm

LANGUAGE_TABLES = ("norm.mean", "hypernetwork.delta")
"""Weights with a row for each language, behind one for languages that are not known."""


def restore_network(
    from_config: Callable[[dict[str, Any], Encoder, LanguageNorm | None], Network],
    state: dict[str, Any],
    encoder: Encoder,
) -> Network:
    """Make a network around an encoder, and load its weights.

    Parameters
    ----------
    from_config : callable
        Makes a network of the sizes in the state around an encoder and a norm.
    state : dict
        The sizes, and the weights under "weights".
    encoder : module
        Its weights are loaded as well.

    Raises
    ------
    ValueError
        If the sizes are not those of the weights.
    """
    weights = state["weights"]
    # Sizes are compared before there is memory for the weights.
    with torch.device("meta"):
        network = from_config(state, encoder, LanguageNorm.from_weights(weights, "norm."))
    for name, weight in network.state_dict().items():
        if name in weights and weight.shape != weights[name].shape:
            raise ValueError(
                f"{name!r} has shape {tuple(weights[name].shape)}, but the sizes of the network "
                f"say {tuple(weight.shape)}"
            )
    network = from_config(state, encoder, LanguageNorm.from_weights(weights, "norm."))
    network.load_state_dict(weights)
    return network


def encoder_weights(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights of the encoder of a network."""
    return {
        name.removeprefix("encoder."): weight
        for name, weight in weights.items()
        if name.startswith("encoder.")
    }


def check_languages(languages, network: Network) -> None:
    """Raise a ValueError unless languages are those of a network."""
    weights = network.state_dict()
    check_names(languages, "languages_")
    for name in LANGUAGE_TABLES:
        if name in weights and len(weights[name]) != len(languages) + 1:
            raise ValueError(
                f"languages_ has {len(languages)} languages, but {name!r} has "
                f"{len(weights[name]) - 1}"
            )


def check_names(names, what: str) -> None:
    """Raise a ValueError unless names are a list of different strings."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{what} is no list of strings")
    if len(set(names)) != len(names):
        raise ValueError(f"{what} names a language twice")
