"""Strata of language and class."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metaling_sk._data.strata import number_strata, rank_in_strata


def test_strata_are_in_the_order_of_languages_and_classes():
    language = np.array(["zh", "en", "en", "zh", "en"], dtype=object)
    strata = number_strata(language, np.array([0, 1, -1, 0, 1]))
    assert strata[0] == strata[3] and strata[1] == strata[4]
    assert strata[2] < strata[1] < strata[0]


def test_any_string_is_a_language():
    language = np.array(["\ud800", "", "en"], dtype=object)
    assert len(set(number_strata(language, np.zeros(3, dtype=int)))) == 3


@given(st.lists(st.integers(0, 3), min_size=1), st.randoms(use_true_random=False))
def test_ranks_follow_the_positions(strata, random):
    strata = np.array(strata)
    position = np.array(random.sample(range(len(strata)), len(strata)))
    rank, size = rank_in_strata(strata, position)
    for stratum in set(strata.tolist()):
        members = np.flatnonzero(strata == stratum)
        assert rank[members[np.argsort(position[members])]].tolist() == list(range(len(members)))
        assert (size[members] == len(members)).all()
