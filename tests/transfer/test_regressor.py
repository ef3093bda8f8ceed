"""TransferRegressor: losses, scales of languages, sources, and fits that go on."""

import numpy as np
import pandas as pd
import pytest
import torch
from input_kinds import TERMS
from scipy import sparse
from sklearn.dummy import DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY, as_stars, make_classifier, make_regressor
from transfer_cases import FEW_SHOT, UNLABELLED

from metaling_sk import LanguageStandardScaler, TransferRegressor, load
from metaling_sk._data.holdout import split_validation
from metaling_sk._data.samples import check_samples
from metaling_sk._network.outputs.numbers import Huber, Numbers, SquaredError

X, STARS = FEW_SHOT[0], as_stars(FEW_SHOT[1])
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(400, 6))
TOTAL = NUMBERS @ [1, -2, 0, 0, 3, 0] + 0.1 * RNG.normal(size=400)
LANGUAGE = np.repeat(["en", "zh"], 200)


def regressor(**parameters):
    return TransferRegressor(**{"verbose": 0, "random_state": 0} | parameters)


# Losses


def test_the_losses_are_the_formulas():
    outputs, y = torch.tensor([[0.0], [2.0], [-5.0]]), torch.tensor([1.0, 2.0, 0.0])
    assert SquaredError().supervised(outputs, y, None).item() == pytest.approx((1 + 25) / 6)
    assert Huber(2.0).supervised(outputs, y, None).item() == pytest.approx((0.5 + 10 - 2) / 3)
    teacher = y[:, None]
    for loss in (SquaredError(), Huber(2.0)):
        assert loss.distillation(outputs, teacher, 1.0).item() == pytest.approx((1 + 25) / 6)


def test_the_objective_of_numbers_is_the_formula():
    model = make_regressor(
        target_languages="zh", transfer=TERMS, transfer_weight=0.3, dictionary=DICTIONARY
    ).fit(X, STARS)
    target = model.history_[model.history_["stage"] == "target"]
    total = target["source"] + 0.3 * target[TERMS].sum(axis=1)
    np.testing.assert_allclose(target["train_loss"], total, rtol=1e-5)


def test_the_loss_in_the_history_is_that_of_standardised_numbers():
    model = regressor(validation_fraction=0, learning_rate=0.0, max_epochs=1).fit(NUMBERS, TOTAL)
    # Nothing is learnt, so that the mean of the labels is predicted, whose squared error is 1.
    assert model.history_["train_loss"].item() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(model.predict(NUMBERS), TOTAL.mean())
    assert [model.target_mean_, model.target_scale_] == [TOTAL.mean(), TOTAL.std()]


def test_huber_minds_outliers_less():
    y = TOTAL.copy()
    y[::20] += 200
    scores = [
        regressor(loss=loss, epsilon=0.05, max_epochs=40).fit(NUMBERS, y).predict(NUMBERS)
        for loss in ("squared_error", "huber")
    ]
    squared, huber = (np.median(abs(each - TOTAL)) for each in scores)
    assert huber < 0.7 * squared


def test_epsilon_is_where_the_huber_loss_becomes_linear():
    y = TOTAL.copy()
    y[::20] += 200
    squared, half, mild = (
        regressor(learning_rate=0.0, max_epochs=1, validation_fraction=0, **loss)
        .fit(NUMBERS, y)
        .history_["train_loss"]
        .item()
        for loss in ({}, {"loss": "huber", "epsilon": 0.5}, {"loss": "huber", "epsilon": 1e6})
    )
    assert half < 0.8 * squared and mild == pytest.approx(squared)
    solved = [regressor(**each).fit(NUMBERS, y) for each in ({}, {"loss": "huber", "epsilon": 1e6})]
    np.testing.assert_allclose(*(model.predict(NUMBERS) for model in solved), rtol=1e-3)


