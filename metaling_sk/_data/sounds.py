"""Sounds of different lengths, stored one after another without padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.large_arrays import ArrayBuilder


@dataclass(frozen=True)
class Sounds(EncoderInputs):
    """What a feature extractor makes of recordings: waves, or the strengths of frequency bands.

    Parameters
    ----------
    array : ndarray of float32, shape (n_steps,) or (n_steps, n_bands)
        The steps in time of all recordings, one recording after another.
    offsets : ndarray of int64, shape (n_recordings + 1,)
        The steps of recording i are ``array[offsets[i]:offsets[i + 1]]``.
    n_heard : ndarray of int64, shape (n_recordings,)
        The number of steps that are not silence with which the extractor has filled a recording up.
    steps_per_vector : int
        About how many steps an encoder makes one vector of.
    n_steps : int or None
        The number of steps of every recording, where all have one: what is stored of a recording
        ends where the last step begins to repeat. None where recordings have their own lengths.
    """

    array: np.ndarray
    offsets: np.ndarray
    n_heard: np.ndarray
    steps_per_vector: int
    n_steps: int | None = None

    @classmethod
    def join(
        cls,
        rows: Iterable[np.ndarray],
        steps_per_vector: int,
        n_heard: Sequence[int] | None = None,
        n_steps: int | None = None,
    ) -> Sounds:
        """Join the steps of each recording, all of which are heard by default.

        `n_heard` may grow with the rows that are taken.
        """
        lengths, bands = [0], ()
        with ArrayBuilder(np.float32) as steps:
            for row in rows:
                steps.append(row)
                lengths.append(len(row))
                bands = row.shape[1:]
            array = steps.build().reshape(-1, *bands)
        offsets = np.cumsum(lengths, dtype=np.int64)
        heard = np.diff(offsets) if n_heard is None else np.array(n_heard, np.int64)
        return cls(array, offsets, heard, steps_per_vector, n_steps)

    def __len__(self) -> int:
        return len(self.n_heard)

    @property
    def lengths(self) -> np.ndarray:  # noqa: D102
        sizes = np.diff(self.offsets)
        n_steps = sizes if self.n_steps is None else np.full_like(sizes, self.n_steps)
        return -(-n_steps // self.steps_per_vector)

    @property
    def values(self) -> list[np.ndarray]:  # noqa: D102
        return [self.array, self.n_heard]

    def take(self, indices: np.ndarray) -> Sounds:  # noqa: D102
        bounds = zip(self.offsets[indices], self.offsets[indices + 1], strict=True)
        # An index of each number, as for tokens, would take twice the memory of the recordings.
        parts = [self.array[start:end] for start, end in bounds]
        return replace(
            self,
            array=np.concatenate([self.array[:0], *parts]),
            offsets=np.cumsum([0, *map(len, parts)], dtype=np.int64),
            n_heard=self.n_heard[indices],
        )

    def contents(self) -> Iterator[bytes]:  # noqa: D102
        bounds = pairwise(self.offsets.tolist())
        for (start, end), n_heard in zip(bounds, self.n_heard, strict=True):
            yield self.array[start:end].tobytes() + n_heard.tobytes()

    def arrays(self) -> dict[str, np.ndarray]:
        """Pad with silence to the longest recording, or repeat the last step.

        Returns
        -------
        dict of str to ndarray
            `sounds` of shape (n_recordings, n_steps) or (n_recordings, n_steps, n_bands), and
            `attention_mask` of int64, shape (n_recordings, n_steps): 1 where something is heard.
        """
        lengths = np.diff(self.offsets)
        if self.n_steps is None:
            steps = np.arange(lengths.max())
            padded = np.zeros((len(self), len(steps), *self.array.shape[1:]), np.float32)
            padded[steps < lengths[:, None]] = self.array
        else:
            steps = np.arange(self.n_steps)
            stored = np.minimum(steps, lengths[:, None] - 1)
            padded = self.array[self.offsets[:-1, None] + stored]
        return {
            "sounds": padded,
            "attention_mask": (steps < self.n_heard[:, None]).astype(np.int64),
        }
