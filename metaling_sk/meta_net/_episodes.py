"""Training steps on one language each, from which a network learns to adapt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from metaling_sk._data.batches import MIN_EPOCH_STEPS, EncodedSamples, Steps, TrainingStep
from metaling_sk._data.languages import positions_by_language


class Episodes(Steps):
    """The steps of an epoch, each with several batches of different samples of one language.

    Parameters
    ----------
    samples : EncodedSamples
    names : sequence of str
        The names of the batches of a step.
    batch_size : int
        Samples in a batch; fewer where the language has not enough, or where an epoch would have
        less than `MIN_EPOCH_STEPS` steps.
    rng : RandomState
        Draws the languages, in proportion to their samples, and the samples.
    """

    def __init__(self, samples: EncodedSamples, names, batch_size: int, rng: np.random.RandomState):
        self.samples = samples
        self.names = tuple(names)
        self.batch_size = min(
            batch_size, max(2, len(samples) // (MIN_EPOCH_STEPS * len(self.names)))
        )
        self.rng = rng
        self.members = list(positions_by_language(samples.language_index).values())

    def __len__(self) -> int:
        return -(-len(self.samples) // (self.batch_size * len(self.names)))

    def token_ids(self) -> np.ndarray:
        return self.samples.token_ids()

    def __iter__(self) -> Iterator[tuple[TrainingStep, None]]:
        sizes = np.array([len(members) for members in self.members])
        for _ in range(len(self)):
            members = self.members[self.rng.choice(len(sizes), p=sizes / sizes.sum())]
            size = min(self.batch_size, max(1, len(members) // len(self.names)))
            drawn = self.rng.permutation(members)
            batches = {
                name: self.samples.collate(
                    np.take(drawn, range(number * size, (number + 1) * size), mode="wrap")
                )
                for number, name in enumerate(self.names)
            }
            yield TrainingStep(batches, dict.fromkeys(self.names, len(members))), None
