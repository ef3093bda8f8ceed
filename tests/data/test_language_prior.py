"""The statistics of a language beside those of all."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from metaling_sk._data.language_prior import LanguagePrior
from metaling_sk._data.language_statistics import LanguageStatistics

SIZES = {"en": 500, "de": 500, "nl": 4}
LANGUAGE = np.repeat(np.array(list(SIZES), dtype=object), list(SIZES.values()))


def make(shift: float, spread: float, seed=0) -> np.ndarray:
    """Columns whose means and log scales differ by so much between languages."""
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(3), list(SIZES.values()))
    mean, scale = (amount * rng.normal(size=(3, 30)) for amount in (shift, spread))
    return rng.normal(size=(len(LANGUAGE), 30)) * np.exp(scale)[index] + mean[index]


def fit(X, **options):
    return LanguageStatistics.fit(X, LANGUAGE, has_prior=True, **options)


def test_a_language_of_few_samples_gets_the_statistics_of_all_where_languages_do_not_differ():
    X = make(0, 0)
    statistics, own = fit(X), LanguageStatistics.fit(X, LANGUAGE)
    for name in ("mean", "scale"):
        shrunk, raw, common = getattr(statistics, name)[2], *getattr(own, name)[[2, -1]]
        assert np.abs(shrunk - common).max() < 0.5 * np.abs(raw - common).max()


def test_a_new_language_may_differ_more_than_those_that_are_known():
    X = make(0, 0)
    new = fit(X).add(X[:100] + 5, "new")
    assert np.abs(new.mean[-2] - 5).max() < 1


def test_languages_that_differ_keep_their_own():
    X = make(5, 1)
    statistics, own = fit(X), LanguageStatistics.fit(X, LANGUAGE)
    assert_allclose(statistics.mean[:2], own.mean[:2], atol=0.02)
    assert_allclose(statistics.scale[:2], own.scale[:2], rtol=0.15)


@pytest.mark.parametrize("shift", [0, 0.3, 1])
def test_few_samples_are_nearer_to_the_truth_with_the_prior(shift):
    X = make(shift, 0.1)
    truth = shift * np.random.default_rng(0).normal(size=(3, 30))[2]
    with_prior, own = fit(X), LanguageStatistics.fit(X, LANGUAGE)
    errors = [((each.mean[2] - truth) ** 2).mean() for each in (with_prior, own)]
    assert errors[0] < errors[1]


def test_a_column_that_is_constant_in_few_samples_keeps_its_unit():
    X = make(0, 0)
    X[:, 0] *= 1e6
    X[LANGUAGE == "nl", 0] = 5.0
    assert fit(X).scale[2, 0] == pytest.approx(1e6, rel=0.2)
    X[:, 0] = 5.0
    assert fit(X).scale[2, 0] == 1


def test_a_new_language_is_averaged_with_the_same_prior():
    X = make(0.3, 0.1)
    statistics = fit(X)
    few = X[LANGUAGE == "nl"]
    assert_allclose(statistics.without("nl").add(few, "nl").mean[-2], statistics.mean[-2])


def test_languages_with_other_units_keep_their_own_statistics():
    X = make(1, 0)
    X[LANGUAGE == "de"] *= 1e-3
    X[LANGUAGE == "nl"] *= 1e3
    own = LanguageStatistics.fit(X, LANGUAGE)
    assert_array_equal(fit(X).mean, own.mean)
    assert_array_equal(fit(X).scale, own.scale)


def test_one_language_keeps_its_statistics():
    X = make(1, 0)
    statistics = LanguageStatistics.fit(X, np.full(len(X), "en", dtype=object), has_prior=True)
    assert statistics.prior is None
    assert_array_equal(statistics.mean[0], X.mean(axis=0))


def test_the_prior_survives_its_state():
    statistics = fit(make(0.3, 0.1))
    again = LanguageStatistics.from_state(statistics.get_state())
    assert isinstance(again.prior, LanguagePrior)
    assert vars(again.prior).keys() == vars(statistics.prior).keys()
    few = np.ones((3, 30))
    assert_array_equal(again.add(few, "fr").mean, statistics.add(few, "fr").mean)
    state = statistics.get_state()
    state["prior"] = state["prior"] | {"mean": np.zeros(2)}
    with pytest.raises(ValueError, match="another shape"):
        LanguageStatistics.from_state(state)
