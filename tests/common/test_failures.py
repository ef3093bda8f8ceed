"""After an exception an estimator is as it was before, or not fitted."""

import copy

import numpy as np
import pandas as pd
import pytest
from estimators import X_TEST, X, Y, not_a_search
from marks import predicts_unseen_languages, requires
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from small_callbacks import Interrupt
from tiny import DICTIONARY, make_classifier, make_config, make_meta_net, make_pair

from metaling_sk import (
    DictionaryTranslator,
    EncoderVectorizer,
    LanguageIdentifier,
    LanguageStandardScaler,
    TransferClassifier,
)

NUMBERS = np.random.default_rng(0).normal(size=(80, 3))
LABELS = np.array([0, 1] * 40)
LANGUAGE = np.array(["en"] * 40 + ["zh"] * 40, dtype=object)


def assert_unchanged_or_unfitted(model, expected, attributes):
    try:
        found = model.predict_proba(X_TEST)
    except NotFittedError:
        assert [name for name in vars(model) if name.endswith("_")] == []
        return
    np.testing.assert_array_equal(found, expected)
    assert attributes_of(model) == attributes


def attributes_of(model):
    names = ("n_features_in_", "languages_", "source_languages_", "target_languages_", "transfer_")
    return {name: getattr(model, name, None) for name in names}


REFUSED = {
    "one class": (X, np.where(np.isnan(Y), np.nan, 1.0)),
    "lengths that differ": (X, Y[:-1]),
    "no labels": (X, np.full(len(X), np.nan)),
    "NaN as text": (X.assign(text=[None] * len(X)), Y),
    "numbers with NaN": (np.where(NUMBERS > 2, np.nan, NUMBERS), Y),
    "a language that is a number": (X.assign(language=3), Y),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
@not_a_search
def test_a_fit_that_is_refused(fitted, data):
    model = copy.deepcopy(fitted)
    expected, attributes = model.predict_proba(X_TEST), attributes_of(model)
    with pytest.raises(ValueError):
        model.fit(*data)
    assert_unchanged_or_unfitted(model, expected, attributes)


@pytest.mark.parametrize("parameters", [{}, {"trainable": "head"}], ids=["trained", "frozen"])
def test_a_partial_fit_that_diverges(parameters):
    model = make_classifier(**parameters)
    for _ in range(3):
        model.partial_fit(X, Y)
    expected, history = model.predict_proba(X_TEST), model.history_
    twin = copy.deepcopy(model)
    for group in model.net_.optimizer_.param_groups:
        group["lr"] = group["initial_lr"] = 1e30
    with pytest.raises(ValueError, match="The loss became"):
        model.partial_fit(X, Y, n_epochs=5)
    np.testing.assert_array_equal(model.predict_proba(X_TEST), expected)
    assert model.history_.equals(history) and len(model.net_.history) == len(history)
    # It can go on, with the momentum and the random numbers that it had.
    for group, its in zip(
        model.net_.optimizer_.param_groups, twin.net_.optimizer_.param_groups, strict=True
    ):
        group["lr"] = group["initial_lr"] = its["initial_lr"]
    for each in (model, twin):
        each.partial_fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X_TEST), twin.predict_proba(X_TEST), rtol=1e-6)


def test_a_random_state_draws_again_what_an_interrupted_fit_has_drawn():
    probabilities = []
    for callbacks in ([], [Interrupt()]):
        model = make_classifier(random_state=np.random.RandomState(0), warm_start=True).fit(X, Y)
        model.set_params(callbacks=callbacks)
        if callbacks:
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, Y)
        probabilities.append(model.set_params(callbacks=[]).fit(X, Y).predict_proba(X_TEST))
    np.testing.assert_array_equal(*probabilities)


@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
@predicts_unseen_languages
def test_a_warm_start_that_diverges_forgets_its_new_languages(make):
    model = make(warm_start=True).fit(X, Y)
    expected, attributes = model.predict_proba(X_TEST), attributes_of(model)
    french = X.assign(language=["fr"] * 40 + ["zh"] * 40)
    model.set_params(learning_rate=1e30)
    with pytest.raises(ValueError, match="The loss became"):
        model.fit(french, Y)
    np.testing.assert_array_equal(model.predict_proba(X_TEST), expected)
    assert attributes_of(model) == attributes
    assert np.isfinite(model.predict_proba(french)).all()


EXTREME = {
    "adapt": lambda model: model.adapt(NUMBERS[:20] * 1e200, LABELS[:20], language="fr"),
    "adapt a known one": lambda model: model.adapt(NUMBERS[:20] * 1e200, LABELS[:20], "en"),
    "register": lambda model: model.register_language(NUMBERS[:20] * 1e200, language="fr"),
}


@pytest.mark.parametrize("call", EXTREME.values(), ids=EXTREME)
@predicts_unseen_languages
def test_extreme_values_in_a_new_language(call):
    model = make_meta_net().fit(NUMBERS, LABELS, language=LANGUAGE)
    before = [model.predict_proba(NUMBERS, language=each) for each in ("en", "fr")]
    languages = model.languages_
    with pytest.raises(ValueError, match="extreme|infinite|finite"):
        call(model)
    assert model.languages_ == languages
    for each, expected in zip(("en", "fr"), before, strict=True):
        np.testing.assert_array_equal(model.predict_proba(NUMBERS, language=each), expected)


@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
def test_predictions_are_never_nan(make):
    model = make().fit(NUMBERS, LABELS, language=LANGUAGE)
    extreme = NUMBERS.copy()
    extreme[[3, 7]] = 1e308
    try:
        found = model.predict_proba(extreme, language=LANGUAGE)
    except ValueError as error:
        assert "rows 3, 7" in str(error)
    else:
        assert np.isfinite(found).all()


def test_one_bad_language_among_good_ones_is_not_learnt_in_part():
    model = make_meta_net().fit(*make_pair(20, 20, n_labelled=20))
    languages = model.languages_
    with pytest.raises(ValueError, match="none of the classes"):
        model.adapt(
            ["bon", "mal", "bueno", "malo"], [1, 0, 1, 7], language=["fr", "fr", "es", "es"]
        )
    assert model.languages_ == languages


def test_a_first_fit_that_fails_leaves_nothing():
    model = TransferClassifier(verbose=0)
    with pytest.raises(ValueError):
        model.fit(["a", "b"], [1, 1])
    assert vars(model) == vars(TransferClassifier(verbose=0))


@pytest.mark.parametrize(
    "model",
    [
        LanguageStandardScaler().set_output(transform="pandas"),
        EncoderVectorizer(make_config(), verbose=0),
        DictionaryTranslator(DICTIONARY, target_language="zh"),
        pytest.param(LanguageIdentifier(), marks=requires("py3langid")),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_transformer_whose_fit_is_refused(model):
    is_scaler = isinstance(model, LanguageStandardScaler)
    table = pd.DataFrame(NUMBERS).add_prefix("x") if is_scaler else X[["text"]]
    unfitted = vars(clone(model))
    model.fit(table.assign(language="en"))
    with pytest.raises(ValueError, match="language"):
        model.fit(table.assign(language=3, n=1))
    assert vars(model) == unfitted
