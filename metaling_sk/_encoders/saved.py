"""Saving of text encoders: transformers writes the configuration and the tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig

from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk._encoders.trainable import add_saved_adapters

ENCODER = "encoder"
"""Subfolder of the configuration."""

TOKENIZER = f"{ENCODER}/tokenizer"
"""Subfolder of the tokenizer.

It is another one because transformers chooses a tokenizer by a configuration that lies beside it.
"""


def save_encoder(encoder: TextEncoder, folder: Path) -> dict[str, Any]:
    """Write the configuration and the tokenizer of an encoder.

    Parameters
    ----------
    encoder : TextEncoder
        The encoder; its weights are not written.
    folder : Path
        The folder to write to.

    Returns
    -------
    dict
        The other values that `restore_encoder` needs.

    Raises
    ------
    ValueError
        If transformers cannot make the module from its configuration.
    """
    if not _is_made_from_config(encoder.backbone):
        raise ValueError(
            "`encoder` is a module that transformers.AutoModel does not make from its config, "
            "which cannot be stored as JSON and tensors; use joblib.dump."
        )
    encoder.backbone.config.save_pretrained(folder / ENCODER)
    encoder.tokenizer.save_pretrained(folder / TOKENIZER)
    return {
        "pooling": encoder.pooling,
        "max_length": encoder.max_length,
        "top": encoder.top,
        "pretrained": encoder.pretrained,
    }


def restore_encoder(
    state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
) -> TextEncoder:
    """Make an encoder of the shape of the weights, which are not loaded.

    Parameters
    ----------
    state : dict
        The values that `save_encoder` returned.
    weights : dict of str to Tensor
        The weights that are to be loaded into the encoder.
    folder : Path
        The folder that `save_encoder` wrote to.

    Returns
    -------
    TextEncoder
    """
    config = AutoConfig.from_pretrained(folder / ENCODER, trust_remote_code=False)
    backbone = AutoModel.from_config(config, trust_remote_code=False)
    tokenizer = restore_tokenizer(state, folder).tokenizer
    encoder = TextEncoder(backbone, tokenizer, state["pooling"], -1, state["max_length"])
    encoder.top, encoder.pretrained = state["top"], state["pretrained"]
    add_saved_adapters(encoder, weights)
    return encoder


def restore_tokenizer(state: dict[str, Any], folder: Path) -> TextTokenizer:
    """Read the tokenizer of a saved encoder."""
    tokenizer = AutoTokenizer.from_pretrained(folder / TOKENIZER, trust_remote_code=False)
    return TextTokenizer(tokenizer, state["max_length"])


def _is_made_from_config(backbone: nn.Module) -> bool:
    """Return whether transformers makes such a module from its configuration."""
    config = getattr(backbone, "config", None)
    if not isinstance(config, PreTrainedConfig):
        return False
    with torch.device("meta"):
        try:
            made = AutoModel.from_config(config, trust_remote_code=False)
        except ValueError:
            return False
    return type(made) is type(backbone)
