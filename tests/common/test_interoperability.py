"""Our suite: classifiers of every kind among the tools of scikit-learn."""

import numpy as np
import pytest
from estimators import (
    X_LABELLED,
    X_TEST,
    Y_LABELLED,
    Y_TEST,
    X,
    Y,
    assert_same_predictions,
    lower,
)
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import DICTIONARY

from metaling_sk import DictionaryTranslator, MetaNetClassifier
from metaling_sk.metrics import language_report

MODELS = ["characters", "linear", "meta network"]
"""One of each estimator, and of each kind of input: the tools see no more of them."""
not_a_search = pytest.mark.parametrize("name", MODELS, indirect=True)


@pytest.fixture(params=[*MODELS, "search"])
def name(request):
    return request.param


@not_a_search
def test_cross_validation(model):
    scores = cross_val_score(model, X_LABELLED, Y_LABELLED, cv=2, error_score="raise")
    assert scores.shape == (2,) and np.isfinite(scores).all()
    probabilities = cross_val_predict(model, X_LABELLED, Y_LABELLED, cv=2, method="predict_proba")
    assert probabilities.shape == (len(Y_LABELLED), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    found = cross_validate(
        model,
        X_LABELLED,
        Y_LABELLED,
        cv=2,
        scoring=["accuracy", "neg_log_loss", "roc_auc"],
        error_score="raise",
    )
    np.testing.assert_array_equal(found["test_accuracy"], scores)


@not_a_search
def test_the_language_survives_cross_validation(model):
    """Folds predict what the same model predicts that is fitted on the other rows by hand."""
    folds = [(np.arange(0, 60, 2), np.arange(1, 60, 2))]
    found = cross_validate(
        model, X_LABELLED, Y_LABELLED, cv=folds, scoring="neg_log_loss", return_estimator=True
    )
    (estimator,) = found["estimator"]
    by_hand = model.fit(X_LABELLED[::2], Y_LABELLED[::2])
    assert_same_predictions(estimator, by_hand, X_LABELLED[1::2])
    if not isinstance(estimator, MetaNetClassifier):
        assert estimator.target_languages_ == ["zh"]


GRIDS = {"linear": {"C": [0.1, 2.0]}}


@not_a_search
def test_grid_search(name, model):
    grid = GRIDS.get(name, {"learning_rate": [1e-4, 1e-2]})
    search = GridSearchCV(model, grid, cv=2, error_score="raise", scoring="neg_log_loss")
    search.fit(X_LABELLED, Y_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = clone(model).set_params(**search.best_params_).fit(X_LABELLED, Y_LABELLED)
    assert_same_predictions(search, best)


@not_a_search
def test_scores_of_each_language_in_a_grid_search(name, model):
    def language_accuracies(estimator, X, y):
        report = language_report(y, estimator.predict(X), X["language"])
        return {code: report.loc[code, "accuracy"] for code in ("en", "zh")}

    grid = GRIDS.get(name, {"max_epochs": [1, 2]})
    search = GridSearchCV(
        model, grid, cv=2, scoring=language_accuracies, refit="zh", error_score="raise"
    ).fit(X_LABELLED, Y_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_zh"]).all()
    assert np.isfinite(search.cv_results_["mean_test_en"]).all()


@not_a_search
def test_pipeline_behind_a_dictionary_translator(model):
    translator = DictionaryTranslator(
        DICTIONARY, target_language="zh", min_length=2, random_state=0
    )
    if "dictionary" in model.get_params():
        model.set_params(dictionary=None)
    pipeline = make_pipeline(translator, model).fit(X, Y)
    translated = translator.transform(X)
    assert_same_predictions(pipeline, clone(model).fit(translated, Y), X, translated)
    assert pipeline[:-1].transform(X_TEST)["language"].tolist() == X_TEST["language"].tolist()


def test_pipeline_behind_a_function(model, fitted):
    pipeline = Pipeline([("lower", FunctionTransformer(lower)), ("model", model)])
    shouted = X.assign(text=X["text"].str.upper())
    pipeline.fit(shouted, Y)
    assert_same_predictions(pipeline, fitted)
    assert pipeline.score(X_TEST, Y_TEST) == fitted.score(X_TEST, Y_TEST)
    assert pipeline.classes_.tolist() == [0, 1]


def test_frozen(fitted):
    frozen = FrozenEstimator(fitted).fit(X, Y)
    assert_same_predictions(frozen, fitted)
    assert clone(frozen).estimator is fitted


def test_calibration(model, fitted):
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X_LABELLED, Y_LABELLED)
    np.testing.assert_allclose(calibrated.predict_proba(X_TEST).sum(axis=1), 1)
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X_LABELLED, Y_LABELLED)
    assert calibrated.predict(X_TEST).shape == (len(X_TEST),)


def test_voting(fitted, model):
    vote = VotingClassifier([("a", model), ("b", clone(model))], voting="soft")
    vote.fit(X_LABELLED, Y_LABELLED)
    np.testing.assert_allclose(
        vote.predict_proba(X_TEST), model.fit(X_LABELLED, Y_LABELLED).predict_proba(X_TEST)
    )


@not_a_search
def test_language_is_routed(model):
    texts = X_LABELLED["text"].tolist()
    language = X_LABELLED["language"].to_numpy()
    in_frame = cross_val_score(model, X_LABELLED, Y_LABELLED, cv=2, error_score="raise")
    with config_context(enable_metadata_routing=True):
        asking = clone(model).set_fit_request(language=True).set_score_request(language=True)
        routed = cross_val_score(
            asking, texts, Y_LABELLED, cv=2, params={"language": language}, error_score="raise"
        )
        np.testing.assert_array_equal(routed, in_frame)
        asking.set_predict_request(language=True).set_predict_proba_request(language=True)
        pipeline = make_pipeline(FunctionTransformer(None), asking)
        pipeline.fit(texts, Y_LABELLED, language=language)
        model.fit(X_LABELLED, Y_LABELLED)
        np.testing.assert_array_equal(
            pipeline.predict_proba(texts, language=language), model.predict_proba(X_LABELLED)
        )
        assert pipeline.score(texts, Y_LABELLED, language=language) == model.score(
            X_LABELLED, Y_LABELLED
        )
        search = GridSearchCV(asking, {"class_weight": [None, "balanced"]}, cv=2)
        search.fit(texts, Y_LABELLED, language=language)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@not_a_search
def test_scores_are_weighted(fitted):
    right = fitted.predict(X_TEST) == Y_TEST
    weights = np.where(right, 1.0, 3.0)
    expected = accuracy_score(Y_TEST, fitted.predict(X_TEST), sample_weight=weights)
    assert fitted.score(X_TEST, Y_TEST, sample_weight=weights) == expected
    assert make_scorer(accuracy_score)(fitted, X_TEST, Y_TEST) == fitted.score(X_TEST, Y_TEST)
