"""Texts become ragged arrays of token ids, each text once, never padded at rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

import numpy as np

CHARACTERS_PER_TOKEN = 64
"""Of a text no more than this many characters per allowed token are tokenised."""


@dataclass(frozen=True)
class Tokens:
    """Token ids of many texts, one after another.

    Attributes
    ----------
    ids : ndarray of int32, shape (n_tokens,)
    offsets : ndarray of int64, shape (n_texts + 1,)
        The ids of text i are ``ids[offsets[i]:offsets[i + 1]]``.
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_rows(cls, rows: list[np.ndarray]) -> Tokens:
        """Of the ids of each text."""
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *rows]), offsets)

    def to_rows(self) -> list[np.ndarray]:
        """The ids of each text."""
        return [self.ids[start:end] for start, end in pairwise(self.offsets)]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> Tokens:
        """The texts at the given indices."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        where = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Tokens(self.ids[where], offsets)

    def pad(self) -> tuple[np.ndarray, np.ndarray]:
        """Ids and attention mask, both int64 of shape (n_texts, longest), padded with zeros."""
        lengths = self.lengths
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = self.ids
        return ids, mask.astype(np.int64)


def tokenize(texts: Iterable[str], tokenizer, max_length: int) -> Tokens:
    """Tokenise with a transformers tokenizer; every text gets at least one token.

    Unpaired surrogates, which no tokenizer takes, become the replacement character.
    """
    longest = max_length * CHARACTERS_PER_TOKEN
    texts = [_well_formed(text[:longest]) for text in texts]
    rows = tokenizer(
        texts,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]
    filler = next(
        (
            token
            for token in (tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
            if token is not None
        ),
        0,
    )
    rows = [row or [filler] for row in rows]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    ids = np.fromiter((token for row in rows for token in row), np.int32, offsets[-1])
    return Tokens(ids, offsets)


def tokenizer_digest(tokenizer) -> bytes:
    """A digest of all that decides what ids a text gets, but for the length."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        # The truncation and padding of the last call stand before the added tokens.
        state = backend.to_str().split('"added_tokens"', 1)[-1]
    else:
        vocabulary = sorted(tokenizer.get_vocab().items())
        state = repr((type(tokenizer), getattr(tokenizer, "init_kwargs", None), vocabulary))
    special = tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    side = getattr(tokenizer, "truncation_side", None)
    return blake2b(f"{special} {side} {state}".encode(), digest_size=16).digest()


def _well_formed(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
