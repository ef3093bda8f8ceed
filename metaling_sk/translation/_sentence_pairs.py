"""What a translator reads of many samples: token ids of texts and of their translations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.tokens import Tokens

NO_TOKEN = -100
"""What translations are padded with: the loss of transformers leaves it out."""


@dataclass(frozen=True)
class SentencePairs(EncoderInputs):
    """Token ids of texts and, for training, of their translations.

    Attributes
    ----------
    source : Tokens
        The ids of the texts.
    target_index : ndarray of int64, shape (n_texts,)
        The position of each target language among those of the model.
    translations : Tokens or None
        The ids of the translations.
    """

    source: Tokens
    target_index: np.ndarray
    translations: Tokens | None = None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text and of its translation."""
        both = self.source.lengths
        return both if self.translations is None else both + self.translations.lengths

    @property
    def values(self) -> list[np.ndarray]:
        """The ids of all samples, one after another."""
        translated = [] if self.translations is None else self.translations.values
        return [*self.source.values, *translated, self.target_index]

    def take(self, indices: np.ndarray) -> SentencePairs:
        """Select samples."""
        translations = self.translations
        return SentencePairs(
            self.source.take(indices),
            self.target_index[indices],
            None if translations is None else translations.take(indices),
        )

    def contents(self) -> Iterator[bytes]:
        """Yield for each sample what decides its translation."""
        targets = self.target_index.tolist()
        for content, target in zip(self.source.contents(), targets, strict=True):
            yield target.to_bytes(8) + content

    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs of a `TranslationModel`, padded."""
        arrays: dict[str, Any] = self.source.pad() | {"target_index": self.target_index}
        if self.translations is not None:
            padded = self.translations.pad()
            is_token = padded["attention_mask"] == 1
            arrays["labels"] = np.where(is_token, padded["input_ids"], NO_TOKEN)
        return arrays
