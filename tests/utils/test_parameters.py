from pathlib import Path
from time import process_time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from metaling_sk import (
    DictionaryTranslator,
    EncoderVectorizer,
    LanguageStandardScaler,
    LeaveOneLanguageOut,
    StratifiedLanguageKFold,
)
from metaling_sk._utils.parameters import COMMON_CONSTRAINTS
from metaling_sk._utils.sklearn_compat import validate_parameter_constraints

ALLOWED = [
    ("trainable", ["all", "head", "lora", "adapter"]),
    ("pooling", ["auto", "mean", "cls", "last"]),
    ("layer", [-1, 3, 0.5, 1.0, np.float32(0.25), np.int64(2)]),
    ("language_norm", [True, np.False_]),
    ("prompt", ["auto", "", "query: "]),
    ("max_length", [1, 128, np.int32(64)]),
    ("learning_rate", ["auto", 0, 1e-3, np.float32(0.1)]),
    ("warmup", [0, 0.1, 1]),
    ("validation_fraction", [0, 0.1, np.float32(0.2)]),
    ("class_weight", [None, "balanced", {0: 1.0}]),
    ("dtype", ["auto", "float32", "bfloat16", "float16"]),
    ("gradient_accumulation_steps", [1, np.int64(8)]),
    ("compile", [False, np.True_]),
    ("gradient_checkpointing", [False, True]),
    ("callbacks", [None, [], ()]),
    ("verbose", [0, 1, True]),
    ("random_state", [None, 0, np.random.RandomState(0)]),
    ("text_column", ["text", 0, ["premise", "hypothesis"]]),
    ("language_column", ["language", ("a", 1)]),
    ("missing_label", [None, np.nan, -1, "?"]),
    ("dictionary", [None, {}, "en-zh.tsv", Path("en-zh.tsv")]),
]

REFUSED = [
    ("trainable", ["none", True]),
    ("pooling", ["max", None]),
    ("layer", [0.0, 1.5, True, "middle", None]),
    ("language_norm", [1, "yes"]),
    ("prompt", [None, 3]),
    ("max_length", [0, 1.5, True, np.True_, "128"]),
    ("learning_rate", ["fast", -1, np.nan, True]),
    ("batch_size", [0, 32.0, True]),
    ("max_epochs", [0, True]),
    ("weight_decay", [-0.1, np.inf, True]),
    ("warmup", [-0.1, 1.1, True]),
    ("validation_fraction", [-0.1, 1, True]),
    ("patience", [0, True]),
    ("class_weight", ["even", [1, 2]]),
    ("dtype", ["int8", None]),
    ("gradient_accumulation_steps", [0, 2.0, True]),
    ("compile", ["max-autotune", 1]),
    ("gradient_checkpointing", [1, None]),
    ("callbacks", ["disable"]),
    ("random_state", [-1, "seed"]),
    ("warm_start", [1]),
    ("text_column", [{"text"}]),
    ("dictionary", [3, ["a"]]),
]


def check(name, value):
    validate_parameter_constraints(COMMON_CONSTRAINTS, {name: value}, "Estimator")


@pytest.mark.parametrize(("name", "values"), ALLOWED, ids=dict(ALLOWED))
def test_allowed_values(name, values):
    for value in values:
        check(name, value)


@pytest.mark.parametrize(("name", "values"), REFUSED, ids=dict(REFUSED))
def test_refused_values(name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Estimator must be"):
            check(name, value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EncoderVectorizer(max_length=0).fit(["a"]), "'max_length' parameter of Encoder"),
        (lambda: LanguageStandardScaler(with_mean=2).fit([[1.0]]), "'with_mean' parameter"),
        (lambda: DictionaryTranslator({}, min_length=True).fit(["a"]), "'min_length' parameter"),
        (lambda: StratifiedLanguageKFold(1), "'n_splits' parameter of StratifiedLanguageKFold"),
        (lambda: StratifiedLanguageKFold(shuffle="yes"), "'shuffle' parameter"),
        (lambda: LeaveOneLanguageOut(language_column=["a"]), "'language_column' parameter"),
    ],
)
def test_parameters_are_validated(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_only_the_main_argument_is_positional():
    assert EncoderVectorizer("scratch").encoder == "scratch"
    for estimator in (EncoderVectorizer, DictionaryTranslator):
        with pytest.raises(TypeError):
            estimator({}, 3)


LONG = {f"word{number}": [f"Wort{number}"] for number in range(200_000)}


@pytest.mark.parametrize(
    "wrap", [lambda model: model, make_pipeline], ids=["alone", "in a pipeline"]
)
def test_a_long_dictionary_is_not_printed(wrap):
    translator = DictionaryTranslator(LONG, target_language="de")
    start = process_time()
    for shown in (repr(wrap(translator)), wrap(translator)._repr_html_()):
        assert "of 200000 entries" in shown and "word7" not in shown
    assert process_time() - start < 1
    assert translator.get_params()["dictionary"] is LONG
    assert clone(wrap(translator)).get_params().keys() == wrap(translator).get_params().keys()


def test_a_short_dictionary_is_printed():
    assert (
        repr(DictionaryTranslator({"a": ["b"]})) == "DictionaryTranslator(dictionary={'a': ['b']})"
    )
