"""Samples held out to find the best epoch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metaling_sk._data.holdout import split_validation


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-1, 1)), min_size=1, max_size=300),
    st.sampled_from([0.0, 0.1, 0.25]),
)
def test_each_class_of_each_language_has_its_share_or_there_are_too_few(rows, fraction):
    language, groups = map(np.array, zip(*rows, strict=True))
    held_out = split_validation(language, groups, fraction, np.random.RandomState(0))
    members = [(language == name) & (groups == group) for name, group in set(rows)]
    shares = [int(fraction * mask.sum()) for mask in members]
    is_enough = sum(shares) >= 10
    assert [held_out[mask].sum() for mask in members] == [is_enough * share for share in shares]


def test_which_samples_are_held_out_is_drawn():
    language, groups = np.repeat("en", 100), np.zeros(100, dtype=int)
    first, second = (
        split_validation(language, groups, 0.1, np.random.RandomState(seed)) for seed in (0, 1)
    )
    assert first.sum() == second.sum() == 10 and (first != second).any()
