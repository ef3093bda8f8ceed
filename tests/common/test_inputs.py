"""Our suite: what every classifier learns from and predicts."""

import copy
import pickle
import time

import numpy as np
import pandas as pd
import pytest
from estimators import (
    LABELLED,
    MODELS,
    X_LABELLED,
    X_TEST,
    Y_LABELLED,
    Y_TEST,
    X,
    Y,
    assert_same_predictions,
    not_a_search,
)
from hypothesis import given
from hypothesis import strategies as st
from input_kinds import KINDS
from marks import leaves_languages_out, predicts_unseen_languages
from tiny import ODD_TEXTS, make_pair

quick = pytest.mark.parametrize("name", KINDS["texts"].quick, indirect=True)
"""One of each estimator, for what the door does before any of them sees it."""
of_each_input = pytest.mark.parametrize("name", ["scratch", "characters", "linear"], indirect=True)
"""One of each way in which texts are read."""

CLASSES = {
    "strings": (["negative", "positive"], object),
    "short and long strings": (["a", "b" * 30], object),
    "numpy strings": (["neg", "pos"], "<U3"),
    "ints": ([-1, 1], int),
    "large ints": ([3, 2**40], int),
    "bools": ([False, True], bool),
    "floats": ([1.0, 2.0], float),
}


@quick
@pytest.mark.parametrize(("classes", "dtype"), CLASSES.values(), ids=CLASSES)
def test_classes(model, fitted, classes, dtype):
    y = np.array(classes, dtype=dtype)[np.where(LABELLED, Y, 0).astype(int)].astype(object)
    y[~LABELLED] = None
    model.fit(X, y)
    assert model.classes_.tolist() == classes
    assert model.predict(X_TEST).dtype == model.classes_.dtype
    expected = model.classes_[fitted.predict(X_TEST).astype(int)]
    np.testing.assert_array_equal(model.predict(X_TEST), expected)
    np.testing.assert_array_equal(model.predict_proba(X_TEST), fitted.predict_proba(X_TEST))
    assert model.score(X_TEST, np.array(classes)[Y_TEST.astype(int)]) == fitted.score(
        X_TEST, Y_TEST
    )


@quick
@pytest.mark.parametrize("dtype", [int, bool, "<U5", object])
def test_classes_keep_the_type_of_the_labels(model, dtype):
    values = ["no", "yes"] if dtype in ("<U5", object) else [0, 1]
    y = np.array(values, dtype=dtype)[Y_LABELLED]
    model.fit(X_LABELLED, y)
    assert model.classes_.dtype == y.dtype
    assert set(model.predict(X_TEST).tolist()) <= set(y.tolist())


