"""Steps of one language each, for learning to adapt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import IterableDataset

from metaling_sk._data.batches import MIN_STEPS, EncodedSamples, TrainingStep


class Episodes(IterableDataset):
    """Each step takes batches of different rows of one language.

    Parameters
    ----------
    rows : EncodedSamples
    names : sequence of str
        Of the batches of a step.
    batch_size : int
        Rows in a batch; fewer where the language has not enough, or where an epoch would have
        less than `MIN_STEPS` steps.
    rng : RandomState
        Draws the languages, in proportion to their rows, and the rows.
    """

    def __init__(self, rows: EncodedSamples, names, batch_size: int, rng: np.random.RandomState):
        self.rows = rows
        self.names = tuple(names)
        self.batch_size = min(batch_size, max(2, len(rows) // (MIN_STEPS * len(self.names))))
        self.rng = rng
        self.members = [np.flatnonzero(rows.language == code) for code in np.unique(rows.language)]

    def __len__(self) -> int:
        return -(-len(self.rows) // (self.batch_size * len(self.names)))

    def __iter__(self) -> Iterator[tuple[TrainingStep, None]]:
        sizes = np.array([len(rows) for rows in self.members])
        for _ in range(len(self)):
            members = self.members[self.rng.choice(len(sizes), p=sizes / sizes.sum())]
            size = min(self.batch_size, max(1, len(members) // len(self.names)))
            drawn = self.rng.permutation(members)
            batches = {
                name: self.rows.collate(
                    np.take(drawn, range(n * size, (n + 1) * size), mode="wrap")
                )
                for n, name in enumerate(self.names)
            }
            yield TrainingStep(batches, dict.fromkeys(self.names, len(members))), None
