"""Steps that hold one language each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meta_net_cases import make_model, make_numbers

from metaling_sk._data.batches import EncodedSamples
from metaling_sk.meta_net._episodes import Episodes


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    batch_size=st.integers(2, 8),
    n_names=st.integers(1, 3),
)
def test_episodes(counts, batch_size, n_names):
    language = np.repeat(np.arange(len(counts)), counts)
    rows = EncodedSamples(np.arange(len(language))[:, None].astype(float), language, language % 2)
    names = [f"batch {number}" for number in range(n_names)]
    episodes = Episodes(rows, names, batch_size, np.random.RandomState(0))
    steps = [step for step, _ in episodes]
    assert len(steps) == len(episodes) >= 1
    for step in steps:
        assert list(step.batches) == names
        (code,) = {
            code for batch in step.batches.values() for code in batch.language_index.tolist()
        }
        drawn = [
            batch.inputs["features"].flatten().int().tolist() for batch in step.batches.values()
        ]
        assert all(1 <= len(part) <= batch_size for part in drawn)
        assert set(sum(drawn, [])) <= set(np.flatnonzero(language == code).tolist())
        if counts[code] >= n_names:
            assert len(set(sum(drawn, []))) == len(sum(drawn, []))


def test_languages_are_drawn_as_often_as_they_have_rows():
    language = np.repeat([1, 2], [900, 100])
    rows = EncodedSamples(np.zeros((1000, 1)), language, np.zeros(1000, dtype=int))
    episodes = Episodes(rows, ["support", "query"], 2, np.random.RandomState(0))
    drawn = [step.batches["support"].language_index[0].item() for step, _ in episodes]
    assert np.mean(np.array(drawn) == 1) == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize("algorithm", ["maml", "reptile"])
def test_a_language_with_one_row(algorithm):
    X, y, language = make_numbers(n_rows=20)
    language[0] = "alone"
    model = make_model("numbers", meta_algorithm=algorithm, max_epochs=2)
    assert np.isfinite(model.fit(X, y, language=language).predict_proba(X, language="alone")).all()
