"""Our suite: what every estimator does with every kind of input."""

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from input_kinds import KINDS, outputs
from marks import predicts_unseen_languages
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.utils import check_random_state

from metaling_sk import MetaParamSearchCV, load

CASES = [(kind, name) for kind in KINDS for name in KINDS[kind].models]
QUICK = [(kind, name) for kind in KINDS for name in KINDS[kind].quick]
SINGLE = [
    (kind, name)
    for kind, name in CASES
    if not isinstance(KINDS[kind].models[name], MetaParamSearchCV)
]
REGISTERING = [
    (kind, name) for kind, name in SINGLE if hasattr(KINDS[kind].models[name], "register_language")
]
quick = pytest.mark.parametrize("case", QUICK, ids="-".join, indirect=True)
registers_languages = pytest.mark.parametrize("case", REGISTERING, ids="-".join, indirect=True)
not_a_search = pytest.mark.parametrize("case", SINGLE, ids="-".join, indirect=True)


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    return request.param


@pytest.fixture
def kind(case):
    return KINDS[case[0]]


@pytest.fixture
def name(case):
    return case[1]


# Predicting


def test_rows_differ(kind, fitted):
    """So that "alike" below does not mean "constant"."""
    assert np.ptp(outputs(fitted, kind.X_test), axis=0).min() > 1e-6


def test_a_row_is_predicted_alike_in_any_company(kind, fitted):
    X = kind.X_test
    selections = {
        "permuted": np.random.default_rng(0).permutation(len(X)),
        "every other": np.arange(0, len(X), 2),
        "reversed": np.arange(len(X))[::-1],
        "the last alone": np.array([len(X) - 1]),
        "one row many times": np.zeros(200, dtype=int),
    }
    expected, classes = outputs(fitted, X), fitted.predict(X)
    for name, rows in selections.items():
        found = outputs(fitted, X.iloc[rows])
        np.testing.assert_allclose(found, expected[rows], rtol=1e-4, err_msg=name)
        if is_classifier(fitted):
            np.testing.assert_array_equal(fitted.predict(X.iloc[rows]), classes[rows], name)


def test_odd_rows_are_predicted(kind, fitted):
    among = outputs(fitted, kind.odd)
    assert len(among) == len(kind.odd) and np.isfinite(among).all()
    for row in range(len(kind.odd)):
        alone = outputs(fitted, kind.odd.iloc[[row]])
        np.testing.assert_allclose(alone[0], among[row], rtol=1e-4, err_msg=f"row {row}")


@not_a_search
def test_an_iterator_of_parts(kind, fitted):
    parts = (kind.X_test[start : start + 7] for start in range(0, len(kind.X_test), 7))
    np.testing.assert_allclose(outputs(fitted, parts), outputs(fitted, kind.X_test), rtol=1e-4)


@not_a_search
def test_every_form_of_x_is_predicted_alike(kind, fitted, tmp_path):
    expected = outputs(fitted, kind.X_test)
    for name, form in kind.forms.items():
        X, language = form(kind.X_test, tmp_path)
        found = outputs(fitted, X, language=language)
        np.testing.assert_allclose(found, expected, rtol=kind.rtol, err_msg=name)


def test_threads_predict_what_one_does(kind, fitted):
    parts = [kind.X_test.iloc[start::3] for start in range(3)]
    expected = [outputs(fitted, part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda number: outputs(fitted, parts[number % 3]), range(24))
        for number, each in enumerate(found):
            np.testing.assert_array_equal(each, expected[number % 3])


@not_a_search
@predicts_unseen_languages
def test_predicting_changes_nothing(kind, fitted):
    before = pickle.dumps(fitted)
    fitted.predict(kind.X_test.assign(language="fr"))
    fitted.score(kind.X_test, kind.y_test)
    assert pickle.dumps(fitted) == before


def test_representations(kind, fitted):
    if hasattr(fitted, "get_feature_names_out"):
        vectors = fitted.transform(kind.X_test)
        assert vectors.shape == (len(kind.X_test), len(fitted.get_feature_names_out()))
        if not sparse.issparse(vectors):
            # One row more does not change the others.
            np.testing.assert_allclose(fitted.transform(kind.X_test[:3]), vectors[:3], atol=1e-5)


# Copies


def test_copies_predict_the_same(kind, fitted):
    expected = outputs(fitted, kind.X_test)
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(outputs(copied, kind.X_test), expected)


def test_a_saved_model_predicts_the_same(kind, name, fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load(tmp_path)
    assert type(loaded) is type(fitted)
    rtol = 1e-5 if name == "low rank" else 0  # The updates are added to the weights.
    expected = outputs(fitted, kind.X_test)
    np.testing.assert_allclose(outputs(loaded, kind.X_test), expected, rtol=rtol)


def test_clone_has_nothing_fitted(kind, fitted):
    copied = clone(fitted)
    assert not [name for name in vars(copied) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        copied.predict(kind.X_test)


# Fitting


def global_random_states():
    _, numbers, position, *_ = check_random_state(None).get_state()
    return torch.get_rng_state().tolist(), numbers.tolist(), position, random.getstate()


def test_a_fit_depends_on_its_data_alone_and_changes_nothing_else(kind, model, fitted, capfd):
    X, y = copy.deepcopy(kind.X), kind.y.copy()
    for value in (y, *X.to_numpy().ravel()):
        array = value["array"] if isinstance(value, dict) else value
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    model = pickle.loads(pickle.dumps(model))
    given_ones, parameters = model.get_params(deep=False), pickle.dumps(model.get_params())
    torch.rand(3)
    check_random_state(None).random_sample()
    states = global_random_states()
    model.fit(X[::-1], 2 * y[::-1] + 1)  # The next fit forgets it.
    found = outputs(model.fit(X, y), kind.X_test)
    assert global_random_states() == states
    assert capfd.readouterr() == ("", "")
    pd.testing.assert_frame_equal(X, kind.X)
    np.testing.assert_array_equal(y, kind.y)
    assert all(value is given_ones[name] for name, value in model.get_params(deep=False).items())
    assert pickle.dumps(model.get_params()) == parameters
    np.testing.assert_array_equal(found, outputs(fitted, kind.X_test))


def test_columns_seen(kind, fitted):
    assert fitted.n_features_in_ == len(kind.columns)
    assert fitted.feature_names_in_.tolist() == kind.columns


@quick
def test_every_form_of_x_is_learnt_from_alike(kind, model, fitted, tmp_path):
    expected = outputs(fitted, kind.X_test)
    for name, form in kind.forms.items():
        X, language = form(kind.X, tmp_path)
        model.fit(X, kind.y, language=language)
        found = outputs(model, kind.X_test)
        np.testing.assert_allclose(found, expected, rtol=kind.rtol, err_msg=name)


@registers_languages
def test_a_language_is_registered(kind, fitted):
    model = copy.deepcopy(fitted)
    assert model.register_language(kind.X[:6].assign(language="fr")) is model
    np.testing.assert_array_equal(outputs(model, kind.X_test), outputs(fitted, kind.X_test))
    assert np.isfinite(outputs(model, kind.X_test.assign(language="fr"))).all()
    assert "fr" in model.languages_


@quick
def test_tools_of_scikit_learn(kind, model):
    X, y = kind.labelled()
    assert cross_val_predict(model, X, y, cv=2).shape == (len(X),)
    grid = GridSearchCV(model, {"random_state": [1]}, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()
    best = clone(model).set_params(**grid.best_params_).fit(X, y)
    np.testing.assert_array_equal(outputs(grid, kind.X_test), outputs(best, kind.X_test))
