"""Texts to token ids, shared between processes where a disk cache is active."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from metaling_sk._data.tokens import Tokens, tokenize, tokenizer_digest
from metaling_sk._encoders.disk_cache import active_disk_cache
from metaling_sk._encoders.memory_cache import keys_of


class TextTokenizer:
    """A tokenizer and the length it truncates to. It does not change.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    max_length : int
        Longer texts are truncated to this many tokens.
    """

    def __init__(self, tokenizer, max_length: int):
        self.tokenizer = tokenizer
        self.max_length = max_length

    def __call__(self, texts: np.ndarray) -> Tokens:
        """The token ids of each text."""
        cache = active_disk_cache()
        if cache is None:
            return tokenize(texts, self.tokenizer, self.max_length)

        def compute(positions):
            missing = [texts[position] for position in positions]
            return tokenize(missing, self.tokenizer, self.max_length).to_rows()

        namespace = f"tokens-{self.digest.hex()}-{self.max_length}"
        return Tokens.from_rows(
            cache.get_or_compute(namespace, keys_of(self.digest, texts), compute)
        )

    @cached_property
    def digest(self) -> bytes:
        """A digest of what decides the ids of a text, except for the length."""
        return tokenizer_digest(self.tokenizer)

    def __deepcopy__(self, memo) -> TextTokenizer:
        return self
