"""MetaNetRegressor: models of numbers in many languages, solved for and trained."""

import copy
import pickle

import numpy as np
import pytest
from marks import predicts_unseen_languages
from meta_net_cases import make_numbers, make_texts
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from tiny import make_config, make_meta_regressor, make_regressor

from metaling_sk import LanguageEmbeddingDisplay, MetaNetRegressor, load
from metaling_sk.exceptions import InputWarning
from metaling_sk.inspection import top_features

AGREE = [f"as is {number}" for number in range(4)]
OPPOSITE = [f"opposite {number}" for number in range(4)]
UNRELATED = ["unrelated 1", "unrelated 2"]


def make_stars(languages=(*AGREE, *OPPOSITE, *UNRELATED), n_rows=60, seed=0, noise=0.3):
    """Numbers that follow the first column of X, turned round, or nothing."""
    X, _, language = make_numbers(languages, n_rows, seed)
    sign = np.select(
        [np.isin(language, UNRELATED), np.char.startswith(language.astype(str), "opp")], [0, -1], 1
    )
    rng = np.random.default_rng(seed + 1)
    stars = sign * X[:, 0] + noise * rng.normal(size=len(X))
    return X, 3 + np.where(sign == 0, rng.normal(size=len(X)), stars), language


def new_model(**parameters):
    return MetaNetRegressor(verbose=0, random_state=0, **parameters)


FITTED = {}


def fitted():
    """A copy of a model of languages in which numbers mean the opposite."""
    if not FITTED:
        X, y, language = make_stars([*AGREE, *OPPOSITE])
        FITTED["model"] = new_model().fit(X, y, language=language)
    return copy.deepcopy(FITTED["model"])


def by_language(model, X, y, language):
    return {
        name: model.score(X[language == name], y[language == name], language=name)
        for name in dict.fromkeys(language)
    }


# Solved for


def test_embeddings_and_architectures_are_learnt_from_labels():
    X, y, language = make_stars()
    model = new_model().fit(X, y, language=language)
    first = model.embeddings_[0]
    one, other = (np.sign(first[names]).to_numpy() for names in (AGREE, OPPOSITE))
    assert {*one} == {-other[0]} and {*other} == {other[0]}
    assert abs(first[[*AGREE, *OPPOSITE]]).min() > 0.8
    heads = {name: adapters["head"] for name, adapters in model.architecture_.items()}
    assert min(heads[name] for name in (*AGREE, *OPPOSITE)) == 1
    assert [heads[name] for name in UNRELATED] == [0, 0]
    assert min(by_language(model, *make_stars([*AGREE, *OPPOSITE], 200, 7)).values()) > 0.8

    shuffled = np.random.default_rng(0).permutation(y)
    other = new_model().fit(X, shuffled, language=language)
    assert other.embeddings_.shape[1] == 0 or abs(other.embeddings_[0][AGREE]).mean() < 0.5
    assert other.architecture_ != model.architecture_


