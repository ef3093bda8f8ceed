import numpy as np
import pytest
from scorer_cases import Given, make_given

from metaling_sk.metrics import SoftNeighborhoodDensity

SOURCE = np.full((2, 3), 1 / 3)


def density(probabilities, **parameters):
    X, _ = make_given(np.full((2, probabilities.shape[1]), 0.5), probabilities)
    return SoftNeighborhoodDensity(target_languages="zh", **parameters)(Given(), X)


@pytest.mark.parametrize("n_rows", [2, 30, 1100])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_it_is_the_mean_entropy_of_the_similarities_to_all_others(n_rows, temperature):
    probabilities = np.random.default_rng(0).dirichlet([0.5, 0.5, 0.5], n_rows)
    directions = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
    weights = np.exp(directions @ directions.T / temperature)
    np.fill_diagonal(weights, 0)
    shares = weights / weights.sum(axis=1, keepdims=True)
    np.fill_diagonal(shares, 1)  # of which the logarithm is 0
    expected = -(shares * np.log(shares)).sum(axis=1).mean()
    assert density(probabilities, temperature=temperature) == pytest.approx(expected)


def test_dense_clusters_are_better_than_scattered_predictions():
    clusters = np.repeat([[0.95, 0.05], [0.05, 0.95]], 50, axis=0)
    first = np.linspace(0, 1, 100)
    assert density(clusters) > density(np.column_stack([first, 1 - first]))
    assert density(clusters) == pytest.approx(np.log(49), abs=0.01)


def test_one_class_for_all_looks_best():
    assert density(np.tile([0.9, 0.1], (100, 1))) == pytest.approx(np.log(99))


def test_what_it_refuses():
    with pytest.raises(ValueError, match="at least two rows of the target languages"):
        density(np.array([[0.9, 0.1]]))
    with pytest.raises(ValueError, match="'temperature' parameter of SoftNeighborhoodDensity"):
        SoftNeighborhoodDensity(temperature=0)(None, None)
