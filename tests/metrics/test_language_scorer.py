import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scorer_cases import Given, make_numbers
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_squared_error,
    roc_auc_score,
    zero_one_loss,
)
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline

from metaling_sk import LanguageStandardScaler, MetaParamSearchCV, StratifiedLanguageKFold
from metaling_sk.metrics import make_language_scorer

X, Y = make_numbers(shift=3.0)
X = pd.concat([X, X[:20].assign(language="sw", v0=0.0)], ignore_index=True)
Y = np.r_[Y, Y[:20]]
NUMBERS, LANGUAGE = X.drop(columns="language").to_numpy(), X["language"].to_numpy()
MODEL = make_pipeline(
    make_column_transformer(("passthrough", ["v0", "v1", "v2", "v3"])), LogisticRegression()
).fit(X, Y)


def scores_by_language(scorer):
    parts = [LANGUAGE == name for name in ("en", "sw", "zh")]
    return np.array([scorer(MODEL, X[part], Y[part]) for part in parts])


@pytest.mark.parametrize(
    "metric, response_method, sign, kwargs",
    [
        (accuracy_score, "predict", 1, {}),
        (f1_score, "predict", 1, {"average": "macro"}),
        (f1_score, "predict", 1, {"pos_label": 0}),
        (zero_one_loss, "predict", -1, {}),
        (roc_auc_score, "decision_function", 1, {}),
        (log_loss, "predict_proba", -1, {}),
    ],
)
def test_each_language_is_scored_as_sklearn_does(metric, response_method, sign, kwargs):
    parameters = {"response_method": response_method, "greater_is_better": sign > 0, **kwargs}
    expected = scores_by_language(make_scorer(metric, **parameters))
    assert len(set(expected)) > 1
    for aggregate, value in {
        "mean": expected.mean(),
        "min": expected.min(),
        "gap": expected.min() - expected.max(),
    }.items():
        scorer = make_language_scorer(metric, aggregate=aggregate, **parameters)
        assert scorer(MODEL, X, Y) == pytest.approx(value, abs=1e-12)
        assert isinstance(scorer(MODEL, X, Y), float)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "neg_log_loss", "roc_auc"])
def test_scorers_have_names(name):
    scorer, expected = make_language_scorer(name), scores_by_language(get_scorer(name))
    assert scorer(MODEL, X, Y) == pytest.approx(expected.mean())
    worst = make_language_scorer(name, aggregate="min")
    assert cross_val_score(MODEL, X, Y, cv=StratifiedKFold(2), scoring=worst).shape == (2,)
    assert worst(MODEL, X, Y) == pytest.approx(expected.min())
    with pytest.raises(ValueError, match="leave these out"):
        make_language_scorer(name, greater_is_better=False)


def test_the_positive_class_may_be_the_first():
    def brier(y_true, y_proba, *, pos_label):
        return np.mean(((y_true == pos_label) - y_proba) ** 2)

    X = pd.DataFrame({"p0": [0.9, 0.2], "p1": [0.1, 0.8], "language": ["en", "zh"]})
    model = Given(("no", "yes"))
    for pos_label, expected in (("no", 0.025), ("yes", 0.025)):
        scorer = make_language_scorer(brier, response_method="predict_proba", pos_label=pos_label)
        assert scorer(model, X, ["no", "yes"]) == pytest.approx(expected)
    scorer = make_language_scorer(brier, response_method="predict_proba", pos_label="maybe")
    with pytest.raises(ValueError, match="`pos_label` of the metric must be one of"):
        scorer(model, X, ["no", "yes"])


@pytest.mark.parametrize("aggregate", ["mean", "min", "gap"])
def test_searches_take_it(aggregate):
    scorer = make_language_scorer(accuracy_score, aggregate=aggregate)
    folds = StratifiedLanguageKFold(2, random_state=0)
    grid = {"logisticregression__C": [1e-4, 1.0]}
    expected = [
        cross_val_score(clone(MODEL).set_params(**{name: C}), X, Y, cv=folds, scoring=scorer).mean()
        for name, values in grid.items()
        for C in values
    ]
    sklearns = GridSearchCV(MODEL, grid, cv=folds, scoring=scorer).fit(X, Y)
    ours = MetaParamSearchCV(
        MODEL, grid, n_iter=2, cv=folds, scoring=scorer, random_state=0, verbose=0
    ).fit(X, Y)
    for search in (sklearns, ours):
        order = np.argsort(
            [params["logisticregression__C"] for params in search.cv_results_["params"]]
        )
        np.testing.assert_allclose(search.cv_results_["mean_test_score"][order], expected)
        assert search.score(X, Y) == scorer(search.best_estimator_, X, Y)


