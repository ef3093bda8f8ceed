"""The module of an encoder: made from a configuration, and an encoder without its decoder."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import transformers
from torch import nn

FULL_ATTENTION = "original_full"
"""Attention of BigBird between all tokens."""


def make_backbone(config: transformers.PretrainedConfig) -> nn.Module:
    """Make a module with random weights, the encoder alone for an encoder-decoder.

    Parameters
    ----------
    config : transformers config
        The architecture.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If transformers makes no model from the configuration, or an encoder does not stand alone.
    """
    try:
        model = transformers.AutoModel.from_config(config, trust_remote_code=False)
    except (AssertionError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"`encoder`: transformers makes no model from this {type(config).__name__}. ({error})"
        ) from error
    return without_decoder(model)


def without_decoder(model: Any) -> nn.Module:
    """Return the encoder of an encoder-decoder model, and any other model itself.

    A weight that is computed of other ones, as in the convolution over positions of wav2vec 2.0,
    becomes one weight, since such modules cannot be pickled.

    Parameters
    ----------
    model : module
        The model; it is changed in place.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If the encoder of the model does not stand alone.
    """
    config: Any = getattr(model, "config", None)
    if getattr(config, "is_encoder_decoder", False):
        encoder = model.get_encoder() if hasattr(model, "get_encoder") else None
        if not isinstance(encoder, nn.Module) or not hasattr(encoder, "config"):
            raise ValueError(
                f"`encoder`: {type(model).__name__} is an encoder-decoder model whose encoder "
                "does not stand alone; pass a model that is an encoder or a decoder."
            )
        _shrink_decoder(config)
        model = encoder
    if getattr(config, "attention_type", None) == "block_sparse":
        # After the first short text BigBird attends to all tokens of every later text.
        _set_full_attention(model)
    for module in model.modules():
        _remove_parametrizations(module)
    return model


def _remove_parametrizations(module: Any) -> None:
    """Do what torch does, but leave the class as it is, which copies of a module share."""
    for name in tuple(getattr(module, "parametrizations", ())):
        weight = getattr(module, name).detach().clone()
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
        module.register_parameter(name, nn.Parameter(weight))
        # That of a weight norm is a local function, and has no use any more.
        module._load_state_dict_pre_hooks.clear()


def _shrink_decoder(config: transformers.PretrainedConfig) -> None:
    """Leave one layer to the decoder that a module from the configuration would have."""
    for name in ("decoder_layers", "num_decoder_layers"):
        if hasattr(config, name):
            setattr(config, name, 1)


def _set_full_attention(model: Any) -> None:
    with suppress(AttributeError):
        model.set_attention_type(FULL_ATTENTION)
    model.config.attention_type = FULL_ATTENTION
