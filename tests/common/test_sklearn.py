"""scikit-learn's own suite, over every public estimator that takes numbers."""

import pytest
from estimators import ESTIMATORS
from input_kinds import KINDS
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import metaling_sk

PUBLIC = [
    found
    for found in (getattr(metaling_sk, name) for name in metaling_sk.__all__)
    if isinstance(found, type) and issubclass(found, BaseEstimator)
]
CHECKS_WITHOUT_DATA = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]


@parametrize_with_checks(
    [estimator for instances in ESTIMATORS.values() for estimator in instances.on_numbers]
)
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA)
@pytest.mark.parametrize(
    "estimator",
    [estimator for instances in ESTIMATORS.values() for estimator in instances.without_data],
    ids=lambda estimator: type(estimator).__name__,
)
def test_sklearn_contract_without_data(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", PUBLIC)
def test_every_public_estimator_is_in_the_table(estimator):
    instances = ESTIMATORS[estimator]
    assert bool(instances.on_numbers) != bool(instances.left_out)
    assert bool(instances.without_data) == bool(instances.left_out)
    assert all(type(instance) is estimator for instance in instances.on_numbers)


@pytest.mark.parametrize("estimator", PUBLIC)
def test_every_public_classifier_and_regressor_is_in_our_suite(estimator):
    kinds = {
        kind
        for kind in ("texts", "numbers of texts")
        if estimator in map(type, KINDS[kind].models.values())
    }
    assert ("texts" in kinds) == hasattr(estimator, "predict_proba")
    assert ("numbers of texts" in kinds) == issubclass(estimator, RegressorMixin)
