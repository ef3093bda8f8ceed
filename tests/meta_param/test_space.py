"""The search space: what each distribution draws, and what it knows."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prior_cases import DISTRIBUTIONS, SPACE, Coin
from scipy.stats import randint
from sklearn.linear_model import LogisticRegression

from metaling_sk.meta_param._space import Choices, Opaque, Quantiles, dimensions

units = st.floats(0, 1)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@given(units)
def test_quantiles_give_numbers_of_the_distribution_and_back(distribution, unit):
    dimension = Quantiles(distribution)
    value = dimension.value_at(unit)
    assert type(value) in (int, float) and np.isfinite(value) and dimension.contains(value)
    assert 0 <= dimension.place_of(value) <= 1
    assume(0.001 < unit < 0.999)
    assert dimension.value_at(dimension.place_of(value)) == pytest.approx(value)


def test_even_quantiles_give_whole_numbers_with_their_probabilities():
    dimension = Quantiles(DISTRIBUTIONS[-1])
    values = [dimension.value_at(unit) for unit in (np.arange(100) + 0.5) / 100]
    assert [values.count(value) for value in (1, 4, 9)] == [20, 50, 30]
    assert dimension.place_of(4) == pytest.approx(0.45)


@pytest.mark.parametrize("value", ["a", None, True, np.nan, np.inf, 0, 5, 1.5, [1], np.ones(2)])
def test_what_a_distribution_does_not_draw(value):
    assert not Quantiles(randint(1, 5)).contains(value)


def test_numbers_of_every_type_are_in_a_distribution():
    assert all(Quantiles(randint(1, 5)).contains(value) for value in (1, 2.0, np.int64(4)))


def test_choices_of_any_kind_are_found_by_their_contents():
    values = [
        None,
        True,
        1,
        0.5,
        "1",
        (1, 2),
        np.arange(3),
        LogisticRegression(C=2),
        LogisticRegression(C=3),
        {"a": np.ones(2)},
        len,
    ]
    copies = [
        None,
        np.True_,
        np.int64(1),
        np.float64(0.5),
        np.str_("1"),
        [1, 2],
        np.arange(3),
        LogisticRegression(C=2),
        LogisticRegression(C=3),
        {"a": np.ones(2)},
        len,
    ]
    choices = Choices(values)
    for index, (value, copy) in enumerate(zip(values, copies, strict=True)):
        assert choices.place_of(value) == choices.place_of(copy) == index
        assert choices.contains(copy) and choices.convert(copy) is value
    for other in (False, 0, 2, "2", (1, 3), np.arange(4), LogisticRegression(), {}, print):
        assert not choices.contains(other)
    with pytest.raises(ValueError, match="False is not among"):
        choices.place_of(False)


def test_true_is_not_1():
    assert not Choices([1, 0]).contains(True)
    assert not Choices([True, False]).contains(1)


def test_each_parameter_has_its_kind_of_dimension():
    coin = Coin()
    (first, second) = dimensions([SPACE | {"coin": coin}, {"C": np.array([1.0, 2.0])}])
    assert list(map(type, first.values())) == [Quantiles, Quantiles, Choices, Opaque]
    assert first["coin"].distribution is coin
    assert second["C"].values == [1.0, 2.0]
    assert dimensions({}) == [{}]


@pytest.mark.parametrize("values", [[], 3, None, "rbf", {"a": 1}, np.array(1), {1, 2}])
def test_what_is_neither_list_nor_distribution_is_named(values):
    with pytest.raises(ValueError, match=r"`param_distributions\['C'\]` must be a list"):
        dimensions({"C": values})


@pytest.mark.parametrize("space", [[], 3, None, "C", [["C"]]])
def test_a_space_that_is_no_dict_is_an_error(space):
    with pytest.raises(ValueError, match="`param_distributions` must be a dict"):
        dimensions(space)
