"""What all scorers without target labels share."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scorer_cases import SCORERS, Given, make_given, make_numbers
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from metaling_sk import LinearTransferClassifier, MetaParamSearchCV, StratifiedLanguageKFold
from metaling_sk.metrics import (
    CircularValidation,
    ImportanceWeightedScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
)

RNG = np.random.default_rng(0)
X, IS_TARGET = make_given(RNG.dirichlet([2, 2], 40), RNG.dirichlet([1, 2], 30))
Y = np.where(IS_TARGET, np.nan, RNG.integers(2, size=70))
ZH = make_given(RNG.dirichlet([1, 2], 5), RNG.dirichlet([1, 1], 5))[0].assign(language="id")
FOLDS = StratifiedLanguageKFold(2, score_unlabelled=True, random_state=0)


def make_linear(**parameters):
    return LinearTransferClassifier(n_topics=1, random_state=0, **parameters)


@pytest.mark.parametrize("scorer", SCORERS)
def test_languages_are_named_or_known_by_their_labels(scorer):
    expected = scorer()(Given(), X, Y)
    assert isinstance(expected, float)
    with_third = pd.concat([X, ZH], ignore_index=True)
    y = np.r_[Y, np.zeros(len(ZH))]
    named = scorer(source_languages="en", target_languages=["zh"])
    assert named(Given(), with_third, y) == expected
    all_labelled = np.where(IS_TARGET, 1, Y)
    assert scorer(source_languages=["en"])(Given(), X, all_labelled) == expected
    assert scorer(target_languages="zh")(Given(), X, all_labelled) == expected


@pytest.mark.parametrize(
    "scorer", [partial(PredictionEntropyScorer, calibrated=False), SoftNeighborhoodDensity]
)
def test_scores_of_target_rows_need_neither_labels_nor_source_rows(scorer):
    expected = scorer()(Given(), X, Y)
    assert scorer(target_languages="zh")(Given(), X) == expected
    assert scorer(source_languages="en")(Given(), X[IS_TARGET]) == expected


@pytest.mark.parametrize("scorer", SCORERS)
def test_forms_of_labels_and_languages(scorer):
    expected = pytest.approx(scorer()(Given(), X, Y), rel=1e-12)
    names = np.array(["no", "yes"], dtype=object)
    y = [None if np.isnan(label) else names[int(label)] for label in Y]
    assert scorer()(Given(("no", "yes")), X, y) == expected
    marked = np.where(IS_TARGET, -1, Y)
    assert scorer(missing_label=-1)(Given(), X, marked) == expected
    renamed = X.rename(columns={"language": "code"})
    numbers, languages = X.drop(columns="language").to_numpy(), X["language"].tolist()
    assert scorer()(Given(), numbers, Y, language=languages) == expected
    with pytest.raises(ValueError, match="no column 'language'. Name it in `language_column`"):
        scorer()(Given(), renamed, Y)


@pytest.mark.parametrize("scorer", SCORERS)
def test_what_they_refuse(scorer):
    with pytest.raises(ValueError, match=f"{scorer.__name__} found no row of a target language"):
        scorer()(Given(), X, np.zeros(70))
    with pytest.raises(ValueError, match="'zh'. stand in `source_languages` and in `target"):
        scorer(source_languages=["en", "zh"], target_languages="zh")(Given(), X, Y)
    with pytest.raises(ValueError, match="'target_languages' parameter of"):
        scorer(target_languages=3)(Given(), X, Y)


@pytest.mark.parametrize(
    "scorer", [CircularValidation, ImportanceWeightedScorer, PredictionEntropyScorer]
)
def test_scores_of_source_rows_need_their_labels(scorer):
    with pytest.raises(ValueError, match="no labelled row of a source language"):
        scorer()(Given(), X, np.full(70, np.nan))
    with pytest.raises(ValueError, match="no labelled row of a source language"):
        scorer()(Given(), X[IS_TARGET], Y[IS_TARGET])


@pytest.mark.parametrize("scorer", SCORERS)
def test_copies_score_alike(scorer):
    original = scorer(target_languages="zh")
    expected = original(Given(), X, Y)
    for copy in (clone(original), pickle.loads(pickle.dumps(original))):
        assert copy(Given(), X, Y) == expected
        assert repr(copy) == f"{scorer.__name__}(target_languages='zh')"


@pytest.mark.parametrize("scorer", SCORERS)
def test_searches_take_them(scorer):
    X, truth = make_numbers()
    y = np.where(X["language"] == "zh", np.nan, truth)
    grid = {"C": [0.01, 1.0]}
    expected = [
        cross_val_score(make_linear(C=C), X, y, cv=FOLDS, scoring=scorer()).mean()
        for C in grid["C"]
    ]
    assert np.isfinite(expected).all()
    sklearns = GridSearchCV(make_linear(), grid, cv=FOLDS, scoring=scorer()).fit(X, y)
    ours = MetaParamSearchCV(
        make_linear(), grid, n_iter=2, cv=2, scoring=scorer(), random_state=0, verbose=0
    ).fit(X, y)
    for search in (sklearns, ours):
        order = np.argsort([params["C"] for params in search.cv_results_["params"]])
        np.testing.assert_allclose(search.cv_results_["mean_test_score"][order], expected)
    assert ours.score(X, y) == scorer()(ours.best_estimator_, X, y)


@pytest.mark.parametrize("scorer", SCORERS)
def test_the_language_is_routed(scorer):
    frame, truth = make_numbers()
    X, language = frame.drop(columns="language").to_numpy(), frame["language"].to_numpy()
    y = np.where(language == "zh", np.nan, truth)
    expected = cross_val_score(make_linear(), frame, y, cv=FOLDS, scoring=scorer())
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            make_linear().set_fit_request(language=True),
            X,
            y,
            cv=FOLDS,
            scoring=scorer(),
            params={"language": language, "groups": language},
        )
    np.testing.assert_allclose(scores, expected)


@pytest.mark.parametrize("scorer", SCORERS)
def test_any_classifier_of_scikit_learn_is_scored(scorer):
    X, truth = make_numbers()
    y = np.where(X["language"] == "zh", np.nan, truth)
    drop = FunctionTransformer(lambda X: X.drop(columns="language"))
    model = make_pipeline(drop, LogisticRegression()).fit(X[:60], y[:60].astype(int))
    assert np.isfinite(scorer()(model, X, y))
