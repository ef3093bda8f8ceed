import numpy as np
import torch
from encoder_cases import LENGTHS, tokens_of
from hypothesis import given
from hypothesis import strategies as st

from metaling_sk._data.batches import EncodedSamples, StepIterator


@given(LENGTHS, st.integers(1, 8), st.sampled_from([None, 0, 1]))
def test_every_row_is_in_one_batch(lengths, batch_size, seed):
    rows = EncodedSamples(tokens_of(lengths), np.zeros(len(lengths), dtype=np.int64))
    rng = None if seed is None else np.random.RandomState(seed)
    batches = rows.indices(batch_size, rng)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) == batch_size for batch in batches[:-1]) or rng is not None
    assert max(map(len, batches)) <= batch_size
    assert len(batches) == -(-len(lengths) // batch_size)
    if rng is None:
        ordered = [lengths[row] for batch in batches for row in batch]
        assert ordered == sorted(lengths, reverse=True)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=3), st.integers(1, 6))
def test_steps_take_a_batch_of_every_stream(sizes, batch_size):
    streams = {
        str(number): EncodedSamples(tokens_of([1] * size), np.arange(size), y=np.arange(size))
        for number, size in enumerate(sizes)
    }
    steps = StepIterator(streams, batch_size, np.random.RandomState(0))
    seen = [step.batches for step, _ in steps]
    assert len(seen) == len(steps) == -(-max(sizes) // steps.batch_size)
    assert steps.batch_size in (batch_size, 2) or len(steps) >= 10
    for number, size in enumerate(sizes):
        rows = torch.cat([batches[str(number)].y for batches in seen])
        # A stream is gone through completely before it starts anew.
        first = rows[:size]
        if len(rows) >= size:
            assert sorted(first.tolist()) == list(range(size))


def test_steps_without_rows():
    assert len(StepIterator({}, 3)) == 0
    assert (
        list(
            StepIterator({"source": EncodedSamples(tokens_of([1]).take([]), np.array([], int))}, 3)
        )
        == []
    )
