"""Token ids or features become padded batches of rows of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import IterableDataset

from metaling_sk._data.tokens import Tokens

BATCHES_PER_BUCKET = 50
"""In training, rows are sorted by length within random buckets of this many batches."""

MIN_STEPS = 10
"""Steps that an epoch has at least, unless that leaves less than two rows to a batch."""


@dataclass(frozen=True)
class Batch:
    """A batch on its way to the network.

    Attributes
    ----------
    inputs : dict of str to Tensor
        `input_ids` and `attention_mask`, or `features`.
    language : int64 Tensor of shape (n_rows,)
    y : int64 Tensor of shape (n_rows,), or None
    teacher : float Tensor of shape (n_rows, n_classes), or None
        Probabilities that a teacher gives.
    """

    inputs: dict[str, torch.Tensor]
    language: torch.Tensor
    y: torch.Tensor | None = None
    teacher: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.language)

    def to(self, device) -> Batch:
        def move(tensor):
            return None if tensor is None else tensor.to(device)

        return Batch(
            {name: move(tensor) for name, tensor in self.inputs.items()},
            move(self.language),
            move(self.y),
            move(self.teacher),
        )


@dataclass(frozen=True)
class EncodedSamples:
    """Rows that are ready to be batched.

    Attributes
    ----------
    inputs : Tokens, float ndarray or CSR array of n_rows
        The rows of a sparse array are made dense batch by batch.
    language : ndarray of int64, shape (n_rows,)
        Row in the network's table of languages.
    y : ndarray of int64, shape (n_rows,), or None
    teacher : ndarray of float, shape (n_rows, n_classes), or None
    """

    inputs: Tokens | np.ndarray | sparse.csr_array
    language: np.ndarray
    y: np.ndarray | None = None
    teacher: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.language)

    def take(self, rows: np.ndarray) -> EncodedSamples:
        """The rows at the given indices or under the given mask."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return EncodedSamples(
            self.inputs.take(rows) if isinstance(self.inputs, Tokens) else self.inputs[rows],
            self.language[rows],
            None if self.y is None else self.y[rows],
            None if self.teacher is None else self.teacher[rows],
        )

    def with_labels(self, y: np.ndarray) -> EncodedSamples:
        return replace(self, y=y)

    def collate(self, rows: np.ndarray, dtype=torch.float32) -> Batch:
        """The rows at the given indices as one padded batch; `dtype` is that of features."""
        part = self.take(rows)
        if isinstance(part.inputs, Tokens):
            ids, mask = map(torch.from_numpy, part.inputs.pad())
            inputs = {"input_ids": ids, "attention_mask": mask}
        else:
            dense = part.inputs.toarray() if sparse.issparse(part.inputs) else part.inputs
            inputs = {"features": torch.tensor(dense, dtype=dtype)}
        return Batch(
            inputs,
            torch.from_numpy(part.language),
            None if part.y is None else torch.from_numpy(part.y),
            None if part.teacher is None else torch.tensor(part.teacher, dtype=torch.float32),
        )

    def indices(self, batch_size: int, rng: np.random.RandomState | None = None) -> list:
        """The rows of each batch: shuffled where `rng` is given, else sorted by length."""
        n_rows = len(self)
        order = np.arange(n_rows) if rng is None else rng.permutation(n_rows)
        if isinstance(self.inputs, Tokens):
            lengths = self.inputs.lengths
            size = n_rows if rng is None else batch_size * BATCHES_PER_BUCKET
            buckets = (order[start : start + size] for start in range(0, n_rows, size))
            order = np.concatenate(
                [bucket[np.argsort(-lengths[bucket], kind="stable")] for bucket in buckets]
            )
        batches = [order[start : start + batch_size] for start in range(0, n_rows, batch_size)]
        if rng is not None:
            rng.shuffle(batches)
        return batches


class StepIterator(IterableDataset):
    """The batches of an epoch: each step takes one batch of every stream of rows.

    Parameters
    ----------
    streams : dict of str to EncodedSamples
        The longest decides how many steps an epoch has; shorter ones start anew.
    batch_size : int
        Rows per stream and step; fewer where an epoch would have less than `MIN_STEPS` steps.
    rng : RandomState, optional
        Shuffles the rows of every epoch; None leaves them in order.
    """

    def __init__(self, streams: dict[str, EncodedSamples], batch_size: int, rng=None):
        self.streams = {name: rows for name, rows in streams.items() if len(rows)}
        self.longest = max(map(len, self.streams.values()), default=0)
        self.batch_size = min(batch_size, max(2, self.longest // MIN_STEPS))
        self.rng = rng

    def __len__(self) -> int:
        return -(-self.longest // self.batch_size)

    def __iter__(self) -> Iterator[tuple[TrainingStep, None]]:
        endless = {name: self._endless(rows) for name, rows in self.streams.items()}
        sizes = {name: len(rows) for name, rows in self.streams.items()}
        for _ in range(len(self)):
            yield (
                TrainingStep({name: next(batches) for name, batches in endless.items()}, sizes),
                None,
            )

    def _endless(self, rows: EncodedSamples) -> Iterator[Batch]:
        while True:
            for batch in rows.indices(self.batch_size, self.rng):
                yield rows.collate(batch)


@dataclass(frozen=True)
class TrainingStep:
    """One batch of every stream.

    Attributes
    ----------
    batches : dict of str to Batch
    sizes : dict of str to int
        How many rows the whole stream has.
    """

    batches: dict[str, Batch]
    sizes: dict[str, int]

    def __len__(self) -> int:
        return sum(map(len, self.batches.values()))

    def to(self, device) -> TrainingStep:
        return TrainingStep(
            {name: batch.to(device) for name, batch in self.batches.items()}, self.sizes
        )
