"""Token ids of texts, stored one after another without padding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice, pairwise

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs

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
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_rows(cls, rows: list[np.ndarray]) -> Tokens:
        """Join the ids of each text.

        Parameters
        ----------
        rows : list of ndarray of int32
            The ids of each text.

        Returns
        -------
        Tokens
            The ids of all texts.
        """
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *rows]), offsets)

    def to_rows(self) -> list[np.ndarray]:
        """Return the ids of each text.

        Returns
        -------
        list of ndarray of int32
            The inverse of `from_rows`.
        """
        return [self.ids[start:end] for start, end in pairwise(self.offsets)]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text."""
        return np.diff(self.offsets)

    @property
    def values(self) -> np.ndarray:  # noqa: D102
        return self.ids

    def contents(self) -> Iterator[bytes]:  # noqa: D102
        return (self.ids[start:end].tobytes() for start, end in pairwise(self.offsets.tolist()))

    def arrays(self) -> dict[str, np.ndarray]:  # noqa: D102
        ids, mask = self.pad()
        return {"input_ids": ids, "attention_mask": mask}

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
        lengths = self.lengths[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        shifts = np.repeat(self.offsets[indices] - offsets[:-1], lengths)
        return Tokens(self.ids[np.arange(offsets[-1]) + shifts], offsets)

    def pad(self) -> tuple[np.ndarray, np.ndarray]:
        """Pad the ids with zeros to the length of the longest text.

        Returns
        -------
        ids : ndarray of int64, shape (n_texts, max_length)
            The padded ids.
        mask : ndarray of int64, shape (n_texts, max_length)
            1 for tokens, 0 for padding.
        """
        lengths = self.lengths
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = self.ids
        return ids, mask.astype(np.int64)


def tokenize(texts: Iterable[str], tokenizer, max_length: int) -> Tokens:
    """Tokenise texts with a transformers tokenizer.

    Every text gets at least one token. Unpaired surrogates, which no tokenizer takes, become the
    replacement character. A run of more than 8 blanks becomes one.

    Parameters
    ----------
    texts : iterable of str
        The texts.
    tokenizer : transformers tokenizer
        The tokenizer.
    max_length : int
        The number of tokens to which texts are truncated.

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
    shortened = (_well_formed(_shorten_blanks(text)[:max_characters]) for text in texts)
    ids, lengths = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    while part := list(islice(shortened, TEXTS_AT_A_TIME)):
        rows = [row or [filler] for row in call_tokenizer(part, tokenizer, max_length)]
        lengths.append(np.array([len(row) for row in rows], np.int64))
        ids.append(np.fromiter(chain.from_iterable(rows), np.int32, lengths[-1].sum()))
    return Tokens(np.concatenate(ids), np.cumsum(np.concatenate(lengths)))


def call_tokenizer(texts: list[str], tokenizer, max_length: int) -> list[list[int]]:
    """Return the ids of each text, at most `max_length`; there may be none."""
    return tokenizer(
        texts,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]


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
    side = getattr(tokenizer, "truncation_side", None)
    return blake2b(f"{special} {side} {state}".encode(), digest_size=16).digest()


def _shorten_blanks(text: str) -> str:
    return LONG_BLANK.sub(lambda run: "\n" if "\n" in run[0] else " ", text)


def _well_formed(text: str) -> str:
    """Return the text with the replacement character in place of unpaired surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
