import numpy as np
import pytest
from scorer_cases import Given, make_given
from sklearn.metrics import mutual_info_score

from metaling_sk.metrics import PredictionEntropyScorer

SURE = np.repeat(np.eye(3), 4, axis=0)
ONE_CLASS = np.tile([1.0, 0.0, 0.0], (12, 1))
UNSURE = np.full((12, 3), 1 / 3)


def score(probabilities, **parameters):
    X, _ = make_given(UNSURE[:2], probabilities)
    return PredictionEntropyScorer(target_languages="zh", **parameters)(Given((0, 1, 2)), X)


@pytest.mark.parametrize(
    "probabilities, confidence, information",
    [(SURE, 0, np.log(3)), (ONE_CLASS, 0, 0), (UNSURE, -np.log(3), 0)],
    ids=["sure", "one class", "unsure"],
)
def test_extreme_predictions(probabilities, confidence, information):
    assert score(probabilities, diversity=False) == pytest.approx(confidence)
    assert score(probabilities) == pytest.approx(information)


def test_it_is_the_mutual_information_of_samples_and_predictions():
    counts = np.random.default_rng(0).multinomial(10, [0.2, 0.3, 0.5], 40)
    expected = mutual_info_score(None, None, contingency=counts)
    assert score(counts / 10) == pytest.approx(expected)
