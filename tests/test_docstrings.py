"""Docstrings: everything public has a complete one, and shared parameters are described alike."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate
from sklearn.utils._testing import assert_docstring_consistency

import metaling_sk
from metaling_sk import (
    CircularValidation,
    DictionaryTranslator,
    EncoderVectorizer,
    ImportanceWeightedScorer,
    LanguageIdentifier,
    LanguageStandardScaler,
    LeaveOneLanguageOut,
    LinearTransferClassifier,
    MetaNetRegressor,
    MetaParamDisplay,
    MetaParamSearchCV,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
    StratifiedLanguageKFold,
    TransferClassifier,
    TransferRegressor,
    TransferTranslator,
)

ROOT = Path(__file__).parent.parent

IGNORED = {
    "ES01",  # an extended summary where one sentence says it all
    "EX01",  # an example in every method: the test below asks for one where the reference points
    "GL01",  # the summary on a line of its own, which numpydoc before 1.9 asks for
    "RT02",  # the returned value's name, as in "self : TransferClassifier"
    "SA01",  # a See Also section
}

HEADINGS = {"Data", "Encoder", "Languages and transfer", "Meta network", "Model", "Training"}
"""Lines that group the parameters of a class; numpydoc takes them for parameters."""

DIFFERENT = {
    "batch_size": {EncoderVectorizer, TransferTranslator},  # another default
    "class_weight": {LinearTransferClassifier},  # what scikit-learn's classifier takes
    "dictionary": {DictionaryTranslator},  # a translator cannot be without
    "encoder": {EncoderVectorizer, TransferTranslator},  # takes no estimator
    "gradient_accumulation_steps": {TransferTranslator},  # one kind of samples
    "language_column": {  # what else it does
        LanguageStandardScaler,
        LeaveOneLanguageOut,
        StratifiedLanguageKFold,
    },
    "random_state": {  # what is random
        DictionaryTranslator,
        EncoderVectorizer,
        LinearTransferClassifier,
        MetaParamSearchCV,
        StratifiedLanguageKFold,
    },
    "learning_rate": {TransferTranslator},  # other defaults from scratch
    "max_epochs": {TransferTranslator},  # one kind of samples
    "max_length": {TransferTranslator},  # translations, too
    "missing_label": {TransferTranslator},  # what becomes of these samples
    "residual_penalty": {MetaNetRegressor},  # of another loss
    "resource": {MetaParamDisplay},  # another default
    "self_training": {TransferClassifier},  # may be "auto"
    "source": {TransferRegressor, TransferTranslator},  # what it learns from
    "target_language": {TransferTranslator},  # may be a column
    "trainable": {TransferTranslator},  # no head, and no adapters
    "source_languages": {  # scored, not learnt from
        CircularValidation,
        ImportanceWeightedScorer,
        PredictionEntropyScorer,
        SoftNeighborhoodDensity,
    },
    "temperature": {SoftNeighborhoodDensity},  # of similarities
    # one text, no pairs
    "text_column": {LanguageIdentifier, LinearTransferClassifier, TransferTranslator},
    "transfer": {TransferRegressor},  # what teaches
    "unknown": {LanguageIdentifier},  # a language, not what to do with words
    # no classes to hold out
    "validation_fraction": {MetaNetRegressor, TransferRegressor, TransferTranslator},
}
"""Parameters that mean something else, or have another default, in some of the classes."""


def public_objects():
    """Return the classes and functions of all public modules by the name that users write."""
    modules = ["metaling_sk"] + [
        f"metaling_sk.{module.name}"
        for module in pkgutil.iter_modules(metaling_sk.__path__)
        if not module.name.startswith("_")
    ]
    names = {}
    for module_name in modules:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value):
                names.setdefault(value, f"{module_name}.{name}")
    return {name: value for value, name in names.items()}


def public_methods(cls):
    """Return the names of a class's public methods and properties that are written here."""
    for name in dir(cls):
        method = inspect.unwrap(getattr(getattr(cls, name), "fget", None) or getattr(cls, name))
        is_ours = (getattr(method, "__module__", None) or "").startswith("metaling_sk")
        if is_ours and not name.startswith("_"):
            yield name


OBJECTS = public_objects()
REFERENCE = re.findall(
    r"^   ([\w.]+)$", (ROOT / "docs" / "api.rst").read_text(encoding="utf-8"), flags=re.MULTILINE
)
CLASSES = [
    value
    for value in OBJECTS.values()
    if inspect.isclass(value) and not issubclass(value, BaseException)
]
METHODS = [
    f"{name}.{method}"
    for name, value in OBJECTS.items()
    if value in CLASSES
    for method in public_methods(value)
]


def parameters(cls):
    return inspect.signature(cls).parameters


def shared_parameters():
    """Return the parameters of several classes, with the classes that must describe them alike."""
    names = sorted({name for cls in CLASSES for name in parameters(cls)})
    for name in names:
        different = DIFFERENT.get(name, set())
        having = [cls for cls in CLASSES if name in parameters(cls) and cls not in different]
        if len(having) > 1:
            yield pytest.param(name, having, id=name)


def is_about_headings(code, message):
    if code == "PR02":
        return set(message.removeprefix("Unknown parameters ").strip("{}").split(", ")) <= {
            repr(heading) for heading in HEADINGS
        }
    return code in ("PR04", "PR07", "PR10") and any(f'"{name}"' in message for name in HEADINGS)


@pytest.mark.parametrize("name", [*OBJECTS, *METHODS])
def test_docstring(name):
    errors = [
        f"{code}: {message}"
        for code, message in validate(name)["errors"]
        if code not in IGNORED and not is_about_headings(code, message)
    ]
    assert not errors, "\n".join(errors)


@pytest.mark.parametrize("name", REFERENCE)
def test_what_the_reference_lists_has_an_example(name):
    assert "EX01" not in [code for code, _ in validate(f"metaling_sk.{name}")["errors"]]


def test_the_reference_is_complete():
    top_level = {name for name in metaling_sk.__all__ if f"metaling_sk.{name}" in OBJECTS}
    assert top_level <= set(REFERENCE)


@pytest.mark.parametrize(("name", "classes"), [*shared_parameters()])
def test_shared_parameters_are_described_alike(name, classes):
    assert_docstring_consistency(classes, include_params=[name])
