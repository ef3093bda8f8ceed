"""The part of an encoder that is trained: all weights or layers, low-rank updates, adapters."""

from __future__ import annotations

import warnings
from itertools import count
from numbers import Real

import torch
from torch import nn

from metaling_sk._encoders.adapters import Adapters
from metaling_sk._encoders.fixed_layers import fix_layers
from metaling_sk._encoders.transformer_encoder import TransformerEncoder

REDUCTION = 8
"""Ratio of the size of a layer to the number of units in its adapter.

An adapter then has about 2 % of the weights of a layer. In Houlsby et al. (2019) widths from 8 to
256 hardly differed.
"""

RANK = 8
"""Rank of the updates of "lora", the default of peft. Their factor (alpha / rank) is 1."""


def set_trainable(
    encoder: TransformerEncoder, trainable: str | float, has_own_adapters: bool = True
) -> None:
    """Choose the weights of an encoder that are trained, and add those that it lacks.

    The encoder then computes the same as before.

    Parameters
    ----------
    encoder : TransformerEncoder
        The encoder; it is changed in place.
    trainable : {"all", "lora", "adapter"} or float
        The weights to train; a number is the share of the layers, from the highest one.
    has_own_adapters : bool, default=True
        False where the adapters of "adapter" are generated, so that none are added.

    Raises
    ------
    ImportError
        If peft is not installed, for "lora".
    ValueError
        If the encoder has no layers that can be adapted.
    """
    encoder.fixed = []
    if trainable == "all" or isinstance(trainable, Real):
        # Weights that the user has frozen in a module of their own stay frozen.
        if encoder.trainable != "all":
            merge_lora(encoder).requires_grad_(True)
        if isinstance(trainable, Real):
            fix_layers(encoder, trainable)
    elif trainable == "lora":
        if not encoder.has_lora:
            _add_lora(encoder)
        for name, weight in encoder.named_parameters():
            weight.requires_grad_("lora_" in name)
    else:
        _check_layers(encoder)
        if has_own_adapters and not encoder.adapters:
            _add_adapters(encoder)
        encoder.requires_grad_(False)
        encoder.adapters.requires_grad_(has_own_adapters)
    encoder.trainable = trainable


def merge_lora(encoder: TransformerEncoder) -> TransformerEncoder:
    """Add the low-rank updates of an encoder, if it has any, to its weights in place."""
    if encoder.has_lora:
        from peft.tuners.lora import LoraLayer

        for name, layer in list(encoder.backbone.named_modules()):
            if isinstance(layer, LoraLayer):
                layer.merge()
                encoder.backbone.set_submodule(name, layer.get_base_layer())
        del encoder.backbone.peft_config
        encoder.has_lora = False
    return encoder


def add_saved_adapters(adapters: nn.ModuleList, weights: dict[str, torch.Tensor]) -> None:
    """Add the adapters that an encoder had when its weights were saved.

    Parameters
    ----------
    adapters : ModuleList
        The adapters of the encoder; the list is changed in place.
    weights : dict of str to Tensor
        The saved weights of the encoder, which give the shapes of the adapters. They are not
        loaded.
    """
    for number in count():
        down = weights.get(f"adapters.{number}.down")
        if down is None:
            return
        n_layers, width, n_features = down.shape
        adapters.append(Adapters(n_layers, n_features, width))


def _check_layers(encoder: TransformerEncoder) -> None:
    """Raise a ValueError unless adapters can be added to the layers of an encoder."""
    if getattr(encoder, "dense", None) and not encoder.n_layers:
        raise ValueError(
            "`trainable`: 'adapter' needs layers of the size of the vectors, which a Dense module "
            "changes; use pooling='mean', which leaves it out, or trainable='lora' or 'all'."
        )
    if not encoder.n_layers:
        raise ValueError(
            "`trainable`: 'adapter' needs an encoder that shows its layers as one list, which "
            f"{type(encoder.backbone).__name__} does not; use trainable='lora' or 'all'."
        )


def _add_adapters(encoder: TransformerEncoder) -> None:
    n_features = encoder.n_features
    adapters = Adapters(len(encoder.layers), n_features, max(1, n_features // REDUCTION))
    encoder.adapters.append(adapters.to(next(encoder.parameters()).device))


def _add_lora(encoder: TransformerEncoder) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise ImportError('trainable="lora" needs peft: pip install "metaling_sk[peft]"') from error
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear")
    with warnings.catch_warnings():
        # peft warns of the layout of the weights of GPT-2, which it then handles.
        warnings.simplefilter("ignore", UserWarning)
        try:
            inject_adapter_in_model(config, encoder.backbone)
        except ValueError as error:
            raise ValueError(
                "`trainable`: 'lora' needs an encoder with linear layers, which "
                f"{type(encoder.backbone).__name__} has not; use trainable='all'. ({error})"
            ) from error
    encoder.has_lora = True
