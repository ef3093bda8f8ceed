"""Heads for numbers on fixed inputs: they are where the objective is least."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import huber
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.metrics import r2_score
from tiny import DICTIONARY, as_stars, make_pair, make_regressor

from metaling_sk import TransferRegressor, load
from metaling_sk.transfer._ridge import PENALTIES, Summand, fit_ridge

RNG = np.random.default_rng(0)
N_FEATURES = 100
WEIGHT = RNG.normal(size=N_FEATURES)
X, X_TEST = (RNG.normal(size=(n, N_FEATURES)) for n in (300, 1000))
TOTAL, TOTAL_TEST = X @ WEIGHT, X_TEST @ WEIGHT
LANGUAGE = np.resize(["de", "en", "zh"], 300)
ONLY_CHINESE_LACKS = np.where(LANGUAGE == "zh", np.nan, TOTAL)


def regressor(**parameters):
    return TransferRegressor(**{"verbose": 0, "random_state": 0} | parameters)


def head(model):
    network = model.net_.module_
    return np.r_[network.head.weight.detach().numpy()[0], network.head.bias.detach().numpy()]


def summand(x, y, *, epsilon=np.inf, share=1.0, language_index=None):
    index = np.ones(len(y), dtype=int) if language_index is None else language_index
    return Summand(x, y, index, epsilon, share)


# What is predicted


def test_numbers_that_are_linear_are_found():
    model = regressor().fit(X, TOTAL)
    assert model.score(X_TEST, TOTAL_TEST) > 0.999
    assert model.n_iter_ == 0
    # Ten epochs from zero do not get there.
    trained = regressor(learning_rate=model.learning_rate_, max_epochs=10).fit(X, TOTAL)
    assert trained.n_iter_ > 0
    assert trained.score(X_TEST, TOTAL_TEST) < 0.9


@pytest.mark.parametrize("noise", [1, 5, 10])
def test_it_is_about_as_good_as_ridge_regression_with_the_best_penalty(noise):
    y = TOTAL + noise * np.random.default_rng(1).normal(size=300)
    score = regressor().fit(X, y).score(X_TEST, TOTAL_TEST)
    best = max(Ridge(alpha).fit(X, y).score(X_TEST, TOTAL_TEST) for alpha in N_FEATURES * PENALTIES)
    assert score > best - 0.05


def test_it_is_ridge_regression_of_the_standardised_source_rows():
    y = TOTAL + 5 * np.random.default_rng(1).normal(size=300)
    is_zh = LANGUAGE == "zh"
    model = regressor().fit(X, np.where(is_zh, np.nan, y), language=LANGUAGE)
    scaled = model.transform(X, language=LANGUAGE)
    norm = np.square(scaled[~is_zh]).sum(axis=1).mean()
    ridges = [Ridge(norm * each).fit(scaled[~is_zh], y[~is_zh]) for each in PENALTIES]
    predicted = model.predict(X, language=LANGUAGE)
    errors = [abs(ridge.predict(scaled) - predicted).max() for ridge in ridges]
    assert min(errors) < 1e-3
    assert model.transfer_ == []
    np.testing.assert_array_equal(model.source_model_.predict(X, language=LANGUAGE), predicted)


def test_seeds_and_the_order_of_columns_change_nothing():
    y = TOTAL + 5 * np.random.default_rng(1).normal(size=300)
    first = regressor(random_state=0).fit(X, y)
    np.testing.assert_array_equal(head(first), head(regressor(random_state=1).fit(X, y)))
    turned = regressor().fit(X[:, ::-1], y)
    np.testing.assert_allclose(
        turned.predict(X_TEST[:, ::-1]), first.predict(X_TEST), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("n_rows", [1, 2, 5, 9, 12, 40])
def test_few_rows_and_more_columns_than_rows(n_rows):
    model = regressor().fit(X[:n_rows], TOTAL[:n_rows])
    assert np.isfinite(model.predict(X_TEST)).all()
    assert r2_score(TOTAL_TEST, model.predict(X_TEST)) > -0.5


def test_constant_columns_and_constant_numbers():
    constant = np.column_stack([X, np.full(300, 7.0), np.zeros(300)])
    model = regressor().fit(constant, TOTAL)
    np.testing.assert_allclose(model.predict(constant), TOTAL, atol=0.1)
    np.testing.assert_array_equal(head(model)[N_FEATURES:-1], 0)
    np.testing.assert_array_equal(regressor().fit(X, np.full(300, 4.2)).predict(X_TEST), 4.2)
    np.testing.assert_allclose(
        regressor().fit(np.zeros((300, 2)), TOTAL).predict(np.zeros((1, 2))), TOTAL.mean()
    )


def test_equal_columns_share_the_weight():
    model = regressor().fit(np.hstack([X, X]), TOTAL)
    weights = head(model)[:-1]
    np.testing.assert_allclose(weights[:N_FEATURES], weights[N_FEATURES:], atol=1e-5)


def test_sparse_features_give_what_dense_ones_give():
    x = np.maximum(X, 0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = x @ WEIGHT
    model = regressor().fit(sparse.csr_array(x), y)
    assert model.score(sparse.csr_array(x), y) > 0.95
    coef, intercept = fit_ridge([summand(sparse.csr_array(x), y)])
    dense = fit_ridge([summand(x, y)])
    np.testing.assert_allclose(coef, dense[0], atol=1e-3)
    assert intercept == pytest.approx(dense[1], abs=1e-3)


def test_many_rows_choose_the_penalty_on_some():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9991, 5))
    y = x @ WEIGHT[:5] + rng.normal(size=9991)
    coef, intercept = fit_ridge([summand(x, y)])
    np.testing.assert_allclose(coef, LinearRegression().fit(x, y).coef_, atol=0.01)


def test_translations_in_the_same_order_do_not_make_the_penalty_smaller():
    """Each row comes twice, as in a corpus of two languages: the copy tells the noise, too."""
    rng = np.random.default_rng(0)
    x, x_test = rng.normal(size=(100, 80)), rng.normal(size=(1000, 80))
    noisy = x @ WEIGHT[:80] + 20 * rng.normal(size=100)
    twice = summand(np.vstack([x, x]), np.r_[noisy, noisy], language_index=np.repeat([1, 2], 100))
    as_one = summand(*(np.concatenate([a, a[::-1]]) for a in (x, noisy)))
    errors = [
        np.square(x_test @ (fit_ridge([each])[0] - WEIGHT[:80])).mean() for each in (twice, as_one)
    ]
    assert errors[0] < 0.7 * errors[1]


# What the objective says


@settings(max_examples=15)
@given(st.floats(0, 5), st.integers(1, 60), st.floats(0.2, 3) | st.just(np.inf))
def test_it_is_where_the_objective_is_least(weight, n_labels, epsilon):
    rng = np.random.default_rng(n_labels)
    x, y = rng.normal(size=(80 + n_labels, 3)), rng.standard_t(2, size=80 + n_labels)
    is_source = np.arange(len(y)) < 80
    parts = [summand(x[is_source], y[is_source], epsilon=epsilon)]
    if weight:
        parts.append(summand(x[~is_source], y[~is_source], epsilon=epsilon, share=weight))
    coef, intercept = fit_ridge(parts)
    each = np.where(is_source, 1 / 80, weight / n_labels)
    each = (each / each[each > 0].mean())[each > 0]
    x, y = x[: len(each)], y[: len(each)]

    def loss(error):
        return error**2 / 2 if np.isinf(epsilon) else huber(epsilon, error)

    def objective(parameters, alpha):
        errors = x @ parameters[:3] + parameters[3] - y
        return each @ loss(errors) + alpha * (parameters[:3] ** 2).sum() / 2

    found = np.r_[coef, intercept]
    excess = []
    for alpha in np.square(x).sum() / len(x) * PENALTIES:
        best = minimize(objective, found, args=(alpha,)).fun
        excess.append(objective(found, alpha) / best - 1)
    assert min(excess) < 1e-3


def test_target_labels_and_their_weight_count():
    y = np.where(LANGUAGE == "zh", -TOTAL, TOTAL)
    scores = []
    for weight in (0.0, 1.0, 1000.0):
        model = regressor(source_languages=["de", "en"], transfer_weight=weight)
        model.fit(X, y, language=LANGUAGE)
        assert model.transfer_ == ["labels"]
        chinese = LANGUAGE == "zh"
        scores.append(model.score(X[chinese], y[chinese], language="zh"))
        source = model.source_model_
        assert source.score(X[~chinese], y[~chinese], language=LANGUAGE[~chinese]) > 0.99
    assert scores == sorted(scores)
    assert scores[0] < 0 < 0.9 < scores[2]


def test_it_learns_from_a_teacher():
    teacher = Ridge().fit(X, -TOTAL)
    model = regressor(source=teacher, transfer_weight=1000.0)
    model.fit(X, ONLY_CHINESE_LACKS, language=LANGUAGE)
    assert model.transfer_ == ["distill"]
    chinese = LANGUAGE == "zh"
    predicted = model.predict(X[chinese], language="zh")
    assert r2_score(teacher.predict(X[chinese]), predicted) > 0.9
    # The network that is solved for first may be the teacher, too.
    own = regressor(transfer="distill").fit(X, ONLY_CHINESE_LACKS, language=LANGUAGE)
    assert own.score(X[chinese], TOTAL[chinese], language="zh") > 0.9


def test_a_teacher_without_source_languages_is_learnt_from():
    teacher = RidgeCV().fit(X, TOTAL)
    y = np.where(np.arange(300) < 20, TOTAL, np.nan)
    model = regressor(source=teacher, source_languages=[], target_languages="zh")
    model.fit(X, y, language="zh")
    assert model.transfer_ == ["distill"]
    assert model.score(X_TEST, TOTAL_TEST, language="zh") > 0.9
    nothing = regressor(source=teacher, transfer="distill", transfer_weight=0.0)
    nothing.fit(X, np.where(np.arange(300) < 1, TOTAL, np.nan), language=LANGUAGE)
    np.testing.assert_allclose(nothing.predict(X_TEST, language="zh"), TOTAL[0])


def test_outliers_count_less_with_the_huber_loss():
    y = TOTAL.copy()
    y[::20] += 1000
    squared, robust = (
        regressor(loss=loss, epsilon=0.02).fit(X, y) for loss in ("squared_error", "huber")
    )
    assert robust.score(X_TEST, TOTAL_TEST) > 0.9
    assert squared.score(X_TEST, TOTAL_TEST) < 0


def test_texts_with_code_switching():
    texts, labels = make_pair(60, 60)
    y = np.where(texts["language"] == "en", as_stars(make_pair(60, 60, n_labelled=60)[1]), np.nan)
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
    model = make_regressor(encoder=characters, transfer="code_switch", dictionary=DICTIONARY)
    model.fit(texts, y)
    test, truth = make_pair(60, 60, n_labelled=60, seed=3)
    chinese = test["language"] == "zh"
    assert model.n_iter_ == 0
    assert model.score(test[chinese], as_stars(truth)[chinese]) > 0.5


# What is still trained


@pytest.mark.parametrize(
    "parameters",
    [{"transfer": "mmd"}, {"transfer": "l2sp"}, {"learning_rate": 1e-3}],
    ids=lambda parameters: next(iter(parameters.values())),
)
def test_what_is_trained(parameters):
    model = regressor(**parameters).fit(X, ONLY_CHINESE_LACKS, language=LANGUAGE)
    assert model.n_iter_ > 0
    assert model.history_["valid_loss"].notna().all()


def test_a_solved_model_goes_on(tmp_path):
    model = regressor().fit(X, TOTAL)
    before = model.score(X_TEST, TOTAL_TEST)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict(X_TEST), model.predict(X_TEST))
    assert load(tmp_path).history_.empty
    again = regressor(source=model, learning_rate=1e-6).fit(X, TOTAL)
    assert again.n_iter_ > 0
    assert again.score(X_TEST, TOTAL_TEST) == pytest.approx(before, abs=0.01)
    model.partial_fit(X, TOTAL)
    assert model.history_["stage"].tolist() == ["partial_fit"]


def test_missing_labels_and_nan():
    y = TOTAL.copy()
    y[::3] = np.nan
    numbers = pd.Series(y).astype(object).where(~np.isnan(y), None)
    known = regressor().fit(X, y, language=LANGUAGE)
    as_none = regressor().fit(X, numbers, language=LANGUAGE)
    np.testing.assert_array_equal(head(known), head(as_none))
    with pytest.raises(ValueError, match="X holds NaN or infinity in rows"):
        regressor().fit(np.where(X > 3, np.nan, X), TOTAL)
