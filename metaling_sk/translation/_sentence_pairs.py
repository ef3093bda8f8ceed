"""What a translator reads of many samples: texts or recordings, and their translations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.tokens import Tokens

NO_TOKEN = -100
"""What translations are padded with: the loss of transformers leaves it out."""


@dataclass(frozen=True)
class SentencePairs(EncoderInputs):
    """Texts or recordings and, for training, their translations.

    Attributes
    ----------
    source : EncoderInputs
        The token ids of the texts, or the sounds of the recordings.
    target_index : ndarray of int64, shape (n_samples,)
        The position of each target language among those of the model.
    translations : Tokens or None
        The ids of the translations.
    prompts : Tokens or None
        The ids that a decoder begins with, where these differ among samples.
    """

    source: EncoderInputs
    target_index: np.ndarray
    translations: Tokens | None = None
    prompts: Tokens | None = None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def lengths(self) -> np.ndarray:
        """Number of vectors of each sample and of tokens of its translation."""
        both = self.source.lengths
        return both if self.translations is None else both + self.translations.lengths

    @property
    def values(self) -> list[np.ndarray]:
        """The ids of all samples, one after another."""
        others = (each for each in (self.translations, self.prompts) if each is not None)
        values = (value for each in others for value in each.values)
        return [*self.source.values, *values, self.target_index]

    def take(self, indices: np.ndarray) -> SentencePairs:
        """Select samples."""
        translations, prompts = self.translations, self.prompts
        return SentencePairs(
            self.source.take(indices),
            self.target_index[indices],
            None if translations is None else translations.take(indices),
            None if prompts is None else prompts.take(indices),
        )

    def contents(self) -> Iterator[bytes]:
        """Yield for each sample what decides its translation."""
        targets: Iterable[bytes] = (target.to_bytes(8) for target in self.target_index.tolist())
        if self.prompts is not None:
            targets = map(bytes.__add__, targets, self.prompts.contents())
        for content, target in zip(self.source.contents(), targets, strict=True):
            yield target + content

    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs of a `TranslationModel`, padded."""
        arrays = self.source.arrays() | {"target_index": self.target_index}
        for name, tokens in (("labels", self.translations), ("prompts", self.prompts)):
            if tokens is not None:
                padded = tokens.arrays()
                is_token = padded["attention_mask"] == 1
                arrays[name] = np.where(is_token, padded["input_ids"], NO_TOKEN)
        return arrays
