"""Samples that are ready for the network, and the batches that they are padded to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import blake2b
from itertools import chain
from operator import itemgetter
from typing import Any
from zlib import crc32

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import IterableDataset

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._data.large_arrays import take
from metaling_sk._data.sparse_features import SparseFeatures
from metaling_sk._data.tokens import Tokens

BATCHES_PER_BUCKET = 50
"""In training, texts are sorted by length within random buckets of this many batches."""

SAMPLES_AT_A_TIME = 64
"""Number of samples whose inputs are copied at once; a recording may have a million numbers."""

MIN_EPOCH_STEPS = 10
"""Least number of steps in an epoch, unless that leaves fewer than two samples to a batch."""


@dataclass(frozen=True)
class Batch:
    """A batch of samples.

    Attributes
    ----------
    inputs : dict of str to Tensor
        `input_ids`, `attention_mask` and perhaps `token_type_ids`, `pixels`, or `features`, which
        may be `SparseFeatures`.
    language_index : int64 Tensor of shape (n_samples,)
    y : Tensor of shape (n_samples,), or None
        Class indices, or what else the kind of output makes of labels.
    teacher : float Tensor of shape (n_samples, n_outputs), or None
        What a teacher predicts.
    """

    inputs: dict[str, torch.Tensor]
    language_index: torch.Tensor
    y: torch.Tensor | None = None
    teacher: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.language_index)

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        """The batch with every tensor changed."""
        return Batch(
            {name: change(tensor) for name, tensor in self.inputs.items()},
            change(self.language_index),
            None if self.y is None else change(self.y),
            None if self.teacher is None else change(self.teacher),
        )

    def to(self, device) -> Batch:
        """The batch on a device."""
        return self.map(lambda tensor: tensor.to(device))


@dataclass(frozen=True)
class EncodedSamples:
    """Samples that are ready for the network.

    Attributes
    ----------
    all_inputs : EncoderInputs, float ndarray or CSR array of n_inputs
    language_index : ndarray of int64, shape (n_samples,)
        Positions in the network's tables of languages; 0 is a language that it does not know.
    y : ndarray of shape (n_samples,), or None
        Class indices, or what else the kind of output makes of labels.
    teacher : ndarray of float, shape (n_samples, n_outputs), or None
        What a teacher predicts.
    rows : ndarray of int, shape (n_samples,), or None
        Which of the inputs are those of the samples; None where all are, in their order. So parts
        of samples share the inputs, which may be large.
    """

    all_inputs: EncoderInputs | np.ndarray | sparse.csr_array
    language_index: np.ndarray
    y: np.ndarray | None = None
    teacher: np.ndarray | None = None
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.language_index)

    @property
    def inputs(self) -> EncoderInputs | np.ndarray | sparse.csr_array:
        """The inputs of the samples, a copy where these are a part."""
        inputs, rows = self.all_inputs, self.rows
        if rows is None:
            return inputs
        if isinstance(inputs, EncoderInputs):
            return inputs.take(rows)
        return inputs[rows] if sparse.issparse(inputs) else take(inputs, rows)

    @property
    def lengths(self) -> np.ndarray:
        """About how many vectors the encoder computes for each sample."""
        assert isinstance(self.all_inputs, EncoderInputs)
        lengths = self.all_inputs.lengths
        return lengths if self.rows is None else lengths[self.rows]

    def take(self, indices: np.ndarray) -> EncodedSamples:
        """The samples at the given indices or under the given mask."""
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices
        return EncodedSamples(
            self.all_inputs,
            self.language_index[indices],
            None if self.y is None else self.y[indices],
            None if self.teacher is None else self.teacher[indices],
            indices if self.rows is None else self.rows[indices],
        )

    def parts(self) -> Iterator[EncodedSamples]:
        """Yield the samples in parts, so that not all inputs are copied at once."""
        for start in range(0, len(self), SAMPLES_AT_A_TIME):
            stop = min(start + SAMPLES_AT_A_TIME, len(self))
            yield self.take(np.arange(start, stop))

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """The first of all samples with the same content and language, and where each one's is.

        Returns
        -------
        first : ndarray of int, shape (n_distinct,)
            Indices of samples.
        position : ndarray of int, shape (n_samples,)
            The index in `first` of each sample.
        """
        # A digest takes a fraction of the memory of the ids of a long text, and an array of digests
        # a fraction of that of a dictionary.
        digests = np.fromiter(chain.from_iterable(map(_digests, self.parts())), "S16", len(self))
        _, first, position = np.unique(digests, return_index=True, return_inverse=True)
        order = np.argsort(first)
        return first[order], np.argsort(order)[position]

    def with_labels(self, y: np.ndarray | None) -> EncodedSamples:
        """The same samples with other labels."""
        return replace(self, y=y)

    def checksum(self) -> int:
        """A number that tells these samples and their order from others."""
        checksum = 0
        for part in self.parts():
            inputs = part.inputs
            assert isinstance(inputs, EncoderInputs)
            for array in (*inputs.values, part.language_index, part.y):
                if array is not None:
                    checksum = crc32(array.tobytes(), checksum)
        return checksum

    def token_ids(self) -> np.ndarray:
        """The ids of the tokens that occur in these texts, sorted."""
        occurs = np.zeros(0, dtype=bool)
        for part in self.parts():
            inputs = part.inputs
            assert isinstance(inputs, Tokens)
            highest = inputs.ids.max(initial=-1)
            if highest >= len(occurs):
                occurs = np.pad(occurs, (0, highest + 1 - len(occurs)))
            occurs[inputs.ids] = True
        return np.flatnonzero(occurs).astype(np.int32)

    def collate(self, indices: np.ndarray, dtype: torch.dtype = torch.float32) -> Batch:
        """The samples at the given indices as a padded batch; features get the dtype."""
        part = self.take(indices)
        inputs = part.inputs
        tensors: dict[str, Any]
        if isinstance(inputs, EncoderInputs):
            arrays = inputs.arrays()
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        elif isinstance(inputs, np.ndarray):
            tensors = {"features": torch.from_numpy(inputs).to(dtype)}
        else:
            data = torch.from_numpy(inputs.data).to(dtype).numpy()
            rows = sparse.csr_array((data, inputs.indices, inputs.indptr), shape=inputs.shape)
            tensors = {"features": SparseFeatures(rows)}
        return Batch(
            tensors,
            torch.from_numpy(part.language_index),
            None if part.y is None else torch.from_numpy(part.y),
            None if part.teacher is None else torch.tensor(part.teacher, dtype=torch.float32),
        )

    def indices(
        self, batch_size: int, rng: np.random.RandomState | None = None
    ) -> list[np.ndarray]:
        """The indices of each batch: shuffled if `rng` is given, else sorted by length."""
        n_samples = len(self)
        order = np.arange(n_samples) if rng is None else rng.permutation(n_samples)
        if isinstance(self.all_inputs, EncoderInputs):
            lengths = self.lengths
            size = n_samples if rng is None else batch_size * BATCHES_PER_BUCKET
            buckets = (order[start : start + size] for start in range(0, n_samples, size))
            order = np.concatenate(
                [bucket[np.argsort(-lengths[bucket], kind="stable")] for bucket in buckets]
            )
        batches = [order[start : start + batch_size] for start in range(0, n_samples, batch_size)]
        if rng is not None:
            rng.shuffle(batches)
        return batches


def _digests(samples: EncodedSamples) -> Iterator[bytes]:
    """Yield for each sample a digest of its content and its language."""
    inputs = samples.inputs
    assert isinstance(inputs, EncoderInputs)
    for index, content in zip(samples.language_index.tolist(), inputs.contents(), strict=True):
        yield blake2b(content, digest_size=16, salt=index.to_bytes(8)).digest()


@dataclass(frozen=True)
class TrainingStep:
    """One batch of every stream.

    Attributes
    ----------
    batches : dict of str to Batch
    sizes : dict of str to int
        The number of samples in each stream.
    """

    batches: dict[str, Batch]
    sizes: dict[str, int]

    def __len__(self) -> int:
        return sum(map(len, self.batches.values()))

    @property
    def batch_size(self) -> int:
        """The number of samples in the largest batch."""
        return max(map(len, self.batches.values()))

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> TrainingStep:
        """The step with every tensor changed."""
        batches = {name: batch.map(change) for name, batch in self.batches.items()}
        return TrainingStep(batches, self.sizes)

    def split(self, batch_size: int) -> list[TrainingStep]:
        """Parts of about equal size, whose batches have no more samples than `batch_size`."""
        n_parts = -(-self.batch_size // batch_size)
        if n_parts == 1:
            return [self]
        batches: list[dict[str, Batch]] = [{} for _ in range(n_parts)]
        for name, batch in self.batches.items():
            for part, rows in zip(
                batches, np.array_split(np.arange(len(batch)), n_parts), strict=True
            ):
                if len(rows):
                    part[name] = batch.map(itemgetter(slice(rows[0], rows[-1] + 1)))
        return [TrainingStep(part, self.sizes) for part in batches]


class Steps(IterableDataset[tuple[TrainingStep, None]]):
    """The steps of an epoch; the length is their number."""

    def __len__(self) -> int:
        raise NotImplementedError

    def checksum(self) -> int:
        """A number that tells samples and their order from others."""
        raise NotImplementedError

    def token_ids(self) -> np.ndarray:
        """The ids of the tokens that occur in the texts, sorted."""
        raise NotImplementedError


class StepIterator(Steps):
    """The steps of an epoch, each with one batch of every stream.

    Parameters
    ----------
    streams : dict of str to EncodedSamples
        The longest stream decides how many steps an epoch has. Shorter ones start anew.
    batch_size : int or None
        Samples per stream and step; fewer where an epoch would have less than `MIN_EPOCH_STEPS`
        steps. None makes one step of all samples.
    rng : RandomState, optional
        Shuffles the samples in every epoch. Without it they keep their order.
    """

    def __init__(self, streams: dict[str, EncodedSamples], batch_size: int | None, rng=None):
        self.streams = {name: stream for name, stream in streams.items() if len(stream)}
        self.longest = max(map(len, self.streams.values()), default=0)
        if batch_size is None:
            self.batch_size = max(1, self.longest)
        else:
            self.batch_size = min(batch_size, max(2, self.longest // MIN_EPOCH_STEPS))
        self.rng = rng

    def __len__(self) -> int:
        return -(-self.longest // self.batch_size)

    def checksum(self) -> int:
        checksums = [stream.checksum() for stream in self.streams.values()]
        return crc32(repr((list(self.streams), checksums)).encode())

    def token_ids(self) -> np.ndarray:
        ids = (stream.token_ids() for stream in self.streams.values())
        return reduce(np.union1d, ids, np.empty(0, dtype=np.int32))

    def __iter__(self) -> Iterator[tuple[TrainingStep, None]]:
        endless = {name: self._endless(stream) for name, stream in self.streams.items()}
        sizes = {name: len(stream) for name, stream in self.streams.items()}
        for _ in range(len(self)):
            batches = {name: next(stream) for name, stream in endless.items()}
            yield TrainingStep(batches, sizes), None

    def _endless(self, stream: EncodedSamples) -> Iterator[Batch]:
        while True:
            for indices in stream.indices(self.batch_size, self.rng):
                yield stream.collate(indices)
