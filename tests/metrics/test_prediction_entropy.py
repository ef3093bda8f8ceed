import numpy as np
import pytest
from scipy.special import softmax
from scorer_cases import Given, make_given
from sklearn.metrics import mutual_info_score

from metaling_sk.metrics import PredictionEntropyScorer

SURE = np.repeat(np.eye(3), 4, axis=0)
ONE_CLASS = np.tile([1.0, 0.0, 0.0], (12, 1))
UNSURE = np.full((12, 3), 1 / 3)


def score(probabilities, **parameters):
    X, _ = make_given(UNSURE[:2], probabilities)
    scorer = PredictionEntropyScorer(target_languages="zh", calibrated=False, **parameters)
    return scorer(Given((0, 1, 2)), X)


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


def calibrated_score(source, y_source, target):
    X, is_target = make_given(source, target)
    y = np.full(len(X), np.nan)
    y[~is_target] = y_source
    return PredictionEntropyScorer()(Given((0, 1, 2)), X, y)


def tempered(probabilities, temperature):
    return softmax(np.log(probabilities) / temperature, axis=1)


def test_calibration_finds_the_right_probabilities():
    rng = np.random.default_rng(0)
    source, target = rng.dirichlet(np.ones(3), 3000), rng.dirichlet(np.ones(3), 500)
    y_source = (source.cumsum(axis=1) < rng.random((3000, 1))).sum(axis=1)
    scores = [
        calibrated_score(tempered(source, temperature), y_source, tempered(target, temperature))
        for temperature in (0.2, 1.0, 5.0)
    ]
    np.testing.assert_allclose(scores, score(target), rtol=0.05)
    assert np.ptp(scores) < 1e-4


def test_predictions_that_are_no_better_than_chance_in_the_source_language_are_worth_nothing():
    rng = np.random.default_rng(0)
    sure = np.eye(3)[rng.integers(3, size=600)] * 0.97 + 0.01
    assert calibrated_score(sure, rng.integers(3, size=600), sure) < 0.01


def test_a_class_that_the_classifier_does_not_know_is_left_out():
    source, target = np.random.default_rng(0).dirichlet(np.ones(3), (2, 20))
    y_source = source.argmax(axis=1)
    expected = calibrated_score(source, y_source, target)
    more = np.concatenate([source, UNSURE[:1]])
    assert calibrated_score(more, np.r_[y_source, 7], target) == expected
