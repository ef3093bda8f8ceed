"""Scores by language, and where the search finds the language of a sample."""

import numpy as np
import pandas as pd
import pytest
from search_cases import (
    FRAME,
    KNOWN,
    LANGUAGE,
    NUMERIC_C,
    TIMES,
    Known,
    X,
    Y,
    failing,
    folds_of,
    make_numeric,
    make_search,
    two_scores,
)
from search_texts import PAIR, PAIR_Y, TEXT_LANGUAGE, TEXTS
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from tiny import make_classifier

from metaling_sk import LeaveOneLanguageOut, LinearTransferClassifier
from metaling_sk.meta_param._folds import read_data


def test_scores_by_language_are_those_of_their_rows():
    folds = list(StratifiedKFold(3).split(X, Y))
    search = make_search(make_numeric(), NUMERIC_C, cv=folds).fit(FRAME, Y)
    results = search.cv_results_
    for number, params in enumerate(results["params"]):
        losses = {"en": [], "zh": []}
        for train, test in folds:
            model = make_numeric().set_params(**params).fit(FRAME.iloc[train], Y[train])
            for code, found in losses.items():
                rows = test[LANGUAGE[test] == code]
                found.append(-log_loss(Y[rows], model.predict_proba(FRAME.iloc[rows])))
        for code, found in losses.items():
            assert results[f"mean_test_score_{code}"][number] == pytest.approx(np.mean(found))
            assert results[f"std_test_score_{code}"][number] == pytest.approx(np.std(found))
        assert results["worst_test_score"][number] == pytest.approx(
            min(map(np.mean, losses.values()))
        )


def test_a_language_is_absent_from_a_test_part():
    search = make_search(make_numeric(), NUMERIC_C, cv=LeaveOneLanguageOut()).fit(FRAME, Y)
    results = search.cv_results_
    np.testing.assert_allclose(results["mean_test_score_en"], results["split0_test_score"])
    np.testing.assert_allclose(results["mean_test_score_zh"], results["split1_test_score"])
    assert (results["std_test_score_en"] == 0).all()
    lower = np.minimum(results["split0_test_score"], results["split1_test_score"])
    np.testing.assert_allclose(results["worst_test_score"], lower)


def test_a_metric_that_a_language_has_no_score_of():
    """Such as the ROC AUC of a language with one class: it is left out, without a warning."""
    y = np.where(LANGUAGE == "en", 1, Y)
    search = make_search(make_numeric(), NUMERIC_C, scoring="roc_auc").fit(FRAME, y)
    assert np.isnan(search.cv_results_["mean_test_score_en"]).all()
    np.testing.assert_array_equal(
        search.cv_results_["worst_test_score"], search.cv_results_["mean_test_score_zh"]
    )


def test_several_metrics_by_language():
    scoring = {"accuracy": "accuracy", "accuracy_en": "neg_log_loss"}
    search = make_search(make_numeric(), NUMERIC_C, scoring=scoring, refit="accuracy")
    results = search.fit(FRAME, Y).cv_results_
    assert {"mean_test_accuracy_zh", "worst_test_accuracy", "mean_test_accuracy_en_en"} <= set(
        results
    )
    assert (results["mean_test_accuracy_en"] < 0).all()  # the metric of this name
    with failing("refit must be set to a scorer key"):
        search.set_params(scoring=two_scores, refit="accuracy_en").fit(FRAME, Y)


SELECT = [{"en": [0.99], "zh": [0.45]}, {"en": [0.6], "zh": [0.6]}]


@pytest.mark.parametrize("search", ["random", "halving"])
def test_the_worst_language_selects(search):
    parameters = {"search": search, "resource": "epochs", "max_resources": 2, "factor": 2}
    parameters |= {"n_iter": 2, "cv": 2}
    mean = make_search(Known(), SELECT, **parameters).fit(KNOWN, Y)
    assert mean.best_params_["en"] == 0.99
    assert mean.best_score_ == pytest.approx(np.log([0.99, 0.45]).mean())
    worst = make_search(Known(), SELECT, select="worst_language", **parameters).fit(KNOWN, Y)
    assert worst.best_params_["en"] == 0.6
    assert worst.best_score_ == pytest.approx(np.log(0.6))


def test_select_of_a_metric():
    search = make_search(
        Known(),
        SELECT,
        n_iter=2,
        cv=2,
        select="worst_language",
        scoring=["accuracy", "neg_log_loss"],
        refit="accuracy",
    ).fit(KNOWN, Y)
    assert search.best_params_["zh"] == 0.6
    assert search.best_score_ == 1
    with failing("`refit` must name the metric by which .*select='worst_language'"):
        search.set_params(refit=False).fit(KNOWN, Y)


