"""Tokenization of texts, shared between processes where a disk cache is active."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from metaling_sk._data.tokens import Tokens, call_tokenizer, tokenize, tokenizer_digest
from metaling_sk._encoders.disk_cache import active_disk_cache
from metaling_sk._encoders.memory_cache import keys_of
from metaling_sk._encoders.short_pickles import pickles_are_short
from metaling_sk._utils.locks import ThreadLock

if TYPE_CHECKING:
    from metaling_sk._encoders.recipe import Recipe

_SHARED_TOKENIZERS = ThreadLock()
"""Held in calls of tokenizers that cannot be copied, so that one thread uses them at a time."""


class TextTokenizer:
    """A tokenizer, the length that it truncates to and the prompt. It does not change.

    The length is state of a transformers tokenizer, which a call sets where it is another one.
    So this class has a copy of the tokenizer, in which every call finds the length already set.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        The tokenizer; it is copied if it can be.
    max_length : int
        Number of tokens to which longer texts are truncated.
    n_embeddings : int, optional
        Number of tokens that the encoder has embeddings for, if that is known.
    prompt : str, default=""
        Text that is put before every text, and before the first one of a pair.
    typed : bool, default=False
        Whether the encoder takes types of tokens, which tell the texts of a pair apart.

    Attributes
    ----------
    tokenizer : transformers tokenizer
        The copy.
    recipe : Recipe or None
        How an encoder with such a tokenizer is made of a checkpoint; None if it was not.
    """

    recipe: Recipe | None = None
    unit = "text"
    n_at_once = None  # Texts of similar length, out of all, are encoded together.

    def __init__(
        self,
        tokenizer,
        max_length: int,
        n_embeddings: int | None = None,
        prompt: str = "",
        typed: bool = False,
    ):
        self.max_length = max_length
        self.n_embeddings = n_embeddings
        self.prompt = prompt
        self.typed = typed
        try:
            self.tokenizer = copy.deepcopy(tokenizer)
            self.is_copy = True
        except Exception:  # a tokenizer with parts in Python raises a plain Exception
            self.tokenizer = tokenizer
            self.is_copy = False
        if self.is_copy:
            call_tokenizer([[""]], self.tokenizer, max_length)
        if prompt and len(self._tokenize([""]).ids) >= max_length:
            raise ValueError(
                f"`prompt`: the first {max_length} tokens, to which `max_length` truncates texts, "
                f"are those of {prompt!r} alone; shorten it or allow more tokens."
            )

    def __call__(self, texts: np.ndarray) -> Tokens:
        """Return the token ids of each text or, for an array of two columns, of each pair.

        Raises
        ------
        ValueError
            If a token has no embedding, or the tokenizer takes no pairs.
        """
        tokens = self._get_or_tokenize(texts)
        if self.n_embeddings is not None and tokens.ids.max(initial=-1) >= self.n_embeddings:
            position = np.flatnonzero(tokens.ids >= self.n_embeddings)[0]
            row = np.searchsorted(tokens.offsets, position, side="right") - 1
            raise ValueError(
                f"`encoder`: a text (in row {row} of those that are encoded) holds the token id "
                f"{tokens.ids[position]}, which has no embedding: the module has "
                f"{self.n_embeddings}. Call module.resize_token_embeddings(len(tokenizer)), and "
                "train it, or leave out the token."
            )
        return tokens

    def keys(self, fingerprint: bytes, texts: np.ndarray) -> list[bytes]:
        """Return a key for each text: a digest of the text and the fingerprint."""
        return keys_of(fingerprint, texts)

    def _get_or_tokenize(self, texts) -> Tokens:
        disk_cache = active_disk_cache()
        if disk_cache is None:
            return self._tokenize(texts)

        texts = np.asarray(texts, dtype=object)

        def compute(indices):
            return self._tokenize(texts[indices]).to_rows()

        typed = self._is_typed(texts)
        namespace = f"tokens-{self.digest.hex()}-{self.max_length}{'-typed' if typed else ''}"
        rows = disk_cache.get_or_compute(namespace, keys_of(self.digest, texts), compute)
        return Tokens.from_rows(rows, typed=typed)

    @cached_property
    def digest(self) -> bytes:
        """A digest of everything that decides the ids of a text, except for the length."""
        digest = tokenizer_digest(self.tokenizer)
        prompt = self.prompt.encode("utf-8", "surrogatepass")
        return blake2b(prompt, digest_size=16, key=digest).digest() if prompt else digest

    def _tokenize(self, texts) -> Tokens:
        texts = np.asarray(texts, dtype=object)
        first, *others = [texts] if texts.ndim == 1 else texts.T
        lock: AbstractContextManager = nullcontext() if self.is_copy else _SHARED_TOKENIZERS
        with lock:
            return tokenize(
                (self.prompt + text for text in first),
                self.tokenizer,
                self.max_length,
                (self._separator + text for text in others[0]) if others else None,
                typed=self._is_typed(texts),
            )

    def _is_typed(self, texts: np.ndarray) -> bool:
        """Whether the tokens of these texts have types: those of pairs that the encoder knows."""
        return self.typed and texts.ndim == 2 and not self._separator

    @cached_property
    def _separator(self) -> str:
        """What is put before the second text of a pair; empty if the tokenizer does it itself."""
        count = self.tokenizer.num_special_tokens_to_add
        in_text, in_pair = count(pair=False), count(pair=True)
        separator = ""
        if in_pair <= in_text:
            separator = getattr(self.tokenizer, "sep_token", None) or self.tokenizer.eos_token
            if separator is None:
                raise ValueError(
                    "`encoder`: its tokenizer has no token that separates the texts of a pair. "
                    "Set its `sep_token`, or join both texts in one column."
                )
            in_pair += 1
        if self.max_length < in_pair + 2:
            raise ValueError(
                f"`max_length`: of {self.max_length} tokens of a pair of texts, {in_pair} are "
                f"special ones of the tokenizer; allow at least {in_pair + 2}."
            )
        return separator

    def __deepcopy__(self, memo) -> TextTokenizer:
        return self

    def __reduce_ex__(self, protocol):
        if self.recipe is None or not pickles_are_short():
            return super().__reduce_ex__(protocol)
        return _make_again, (self.recipe, self.digest)


def _make_again(recipe: Recipe, digest: bytes) -> TextTokenizer:
    """Make the tokenizer that a short pickle refers to."""
    reader: Any = recipe.make().reader
    if reader.digest != digest:
        raise ValueError(
            "the files of its `encoder` have changed, so that it would go on with another tokenizer"
        )
    return reader


def make_text_tokenizer(
    tokenizer,
    max_length: int,
    n_embeddings: int | None,
    prompt: str,
    typed: bool,
    origin: tuple | None,
) -> TextTokenizer:
    """Make a `TextTokenizer`, or return the one that was made of the same files before.

    To copy a large vocabulary takes a second, and a search or a cross-validation makes many.

    Parameters
    ----------
    tokenizer, max_length, n_embeddings, prompt, typed
        See `TextTokenizer`.
    origin : tuple or None
        The key of the checkpoint that the tokenizer comes from, if it comes from one.
    """
    if origin is None:
        return TextTokenizer(tokenizer, max_length, n_embeddings, prompt, typed)
    return _make_once(_Loaded(origin, tokenizer), max_length, n_embeddings, prompt, typed)


@dataclass(frozen=True)
class _Loaded:
    """A tokenizer that was loaded; it equals those from the same files."""

    origin: tuple
    tokenizer: Any = field(compare=False)


@lru_cache(maxsize=4)
def _make_once(
    loaded: _Loaded, max_length: int, n_embeddings: int | None, prompt: str, typed: bool
) -> TextTokenizer:
    return TextTokenizer(loaded.tokenizer, max_length, n_embeddings, prompt, typed)
