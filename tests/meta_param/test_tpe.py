"""search="tpe": candidates that Optuna's sampler suggests from the scores of those before."""

import numpy as np
import pytest
from marks import requires
from prior_cases import SPACE
from scipy.stats import loguniform, uniform
from search_cases import KNOWN, Known, Y, make_search

from metaling_sk.meta_param._candidates import make_candidates
from metaling_sk.meta_param._prior_results import read_priors

pytestmark = requires("optuna")


def log_rates(score, seed=0):
    """The candidates of a search in turn: the logarithms of a rate from 0.001 to 1000."""
    source = make_candidates("tpe", {"rate": loguniform(1e-3, 1e3)}, [], 40, seed)
    found = []
    for number in range(40):
        (params,) = source.ask(1)
        found.append(np.log10(params["rate"]))
        source.tell(number, score(found[-1]))
    return np.array(found)


@pytest.mark.parametrize("sign", [1, -1])
def test_it_goes_where_scores_are_high(sign):
    found = log_rates(lambda log_rate: sign * log_rate)
    assert abs(found).max() <= 3
    assert abs(found[:10].mean()) < 1 < 1.5 < sign * found[20:].mean()
    np.testing.assert_array_equal(log_rates(lambda log_rate: sign * log_rate), found)
    assert not np.allclose(log_rates(lambda log_rate: sign * log_rate, seed=1), found)


def test_candidates_that_failed_do_not_attract():
    found = log_rates(lambda log_rate: np.nan if log_rate > 0 else -1 - abs(log_rate + 2))
    assert found[20:].mean() < -1


def test_the_best_of_a_prior_are_the_first():
    prior = {"params": [{"C": 0.02}, {"C": 30.0}], "mean_test_score": [0.5, 0.9]}
    (params,) = make_candidates("tpe", SPACE, read_priors(prior), 9, 0).ask(1)
    assert params["C"] == pytest.approx(30)
    assert params.keys() == SPACE.keys()
    assert any(params["kernel"] is kernel for kernel in SPACE["kernel"])


def test_a_search_tells_it_the_scores():
    search = make_search(Known(), {"en": uniform(0.1, 0.8)}, search="tpe", n_iter=18, cv=2)
    found = [params["en"] for params in search.fit(KNOWN, Y).cv_results_["params"]]
    assert np.mean(found[-6:]) > np.mean(found[:6]) + 0.1
