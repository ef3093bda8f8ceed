"""A Transformer with its tokenizer, which gives one vector per text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from inspect import signature
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk._data.tokens import Tokens
from metaling_sk._encoders.dense import Dense
from metaling_sk._encoders.pooling import POOLINGS, pool
from metaling_sk._encoders.text_tokenizer import make_text_tokenizer

Adapt = Callable[[int, torch.Tensor], torch.Tensor]
"""Maps the index of a layer, from 0, and its output to the input of the next layer."""


PADDED_ON_THE_RIGHT = ("led", "longformer")
"""Kinds of models whose layers get the tokens padded to whole windows."""


class TextEncoder(nn.Module):
    """A Transformer that gives one vector per text.

    Parameters
    ----------
    backbone : module
        Takes `input_ids` and `attention_mask`, and returns a tensor of shape (n_texts, n_tokens,
        n_features) or an object that has such a tensor as `last_hidden_state`.
    tokenizer : transformers tokenizer
        The tokenizer of the backbone.
    pooling : {"mean", "cls", "last"}
        How the vectors of the tokens become one vector.
    layer : int or float
        The layer whose output is pooled: -1 or 1.0 is the last layer, 0.5 the one at half the
        depth, 3 the third. Layers above it are removed.
    max_length : int
        Number of tokens to which longer texts are truncated, those of the prompt among them.
    prompt : str, default=""
        Text that is put before every text, and before the first one of a pair.
    dense : iterable of Dense, default=()
        They are applied to the pooled vector, one after the other, if the last layer is pooled.
    normalize : bool, default=False
        Whether the vector is scaled to length 1, if the last layer is pooled.
    origin : tuple, optional
        The key of the checkpoint that the backbone and the tokenizer come from.

    Attributes
    ----------
    text_tokenizer : TextTokenizer
        The tokenizer, the length that it truncates to and the prompt.
    top : str or None
        Name of the module whose output is pooled; None for the output of the backbone.
    adapters : ModuleList of Adapters
        They are applied to the output of every layer, one after the other.
    has_token_layers : bool
        Whether the output of each layer is known as one vector of `n_features` per token. The
        check of a new encoder sets it.
    has_lora : bool
        Whether the linear layers have low-rank updates.
    pretrained : bool
        Whether the weights were not random at the start.
    trainable : {"all", "head", "lora", "adapter"}
        The part of the encoder that is trained. "head" is none, so that vectors never change.
    first_layer : int
        The number of the lowest layer in reports to the user.
    """

    first_layer = 1
    is_identity = False

    def __init__(
        self,
        backbone: nn.Module,
        tokenizer,
        pooling: str,
        layer,
        max_length: int,
        prompt: str = "",
        dense: Iterable[Dense] = (),
        normalize: bool = False,
        origin: tuple | None = None,
    ):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {list(POOLINGS)}, got {pooling!r}.")
        self.pooling = pooling
        self.origin = origin
        self.text_tokenizer = make_text_tokenizer(
            tokenizer,
            min(max_length, _max_tokens(backbone)),
            n_embeddings(backbone),
            prompt,
            _takes_types(backbone, tokenizer),
            origin,
        )
        self.backbone = backbone
        _remove_what_is_not_used(backbone)
        self.top = keep_layers(backbone, layer)
        for index, module in enumerate(self.layers):
            module.register_forward_hook(_LayerHook(index))
        self.dense = nn.ModuleList(dense if self.top is None else ())
        self.normalize = normalize and self.top is None
        self.adapters = nn.ModuleList()
        self.has_token_layers = True
        self.has_lora = False
        self.pretrained = True
        self.trainable = "all"

    @property
    def tokenizer(self):
        """The transformers tokenizer."""
        return self.text_tokenizer.tokenizer

    @property
    def max_length(self) -> int:
        """Number of tokens to which longer texts are truncated."""
        return self.text_tokenizer.max_length

    def tokenize(self, texts) -> Tokens:
        """Return the token ids of each text, or of each pair of texts."""
        return self.text_tokenizer(texts)

    @property
    def n_features(self) -> int:
        """Size of the vector of a text."""
        if self.dense:
            last: Any = self.dense[-1]
            return last.linear.out_features
        config = getattr(self.backbone, "config", None)
        n_hidden = getattr(config, "hidden_size", None)
        # Between the vectors of tokens and its layers OPT may have a projection.
        if n_hidden and n_hidden == getattr(config, "word_embed_proj_dim", n_hidden):
            return n_hidden
        with torch.inference_mode():
            ids = torch.zeros((1, 1), dtype=torch.int64, device=next(self.parameters()).device)
            return self(ids, torch.ones_like(ids)).shape[1]

    @property
    def n_layers(self) -> int:
        """Number of layers that adapters can be added to."""
        return len(self.layers) if self.has_token_layers else 0

    @property
    def layers(self) -> list[nn.Module]:
        """The layers of the backbone, lowest first; none where they are not in one list."""
        return list(_find_layers(self.backbone)[1])

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        adapt: Adapt | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Encode a batch of texts.

        Parameters
        ----------
        input_ids, attention_mask : int64 Tensor of shape (n_texts, n_tokens)
            Token ids, padded on the right, and 1 for each token that is not padding.
        adapt : callable, optional
            It is applied to the output of every layer, after the adapters.
        token_type_ids : int64 Tensor of shape (n_texts, n_tokens), optional
            Which text of a pair each token belongs to, where the backbone asks for it.

        Returns
        -------
        Tensor of shape (n_texts, n_features)
        """
        return self.encode(input_ids, attention_mask, adapt, token_type_ids)

    def encode(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        adapt: Adapt | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Do what `forward` does, without the hooks of users on this module."""
        adapts = [*self.adapters] if adapt is None else [*self.adapters, adapt]
        call = _Call(adapts if self.has_token_layers else [])
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        token = _CALL.set(call)
        try:
            output = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **types)
        finally:
            _CALL.reset(token)
        # The final normalisation of a backbone belongs to its last layer. Lower layers skip it.
        if self.top is None:
            hidden = self._last_hidden_state(output)
        else:
            hidden = self._layer_output(call.hidden, input_ids)
        vectors = pool(hidden, attention_mask, self.pooling)
        for module in self.dense:
            vectors = module(vectors)
        return F.normalize(vectors, dim=1) if self.normalize else vectors

    def _layer_output(self, hidden, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the output of the top layer for each token."""
        if not self.gives_token_vectors(hidden, input_ids):
            raise ValueError(
                f"`layer`: the layers of {type(self.backbone).__name__} do not give one vector per "
                "token, so none of them can be left out; use layer=-1."
            )
        return hidden[:, : input_ids.shape[1]]

    def gives_token_vectors(self, hidden, input_ids: torch.Tensor) -> bool:
        """Return whether the output of a layer has one vector for each token."""
        n_texts, n_tokens = input_ids.shape
        if not isinstance(hidden, torch.Tensor) or hidden.ndim != 3 or len(hidden) != n_texts:
            return False
        model_type = getattr(getattr(self.backbone, "config", None), "model_type", None)
        is_padded = model_type in PADDED_ON_THE_RIGHT and hidden.shape[1] > n_tokens
        return is_padded or hidden.shape[1] == n_tokens

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
        """A digest of everything that decides the vector of a text."""
        digest = blake2b(digest_size=16)
        activations = [module.activation for module in self.dense]
        settings = self.pooling, self.max_length, self.top, activations, self.normalize
        digest.update(repr(settings).encode())
        digest.update(self.text_tokenizer.digest)
        digest.update(self._weights_digest())
        return digest.digest()

    def _weights_digest(self) -> bytes:
        """A digest of the weights, which is computed once of those that a checkpoint holds."""
        if self.origin is None or self.trainable != "head":
            return _digest_weights(self)
        key = self.origin, self.top, next(self.parameters()).dtype
        if key not in _DIGESTS:
            _DIGESTS[key] = _digest_weights(self)
        return _DIGESTS[key]


_DIGESTS: dict[tuple, bytes] = {}
"""The digests of the weights of checkpoints, by key, top layer and precision."""


def _digest_weights(module: nn.Module) -> bytes:
    digest = blake2b(digest_size=16)
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.digest()


def keep_layers(backbone: nn.Module, layer) -> str | None:
    """Remove the layers of a backbone above a given one.

    Parameters
    ----------
    backbone : module
        The backbone; it is changed in place.
    layer : int or float
        See `TextEncoder`.

    Returns
    -------
    str or None
        Name of the top layer; None where no layer was removed.

    Raises
    ------
    ValueError
        If the backbone has no such layer.
    """
    if layer == -1 or (layer == 1 and isinstance(layer, float)):
        return None
    name, layers = _find_layers(backbone)
    if name is None:
        raise ValueError(
            f"`layer`: {type(backbone).__name__} does not show its layers as one list, so none of "
            "them can be left out; use layer=-1."
        )
    depth = len(layers)
    n_kept = 0
    if isinstance(layer, Integral):
        n_kept = int(layer) + 1 + depth if int(layer) < 0 else int(layer)
    elif isinstance(layer, Real) and 0 < float(layer) <= 1:
        n_kept = round(float(layer) * depth)
    if not 1 <= n_kept <= depth:
        raise ValueError(
            f"`layer` must be -1 (the last), 1 to {depth}, or a fraction of the depth such as 0.5, "
            f"got {layer!r}: this encoder has {depth} layers."
        )
    if n_kept == depth:
        return None
    config: Any = backbone.config
    try:
        config.num_hidden_layers = n_kept
    except NotImplementedError as error:
        raise ValueError(
            f"`layer`: the number of layers of {type(backbone).__name__} is fixed; use layer=-1."
        ) from error
    del layers[n_kept:]
    if getattr(config, "layer_types", None):
        with suppress(AttributeError):  # some configurations derive the types from the number
            config.layer_types = config.layer_types[:n_kept]
    return f"{name}.{n_kept - 1}"


@dataclass
class _Call:
    """One call of an encoder, as the hooks on its layers see it.

    Attributes
    ----------
    adapts : list of callables
        They are applied to the output of every layer, one after the other.
    hidden : Tensor or None
        The output of the layer that was computed last.
    """

    adapts: list[Adapt]
    hidden: torch.Tensor | None = None


_CALL: ContextVar[_Call | None] = ContextVar("call of an encoder", default=None)
"""The call that this thread is in. A context variable lets threads share an encoder."""


class _LayerHook:
    """A forward hook that stays on a layer and carries out the call of the encoder.

    Parameters
    ----------
    layer : int
        Index of the layer, from 0.
    """

    def __init__(self, layer: int):
        self.layer = layer

    def __call__(self, module, args, output):
        call = _CALL.get()
        if call is None:
            return output
        is_sequence = isinstance(output, (tuple, list))
        hidden = output[0] if is_sequence else output
        for adapt in call.adapts:
            hidden = adapt(self.layer, hidden)
        call.hidden = hidden
        return type(output)([hidden, *output[1:]]) if is_sequence else hidden


def _find_layers(backbone: nn.Module) -> tuple[str | None, nn.ModuleList]:
    """Return the list of all layers and its name; None and no layers where there is no list."""
    depth = getattr(getattr(backbone, "config", None), "num_hidden_layers", None)
    lists = {
        name: module
        for name, module in backbone.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    }
    names = list(lists)
    if names and all(name.startswith(f"{names[0]}.") for name in names[1:]):
        return names[0], lists[names[0]]
    return None, nn.ModuleList()


def input_embeddings(backbone: Any) -> nn.Embedding | None:
    """Return the token embeddings of a module, or None where it does not tell."""
    try:
        embeddings = backbone.get_input_embeddings()
    except (AttributeError, NotImplementedError, TypeError):
        return None
    return embeddings if isinstance(embeddings, nn.Embedding) else None


def n_embeddings(backbone: nn.Module) -> int | None:
    """Return the number of token embeddings of a module, or None where it does not tell."""
    embeddings = input_embeddings(backbone)
    return None if embeddings is None else embeddings.num_embeddings


def _remove_what_is_not_used(backbone: Any) -> None:
    """Remove the layer on top of the first token, and keep no cache for the next tokens."""
    options = signature(type(backbone).__init__).parameters
    if getattr(backbone, "pooler", None) is not None and "add_pooling_layer" in options:
        backbone.pooler = None
    config: Any = getattr(backbone, "config", None)
    if getattr(config, "use_cache", False):
        config.use_cache = False


def _takes_types(backbone: Any, tokenizer) -> bool:
    """Whether types of tokens tell a backbone the texts of a pair apart, by its configuration."""
    config = getattr(backbone, "config", None)
    return (
        "token_type_ids" in getattr(tokenizer, "model_input_names", ())
        and "token_type_ids" in signature(backbone.forward).parameters
        and (getattr(config, "type_vocab_size", None) or 0) > 1
    )


def _max_tokens(backbone: nn.Module) -> int:
    """Return the number of tokens that the backbone has positions for."""
    config = getattr(backbone, "config", None)
    n_positions = getattr(config, "max_position_embeddings", None) or 0
    if n_positions < 1:  # XLNet, which has no limit, has -1
        return np.iinfo(np.int32).max
    for name, module in backbone.named_modules():
        if name.endswith("position_embeddings"):
            # RoBERTa and models like it start at the position after that of padding.
            padding_index = getattr(module, "padding_idx", None)
            return n_positions - (0 if padding_index is None else padding_index + 1)
    return n_positions
