import warnings

import numpy as np
import pytest
from scorer_cases import Given, make_given
from sklearn.metrics import accuracy_score, log_loss

from metaling_sk.exceptions import InputWarning
from metaling_sk.metrics import ImportanceWeightedScorer
from metaling_sk.metrics._importance_weighted import largest_exponent

RNG = np.random.default_rng(0)


def draw(n_rows, a, b):
    """Probabilities of two classes, with labels that follow them."""
    second = RNG.beta(a, b, n_rows)
    return np.column_stack([1 - second, second]), (RNG.random(n_rows) < second).astype(int)


def score_of(source, y_source, target, **parameters):
    X, is_target = make_given(source, target)
    y = np.full(len(X), np.nan)
    y[~is_target] = y_source
    return ImportanceWeightedScorer(**parameters)(Given(), X, y)


def test_it_estimates_the_score_in_the_target_language():
    """The model is unsure of more target rows. Its probabilities are right."""
    source, y_source = draw(4000, 0.5, 0.5)
    target, y_target = draw(4000, 3, 3)
    for metric, true in [
        ("accuracy", accuracy_score(y_target, target.argmax(axis=1))),
        ("neg_log_loss", -log_loss(y_target, target)),
    ]:
        estimate = score_of(source, y_source, target, metric=metric)
        in_source = score_of(source, y_source, source, metric=metric)
        assert abs(estimate - true) < 0.03 < abs(in_source - true)


def test_languages_with_the_same_predictions_have_equal_weights():
    source, y_source = draw(200, 1, 1)
    assert score_of(source, y_source, source) == pytest.approx(
        accuracy_score(y_source, source.argmax(axis=1))
    )
    assert score_of(source, y_source, source, metric="neg_log_loss") == pytest.approx(
        -log_loss(y_source, source)
    )


def test_few_rows_do_not_outweigh_all_others():
    source, y_source = draw(300, 1, 20)
    target, _ = draw(300, 20, 1)
    X, is_target = make_given(source, target)
    y = np.full(len(X), np.nan)
    y[~is_target] = y_source
    scorer = ImportanceWeightedScorer(min_effective_share=0.5)
    with pytest.warns(InputWarning, match="The weights were flattened"):
        scorer(Given(), X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scorer(Given(), X, y)  # it has said so


def test_the_exponent_is_the_largest_that_leaves_enough_rows():
    def share(exponent):
        weights = np.exp(exponent * log_ratios)
        return weights.sum() ** 2 / (weights**2).sum() / len(weights)

    log_ratios = RNG.normal(scale=4, size=500)
    assert share(1.0) < 0.1
    assert share(largest_exponent(log_ratios, 0.1)) == pytest.approx(0.1)
    assert largest_exponent(log_ratios, share(1.0) / 2) == 1
    assert largest_exponent(log_ratios, 1.0) == pytest.approx(0, abs=1e-6)


def test_a_class_that_the_classifier_does_not_know():
    source, _ = draw(4, 1, 1)
    assert score_of(source, [2, 2, 2, 3], source) == 0
    assert score_of(source, [2, 2, 2, 3], source, metric="neg_log_loss") == pytest.approx(
        np.log(np.finfo(float).eps)
    )


@pytest.mark.parametrize(
    "parameters, name",
    [({"metric": "f1"}, "metric"), ({"min_effective_share": 0}, "min_effective_share")],
)
def test_parameters_are_checked(parameters, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of ImportanceWeightedScorer"):
        ImportanceWeightedScorer(**parameters)(None, None)
