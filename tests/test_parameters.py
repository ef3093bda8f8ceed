"""Parameters of everything that users construct: declared, keyword-only, listed in their order."""

import inspect

import pytest

import metaling_sk

POSITIONAL = {
    "DictionaryTranslator": ["dictionary"],
    "EncoderVectorizer": ["encoder"],
    "MetaParamSearchCV": ["estimator", "param_distributions"],
    "StratifiedLanguageKFold": ["n_splits"],
}

DECLARING = [
    value
    for value in map(metaling_sk.__getattr__, metaling_sk.__all__)
    if hasattr(value, "_parameter_constraints")
]
ESTIMATORS = [value for value in DECLARING if hasattr(value, "get_params")]


def parameters(cls):
    return inspect.signature(cls).parameters


@pytest.mark.parametrize("cls", DECLARING)
def test_every_parameter_is_declared(cls):
    assert set(cls._parameter_constraints) == set(parameters(cls))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_is_one_of_scikit_learn(cls):
    assert cls._get_param_names() == sorted(parameters(cls))


@pytest.mark.parametrize("cls", DECLARING)
def test_parameters_are_keyword_only(cls):
    kinds = {name: parameter.kind for name, parameter in parameters(cls).items()}
    keyword_only = [name for name, kind in kinds.items() if kind == inspect.Parameter.KEYWORD_ONLY]
    assert list(kinds) == POSITIONAL.get(cls.__name__, []) + keyword_only


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_get_params_keeps_the_order_of_the_signature(cls):
    required = [
        name for name, parameter in parameters(cls).items() if parameter.default is parameter.empty
    ]
    assert list(cls(**dict.fromkeys(required)).get_params(deep=False)) == list(parameters(cls))