def test_it_is_no_worse_than_a_ridge_regression_for_all_or_one_for_each():
    """Languages that agree, each with a part of its own, with few samples and with many."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=20)
    own = {f"l{number}": common + 0.5 * rng.normal(size=20) for number in range(6)}

    def draw(n_rows):
        X = rng.normal(size=(6 * n_rows, 20))
        language = np.repeat(np.array(list(own), dtype=object), n_rows)
        weights = np.array([own[name] for name in language])
        return X, (X * weights).sum(axis=1) + 2 * rng.normal(size=len(X)), language

    X_test, y_test, test_language = draw(300)
    alphas = np.logspace(-3, 3, 13)
    for n_rows in (15, 100):
        X, y, language = draw(n_rows)
        pooled, alone = RidgeCV(alphas).fit(X, y).predict(X_test), np.empty(len(X_test))
        for name in own:
            model = RidgeCV(alphas).fit(X[language == name], y[language == name])
            alone[test_language == name] = model.predict(X_test[test_language == name])
        model = new_model(language_norm=False).fit(X, y, language=language)
        others = [r2_score(y_test, each) for each in (pooled, alone, (pooled + alone) / 2)]
        assert model.score(X_test, y_test, language=test_language) > max(others) - 0.02


@pytest.mark.parametrize("language", [None, "new"])
def test_little_noise_wants_little_penalty(language):
    """Also of the meta-model, for a language that fit has not seen."""
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(400, 50)), rng.normal(size=50)
    y = X @ weights + 0.1 * rng.normal(size=400)
    model = new_model(language_norm=False).fit(X[:200], y[:200], language="en")
    assert model.score(X[200:], y[200:], language=language or "en") > 0.99


def test_huber_minds_outliers_less_the_smaller_epsilon_is():
    X, y, language = make_stars(AGREE)
    with_outliers = y.copy()
    with_outliers[::20] += 100
    squared, robust, mild = (
        new_model(**loss).fit(X, with_outliers, language=language).predict(X, language=language)
        for loss in ({}, {"loss": "huber", "epsilon": 0.05}, {"loss": "huber", "epsilon": 1e6})
    )
    assert np.median(abs(robust - y)) < 0.5 * np.median(abs(squared - y))
    np.testing.assert_allclose(mild, squared, rtol=0.01)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_a_handful_of_samples(n_rows):
    X = np.eye(4)[np.arange(2 * n_rows) % 4]
    y = 1.0 + np.arange(2 * n_rows) % 2
    model = new_model(language_norm=False).fit(X, y, language="en")
    low, high = model.predict(X[:2], language="en")
    assert 1 <= low < high <= 2


def test_equal_numbers():
    X, _, language = make_stars(AGREE, 10)
    model = new_model().fit(X, np.full(len(X), 3.7), language=language)
    np.testing.assert_allclose(model.predict(X, language=language), 3.7)
    assert {each["head"] for each in model.architecture_.values()} == {0}


@pytest.mark.parametrize("parameters", [{"loss": "absolute"}, {"epsilon": 0}, {"target_norm": 1}])
def test_parameters_that_are_refused(parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of MetaNetReg"):
        new_model(**parameters).fit(np.eye(4), np.arange(4))


# One more language


@pytest.mark.parametrize("name", ["as is 9", "opposite 9"])
@predicts_unseen_languages
def test_a_new_language_is_placed_by_a_few_labels(name):
    model, untouched = fitted().set_params(residual_penalty=None), fitted()
    few, stars, _ = make_stars([name], 6, seed=3)
    X, y, _ = make_stars([name], 100, seed=4)
    model.register_language(X, language=name)
    before = model.score(X, y, language=name)
    model.adapt(few, stars, language=name)
    assert model.score(X, y, language=name) > max(0.6, before + 0.3)
    for other in (*AGREE, *OPPOSITE, "unseen"):
        np.testing.assert_array_equal(
            model.predict(X, language=other), untouched.predict(X, language=other)
        )


@predicts_unseen_languages
def test_adapt_and_forget():
    model, untouched = fitted(), fitted()
    X, y, _ = make_stars(["opposite 9"], 40, seed=3)
    some = np.where(np.arange(40) < 30, y, np.nan)
    model.adapt(X, some, language="new")
    assert model.score(X[30:], y[30:], language="new") > 0.8
    in_turn = fitted().adapt(X[:20], some[:20], language="new")
    in_turn = pickle.loads(pickle.dumps(in_turn)).adapt(X[20:], some[20:], language="new")
    expected = model.predict(X, language="new")
    np.testing.assert_array_equal(in_turn.predict(X, language="new"), expected)
    model.forget("new")
    np.testing.assert_array_equal(
        model.predict(X, language="new"), untouched.predict(X, language="new")
    )
    with pytest.warns(InputWarning, match="learnt no model of 'new'"):
        text_alone = fitted().adapt(X, language="new").predict(X, language="new")
    registered = fitted().register_language(X, language="new").predict(X, language="new")
    np.testing.assert_array_equal(text_alone, registered)
    with pytest.raises(ValueError, match="y holds 'good' in row 0, which is no number"):
        model.adapt(X[:1], ["good"], language="new")


@pytest.mark.parametrize("n_rows", [9, 40])
def test_a_new_language_on_another_scale(n_rows, tmp_path):
    X, y, language = make_stars([*AGREE, *OPPOSITE])
    model = new_model(target_norm=True).fit(X, y, language=language)
    assert sorted(model.target_statistics_.index) == sorted({*language})
    X_new, y_new, _ = make_stars(["as is 9"], 240, seed=3)
    percent = 50 + 20 * y_new
    model.adapt(X_new[:n_rows], percent[:n_rows], language="new")
    has_scale = n_rows >= 10
    assert ("new" in model.target_statistics_.index) == has_scale
    score = model.score(X_new[n_rows:], percent[n_rows:], language="new")
    assert score > 0.8 if has_scale else score < 0.8
    model.save(tmp_path)
    np.testing.assert_array_equal(
        load(tmp_path).predict(X_new, language="new"), model.predict(X_new, language="new")
    )
    model.forget("new")
    assert "new" not in model.target_statistics_.index


def test_saved_and_loaded(tmp_path):
    model = fitted()
    model.save(tmp_path)
    models = [model, load(tmp_path)]
    assert models[1].architecture_ == model.architecture_
    X, y, _ = make_stars(["opposite 9"], 20, seed=3)
    for name in ("as is 1", "new"):
        np.testing.assert_array_equal(
            *(each.adapt(X, y, language=name).predict(X, language=name) for each in models)
        )


# Trained


def test_a_trained_encoder():
    texts, y, language = make_texts(["as is 1", "opposite 1"], n_rows=60)
    model = make_meta_regressor(
        encoder=make_config(), learning_rate=0.01, max_epochs=12, batch_size=16, patience=12
    ).fit(texts, 1 + 4.0 * y, language=language)
    assert model.score(texts, 1 + 4.0 * y, language=language) > 0.5
    few, labels, _ = make_texts(["opposite 2"], 60, seed=8)
    model.adapt(few[:40], 1 + 4.0 * labels[:40], language="opposite 2")
    assert model.score(few[40:], 1 + 4.0 * labels[40:], language="opposite 2") > 0.3


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("algorithm", ["maml", "reptile"])
def test_episodes(algorithm, loss):
    X, y, language = make_stars([AGREE[0], OPPOSITE[0]], 30)
    model = new_model(meta_algorithm=algorithm, loss=loss, max_epochs=2, inner_steps=2)
    history = model.fit(X, y, language=language).history_
    assert np.isfinite(history.drop(columns="valid_loss", errors="ignore")).all(axis=None)
    if algorithm == "maml":
        weights = {"language": 1, "meta": 0.3, "adapted": 1, "size": 0.01}
        terms = sum(weight * history[name] for name, weight in weights.items())
        np.testing.assert_allclose(history["train_loss"], terms, rtol=1e-5)
    few, stars, _ = make_stars(["opposite 9"], 20, seed=3)
    assert np.isfinite(model.adapt(few, stars, language="new").predict(few, language="new")).all()


def test_a_fit_that_goes_on():
    X, y, language = make_stars(AGREE, 20)
    model = new_model(warm_start=True, max_epochs=2).fit(X, y, language=language)
    mean = model.target_mean_
    model.fit(X, y + 1, language=language)
    assert model.target_mean_ == mean and len(model.history_) == 2


# Beside others


@predicts_unseen_languages
def test_its_meta_model_is_a_source():
    X, y, language = make_stars(AGREE)
    source = new_model(residual_penalty=None).fit(X, y, language=language)
    model = make_regressor(
        source=source, learning_rate=0.0, max_epochs=1, target_languages="as is 0"
    )
    model.fit(X, y, language=language)
    assert model.target_mean_ == source.target_mean_
    np.testing.assert_allclose(
        model.predict(X, language=language), source.predict(X, language="unseen"), atol=0.5
    )


def test_what_shows_it():
    pytest.importorskip("matplotlib")
    display = LanguageEmbeddingDisplay.from_estimator(fitted())
    assert len(display.embeddings) == 8
    with pytest.raises(ValueError, match="MetaNetRegressor is no linear classifier"):
        top_features(fitted())