class TakesLanguage(ClassifierMixin, BaseEstimator):
    """Predicts the first class in English and the second in all other languages."""

    def fit(self, X, y, language=None):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X, language=None):
        return self.classes_[(np.asarray(language) != "en").astype(int)]


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_are_scored(sign):
    y = NUMBERS[:, 0] + 0.5
    model = DummyRegressor(strategy="constant", constant=1.5).fit(X, y)
    errors = [
        mean_squared_error(y[LANGUAGE == name], [1.5] * sum(LANGUAGE == name))
        for name in np.unique(LANGUAGE)
    ]
    scorer = make_language_scorer(mean_squared_error, greater_is_better=sign > 0)
    assert scorer(model, X, y) == pytest.approx(sign * np.mean(errors))


def test_languages_beside_numbers():
    scorer = make_language_scorer(accuracy_score, aggregate="min")
    model = LogisticRegression().fit(NUMBERS, Y)
    expected = scorer(MODEL, X, Y)
    assert scorer(model, NUMBERS, Y, language=LANGUAGE) == pytest.approx(expected)
    y = np.where(LANGUAGE == "en", "a", "b")
    assert scorer(TakesLanguage().fit(NUMBERS, y), NUMBERS, y, language=LANGUAGE) == 1


def test_languages_are_routed_as_metadata():
    scorer = make_language_scorer(accuracy_score, aggregate="min")
    folds = StratifiedKFold(3)
    expected = cross_val_score(MODEL, X, Y, cv=folds, scoring=scorer)
    with config_context(enable_metadata_routing=True):
        found = cross_val_score(
            LogisticRegression(),
            NUMBERS,
            Y,
            cv=folds,
            scoring=scorer,
            params={"language": LANGUAGE},
        )
        np.testing.assert_allclose(found, expected)
        scaler = LanguageStandardScaler().set_fit_request(language=True)
        scaler.set_transform_request(language=True)
        model = make_pipeline(scaler, LogisticRegression())
        each = [np.flatnonzero(np.arange(len(Y)) // 2 % 2 == part) for part in (0, 1)]
        search = GridSearchCV(model, {"logisticregression__C": [1.0]}, cv=[each], scoring=scorer)
        search.fit(NUMBERS, Y, language=LANGUAGE)
        fitted = search.best_estimator_
        predicted = fitted.predict(NUMBERS, language=LANGUAGE)
        expected = min(
            accuracy_score(Y[LANGUAGE == name], predicted[LANGUAGE == name])
            for name in set(LANGUAGE)
        )
        assert search.score(NUMBERS, Y, language=LANGUAGE) == expected
        renamed = make_language_scorer(accuracy_score).set_score_request(language="tongue")
        found = cross_val_score(
            LogisticRegression(), NUMBERS, Y, scoring=renamed, params={"tongue": LANGUAGE}
        )
        assert np.isfinite(found).all()


@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn")
def test_scorers_that_sklearn_makes_of_it_keep_the_languages():
    # TunedThresholdClassifierCV takes the metric out of the scorer, and so does
    # LogisticRegressionCV where the metric has `labels`.
    scorer = make_language_scorer(f1_score, aggregate="min", average="macro")
    y = np.where(np.arange(len(Y)) % 7, Y, 1 - Y)
    everything = np.arange(len(y))
    cv = [(everything, everything)]
    tuned = TunedThresholdClassifierCV(LogisticRegression(), scoring=scorer, cv=cv)
    chosen = LogisticRegressionCV(Cs=[1.0], scoring=scorer, cv=cv)
    for model in (tuned, chosen):
        with pytest.raises(ValueError, match="The language scorer found no language"):
            model.fit(NUMBERS, y)
    with config_context(enable_metadata_routing=True):
        for model in (tuned, chosen):
            model.fit(NUMBERS, y, language=LANGUAGE)
        expected = scorer(tuned, NUMBERS, y, language=LANGUAGE)
        assert tuned.best_score_ == pytest.approx(expected)
        expected = scorer(chosen, NUMBERS, y, language=LANGUAGE)
    scores = chosen.scores_[1] if isinstance(chosen.scores_, dict) else chosen.scores_
    assert np.ravel(scores) == pytest.approx(expected)


def test_sample_weight():
    y = np.where(np.arange(len(Y)) % 7, Y, 1 - Y)
    weight = 1.0 + np.arange(len(y)) % 5
    scorer = make_language_scorer(accuracy_score)
    parts = [LANGUAGE == name for name in np.unique(LANGUAGE)]
    right = MODEL.predict(X) == y
    expected = np.mean([np.average(right[part], weights=weight[part]) for part in parts])
    assert expected != pytest.approx(scorer(MODEL, X, y))
    assert scorer(MODEL, X, y, sample_weight=weight) == pytest.approx(expected)
    permutation_importance(MODEL, X, y, scoring=scorer, n_repeats=1, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        weighted = make_language_scorer(accuracy_score).set_score_request(sample_weight=True)
        model = LogisticRegression().set_fit_request(sample_weight=False)
        cv = [(np.arange(len(y)), np.arange(len(y)))]
        search = GridSearchCV(model, {"C": [1.0]}, cv=cv, scoring=weighted)
        search.fit(NUMBERS, y, language=LANGUAGE, sample_weight=weight)
        expected = scorer(search, NUMBERS, y, language=LANGUAGE, sample_weight=weight)
    assert search.best_score_ == pytest.approx(expected)


def test_copies_score_alike():
    scorer = make_language_scorer(f1_score, aggregate="gap", average="macro")
    text = "f1_score, response_method='predict', average=macro, aggregate='gap'"
    for copy in (clone(scorer, safe=False), pickle.loads(pickle.dumps(scorer))):
        assert copy(MODEL, X, Y) == scorer(MODEL, X, Y)
        assert repr(copy) == f"make_language_scorer({text})"
    assert get_scorer(scorer) is scorer


def test_what_it_refuses():
    scorer = make_language_scorer(accuracy_score)
    y = Y.astype(float)
    y[[3, 5]] = np.nan
    with pytest.raises(ValueError, match="y has no label in rows 3, 5; leave these rows out"):
        scorer(MODEL, X, y)
    with pytest.raises(ValueError, match="The language scorer found no language: X has no column"):
        scorer(MODEL, NUMBERS, Y)
    with pytest.raises(ValueError, match="disagree"):
        scorer(MODEL, X, Y, language="en")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        scorer(MODEL, X, Y[:2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        scorer(MODEL, X, Y, sample_weight=[1.0])
    with pytest.raises(ValueError, match="'aggregate' parameter of make_language_scorer"):
        make_language_scorer(accuracy_score, aggregate="max")
    with pytest.raises(ValueError, match="'metric' parameter of make_language_scorer"):
        make_language_scorer("accurate")


def test_a_language_in_which_the_metric_is_undefined_is_named():
    y = np.where(LANGUAGE == "sw", 0, Y)
    failing = make_language_scorer(log_loss, response_method="predict_proba")
    with pytest.raises(ValueError, match="failed in the language 'sw': y_true contains only one"):
        failing(MODEL, X, y)
    undefined = make_language_scorer(lambda y_true, y_pred: np.nan if y_true.max() == 0 else 1.0)
    with pytest.raises(ValueError, match=r"got nan in 'sw' \(20 rows\)"):
        undefined(MODEL, X, y)
    with pytest.warns(UserWarning, match="got nan in 'sw'"):
        scores = cross_val_score(
            MODEL, X, y, cv=[(range(len(y)), range(len(y)))], scoring=undefined
        )
    assert np.isnan(scores).all()


def test_several_labels():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(40, 2))
    X = pd.DataFrame(y + 0.7 * rng.normal(size=y.shape), columns=["a", "b"])
    model = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    languages = np.repeat(["en", "zh"], 20)
    for metric, method, average in (
        (f1_score, "predict", "macro"),
        (roc_auc_score, "predict_proba", "macro"),
        (roc_auc_score, "decision_function", "macro"),
    ):
        scorer = make_language_scorer(metric, response_method=method, average=average)
        response = getattr(model, method)(X)
        parts = [languages == name for name in ("en", "zh")]
        expected = np.mean([metric(y[part], response[part], average=average) for part in parts])
        assert scorer(model, X, y, language=languages) == pytest.approx(expected)
    f1 = make_language_scorer(f1_score, average="macro")
    sparse = OneVsRestClassifier(LogisticRegression()).fit(X, csr_array(y))
    assert f1(sparse, X, csr_array(y), language=languages) == f1(model, X, y, language=languages)
    # Its predict_proba returns a list.
    each = MultiOutputClassifier(LogisticRegression()).fit(X, y)
    auc = make_language_scorer(roc_auc_score, response_method="predict_proba")
    assert auc(each, X, y, language=languages) == auc(model, X, y, language=languages)
