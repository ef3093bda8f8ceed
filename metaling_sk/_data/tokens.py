"""Token ids of texts, stored one after another without padding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice, pairwise
from typing import Any

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.large_arrays import ArrayBuilder, concatenate
from metaling_sk._data.ragged import take_rows

TEXTS_AT_A_TIME = 1000
"""Number of texts in a call of a tokenizer, which keeps the strings of all tokens until its end."""

CHARACTERS_PER_TOKEN = 64
"""A text is cut to this many characters per allowed token before it is tokenised."""


LONG_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff]{9,}")
"""A run of characters that show nothing, which becomes one space or one line break.

Some tokenizers, such as those of Llama, give every blank a token. Shorter runs stay as they are.
"""


@dataclass(frozen=True)
class Tokens(EncoderInputs):
    """Token ids of many texts, one after another.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        The ids of all texts.
    offsets : ndarray of int64, shape (n_texts + 1,)
        The ids of text i are ``ids[offsets[i]:offsets[i + 1]]``.
    types : ndarray of int32, shape (n_tokens,), or None
        Which text of a pair each token belongs to, as a tokenizer tells an encoder that asks for
        it; None if it does not ask.
    """

    ids: np.ndarray
    offsets: np.ndarray
    types: np.ndarray | None = None

    @classmethod
    def from_rows(cls, rows: list[np.ndarray], *, typed: bool = False) -> Tokens:
        """Join the ids of each text.

        Parameters
        ----------
        rows : list of ndarray of int32
            The ids of each text.
        typed : bool, default=False
            Whether as many types follow the ids in each row.

        Returns
        -------
        Tokens
            The ids of all texts.
        """
        types = None
        if typed:
            halves = [row.reshape(2, -1) for row in rows]
            rows = [ids for ids, _ in halves]
            types = concatenate((half[1] for half in halves), np.int32)
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(concatenate(rows, np.int32), offsets, types)

    def to_rows(self) -> list[np.ndarray]:
        """Return the ids of each text.

        Returns
        -------
        list of ndarray of int32
            The inverse of `from_rows`.
        """
        bounds = pairwise(self.offsets.tolist())
        if self.types is None:
            return [self.ids[start:end] for start, end in bounds]
        both = np.stack([self.ids, self.types])
        return [both[:, start:end].ravel() for start, end in bounds]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text."""
        return np.diff(self.offsets)

    @property
    def values(self) -> list[np.ndarray]:  # noqa: D102
        return [self.ids] if self.types is None else [self.ids, self.types]

    def contents(self) -> Iterator[bytes]:  # noqa: D102
        return (row.tobytes() for row in self.to_rows())

    def take(self, indices: np.ndarray) -> Tokens:
        """Select texts.

        Parameters
        ----------
        indices : ndarray of int, shape (n_selected,)
            Indices of texts.

        Returns
        -------
        Tokens
            The ids of the selected texts.
        """
        chosen, offsets = take_rows(self.offsets, indices)
        types = None if self.types is None else self.types[chosen]
        return Tokens(self.ids[chosen], offsets, types)

    def arrays(self) -> dict[str, np.ndarray]:
        """Pad with zeros to the length of the longest text.

        Returns
        -------
        dict of str to ndarray of int64, shape (n_texts, max_length)
            The arguments of an encoder: `input_ids`, `attention_mask` (1 for tokens, 0 for padding)
            and, where there are types, `token_type_ids`.
        """
        lengths = self.lengths
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = {"attention_mask": mask.astype(np.int64)}
        for name, values in (("input_ids", self.ids), ("token_type_ids", self.types)):
            if values is not None:
                padded[name] = np.zeros(mask.shape, dtype=np.int64)
                padded[name][mask] = values
        return padded


def tokenize(
    texts: Iterable[str],
    tokenizer,
    max_length: int,
    seconds: Iterable[str] | None = None,
    *,
    typed: bool = False,
) -> Tokens:
    """Tokenise texts with a transformers tokenizer.

    Every text gets at least one token. Unpaired surrogates, which no tokenizer takes, become the
    replacement character. A run of more than 8 blanks becomes one. Of a pair the longer text is
    truncated first.

    Parameters
    ----------
    texts : iterable of str
        The texts.
    tokenizer : transformers tokenizer
        The tokenizer.
    max_length : int
        The number of tokens to which texts are truncated.
    seconds : iterable of str, optional
        The second text of each pair, of which `texts` are the first ones.
    typed : bool, default=False
        Whether the types of the tokens are wanted as well.

    Returns
    -------
    Tokens
        The ids of all texts.
    """
    filler = next(
        (
            token
            for token in (tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
            if token is not None
        ),
        0,
    )
    max_characters = max_length * CHARACTERS_PER_TOKEN

    def shorten(text: str) -> str:
        return well_formed(_shorten_blanks(text)[:max_characters])

    columns = [texts] if seconds is None else [texts, seconds]
    shortened = zip(*(map(shorten, column) for column in columns), strict=True)
    lengths = [np.zeros(1, np.int64)]
    with ArrayBuilder(np.int32) as ids, ArrayBuilder(np.int32) as types:
        while part := list(islice(shortened, TEXTS_AT_A_TIME)):
            parts = [list(column) for column in zip(*part, strict=True)]
            encoded = call_tokenizer(parts, tokenizer, max_length, typed=typed)
            rows = [row or [filler] for row in encoded["input_ids"]]
            lengths.append(np.array([len(row) for row in rows], np.int64))
            ids.append(_flatten(rows, lengths[-1].sum()))
            if typed:
                types.append(_flatten(encoded["token_type_ids"], lengths[-1].sum()))
        offsets = np.cumsum(np.concatenate(lengths))
        return Tokens(ids.build(), offsets, types.build() if typed else None)


def call_tokenizer(
    columns: list[list[str]], tokenizer, max_length: int, *, typed: bool = False
) -> Any:
    """Return the ids of each text, at most `max_length`; there may be none.

    Parameters
    ----------
    columns : list of one or two lists of str
        The texts, or the first and the second ones of pairs.
    tokenizer, max_length, typed
        See `tokenize`.

    Returns
    -------
    mapping of str to list of list of int
        `input_ids` and, if they are wanted, `token_type_ids`.
    """
    return tokenizer(
        *columns,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=typed,
    )


def tokenizer_digest(tokenizer) -> bytes:
    """Return a digest of all settings that decide the ids of a text, except the length.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        The tokenizer.

    Returns
    -------
    bytes
        The same for tokenizers that give the same ids.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        # The truncation and padding of the last call stand before the added tokens.
        state = backend.to_str().split('"added_tokens"', 1)[-1]
    else:
        vocabulary = sorted(tokenizer.get_vocab().items())
        state = repr((type(tokenizer), getattr(tokenizer, "init_kwargs", None), vocabulary))
    special = tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    separator = getattr(tokenizer, "sep_token_id", None)
    side = getattr(tokenizer, "truncation_side", None)
    return blake2b(f"{special} {separator} {side} {state}".encode(), digest_size=16).digest()


def _flatten(rows: list[list[int]], n_tokens: int) -> np.ndarray:
    return np.fromiter(chain.from_iterable(rows), np.int32, n_tokens)


def _shorten_blanks(text: str) -> str:
    return LONG_BLANK.sub(lambda run: "\n" if "\n" in run[0] else " ", text)


def well_formed(text: str) -> str:
    """Return the text with the replacement character in place of unpaired surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