@pytest.mark.parametrize("scoring", [None, "accuracy", ["neg_log_loss", "accuracy"]])
def test_the_language_of_texts_as_metadata(scoring):
    model = LinearTransferClassifier(target_languages="zh", n_topics=1, random_state=0)
    refit = "accuracy" if isinstance(scoring, list) else True
    search = make_search(model, {"C": [0.1, 2.0]}, n_iter=2, cv=2, scoring=scoring, refit=refit)
    passed = clone(search).fit(TEXTS, PAIR_Y, language=TEXT_LANGUAGE)
    in_frame = search.fit(PAIR, PAIR_Y)
    assert set(passed.cv_results_) == set(in_frame.cv_results_)
    assert any(name.endswith("_zh") for name in passed.cv_results_)
    for name in set(passed.cv_results_) - TIMES - {"params", "failure"}:
        np.testing.assert_array_equal(passed.cv_results_[name], in_frame.cv_results_[name])
    np.testing.assert_array_equal(
        passed.best_estimator_.predict_proba(TEXTS, language=TEXT_LANGUAGE),
        in_frame.predict_proba(PAIR),
    )


@pytest.mark.parametrize("form", [pd.DataFrame.to_numpy, list])
def test_the_language_in_rows_of_texts(form):
    rows = list(zip(TEXTS, TEXT_LANGUAGE, strict=True)) if form is list else form(PAIR)
    model = make_pipeline("passthrough", make_classifier(target_languages="zh"))
    found, folds = folds_of(model, rows, PAIR_Y, 2)
    expected, folds_in_frame = folds_of(model, PAIR, PAIR_Y, 2)
    np.testing.assert_array_equal(found.language, expected.language)
    for fold, fold_in_frame in zip(folds, folds_in_frame, strict=True):
        np.testing.assert_array_equal(np.concatenate(fold), np.concatenate(fold_in_frame))


def test_rows_that_hold_no_language():
    rows = PAIR.to_numpy()
    pairs = make_classifier(text_column=["text", "other"])
    assert read_data(pairs, rows, PAIR_Y, None).language is None
    threes = np.c_[rows[:, :1], rows]
    assert set(read_data(pairs, threes, PAIR_Y, None).language) == {"en", "zh"}
    assert read_data(make_classifier(), threes, PAIR_Y, None).language is None
    assert read_data(LogisticRegression(), rows, np.arange(len(rows)) % 2, None).language is None


def test_predictions_get_the_language():
    """A model that saw two languages, and is scored as if all were one, would score differently."""
    model = make_classifier(target_languages="zh", max_epochs=1)
    y = np.where(np.isnan(PAIR_Y), 0, PAIR_Y)
    folds = [(np.arange(0, 40, 2), np.arange(1, 40, 2))]
    search = make_search(model, {"learning_rate": [0.01]}, n_iter=1, cv=folds, random_state=3)
    search.fit(TEXTS, y, language=TEXT_LANGUAGE)
    frame = clone(search).fit(PAIR, y)
    assert search.cv_results_["mean_test_score"] == frame.cv_results_["mean_test_score"]
    assert search.cv_results_["mean_test_score_zh"] == frame.cv_results_["mean_test_score_zh"]


def test_one_language_for_all():
    data = read_data(LogisticRegression(), X, Y, "en")
    assert set(data.language) == {"en"} and len(data.language) == 60


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (["en"] * 59, "X has 60 rows, `language` has 59"),
        ([None] + ["en"] * 59, "`language` holds something else in row 0"),
        (["zh"] * 60, "disagree"),
    ],
)
def test_languages_that_are_refused(language, message):
    frame = FRAME if "disagree" in message else FRAME.drop(columns="language")
    with failing(message):
        make_search(make_numeric(), NUMERIC_C).fit(frame, Y, language=language)


class Holder(BaseEstimator):
    """An estimator with a language column that holds one with another."""

    def __init__(self, language_column="lang", source=None):
        self.language_column = language_column
        self.source = source


def test_the_language_column_is_the_one_of_the_estimator():
    frame = PAIR.rename(columns={"language": "lang"})
    model = LinearTransferClassifier(target_languages="zh", language_column="lang", n_topics=1)
    holder = Holder(source=LinearTransferClassifier())
    for estimator in (model, make_pipeline("passthrough", model), make_pipeline(holder), holder):
        assert set(read_data(estimator, frame, PAIR_Y, None).language) == {"en", "zh"}
    data, folds = folds_of(model, frame, PAIR_Y, LeaveOneLanguageOut())
    assert len(folds) == 2