def test_three_classes(model):
    y = pd.Series(["good", "bad", "so-so"] * 20)
    model.fit(X_LABELLED, y)
    assert model.classes_.tolist() == ["bad", "good", "so-so"]
    probabilities = model.predict_proba(X_TEST)
    assert probabilities.shape == (len(X_TEST), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    best = probabilities.argmax(axis=1)
    np.testing.assert_array_equal(model.classes_[best], model.predict(X_TEST))


@quick
def test_features_seen(model):
    model.fit(X, Y)
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["text", "language"]
    columns = X.rename(columns={"text": "review", "language": "lang"}).assign(stars=3)
    model.set_params(text_column="review", language_column="lang").fit(columns, Y)
    assert model.feature_names_in_.tolist() == ["review", "lang"]
    model.fit(X["text"].tolist(), Y, language=X["language"].tolist())
    assert model.n_features_in_ == 1
    assert not hasattr(model, "feature_names_in_")


ODD_INDEXES = {
    "duplicates": np.zeros(len(X), dtype=int),
    "reversed": np.arange(len(X))[::-1],
    "strings": [f"row {number}" for number in range(len(X))],
    "dates": pd.date_range("2020-01-01", periods=len(X)),
    "levels": pd.MultiIndex.from_arrays([X["language"], np.arange(len(X))]),
}


@quick
@pytest.mark.filterwarnings("ignore:The index of y is that of X in another order")
@pytest.mark.parametrize("index", ODD_INDEXES.values(), ids=ODD_INDEXES)
def test_indexes_mean_nothing(model, fitted, index):
    model.fit(X.set_axis(index), pd.Series(Y))
    assert_same_predictions(model, fitted)
    assert_same_predictions(fitted, fitted, X, X.set_axis(index))


@not_a_search
def test_one_language_for_all_rows(fitted):
    chinese = X_TEST[X_TEST["language"] == "zh"]
    alone = fitted.predict_proba(chinese["text"].tolist(), language="zh")
    np.testing.assert_array_equal(alone, fitted.predict_proba(chinese))


def test_odd_texts_are_learnt_from(model):
    odd = pd.DataFrame({"text": [*ODD_TEXTS.values()] * 2, "language": "en"}, dtype=object)
    odd.loc[odd.index[10:], "language"] = "zh"
    model.fit(odd, [0, 1] * 10)
    assert np.isfinite(model.predict_proba(odd)).all()


@leaves_languages_out
def test_only_empty_texts_to_predict(fitted):
    assert np.isfinite(fitted.predict_proba(["", "", ""])).all()


@of_each_input
@pytest.mark.parametrize("text", ["good hotel " * 100_000, "好" * 1_000_000, "a" * 1_000_000])
def test_a_megabyte_of_text_takes_no_time(fitted, text):
    start = time.process_time()
    assert np.isfinite(fitted.predict_proba([text], language="en")).all()
    assert time.process_time() - start < 10


@of_each_input
def test_any_text(fitted):
    @given(st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=4))
    def check(texts):
        probabilities = fitted.predict_proba(texts, language="zh")
        assert probabilities.shape == (len(texts), 2)
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)

    check()


@not_a_search
@pytest.mark.parametrize("language", ["fr", "", "de", "💬", "pt-BR"])
@predicts_unseen_languages
def test_a_language_not_seen_at_fit(fitted, language):
    alone = fitted.predict_proba(["good hotel"], language=language)
    assert np.isfinite(alone).all()
    among = fitted.predict_proba(["酒店", "good hotel"], language=["zh", language])
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-4)


@quick
@pytest.mark.parametrize("missing", [-1, "?", "", np.nan])
def test_missing_label(model, fitted, missing):
    y = Y if missing is np.nan else np.where(LABELLED, Y, 0).astype(int).astype(object)
    if missing is not np.nan:
        y[~LABELLED] = missing
    model.set_params(missing_label=missing).fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert_same_predictions(model, fitted)
    with pytest.raises(ValueError, match="y has no label in rows? "):
        model.score(X, y)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "linear"], indirect=True)
@pytest.mark.parametrize("known", [False, True], ids=["a new language", "a known language"])
@predicts_unseen_languages
def test_register_language(name, fitted, known):
    model = copy.deepcopy(fitted)
    code = "zh" if known else "fr"
    others = X_TEST[X_TEST["language"] != code]
    before = model.predict_proba(others)
    unseen = model.predict_proba(["bon hotel"], language="de")
    french, _ = make_pair(5, 5, seed=9)
    assert model.register_language(french["text"].tolist(), language=code) is model
    np.testing.assert_array_equal(model.predict_proba(others), before)
    np.testing.assert_array_equal(model.predict_proba(["bon hotel"], language="de"), unseen)
    assert np.isfinite(model.predict_proba(french["text"].tolist(), language=code)).all()
    assert code in model.languages_
    if not name.endswith("characters"):  # Which are sparse: mostly zero, and not scaled.
        after, unregistered = (
            each.predict_proba(french["text"].tolist(), language=code) for each in (model, fitted)
        )
        assert not np.array_equal(after, unregistered)
    assert_same_predictions(pickle.loads(pickle.dumps(model)), model)
    with pytest.raises(ValueError, match="needs at least two rows of 'it', got 1"):
        model.register_language(["ciao", "salut", "bon hotel"], language=["it", "el", "el"])
    assert "el" not in model.languages_


def test_one_class(model):
    with pytest.raises(ValueError, match="at least two classes, but y holds 1 class"):
        model.fit(X, np.where(np.isnan(Y), np.nan, 1.0))


def test_numbers_after_texts(fitted):
    with pytest.raises(ValueError, match="was fitted on text, but X holds numeric features"):
        fitted.predict(np.eye(2))
