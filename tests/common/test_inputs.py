"""Our suite: what every classifier learns from and predicts."""

import copy
import pickle
import time

import datasets
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
from marks import leaves_languages_out, predicts_unseen_languages
from tiny import ODD_TEXTS, make_pair

SELECTIONS = {
    "permuted": np.random.default_rng(0).permutation(len(X_TEST)),
    "every other": np.arange(0, len(X_TEST), 2),
    "reversed": np.arange(len(X_TEST))[::-1],
    "the longest alone": np.array([X_TEST["text"].str.len().argmax()]),
    "the last alone": np.array([len(X_TEST) - 1]),
    "one row many times": np.zeros(200, dtype=int),
}


@pytest.mark.parametrize("rows", SELECTIONS.values(), ids=SELECTIONS)
def test_a_row_is_predicted_alike_in_any_company(fitted, rows):
    part = X_TEST.iloc[rows]
    everything = fitted.predict_proba(X_TEST)[rows]
    np.testing.assert_allclose(fitted.predict_proba(part), everything, rtol=1e-4)
    np.testing.assert_array_equal(fitted.predict(part), fitted.predict(X_TEST)[rows])


CLASSES = {
    "strings": (["negative", "positive"], object),
    "short and long strings": (["a", "b" * 30], object),
    "numpy strings": (["neg", "pos"], "<U3"),
    "ints": ([-1, 1], int),
    "large ints": ([3, 2**40], int),
    "bools": ([False, True], bool),
    "floats": ([1.0, 2.0], float),
}


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


@not_a_search
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


def test_read_only_arrays(model, fitted):
    arrays = X["text"].to_numpy(), Y.copy(), X["language"].to_numpy()
    for array in arrays:
        array.flags.writeable = False
    texts, y, language = arrays
    model.fit(texts, y, language=language)
    assert_same_predictions(model, fitted)


ODD_INDEXES = {
    "duplicates": np.zeros(len(X), dtype=int),
    "reversed": np.arange(len(X))[::-1],
    "strings": [f"row {number}" for number in range(len(X))],
    "dates": pd.date_range("2020-01-01", periods=len(X)),
    "levels": pd.MultiIndex.from_arrays([X["language"], np.arange(len(X))]),
}


@pytest.mark.parametrize("index", ODD_INDEXES.values(), ids=ODD_INDEXES)
def test_indexes_mean_nothing(model, fitted, index):
    model.fit(X.set_axis(index), pd.Series(Y))
    assert_same_predictions(model, fitted)
    assert_same_predictions(fitted, fitted, X, X.set_axis(index))


def test_inputs_are_not_written_to(model):
    X_before, y = X.copy(deep=True), Y.copy()
    model.fit(X_before, y).predict_proba(X_before)
    pd.testing.assert_frame_equal(X_before, X)
    np.testing.assert_array_equal(y, Y)


FORMS = {
    "list": lambda X: (X["text"].tolist(), X["language"].tolist()),
    "tuple": lambda X: (tuple(X["text"]), tuple(X["language"])),
    "array": lambda X: (X["text"].to_numpy(), X["language"].to_numpy()),
    "Series": lambda X: (X["text"], X["language"]),
    "two columns": lambda X: (X[["text", "language"]].to_numpy(), None),
    "pairs": lambda X: (list(X[["text", "language"]].itertuples(index=False, name=None)), None),
    "Dataset": lambda X: (datasets.Dataset.from_pandas(X, preserve_index=False), None),
    "frame with text alone": lambda X: (X[["text"]], X["language"]),
    "string dtype": lambda X: (X.astype("string"), None),
}


@not_a_search
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_x_is_learnt_from_alike(model, fitted, form):
    texts, language = form(X)
    model.fit(texts, Y, language=language)
    texts, language = form(X_TEST)
    np.testing.assert_array_equal(
        model.predict_proba(texts, language=language), fitted.predict_proba(X_TEST)
    )
    assert model.score(texts, Y_TEST, language=language) == fitted.score(X_TEST, Y_TEST)


@not_a_search
def test_one_language_for_all_rows(fitted):
    chinese = X_TEST[X_TEST["language"] == "zh"]
    alone = fitted.predict_proba(chinese["text"].tolist(), language="zh")
    np.testing.assert_array_equal(alone, fitted.predict_proba(chinese))


@not_a_search
@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(fitted, text):
    alone = fitted.predict_proba(pd.DataFrame({"text": [text], "language": "en"}, dtype=object))
    assert np.isfinite(alone).all()
    among = fitted.predict_proba(["good hotel", text], language="en")
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-4)


def test_odd_texts_are_learnt_from(model):
    odd = pd.DataFrame({"text": [*ODD_TEXTS.values()] * 2, "language": "en"}, dtype=object)
    odd.loc[odd.index[10:], "language"] = "zh"
    model.fit(odd, [0, 1] * 10)
    assert np.isfinite(model.predict_proba(odd)).all()


@leaves_languages_out
def test_only_empty_texts_to_predict(fitted):
    assert np.isfinite(fitted.predict_proba(["", "", ""])).all()


@not_a_search
@pytest.mark.parametrize("text", ["good hotel " * 100_000, "好" * 1_000_000, "a" * 1_000_000])
def test_a_megabyte_of_text_takes_no_time(fitted, text):
    start = time.perf_counter()
    assert np.isfinite(fitted.predict_proba([text], language="en")).all()
    assert time.perf_counter() - start < 10


@not_a_search
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


@not_a_search
@pytest.mark.parametrize("missing", [-1, "?", "", np.nan])
def test_missing_label(model, fitted, missing):
    y = Y if missing is np.nan else np.where(LABELLED, Y, 0).astype(int).astype(object)
    if missing is not np.nan:
        y[~LABELLED] = missing
    model.set_params(missing_label=missing).fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert_same_predictions(model, fitted)


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
