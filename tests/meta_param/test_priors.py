"""Results of earlier searches as a prior."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prior_cases import DISTRIBUTIONS, SPACE, Coin
from scipy.stats import randint, uniform
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.tree import DecisionTreeClassifier

from metaling_sk.meta_param._prior_results import read_priors
from metaling_sk.meta_param._prior_sampling import (
    MAX_GOOD,
    good_candidates,
    sample_with_prior,
    spread_first,
)
from metaling_sk.meta_param._space import Opaque, Quantiles, dimensions

seeds = st.integers(0, 2**32 - 1)


def results(*candidates, **columns):
    """`cv_results_` of candidates, best first."""
    scores = np.linspace(0.9, 0.5, len(candidates)).tolist()
    return {"params": list(candidates), "mean_test_score": scores} | columns


def sample(space, prior, n_iter=12, seed=0):
    return sample_with_prior(space, read_priors(prior), n_iter, seed)


# Reading


@pytest.fixture(scope="module")
def search():
    X, y = make_classification(60, random_state=0)
    grid = {"C": [1e-3, 1.0], "solver": ["lbfgs", "liblinear"]}
    return GridSearchCV(LogisticRegression(), grid, cv=3).fit(X, y)


def test_all_forms_of_a_search_are_the_same_prior(search, tmp_path, monkeypatch):
    frame = pd.DataFrame(search.cv_results_)
    frame.to_csv(tmp_path / "results.csv")
    monkeypatch.setattr(
        "metaling_sk.meta_param._prior_results.read_results",
        lambda folder: frame[["params", "mean_test_score"]],
    )
    forms = [search, search.cv_results_, frame, pd.read_csv(tmp_path / "results.csv"), tmp_path]
    read = read_priors([*forms, str(tmp_path)])
    assert read[0]["score"].iloc[0] == search.best_score_
    assert read[0]["score"].is_monotonic_decreasing
    assert read[0]["params"].iloc[0] == search.best_params_
    assert list(read[0].columns) == ["params", "score"]
    for other in read[1:]:
        assert other["params"].tolist() == read[0]["params"].tolist()
        np.testing.assert_allclose(other["score"], read[0]["score"])
    assert len(read_priors(search)) == 1 and read_priors(None) == read_priors([]) == []


def test_a_csv_file_without_readable_params_is_read_from_its_columns(tmp_path):
    candidates = [{"C": np.float64(0.5)}, {"C": np.float64(2.0), "range": (1, 2), "depth": 3}]
    masked = np.ma.MaskedArray([0, 3], mask=[True, False])
    table = results(*candidates, param_C=[0.5, 2.0], param_range=[None, (1, 2)], param_depth=masked)
    pd.DataFrame(table).to_csv(tmp_path / "results.csv")
    (read,) = read_priors(pd.read_csv(tmp_path / "results.csv"))
    assert read["params"].tolist() == candidates


def test_of_halving_only_the_last_rung_of_a_candidate_counts():
    X, y = make_classification(80, random_state=0)
    search = HalvingGridSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 3, 4], "criterion": ["gini", "entropy"]},
        resource="max_features",
        max_resources=16,
        factor=2,
        cv=2,
    ).fit(X, y)
    (read,) = read_priors(search)
    assert len(read) == 8
    assert all(params.keys() == {"max_depth", "criterion"} for params in read["params"])
    assert search.best_params_.items() >= read["params"].iloc[0].items()


def test_candidates_that_came_further_are_better():
    prior = {
        "params": [{"C": 1}, {"C": 2}, {"C": 3}, {"C": 2}, {"C": 3}],
        "mean_test_score": [0.99, 0.9, 0.8, 0.5, 0.6],
        "n_resources": [10, 10, 10, 20, 20],
    }
    (read,) = read_priors(prior)
    assert read["params"].tolist() == [{"C": 3}, {"C": 2}, {"C": 1}]
    assert read["score"].tolist() == [0.6, 0.5, 0.99]
    (read,) = read_priors(prior | {"n_resources": [None] * 5})
    assert read["score"].tolist() == [0.99, 0.9, 0.8, 0.6, 0.5]


def test_a_candidate_without_a_finite_score_does_not_count():
    prior = {"params": [{"C": 1}, {"C": 2}, {"C": 3}], "mean_test_score": [np.nan, 0.5, -np.inf]}
    assert read_priors(prior)[0]["params"].tolist() == [{"C": 2}]
    with pytest.raises(ValueError, match="`prior` has no candidate with a finite score"):
        read_priors({"params": [{"C": 1}], "mean_test_score": [np.nan]})
    with pytest.raises(ValueError, match="`prior` has no candidate"):
        read_priors({"params": [], "mean_test_score": []})


def test_with_several_metrics_refit_names_the_one_that_counts():
    X, y = make_classification(60, random_state=0)
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1e-3, 1.0]},
        cv=3,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
    ).fit(X, y)
    (read,) = read_priors(search)
    assert read["score"].iloc[0] == search.cv_results_["mean_test_neg_log_loss"].max()
    with pytest.raises(ValueError, match=r"'mean_test_accuracy', 'mean_test_neg_log_loss'"):
        read_priors(search.cv_results_)


def test_a_search_that_is_not_fitted_is_named():
    search = RandomizedSearchCV(DummyClassifier(), {"strategy": ["prior"]})
    with pytest.raises(NotFittedError, match="`prior` has a RandomizedSearchCV that is not fitted"):
        read_priors([search])


@pytest.mark.parametrize("prior", [3, {"C": 1}, DummyClassifier(), [None]])
def test_what_is_no_result_is_an_error(prior):
    with pytest.raises(ValueError, match="`prior` must be fitted searches"):
        read_priors(prior)


# Good candidates


def test_the_good_ones_of_each_prior_take_turns():
    first = results(*({"C": 1.0 + number} for number in range(8)))
    second = results(*({"C": 10.0 + number} for number in range(4)))
    good = good_candidates(read_priors([first, second]), dimensions(SPACE))
    assert good == [{"C": 1.0}, {"C": 10.0}, {"C": 2.0}]
    many = results(*({"C": 1.0 + number} for number in range(200)))
    assert len(good_candidates(read_priors(many), dimensions(SPACE))) == MAX_GOOD


def test_only_what_the_space_knows_is_good():
    prior = results(
        {"C": 1e9, "kernel": "rbf", "gamma": 3},
        {"C": np.float64(1.0), "kernel": "poly"},
        {"depth": 0, "kernel": "rbf"},
        {"gamma": 3},
    )
    good = good_candidates(read_priors(prior), dimensions(SPACE), share=1)
    assert good == [{"kernel": "rbf"}, {"C": 1.0}]
    assert type(good[1]["C"]) is float


def test_the_good_ones_are_spread_out():
    good = [{"C": C, "kernel": kernel} for C, kernel in [(1.0, "rbf"), (1.1, "rbf")]]
    good += [{"C": 100.0, "kernel": "rbf"}, {"C": 1.0, "kernel": "linear"}]
    dims = dimensions(SPACE)
    assert spread_first(good, dims, 3) == [good[0], good[3], good[2]]
    assert spread_first(good, dims, 9) == [good[0], good[3], good[2], good[1]]
    assert spread_first([], dims, 2) == []


# Sampling


@st.composite
def spaces_and_priors(draw):
    """A space of one or two dicts, and priors that know some of it."""
    kinds = st.sampled_from(
        [*DISTRIBUTIONS, [1, True, 1.0, None], ["a", "b"], np.arange(3), Coin()]
    )
    subspace = st.dictionaries(st.sampled_from("abc"), kinds, min_size=1)
    space = draw(subspace | st.lists(subspace, min_size=1, max_size=2))
    values = st.sampled_from([None, True, 1, 2.0, "a", "b", 1003, 0.1, "head"])
    params = st.dictionaries(st.sampled_from("abcd"), values)
    candidates = st.lists(params, min_size=1, max_size=12)
    return space, [results(*candidates) for candidates in draw(st.lists(candidates, max_size=2))]


@pytest.mark.filterwarnings("ignore:The total space", "ignore:`prior` has no good")
@given(spaces_and_priors(), st.integers(1, 12), seeds)
def test_candidates_are_in_the_space_and_the_seed_decides_them(space_and_priors, n_iter, seed):
    space, priors = space_and_priors
    candidates = sample(space, priors, n_iter, seed)
    assert repr(candidates) == repr(sample(space, priors, n_iter, seed))
    assert len(candidates) == len(ParameterSampler(space, n_iter))
    dims = dimensions(space)
    for params in candidates:
        assert any(
            params.keys() == subspace.keys()
            and all(
                params[name] in ("head", "tail")
                if isinstance(dimension, Opaque)
                else dimension.contains(params[name])
                for name, dimension in subspace.items()
            )
            for subspace in dims
        )


@given(seeds)
def test_without_a_prior_the_candidates_are_those_of_sklearn(seed):
    assert sample(SPACE, None, 7, seed) == list(ParameterSampler(SPACE, 7, random_state=seed))


def test_a_prior_of_another_space_warns_and_changes_nothing():
    with pytest.warns(UserWarning, match="`prior` has no good candidate"):
        candidates = sample(SPACE, results({"gamma": 1}), 7)
    assert candidates == list(ParameterSampler(SPACE, 7, random_state=0))


def test_a_third_of_the_candidates_are_good_ones_as_they_are():
    prior = results(*({"C": 1.0 + number, "kernel": None} for number in range(40)))
    candidates = sample(SPACE, prior, 12)
    known = [{"C": params["C"], "kernel": params["kernel"]} for params in candidates]
    assert all(params in prior["params"][:10] for params in known[:4])
    assert known[0] == prior["params"][0] and known[4] not in prior["params"]
    assert len({params["depth"] for params in candidates}) > 3
    assert [type(value) for value in candidates[-1].values()][:2] == [float, int]


def test_values_are_the_objects_of_the_lists():
    trees = [DecisionTreeClassifier(max_depth=depth) for depth in (1, 2, 3)]
    prior = results({"tree": DecisionTreeClassifier(max_depth=2)})
    candidates = sample({"tree": trees, "C": uniform()}, prior, 20)
    assert candidates[0]["tree"] is trees[1]
    assert all(any(params["tree"] is tree for tree in trees) for params in candidates)


@given(seeds, st.integers(1, 18))
def test_no_combination_of_lists_comes_twice(seed, n_iter):
    space = {"a": list(range(6)), "b": ["x", (1, 2), np.ones(2)]}
    candidates = sample(space, results({"a": 3}, {"a": 4, "b": "x"}), n_iter, seed)
    assert len({repr(params) for params in candidates}) == n_iter
    assert candidates[0]["a"] == 3


def test_a_grid_that_is_too_small_is_searched_whole_the_good_ones_first():
    space = [{"a": [1, 2, 3], "b": [None, "x"]}, {"c": [0.5]}]
    with pytest.warns(UserWarning, match="total space of parameters 7 is smaller than n_iter=9"):
        candidates = sample(space, results({"c": 0.5}, {"a": 2, "b": "x"}), 9)
    assert candidates[0] == {"c": 0.5}
    assert len(candidates) == 7 and all(params in candidates for params in ParameterGrid(space))


def test_a_distribution_with_few_values_may_repeat_them():
    candidates = sample({"depth": randint(1, 3)}, results({"depth": 2}), 5)
    assert [params["depth"] for params in candidates[:2]] == [2, 1]
    assert len(candidates) == 5


def test_the_better_a_good_candidate_the_more_are_drawn_near_it():
    prior = results(*({"a": letter} for letter in "abcdefgh"))  # Two of eight are good.
    candidates = sample({"a": list("abcdefghij"), "C": uniform()}, prior, 1500)
    shares = pd.Series([params["a"] for params in candidates]).value_counts(normalize=True)
    # Half are drawn anywhere. Of the others two of three are near the first, and 80 % keep it.
    for letter, weight in {"a": 2 / 3, "b": 1 / 3, "j": 0}.items():
        expected = 0.5 * 0.1 + 0.5 * (0.8 * weight + 0.2 * 0.1)
        assert shares[letter] == pytest.approx(expected, abs=0.04)


def test_a_good_candidate_stays_in_its_dict():
    space = [{"kernel": ["linear"], "C": uniform()}, {"kernel": ["rbf"], "gamma": uniform()}]
    prior = results({"kernel": "rbf", "gamma": 0.9, "C": 0.5})
    candidates = sample(space, prior, 40)
    assert candidates[0] == {"kernel": "rbf", "gamma": 0.9}
    assert sum("gamma" in params for params in candidates) > 25
    assert any("C" in params for params in candidates)


def loss(params, log_C=2, depth=15):
    distance = abs(np.log10(params["C"]) - log_C) + abs(params["depth"] - depth) / 10
    return distance + (params["kernel"] != "linear")


@pytest.fixture(scope="module")
def similar():
    """The results of a task whose optimum is near."""
    candidates = list(ParameterSampler(SPACE, 40, random_state=99))
    scores = [-loss(params, log_C=1.5, depth=12) for params in candidates]
    return {"params": candidates, "mean_test_score": scores}


def test_a_right_prior_helps_beyond_its_own_candidates(similar):
    with_prior, without = (
        [min(map(loss, sample(SPACE, prior, 15, seed))) for seed in range(20)]
        for prior in (similar, None)
    )
    assert np.mean(with_prior) < 0.6 * np.mean(without)
    later, drawn = (sample(SPACE, prior, 300)[MAX_GOOD:] for prior in (similar, None))
    good, by_chance = (
        sum(loss(params) < 0.7 for params in candidates) for candidates in (later, drawn)
    )
    assert good > 2 * by_chance


def test_a_wrong_prior_costs_little(similar):
    wrong = similar | {"mean_test_score": [-score for score in similar["mean_test_score"]]}
    candidates = sample(SPACE, wrong, 300)
    C = Quantiles(SPACE["C"])
    bins = np.histogram([C.place_of(params["C"]) for params in candidates], 6, (0, 1))[0]
    assert min(bins) > 300 / 6 / 5
    for kernel in SPACE["kernel"]:
        assert sum(params["kernel"] is kernel for params in candidates) > 300 / 3 / 5
    runs = [
        np.mean([min(map(loss, sample(SPACE, prior, size, seed))) for seed in range(20)])
        for prior, size in ((wrong, 45), (None, 15))
    ]
    assert runs[0] < 1.25 * runs[1]