@pytest.mark.parametrize("parameters", [{"loss": "absolute"}, {"epsilon": 0}, {"target_norm": 1}])
def test_parameters_that_are_refused(parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of TransferReg"):
        regressor(**parameters).fit(NUMBERS, TOTAL)


# Features


def test_features_are_learnt_from_as_by_ridge():
    train = np.arange(400) % 2 == 0
    model = regressor().fit(NUMBERS[train], TOTAL[train], language=LANGUAGE[train])
    assert model.score(NUMBERS[~train], TOTAL[~train], language=LANGUAGE[~train]) > 0.97
    scaled = make_pipeline(LanguageStandardScaler(), Ridge())
    assert scaled.fit(NUMBERS[train], TOTAL[train]).score(NUMBERS[~train], TOTAL[~train]) > 0.97


def test_sparse_features():
    model = regressor().fit(sparse.csr_array(NUMBERS), TOTAL)
    assert model.score(sparse.csr_array(NUMBERS), TOTAL) > 0.9


@pytest.mark.parametrize("trainable", ["lora", "adapter"])
def test_parts_of_an_encoder_are_trained(trainable, tmp_path):
    if trainable == "lora":
        pytest.importorskip("peft")
    model = make_regressor(target_languages="zh", trainable=trainable).fit(X, STARS)
    model.save(tmp_path)
    np.testing.assert_allclose(load(tmp_path).predict(X), model.predict(X), rtol=1e-4)


# Scales of languages


def test_labels_of_languages_on_different_scales(tmp_path):
    percent = np.where(LANGUAGE == "zh", 50 + 10 * TOTAL, TOTAL)
    scores = {}
    for target_norm in (False, True):
        model = regressor(target_norm=target_norm, source_languages=["en", "zh"])
        model.fit(NUMBERS, percent, language=LANGUAGE)
        scores[target_norm] = [
            model.score(NUMBERS[part], percent[part], language=LANGUAGE[part])
            for part in (LANGUAGE == "en", LANGUAGE == "zh")
        ]
        assert model.target_statistics_.index.tolist() == (["en", "zh"] if target_norm else [])
    assert min(scores[True]) > 0.9 > min(scores[False])
    expected = [percent[:200].mean(), percent[:200].std()]
    np.testing.assert_allclose(model.target_statistics_.loc["en"], expected)
    model.save(tmp_path)
    np.testing.assert_array_equal(
        load(tmp_path).predict(NUMBERS, language=LANGUAGE),
        model.predict(NUMBERS, language=LANGUAGE),
    )


def test_few_labels_do_not_make_a_scale():
    y = np.where((LANGUAGE == "en") | (np.arange(400) < 209), TOTAL, np.nan)
    model = regressor(target_norm=True, target_languages="zh").fit(NUMBERS, y, language=LANGUAGE)
    assert model.target_statistics_.index.tolist() == ["en"]
    assert model.target_mean_ == np.nanmean(y)


# Sources


def test_a_regressor_teaches_by_its_predictions():
    X, _ = UNLABELLED
    y = np.where(X["language"] == "en", as_stars(FEW_SHOT[1]), np.nan)
    constant = make_pipeline(TfidfVectorizer(), DummyRegressor(strategy="constant", constant=9))
    model = make_regressor(
        source=constant, transfer="distill", transfer_weight=100, max_epochs=40, learning_rate=0.01
    ).fit(X, y)
    assert model.transfer_ == ["distill"]
    chinese = model.predict(X[X["language"] == "zh"])
    np.testing.assert_allclose(chinese, 9, atol=1)
    assert model.source_model_.predict(["good"]) == [9]


def test_a_source_that_is_fitted_is_used_as_it_is():
    source = make_pipeline(TfidfVectorizer(), Ridge()).fit(["good", "bad"], [5, 1])
    for each in (source, FrozenEstimator(source)):
        model = make_regressor(source=each, target_languages="zh").fit(X, STARS)
        assert model.transfer_ == ["labels", "distill"]
        assert model.source_model_ is source or model.source_model_ is each


def test_a_network_is_the_start_and_keeps_its_scale():
    start = make_regressor(target_languages="zh", language_norm=False).fit(X, STARS)
    model = make_regressor(target_languages="zh", source=start, learning_rate=0.0)
    model.fit(X, 100 * STARS)
    assert model.target_mean_ == start.target_mean_
    np.testing.assert_allclose(model.predict(X), start.predict(X), rtol=1e-3)
    assert set(model.history_["stage"]) == {"target"}


REFUSED_SOURCES = {
    "a classifier": (LogisticRegression(), "is a classifier; TransferClassifier learns from it"),
    "a network of classes": (make_classifier(), "is a classifier; TransferClassifier learns"),
    "a scaler": (LanguageStandardScaler(), "has no predict"),
}


@pytest.mark.parametrize(("source", "message"), REFUSED_SOURCES.values(), ids=REFUSED_SOURCES)
def test_a_source_of_another_kind(source, message):
    with pytest.raises(TypeError, match=f"`source`: .*{message}"):
        make_regressor(source=source).fit(X, STARS)


def test_a_classifier_does_not_learn_from_a_regressor():
    source = make_regressor(target_languages="zh").fit(X, STARS)
    with pytest.raises(TypeError, match="is a regressor; TransferRegressor learns from it"):
        make_classifier(source=source).fit(*FEW_SHOT)
    # Its encoder may serve.
    make_classifier(encoder=source, trainable="head").fit(*FEW_SHOT)


def test_a_source_that_predicts_several_numbers():
    source = Ridge().fit(NUMBERS, NUMBERS[:, :2])
    y = np.where(LANGUAGE == "en", TOTAL, np.nan)
    with pytest.raises(ValueError, match=r"`source` predicts numbers of shape \(200, 2\)"):
        regressor(source=source).fit(NUMBERS, y, language=LANGUAGE)


def test_l2sp_with_a_regressor_as_source():
    with pytest.raises(ValueError, match="'l2sp' needs a network .* `source` is a regressor"):
        make_regressor(target_languages="zh", source=Ridge(), transfer="l2sp").fit(
            NUMBERS, TOTAL, language=LANGUAGE
        )


def test_no_label_in_the_source_languages():
    y = np.where(LANGUAGE == "zh", TOTAL, np.nan)
    with pytest.raises(ValueError, match="No row in the source languages"):
        regressor(target_languages="zh").fit(NUMBERS, y, language=LANGUAGE)
    with pytest.raises(ValueError, match="no label in the source and target languages"):
        languages = np.where(np.arange(400) < 100, "fr", LANGUAGE)
        regressor(source_languages="en", target_languages="fr").fit(NUMBERS, y, language=languages)


# Fits that go on


def test_partial_fit_learns():
    model = regressor(max_epochs=1)
    for _ in range(10):
        model.partial_fit(NUMBERS, TOTAL)
    assert model.history_["epoch"].tolist() == list(range(1, 11))
    assert model.score(NUMBERS, TOTAL) > 0.9
    mean = model.target_mean_
    model.partial_fit(NUMBERS, 5 + TOTAL)
    assert model.target_mean_ == mean
    with pytest.raises(ValueError, match="'distill' needs a regressor as `source` in partial_fit"):
        regressor(transfer="distill").partial_fit(NUMBERS, TOTAL)


def test_warm_start_goes_on():
    model = make_regressor(warm_start=True, learning_rate=0.01, target_languages="zh")
    first = model.fit(X, STARS).history_
    second = model.fit(X, STARS).history_
    assert second["stage"].unique().tolist() == ["target"]
    assert second["source"].iloc[0] < first["source"].iloc[0]


# Validation and text


def test_the_same_share_of_labelled_and_unlabelled_rows_is_held_out():
    y = np.where(np.arange(400) % 4 == 0, np.nan, TOTAL)
    samples = check_samples(regressor(), NUMBERS, y, LANGUAGE, reset=True)
    output = Numbers.fit(samples, SquaredError(), by_language=False)
    strata = output.strata(samples)
    held_out = split_validation(samples.language, strata, 0.1, np.random.RandomState(0))
    counts = pd.crosstab(LANGUAGE[held_out], samples.labelled[held_out])
    assert counts.to_numpy().tolist() == [[5, 15], [5, 15]]
    model = regressor(target_languages="zh", learning_rate=0.01)
    history = model.fit(NUMBERS, y, language=LANGUAGE).history_
    assert history["valid_loss"].notna().all()
