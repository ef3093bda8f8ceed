"""A Transformer with its tokenizer: texts to vectors."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from numbers import Integral, Real

import numpy as np
import torch
from torch import nn

from metaling_sk._data.tokens import Tokens
from metaling_sk._encoders.pooling import POOLINGS, pool
from metaling_sk._encoders.text_tokenizer import TextTokenizer

Adapt = Callable[[int, torch.Tensor], torch.Tensor]
"""Maps the number of a layer, from 0, and its output to what the next layer gets."""


class TextEncoder(nn.Module):
    """A Transformer that gives one vector per text.

    Parameters
    ----------
    backbone : module
        Takes `input_ids` and `attention_mask`; gives a tensor of shape (n_texts, n_tokens,
        n_features) or an object that has one as `last_hidden_state`.
    tokenizer : transformers tokenizer
    pooling : {"mean", "cls", "last"}
    layer : int or float
        -1 or 1.0 is the last layer, 0.5 the one at half the depth, 3 the third. Layers above it
        are dropped.
    max_length : int
        Longer texts are truncated to this many tokens.

    Attributes
    ----------
    top : str or None
        The module whose output is pooled, where it is not the last one.
    adapters : ModuleList of Adapters
        Applied to the output of every layer, one after the other.
    has_lora : bool
        Whether the linear layers have low-rank updates.
    pretrained : bool
        Whether its weights were not random at the start.
    trainable : {"all", "head", "lora", "adapter"}
        What of it is trained; "head" is nothing, and its vectors never change.
    first_layer : int
        The number of the lowest layer.
    """

    first_layer = 1
    is_identity = False

    def __init__(self, backbone: nn.Module, tokenizer, pooling: str, layer, max_length: int):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {list(POOLINGS)}, got {pooling!r}.")
        self.pooling = pooling
        self.text_tokenizer = TextTokenizer(tokenizer, min(max_length, _positions(backbone)))
        self.backbone = backbone
        if getattr(backbone, "pooler", None) is not None:
            # A layer on top of the first token that no pooling of ours uses.
            backbone.pooler = None
        self.top = keep_layers(backbone, layer)
        for number, each in enumerate(self.layers):
            each.register_forward_hook(_LayerHook(number))
        self.adapters = nn.ModuleList()
        self.has_lora = False
        self.pretrained = True
        self.trainable = "all"

    @property
    def tokenizer(self):
        """The transformers tokenizer."""
        return self.text_tokenizer.tokenizer

    @property
    def max_length(self) -> int:
        """Tokens after which a text is truncated."""
        return self.text_tokenizer.max_length

    def tokenize(self, texts) -> Tokens:
        """The token ids of each text."""
        return self.text_tokenizer(texts)

    @property
    def n_features(self) -> int:
        config = getattr(self.backbone, "config", None)
        if hasattr(config, "hidden_size"):
            return config.hidden_size
        with torch.inference_mode():
            ids = torch.zeros((1, 1), dtype=torch.int64, device=next(self.parameters()).device)
            return self(ids, torch.ones_like(ids)).shape[1]

    @property
    def n_layers(self) -> int:
        """The number of layers that adapters can be added to."""
        return len(self.layers)

    @property
    def layers(self) -> list[nn.Module]:
        """The layers of the backbone, lowest first; none where it does not show them."""
        name = _layers_name(self.backbone)
        return [] if name is None else list(self.backbone.get_submodule(name))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, adapt: Adapt | None = None
    ) -> torch.Tensor:
        adapts = [*self.adapters] if adapt is None else [*self.adapters, adapt]
        call = _Call(adapts)
        token = _CALL.set(call)
        try:
            output = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        finally:
            _CALL.reset(token)
        # A final normalisation of the backbone belongs to the last layer alone.
        hidden = self._last_hidden_state(output) if self.top is None else call.hidden
        return pool(hidden, attention_mask, self.pooling)

    def _last_hidden_state(self, output) -> torch.Tensor:
        hidden = getattr(output, "last_hidden_state", output)
        if not isinstance(hidden, torch.Tensor):
            raise TypeError(
                f"`encoder`: {type(self.backbone).__name__} gives neither a tensor nor a "
                "`last_hidden_state`; pass the model without its head, such as "
                "`model.base_model`."
            )
        return hidden

    @cached_property
    def fingerprint(self) -> bytes:
        """A digest of all that decides what a text's vector is."""
        digest = blake2b(digest_size=16)
        digest.update(repr((self.pooling, self.max_length, self.top)).encode())
        digest.update(self.text_tokenizer.digest)
        for name, tensor in self.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.digest()


def keep_layers(backbone: nn.Module, layer) -> str | None:
    """Drop the layers above `layer`; the name of the top one, or None where all stay."""
    if layer == -1 or (layer == 1 and isinstance(layer, float)):
        return None
    name = _layers_name(backbone)
    if name is None:
        raise ValueError(
            f"`layer`: {type(backbone).__name__} does not show its layers as one list, so none of "
            "them can be left out; use layer=-1."
        )
    layers = backbone.get_submodule(name)
    depth = len(layers)
    n_kept = 0
    if isinstance(layer, Integral):
        n_kept = layer + 1 + depth if layer < 0 else layer
    elif isinstance(layer, Real) and 0 < layer <= 1:
        n_kept = round(layer * depth)
    if not 1 <= n_kept <= depth:
        raise ValueError(
            f"`layer` must be -1 (the last), 1 to {depth}, or a fraction of the depth such as 0.5, "
            f"got {layer!r}: this encoder has {depth} layers."
        )
    if n_kept == depth:
        return None
    del layers[n_kept:]
    backbone.config.num_hidden_layers = n_kept
    if getattr(backbone.config, "layer_types", None):
        backbone.config.layer_types = backbone.config.layer_types[:n_kept]
    return f"{name}.{n_kept - 1}"


@dataclass
class _Call:
    """What the layers do in one call of an encoder.

    Attributes
    ----------
    adapts : list of callables
        Applied to the output of every layer, one after the other.
    hidden : Tensor or None
        The output of the layer that was computed last.
    """

    adapts: list[Adapt]
    hidden: torch.Tensor | None = None


_CALL: ContextVar[_Call | None] = ContextVar("call of an encoder", default=None)
"""A context variable, so that threads that share an encoder do not meet."""


class _LayerHook:
    """Stays on a layer and does what the call of its encoder asks for."""

    def __init__(self, number: int):
        self.number = number

    def __call__(self, module, args, output):
        call = _CALL.get()
        if call is None:
            return output
        hidden = _first(output)
        for adapt in call.adapts:
            hidden = adapt(self.number, hidden)
        call.hidden = hidden
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def _first(output):
    return output[0] if isinstance(output, tuple) else output


def _layers_name(backbone: nn.Module) -> str | None:
    """The list of its layers; None where it does not show them as one."""
    depth = getattr(getattr(backbone, "config", None), "num_hidden_layers", None)
    lists = [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    if lists and all(name.startswith(f"{lists[0]}.") for name in lists[1:]):
        return lists[0]
    return None


def _positions(backbone: nn.Module) -> int:
    """How many tokens the backbone has positions for."""
    config = getattr(backbone, "config", None)
    positions = getattr(config, "max_position_embeddings", None) or np.iinfo(np.int32).max
    for name, module in backbone.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa and its kin count positions from the one after that of padding.
            reserved = -1 if module.padding_idx is None else module.padding_idx
            return positions - (reserved + 1)
    return positions
