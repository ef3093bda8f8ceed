"""A text encoder in a folder: the configuration and the tokenizer as transformers writes them."""

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
TOKENIZER = f"{ENCODER}/tokenizer"
"""Apart from the encoder's configuration, by which transformers may choose another tokenizer."""


def save_encoder(encoder: TextEncoder, folder: Path) -> dict[str, Any]:
    """Write the configuration and the tokenizer, and return what else describes the encoder.

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
    """An encoder of the shape of the weights, which are still to be loaded."""
    config = AutoConfig.from_pretrained(folder / ENCODER, trust_remote_code=False)
    backbone = AutoModel.from_config(config, trust_remote_code=False)
    tokenizer = restore_tokenizer(state, folder).tokenizer
    encoder = TextEncoder(backbone, tokenizer, state["pooling"], -1, state["max_length"])
    encoder.top, encoder.pretrained = state["top"], state["pretrained"]
    add_saved_adapters(encoder, weights)
    return encoder


def restore_tokenizer(state: dict[str, Any], folder: Path) -> TextTokenizer:
    """The tokenizer of a saved encoder."""
    tokenizer = AutoTokenizer.from_pretrained(folder / TOKENIZER, trust_remote_code=False)
    return TextTokenizer(tokenizer, state["max_length"])


def _is_made_from_config(backbone: nn.Module) -> bool:
    config = getattr(backbone, "config", None)
    if not isinstance(config, PreTrainedConfig):
        return False
    with torch.device("meta"):
        try:
            made = AutoModel.from_config(config, trust_remote_code=False)
        except ValueError:
            return False
    return type(made) is type(backbone)
