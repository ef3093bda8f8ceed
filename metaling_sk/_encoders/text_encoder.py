"""A Transformer with its tokenizer: texts to vectors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import cached_property
from hashlib import blake2b
from numbers import Integral, Real

import numpy as np
import torch
from torch import nn

from metaling_sk._data.tokens import Tokens, tokenize, tokenizer_digest
from metaling_sk._encoders.disk_cache import active_disk_cache
from metaling_sk._encoders.memory_cache import keys_of
from metaling_sk._encoders.pooling import POOLINGS, pool

Adapt = Callable[[int, torch.Tensor], torch.Tensor]
"""What a layer's number, from 0, and its output become."""


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
    """

    def __init__(self, backbone: nn.Module, tokenizer, pooling: str, layer, max_length: int):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {list(POOLINGS)}, got {pooling!r}.")
        self.pooling = pooling
        self.tokenizer = tokenizer
        self.max_length = min(max_length, _positions(backbone))
        self.backbone = backbone
        if getattr(backbone, "pooler", None) is not None:
            # A layer on top of the first token that no pooling of ours uses.
            backbone.pooler = None
        self.top = keep_layers(backbone, layer)
        self.adapters = nn.ModuleList()
        self.has_lora = False
        self.pretrained = True
        self.trainable = "all"

    def tokenize(self, texts) -> Tokens:
        """Tokens of each text, shared through the store where one is active."""
        store = active_disk_cache()
        if store is None:
            return tokenize(texts, self.tokenizer, self.max_length)

        def compute(positions):
            missing = [texts[position] for position in positions]
            return tokenize(missing, self.tokenizer, self.max_length).to_rows()

        digest = self.tokenizer_digest
        keys = keys_of(digest, texts)
        namespace = f"tokens-{digest.hex()}-{self.max_length}"
        return Tokens.from_rows(store.get_or_compute(namespace, keys, compute))

    @property
    def n_features(self) -> int:
        config = getattr(self.backbone, "config", None)
        if hasattr(config, "hidden_size"):
            return config.hidden_size
        with torch.inference_mode():
            ids = torch.zeros((1, 1), dtype=torch.int64, device=next(self.parameters()).device)
            return self(ids, torch.ones_like(ids)).shape[1]

    @property
    def layers(self) -> list[nn.Module]:
        """The layers of the backbone, lowest first; none where it does not show them."""
        name = _layers_name(self.backbone)
        return [] if name is None else list(self.backbone.get_submodule(name))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, adapt: Adapt | None = None
    ) -> torch.Tensor:
        adapts = [*self.adapters] if adapt is None else [*self.adapters, adapt]
        with _adapted(self.layers if adapts else [], adapts):
            hidden = self._hidden(input_ids, attention_mask)
        return pool(hidden, attention_mask, self.pooling)

    def _hidden(self, input_ids, attention_mask) -> torch.Tensor:
        if self.top is None:
            output = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
            hidden = getattr(output, "last_hidden_state", output)
            if not isinstance(hidden, torch.Tensor):
                raise TypeError(
                    f"`encoder`: {type(self.backbone).__name__} gives neither a tensor nor a "
                    "`last_hidden_state`; pass the model without its head, such as "
                    "`model.base_model`."
                )
            return hidden
        # What follows the layer in the backbone (a final normalisation) belongs to the last one.
        caught = []
        layer = self.backbone.get_submodule(self.top)
        handle = layer.register_forward_hook(lambda module, args, output: caught.append(output))
        try:
            self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        finally:
            handle.remove()
        return _first(caught[0])

    @cached_property
    def tokenizer_digest(self) -> bytes:
        return tokenizer_digest(self.tokenizer)

    @cached_property
    def fingerprint(self) -> bytes:
        """A digest of all that decides what a text's vector is."""
        digest = blake2b(digest_size=16)
        digest.update(repr((self.pooling, self.max_length, self.top)).encode())
        digest.update(self.tokenizer_digest)
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


@contextmanager
def _adapted(layers: list[nn.Module], adapts: list[Adapt]):
    """Inside, what a layer gives is what `adapts` make of it, one after the other."""

    def hook(number, output):
        hidden = _first(output)
        for adapt in adapts:
            hidden = adapt(number, hidden)
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handles = [
        layer.register_forward_hook(lambda module, args, output, n=number: hook(n, output))
        for number, layer in enumerate(layers)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


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
