"""Our suite, over every regressor: the twin of what the other modules ask of classifiers."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
from estimators import lower
from input_kinds import KINDS
from marks import leaves_languages_out, predicts_unseen_languages
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import as_stars, make_config, make_pair

from metaling_sk import MetaParamSearchCV, load
from metaling_sk.exceptions import InputWarning

KIND = KINDS["numbers of texts"]
X, STARS, X_TEST, STARS_TEST = KIND.X, KIND.y, KIND.X_test, KIND.y_test
X_LABELLED, STARS_LABELLED = KIND.labelled()
LABELLED = ~np.isnan(STARS)
quick = pytest.mark.parametrize("name", KIND.quick, indirect=True)
"""For what every input goes through before any model, and for tools that see no more of models."""


@pytest.fixture(params=KIND.models)
def name(request):
    return request.param


def assert_same(model, other, X=X_TEST, X_other=None):
    X_other = X if X_other is None else X_other
    np.testing.assert_array_equal(model.predict(X), other.predict(X_other))


# Inputs

FORMS_OF_Y = {
    "list with None": [None if np.isnan(star) else star for star in STARS],
    "Series": pd.Series(STARS, index=np.arange(len(STARS))[::-1]),
    "nullable": pd.Series(STARS).astype("Float64"),
    "float32": STARS.astype(np.float32),
    "objects": np.array([None if np.isnan(star) else star for star in STARS], dtype=object),
}


@quick
@pytest.mark.filterwarnings("ignore:The index of y is that of X in another order")
@pytest.mark.parametrize("y", FORMS_OF_Y.values(), ids=FORMS_OF_Y)
def test_every_form_of_y_is_learnt_from_alike(model, fitted, y):
    assert_same(model.fit(X, y), fitted)


@quick
@pytest.mark.parametrize("missing", [-1, "?"])
def test_missing_label(model, fitted, missing):
    y = STARS.astype(object)
    y[~LABELLED] = missing
    assert_same(model.set_params(missing_label=missing).fit(X, y), fitted)
    marker = re.escape(f"as missing_label={missing!r} says")
    with pytest.raises(ValueError, match=f"y has no label in .* {marker}"):
        model.score(X, y)


@quick
def test_whole_numbers(model):
    y = STARS_LABELLED.astype(int)
    assert_same(model.fit(X_LABELLED, y), clone(model).fit(X_LABELLED, y.astype(float)))


def test_predictions_follow_the_scale_of_y(model, fitted):
    model.fit(X, 1000 * STARS - 7)
    np.testing.assert_allclose(model.predict(X_TEST), 1000 * fitted.predict(X_TEST) - 7, rtol=1e-3)


def test_equal_numbers_are_predicted(model):
    y = np.where(LABELLED, 3.7, np.nan)
    np.testing.assert_allclose(model.fit(X, y).predict(X_TEST), 3.7, atol=0.2)


@leaves_languages_out
def test_only_empty_texts_to_predict(fitted):
    assert np.isfinite(fitted.predict(["", "", ""])).all()


@pytest.mark.parametrize("language", ["fr", "", "💬"])
@predicts_unseen_languages
def test_a_language_not_seen_at_fit(fitted, language):
    alone = fitted.predict(["good hotel"], language=language)
    among = fitted.predict(["酒店", "good hotel"], language=["zh", language])
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-4)


def test_saving(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load(tmp_path)
    assert loaded.score(X_TEST, STARS_TEST) == fitted.score(X_TEST, STARS_TEST)
    pd.testing.assert_frame_equal(loaded.target_statistics_, fitted.target_statistics_)
    assert "predicts a number" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert_same(load(tmp_path), loaded)


def test_the_reviews_can_be_learnt(name, model):
    """So that "alike" above does not mean "constant"."""
    X, y = make_pair(80, 80, n_labelled=40, joiner=" ")
    parameters = {} if "characters" in name else {"encoder": make_config()}
    model.set_params(
        **parameters, max_epochs=6, learning_rate=0.04, batch_size=16, patience=10
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
def test_a_fit_that_is_refused(fitted, texts, y, message):
    model = copy.deepcopy(fitted)
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


@quick
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


@quick
def test_pipeline_behind_a_function(model, fitted):
    pipeline = Pipeline([("lower", FunctionTransformer(lower)), ("model", model)])
    pipeline.fit(X.assign(text=X["text"].str.upper()), STARS)
    assert_same(pipeline, fitted)
    assert pipeline.score(X_TEST, STARS_TEST) == fitted.score(X_TEST, STARS_TEST)


@quick
def test_frozen_and_voting(fitted, model):
    assert_same(FrozenEstimator(fitted).fit(X, STARS), fitted)
    vote = VotingRegressor([("a", model), ("b", clone(model))]).fit(X_LABELLED, STARS_LABELLED)
    model.fit(X_LABELLED, STARS_LABELLED)
    np.testing.assert_allclose(vote.predict(X_TEST), model.predict(X_TEST))


@quick
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
