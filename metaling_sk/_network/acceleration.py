"""Compiled layers and checkpointed gradients: other ways to compute the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from metaling_sk._encoders.temporary_forward import forward_replaced
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._network.classifier import Encoder


@contextmanager
def accelerated(encoder: Encoder, compile: bool, gradient_checkpointing: bool) -> Iterator[None]:
    """Inside, the layers of a Transformer compute in other ways; nothing is left of it after that.

    The `forward` of every layer is replaced, so that the hooks on layers are called as before: in
    backward they would not know the call that they belong to.

    Parameters
    ----------
    encoder : TransformerEncoder or IdentityEncoder
        The latter has nothing to gain.
    compile : bool
        Whether layers are compiled. They have the same code, which is compiled once.
    gradient_checkpointing : bool
        Whether only the inputs of layers are kept for backward, where layers are computed again.

    Raises
    ------
    ValueError
        If an encoder does not show its layers.
    """
    if not isinstance(encoder, TransformerEncoder) or not (compile or gradient_checkpointing):
        yield
        return
    layers = [layer for layer in encoder.layers if layer not in encoder.fixed]
    if not layers:
        name = "gradient_checkpointing" if gradient_checkpointing else "compile"
        raise ValueError(
            f"`{name}` needs an encoder that shows its layers as one list, which "
            f"{type(encoder.backbone).__name__} does not; use {name}=False."
        )
    forwards: dict[nn.Module, Callable] = {}
    for layer in layers:
        forward: Callable = layer.forward
        if compile:
            forward = torch.compile(forward, dynamic=True)
        if gradient_checkpointing:
            forward = partial(checkpoint, forward, use_reentrant=False)
        forwards[layer] = forward
    with forward_replaced(forwards):
        yield
