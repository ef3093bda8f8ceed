"""Our suite, over every regressor: the twin of what the other modules ask of classifiers."""

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from estimators import (
    LABELLED,
    REGRESSORS,
    STARS,
    STARS_LABELLED,
    STARS_TEST,
    X_LABELLED,
    X_TEST,
    X,
    lower,
)
from marks import leaves_languages_out, predicts_unseen_languages
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state
from tiny import ODD_TEXTS, as_stars, make_config, make_pair

from metaling_sk import MetaParamSearchCV, load
from metaling_sk.exceptions import InputWarning

FITTED = {}


@pytest.fixture(params=REGRESSORS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return clone(REGRESSORS[name])


@pytest.fixture
def fitted(name):
    """The fitted model; for tests that do not change it."""
    if name not in FITTED:
        FITTED[name] = clone(REGRESSORS[name]).fit(X, STARS)
    return FITTED[name]


def assert_same(model, other, X=X_TEST, X_other=None):
    X_other = X if X_other is None else X_other
    np.testing.assert_array_equal(model.predict(X), other.predict(X_other))


# Inputs

SELECTIONS = {
    "permuted": np.random.default_rng(0).permutation(len(X_TEST)),
    "reversed": np.arange(len(X_TEST))[::-1],
    "the last alone": np.array([len(X_TEST) - 1]),
    "one row many times": np.zeros(200, dtype=int),
}


@pytest.mark.parametrize("rows", SELECTIONS.values(), ids=SELECTIONS)
def test_a_row_is_predicted_alike_in_any_company(fitted, rows):
    np.testing.assert_allclose(
        fitted.predict(X_TEST.iloc[rows]), fitted.predict(X_TEST)[rows], rtol=1e-4
    )


FORMS = {
    "list": lambda X: (X["text"].tolist(), X["language"].tolist()),
    "array": lambda X: (X["text"].to_numpy(), X["language"].to_numpy()),
    "Series": lambda X: (X["text"], X["language"]),
    "two columns": lambda X: (X[["text", "language"]].to_numpy(), None),
    "Dataset": lambda X: (datasets.Dataset.from_pandas(X, preserve_index=False), None),
    "string dtype": lambda X: (X.astype("string"), None),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_x_is_learnt_from_alike(model, fitted, form):
    texts, language = form(X)
    model.fit(texts, STARS, language=language)
    texts, language = form(X_TEST)
    np.testing.assert_array_equal(model.predict(texts, language=language), fitted.predict(X_TEST))
    assert model.score(texts, STARS_TEST, language=language) == fitted.score(X_TEST, STARS_TEST)


FORMS_OF_Y = {
    "list with None": [None if np.isnan(star) else star for star in STARS],
    "Series": pd.Series(STARS, index=np.arange(len(STARS))[::-1]),
    "nullable": pd.Series(STARS).astype("Float64"),
    "float32": STARS.astype(np.float32),
    "objects": np.array([None if np.isnan(star) else star for star in STARS], dtype=object),
}


@pytest.mark.parametrize("y", FORMS_OF_Y.values(), ids=FORMS_OF_Y)
def test_every_form_of_y_is_learnt_from_alike(model, fitted, y):
    assert_same(model.fit(X, y), fitted)


@pytest.mark.parametrize("missing", [-1, "?"])
def test_missing_label(model, fitted, missing):
    y = STARS.astype(object)
    y[~LABELLED] = missing
    assert_same(model.set_params(missing_label=missing).fit(X, y), fitted)


def test_whole_numbers(model):
    y = STARS_LABELLED.astype(int)
    assert_same(model.fit(X_LABELLED, y), clone(model).fit(X_LABELLED, y.astype(float)))


def test_predictions_follow_the_scale_of_y(model, fitted):
    model.fit(X, 1000 * STARS - 7)
    np.testing.assert_allclose(model.predict(X_TEST), 1000 * fitted.predict(X_TEST) - 7, rtol=1e-3)


def test_equal_numbers_are_predicted(model):
    y = np.where(LABELLED, 3.7, np.nan)
    np.testing.assert_allclose(model.fit(X, y).predict(X_TEST), 3.7, atol=0.2)


def test_inputs_are_not_written_to(model):
    X_before, y = X.copy(deep=True), STARS.copy()
    y.flags.writeable = False
    model.fit(X_before, y).predict(X_before)
    pd.testing.assert_frame_equal(X_before, X)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(fitted, text):
    assert np.isfinite(fitted.predict([text], language="en")).all()


@leaves_languages_out
def test_only_empty_texts_to_predict(fitted):
    assert np.isfinite(fitted.predict(["", "", ""])).all()


@pytest.mark.parametrize("language", ["fr", "", "💬"])
@predicts_unseen_languages
def test_a_language_not_seen_at_fit(fitted, language):
    alone = fitted.predict(["good hotel"], language=language)
    among = fitted.predict(["酒店", "good hotel"], language=["zh", language])
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-4)


@predicts_unseen_languages
def test_register_language(fitted):
    model = copy.deepcopy(fitted)
    before = model.predict(X_TEST)
    french, _ = make_pair(5, 5, seed=9)
    assert model.register_language(french["text"].tolist(), language="fr") is model
    np.testing.assert_array_equal(model.predict(X_TEST), before)
    assert np.isfinite(model.predict(french["text"].tolist(), language="fr")).all()


def test_an_iterator_of_tables(fitted):
    parts = (X_TEST[start : start + 7] for start in range(0, len(X_TEST), 7))
    np.testing.assert_allclose(fitted.predict(parts), fitted.predict(X_TEST), rtol=1e-4)


def test_features_seen(model):
    model.fit(X, STARS)
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["text", "language"]


# Protocol


def test_clone_has_nothing_fitted(fitted):
    copied = clone(fitted)
    assert not [name for name in vars(copied) if name.endswith("_")]
    for method in ("predict", "transform"):
        with pytest.raises(NotFittedError):
            getattr(copied, method)(X_TEST)


def test_fit_does_not_write_to_the_parameters(model):
    before = pickle.dumps(model.get_params())
    model.fit(X, STARS)
    assert pickle.dumps(model.get_params()) == before


def test_pickling(model, fitted):
    assert_same(pickle.loads(pickle.dumps(model)).fit(X, STARS), fitted)
    assert_same(pickle.loads(pickle.dumps(fitted)), fitted)
    assert_same(copy.deepcopy(fitted), fitted)


def test_saving(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load(tmp_path)
    assert type(loaded) is type(fitted)
    assert_same(loaded, fitted)
    assert loaded.score(X_TEST, STARS_TEST) == fitted.score(X_TEST, STARS_TEST)
    pd.testing.assert_frame_equal(loaded.target_statistics_, fitted.target_statistics_)
    assert "predicts a number" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert_same(load(tmp_path), loaded)


@predicts_unseen_languages
def test_predicting_changes_nothing(fitted):
    before = pickle.dumps(fitted)
    fitted.predict(X_TEST["text"].tolist(), language="fr")
    fitted.score(X_TEST, STARS_TEST)
    assert pickle.dumps(fitted) == before


def test_the_same_seed_gives_the_same_bits(model, fitted):
    assert_same(model.fit(X, STARS), fitted)
    torch.rand(3)
    check_random_state(None).random_sample()
    assert_same(model.fit(X, STARS), fitted)


def test_fit_forgets_the_last_fit(model, fitted):
    model.fit(X_LABELLED[::-1], 2 * STARS_LABELLED + 1).fit(X, STARS)
    assert_same(model, fitted)


def test_global_random_states_are_left_alone(model):
    def states():
        _, numbers, position, *_ = check_random_state(None).get_state()
        return torch.get_rng_state().tolist(), numbers.tolist(), position, random.getstate()

    before = states()
    model.fit(X, STARS).predict(X_TEST)
    assert states() == before


def test_silence(model, capfd):
    model.fit(X, STARS).predict(X_TEST)
    assert capfd.readouterr() == ("", "")


def test_eight_threads_predict_what_one_does(fitted):
    parts = [X_TEST.iloc[start::3] for start in range(3)]
    expected = [fitted.predict(part) for part in parts]

    def predict(number):
        return number % 3, fitted.predict(parts[number % 3])

    with ThreadPoolExecutor(8) as pool:
        for part, found in pool.map(predict, range(48)):
            np.testing.assert_array_equal(found, expected[part])


def test_the_reviews_can_be_learnt(name, model):
    """So that "alike" above does not mean "constant"."""
    X, y = make_pair(80, 80, n_labelled=40, joiner=" ")
    parameters = {} if "characters" in name else {"encoder": make_config()}
    model.set_params(
        **parameters, max_epochs=30, learning_rate=0.01, batch_size=16, patience=30
    ).fit(X, as_stars(y))
    X_test, y_test = make_pair(50, 50, n_labelled=50, seed=5, joiner=" ")
    assert model.score(X_test, as_stars(y_test)) > 0.4


# Refusals

REFUSED = {
    "lengths that differ": (X, STARS[:-1], "inconsistent numbers of samples"),
    "no labels": (X, np.full(len(X), np.nan), "y has no label"),
    "infinity": (X, np.where(STARS > 3, np.inf, STARS), "y contains infinity"),
    "extreme numbers": (X, STARS * 3e307, "no finite mean and standard deviation"),
    "strings": (X, np.where(LABELLED, "good", None), "y holds 'good' in row 0, which is no num"),
    "several columns": (X, np.column_stack([STARS, STARS]), "MultiOutputRegressor"),
    "no text": (X.assign(text=[None] * len(X)), STARS, "text"),
}


@pytest.mark.parametrize(("texts", "y", "message"), REFUSED.values(), ids=REFUSED)
def test_a_fit_that_is_refused(model, texts, y, message):
    model.fit(X, STARS)
    expected = model.predict(X_TEST)
    with pytest.raises(ValueError, match=message):
        model.fit(texts, y)
    try:
        np.testing.assert_array_equal(model.predict(X_TEST), expected)
    except NotFittedError:
        assert [name for name in vars(model) if name.endswith("_")] == []


def test_a_score_needs_labels(fitted):
    y = np.array([None, *STARS_TEST[1:]], dtype=object)
    with pytest.raises(ValueError, match="y has no label in row 0"):
        fitted.score(X_TEST, y)


@pytest.mark.parametrize("name", ["scratch"], indirect=True)
def test_numbers_that_look_like_the_marker(model):
    y = np.where(LABELLED, STARS, -1)
    with pytest.warns(InputWarning, match="pass missing_label=-1"):
        model.fit(X, y)


# With scikit-learn's tools


def test_cross_validation(model):
    scores = cross_val_score(model, X_LABELLED, STARS_LABELLED, cv=2, error_score="raise")
    assert np.isfinite(scores).all()
    assert cross_val_predict(model, X_LABELLED, STARS_LABELLED, cv=2).shape == (60,)


def test_grid_search(model):
    search = GridSearchCV(model, {"learning_rate": [1e-4, 1e-2]}, cv=2, error_score="raise")
    search.fit(X_LABELLED, STARS_LABELLED)
    best = clone(model).set_params(**search.best_params_).fit(X_LABELLED, STARS_LABELLED)
    assert_same(search, best)


@pytest.mark.parametrize("parameters", [{}, {"search": "halving"}], ids=["random", "halving"])
def test_a_search_of_ours(model, parameters):
    search = MetaParamSearchCV(
        model,
        {"learning_rate": [1e-3, 1e-2]},
        n_iter=2,
        cv=2,
        verbose=0,
        error_score="raise",
        random_state=0,
        **parameters,
    ).fit(X_LABELLED, STARS_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(search.cv_results_["mean_test_score_zh"]).all()
    assert search.score(X_TEST, STARS_TEST) <= 1


def test_pipeline_behind_a_function(model, fitted):
    pipeline = Pipeline([("lower", FunctionTransformer(lower)), ("model", model)])
    pipeline.fit(X.assign(text=X["text"].str.upper()), STARS)
    assert_same(pipeline, fitted)
    assert pipeline.score(X_TEST, STARS_TEST) == fitted.score(X_TEST, STARS_TEST)


def test_frozen_and_voting(fitted, model):
    assert_same(FrozenEstimator(fitted).fit(X, STARS), fitted)
    vote = VotingRegressor([("a", model), ("b", clone(model))]).fit(X_LABELLED, STARS_LABELLED)
    model.fit(X_LABELLED, STARS_LABELLED)
    np.testing.assert_allclose(vote.predict(X_TEST), model.predict(X_TEST))


def test_language_is_routed(model):
    texts, language = X_LABELLED["text"].tolist(), X_LABELLED["language"].to_numpy()
    in_frame = cross_val_score(model, X_LABELLED, STARS_LABELLED, cv=2, error_score="raise")
    with config_context(enable_metadata_routing=True):
        asking = clone(model).set_fit_request(language=True).set_score_request(language=True)
        routed = cross_val_score(asking, texts, STARS_LABELLED, cv=2, params={"language": language})
        np.testing.assert_array_equal(routed, in_frame)
        asking.set_predict_request(language=True)
        pipeline = make_pipeline(FunctionTransformer(None), asking)
        pipeline.fit(texts, STARS_LABELLED, language=language)
        np.testing.assert_array_equal(
            pipeline.predict(texts, language=language),
            model.fit(X_LABELLED, STARS_LABELLED).predict(X_LABELLED),
        )


def test_scores_are_weighted(fitted):
    weights = np.linspace(1, 3, len(X_TEST))
    expected = r2_score(STARS_TEST, fitted.predict(X_TEST), sample_weight=weights)
    assert fitted.score(X_TEST, STARS_TEST, sample_weight=weights) == expected
    assert fitted.score(X_TEST, STARS_TEST) == r2_score(STARS_TEST, fitted.predict(X_TEST))


def test_representations(fitted):
    vectors = fitted.transform(X_TEST)
    assert vectors.shape == (len(X_TEST), len(fitted.get_feature_names_out()))
    if not sparse.issparse(vectors):
        np.testing.assert_allclose(fitted.transform(X_TEST[:3]), vectors[:3], atol=1e-5)
