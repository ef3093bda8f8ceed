"""Steps on their device, prefetched for a GPU."""

import threading

import numpy as np
import pytest
import torch

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.on_device import _prefetched, on_device
from metaling_sk._data.tokens import Tokens


def make_steps(seed=0):
    rows = [np.arange(1 + number % 5, dtype=np.int32) for number in range(50)]
    samples = EncodedSamples(Tokens.from_rows(rows), np.arange(50), np.arange(50))
    return StepIterator({"labelled": samples}, 4, np.random.RandomState(seed))


def indices(items):
    return [step.batches["labelled"].language_index.tolist() for step, _ in items]


def test_steps_keep_their_order():
    expected = indices(make_steps())
    assert indices(on_device(make_steps(), torch.device("cpu"))) == expected
    assert indices(_prefetched(make_steps())) == expected


def test_every_tensor_is_moved():
    # "meta" is a device without memory, which every machine has.
    for step, _ in on_device(make_steps(), torch.device("meta")):
        batch = step.batches["labelled"]
        tensors = [*batch.inputs.values(), batch.language_index, batch.y]
        assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_a_step_is_made_while_the_one_before_is_used():
    second_is_made = threading.Event()

    def make():
        yield 0, None
        second_is_made.set()
        yield 1, None

    items = _prefetched(make())
    assert next(items) == (0, None)
    assert second_is_made.wait(timeout=60)
    assert list(items) == [(1, None)]


def test_an_error_of_the_iterator_is_raised():
    def fail():
        yield 0, None
        raise KeyError("broken")

    items = _prefetched(fail())
    next(items)
    with pytest.raises(KeyError, match="broken"):
        next(items)
