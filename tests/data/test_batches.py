import numpy as np
import pytest
import torch
from encoder_cases import LENGTHS, tokens_of
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.tokens import Tokens


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


def test_training_takes_texts_of_about_one_length_at_a_time_in_any_order():
    lengths = np.random.default_rng(0).permutation(400) + 1
    samples = EncodedSamples(tokens_of(lengths.tolist()), np.zeros(400, dtype=np.int64))
    batches = [lengths[batch] for batch in samples.indices(8, np.random.RandomState(0))]
    assert max(map(np.ptp, batches)) < 10
    assert abs(np.corrcoef([batch.mean() for batch in batches], np.arange(50))[0, 1]) < 0.5


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
    nothing = EncodedSamples(tokens_of([1]), np.zeros(1, int)).take(np.array([], int))
    assert len(StepIterator({}, 3)) == 0
    assert list(StepIterator({"source": nothing}, 3)) == []


@pytest.mark.parametrize("kind", ["tokens", "dense", "sparse"])
def test_a_part_of_a_part_has_the_inputs_of_its_samples(kind):
    numbers = np.random.default_rng(0).integers(0, 3, size=(150, 4)).astype(np.float32)
    rows = [row.astype(np.int32)[: 1 + index % 4] for index, row in enumerate(numbers)]
    of_kind = {"dense": numbers, "sparse": sparse.csr_array(numbers)}
    inputs = of_kind.get(kind, Tokens.from_rows(rows))
    samples = EncodedSamples(inputs, np.arange(150), y=np.arange(150) % 2)
    chosen, again = np.arange(149, -1, -1) % 5 != 0, np.random.RandomState(1).permutation(120)
    part, indices = samples.take(chosen).take(again), np.array([70, 3, 3])
    positions = np.flatnonzero(chosen)[again]
    expected, batch = samples.collate(positions[indices]), part.collate(indices)
    assert batch.language_index.tolist() == positions[indices].tolist()
    for name, values in expected.inputs.items():
        arrays = (
            each.to_dense() if kind == "sparse" else each for each in (batch.inputs[name], values)
        )
        torch.testing.assert_close(*arrays, rtol=0, atol=0)
    if kind == "tokens":
        assert part.lengths.tolist() == [len(rows[position]) for position in positions]
        used = {number for position in positions for number in rows[position].tolist()}
        assert part.token_ids().tolist() == sorted(used)
        alone = EncodedSamples(inputs.take(positions), positions, y=positions % 2)
        assert part.checksum() == alone.checksum() != samples.checksum()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=200))
def test_equal_samples_are_found(rows):
    contents, languages = zip(*rows, strict=True)
    tokens = Tokens.from_rows([np.full(1 + number, number, np.int32) for number in contents])
    first, position = EncodedSamples(tokens, np.array(languages)).distinct()
    assert first.tolist() == sorted(rows.index(row) for row in set(rows))
    assert [rows[first[index]] for index in position] == rows
