"""A Transformer with its tokenizer, which gives one vector per text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from inspect import signature
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk._data.tokens import Tokens
from metaling_sk._encoders.dense import Dense
from metaling_sk._encoders.pooling import POOLINGS, pool
from metaling_sk._encoders.text_tokenizer import make_text_tokenizer
from metaling_sk._encoders.transformer_encoder import Adapt, TransformerEncoder

SHORT, LONG = 3, 64
"""Number of tokens of the two texts that an encoder is checked with."""

PADDED_ON_THE_RIGHT = ("led", "longformer")
"""Kinds of models whose layers get the tokens padded to whole windows."""

STEP = 16
"""In low precision batches are as wide as a multiple of it, which fills vectors of processors.

A softmax and a product of matrices round the numbers at the end otherwise, where these do not fill
such a vector. In batches of any width the vector of a text would depend on the texts beside it.
"""


class TextEncoder(TransformerEncoder):
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
        See `TransformerEncoder`.
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
    """

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
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {list(POOLINGS)}, got {pooling!r}.")
        _remove_what_is_not_used(backbone)
        super().__init__(backbone, pooling, layer, origin)
        self.reader = self.text_tokenizer = make_text_tokenizer(
            tokenizer,
            min(max_length, max_tokens(backbone)),
            n_embeddings(backbone),
            prompt,
            _takes_types(backbone, tokenizer),
            origin,
        )
        self.dense = nn.ModuleList(dense if self.top is None else ())
        self.normalize = normalize and self.top is None

    @property
    def settings(self) -> tuple:  # noqa: D102
        activations = [module.activation for module in self.dense]
        return self.pooling, self.max_length, self.top, activations, self.normalize

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

    @cached_property
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
        return super().n_features

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **others: Any
    ) -> torch.Tensor:
        """Do what `encode` does; a prediction in low precision does not depend on the width."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, **others}
        if not self.training and self._has_low_precision(input_ids.device):
            width = input_ids.shape[1]
            n_more = max(0, min(width + -width % STEP, self.max_length) - width)
            inputs = {
                name: F.pad(value, (0, n_more)) if isinstance(value, torch.Tensor) else value
                for name, value in inputs.items()
            }
        return self.encode(**inputs)

    def encode(
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
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        output, hidden = self.call_backbone(adapt, **inputs)
        hidden = self.token_vectors(output, hidden, input_ids)
        if self.top is not None:  # Its tokens may be padded to whole windows.
            hidden = hidden[:, : input_ids.shape[1]]
        vectors = pool(hidden, attention_mask, self.pooling)
        for module in self.dense:
            vectors = module(vectors)
        return F.normalize(vectors, dim=1) if self.normalize else vectors

    def _has_low_precision(self, device: torch.device) -> bool:
        dtype = next((weight.dtype for weight in self.parameters()), torch.float32)
        return dtype.itemsize < 4 or torch.is_autocast_enabled(device.type)

    def gives_token_vectors(self, hidden, input_ids: torch.Tensor) -> bool:
        """Return whether the output of a layer has one vector for each token."""
        if not super().gives_token_vectors(hidden, input_ids):
            return False
        n_tokens = input_ids.shape[1]
        model_type = getattr(getattr(self.backbone, "config", None), "model_type", None)
        is_padded = model_type in PADDED_ON_THE_RIGHT and hidden.shape[1] > n_tokens
        return is_padded or hidden.shape[1] == n_tokens

    def check_reader(self):  # noqa: D102
        limit = n_embeddings(self.backbone)
        if limit is None or not hasattr(self.tokenizer, "get_vocab"):
            return
        # Checkpoints may have special tokens without an embedding, such as one for padding.
        special = set(getattr(self.tokenizer, "all_special_ids", ()))
        ids = [index for index in self.tokenizer.get_vocab().values() if index not in special]
        if ids and max(ids) >= limit:
            raise ValueError(
                f"`encoder`: the tokenizer has the token id {max(ids)}, but "
                f"{type(self.backbone).__name__} has only {limit} embeddings; pass the tokenizer "
                "that belongs to the module, or call "
                "module.resize_token_embeddings(len(tokenizer))."
            )

    def probes(self):  # noqa: D102
        first = next(self.parameters(), None)
        device = "cpu" if first is None else first.device
        n_long = min(LONG, self.max_length)
        n_short = min(SHORT, n_long)
        ids = torch.tensor(self._token_ids(n_short + n_long), device=device)
        both = torch.zeros((2, n_long), dtype=torch.int64, device=device)
        both[0, :n_short], both[1] = ids[:n_short], ids[n_short:]
        mask = torch.ones_like(both)
        mask[0, n_short:] = 0
        return (both[:1, :n_short], mask[:1, :n_short]), (both, mask)

    def _token_ids(self, n_tokens: int) -> list[int]:
        """Return ids of tokens that are not special."""
        limit = n_embeddings(self.backbone) or len(self.tokenizer)
        special = set(getattr(self.tokenizer, "all_special_ids", ()))
        n_looked_at = min(limit, n_tokens + len(special))
        ids = [index for index in range(n_looked_at) if index not in special]
        return list(islice(cycle(ids or [0]), n_tokens))


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


def max_tokens(backbone: nn.Module) -> int:
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
