"""Tokenization of texts, shared between processes where a disk cache is active."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from metaling_sk._data.tokens import Tokens, tokenize, tokenizer_digest
from metaling_sk._encoders.disk_cache import active_disk_cache
from metaling_sk._encoders.memory_cache import keys_of


class TextTokenizer:
    """A tokenizer and the length that it truncates to. It does not change.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        The tokenizer.
    max_length : int
        Number of tokens to which longer texts are truncated.
    """

    def __init__(self, tokenizer, max_length: int):
        self.tokenizer = tokenizer
        self.max_length = max_length

    def __call__(self, texts: np.ndarray) -> Tokens:
        """Return the token ids of each text."""
        disk_cache = active_disk_cache()
        if disk_cache is None:
            return tokenize(texts, self.tokenizer, self.max_length)

        def compute(indices):
            missing = [texts[index] for index in indices]
            return tokenize(missing, self.tokenizer, self.max_length).to_rows()

        namespace = f"tokens-{self.digest.hex()}-{self.max_length}"
        return Tokens.from_rows(
            disk_cache.get_or_compute(namespace, keys_of(self.digest, texts), compute)
        )

    @cached_property
    def digest(self) -> bytes:
        """A digest of everything that decides the ids of a text, except for the length."""
        return tokenizer_digest(self.tokenizer)

    def __deepcopy__(self, memo) -> TextTokenizer:
        return self
