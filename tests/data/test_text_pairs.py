"""Pairs of texts pass the same door as texts."""

from functools import partial

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sample_cases

FIRST = ["a man sleeps", "", "一个男人睡觉", "مرحبا"]
SECOND = ["nobody sleeps", "a dog", "没人睡觉", ""]
LANGUAGE = ["en", "en", "zh", "ar"]
COLUMNS = ["premise", "hypothesis"]


Reader = partial(sample_cases.Reader, text_column=COLUMNS)


def read(X, language=None, *, reader=None, reset=True):
    return sample_cases.read(X, language, reader=reader or Reader(), reset=reset)


def frame(**columns):
    columns = {"premise": FIRST, "hypothesis": SECOND, "language": LANGUAGE} | columns
    return pd.DataFrame(columns, index=[7, 7, -1, 3], dtype=object)


PLAIN = frame().to_dict("list")
ROWS = [list(row) for row in zip(FIRST, SECOND, LANGUAGE, strict=True)]
FORMS = {
    "frame": frame(),
    "columns in another order, and others": frame(id=range(4))[
        ["language", "hypothesis", "id", "premise"]
    ],
    "categories": frame().astype("category"),
    "str": frame().astype("str"),
    "array of objects": np.array(ROWS, dtype=object),
    "array of strings": np.array(ROWS),
    "list of lists": ROWS,
    "tuple of tuples": tuple(map(tuple, ROWS)),
    "polars": pl.DataFrame(PLAIN),
    "pyarrow": pa.table(PLAIN),
    "Dataset": datasets.Dataset.from_dict(PLAIN),
}


@pytest.mark.parametrize("X", FORMS.values(), ids=FORMS)
def test_pairs_with_their_language(X):
    samples = read(X)
    assert samples.texts.tolist() == [list(pair) for pair in zip(FIRST, SECOND, strict=True)]
    assert samples.language.tolist() == LANGUAGE
    assert samples.is_text
    assert samples.is_pairs
    assert samples.features is None
    assert len(samples) == 4
    assert samples.take([2, 0]).texts.tolist() == [[FIRST[2], SECOND[2]], [FIRST[0], SECOND[0]]]
    pd.testing.assert_frame_equal(
        samples.plain_texts, frame()[COLUMNS].reset_index(drop=True), check_dtype=False
    )


WITHOUT_LANGUAGE = {
    "frame": frame()[COLUMNS],
    "array of objects": np.array(ROWS, dtype=object)[:, :2],
    "list of tuples": list(zip(FIRST, SECOND, strict=True)),
    "polars": pl.DataFrame(PLAIN).drop("language"),
}


@pytest.mark.parametrize("X", WITHOUT_LANGUAGE.values(), ids=WITHOUT_LANGUAGE)
def test_pairs_with_the_language_beside_them(X):
    assert read(X, LANGUAGE).language.tolist() == LANGUAGE
    assert read(X).language.tolist() == ["und"] * 4
    assert read(X).texts[:, 1].tolist() == SECOND


def test_columns_seen():
    reader = Reader()
    read(frame(), reader=reader)
    assert reader.n_features_in_ == 3
    assert reader.feature_names_in_.tolist() == ["premise", "hypothesis", "language"]
    read(frame()[COLUMNS], reader=reader)
    assert reader.n_features_in_ == 2
    assert reader.feature_names_in_.tolist() == COLUMNS
    read(ROWS, reader=reader)
    assert not hasattr(reader, "feature_names_in_")


def test_columns_may_have_any_name():
    reader = Reader(text_column=[0, ("b", 1)], language_column=2)
    X = pd.DataFrame(dict(zip([0, ("b", 1), 2], zip(*ROWS, strict=True), strict=True)))
    X.columns = pd.Index([0, ("b", 1), 2], tupleize_cols=False)
    assert read(X, reader=reader).texts[:, 1].tolist() == SECOND


def test_numbers_may_take_the_place_of_pairs():
    assert read(np.eye(4)).features.shape == (4, 4)
    assert read(pd.DataFrame(np.eye(4)).assign(language=LANGUAGE)).language.tolist() == LANGUAGE


WRONG_COLUMNS = {
    "one name": (["premise"], "must be .* for pairs of texts, a list of two names, got \\['prem"),
    "three names": ([*COLUMNS, "third"], "a list of two names, got .*'third'"),
    "no name": ([], "a list of two names, got \\[\\]"),
    "no names of columns": ([{}, []], "a list of two names"),
    "one name twice": (["premise"] * 2, "`text_column` names 'premise' twice"),
    "the language": (["premise", "language"], "and `language_column` both name 'language'"),
}


@pytest.mark.parametrize(("names", "message"), WRONG_COLUMNS.values(), ids=WRONG_COLUMNS)
def test_wrong_names_of_columns(names, message):
    with pytest.raises(ValueError, match=message):
        read(frame(), reader=Reader(text_column=names))


WRONG = {
    "no second column": (frame().drop(columns="hypothesis"), "X has no column 'hypothesis'; its"),
    "no first column": (
        frame()[["hypothesis"]],
        r"no column 'premise'; its columns are 'hypothesis'. Rename the columns that hold",
    ),
    "neither column": (
        frame().add_suffix("_"),
        "no column 'premise' and no column 'hypothesis'; .* or name them in `text_column`",
    ),
    "a missing first text": (
        frame(premise=["a", None, "b", np.nan]),
        r"column 'premise' of X holds something else in rows 1, 3 \(row 1: NaN or None\)",
    ),
    "a missing second text": (
        frame(hypothesis=["a", "b", 3, "c"]),
        r"column 'hypothesis' of X holds something else in row 2 \(row 2: int\)",
    ),
    "no second text at all": (frame(hypothesis=None), "column 'hypothesis' of X .* in rows 0, 1"),
    "a column twice": (
        pd.concat([frame(), frame()[["premise"]]], axis=1),
        "X has 2 columns named 'premise'",
    ),
    "texts": (FIRST, "X holds one text in each row, but `text_column` names two columns"),
    "a Series": (pd.Series(FIRST), "X holds one text in each row"),
    "an array of texts": (np.array(FIRST), "X holds one text in each row"),
    "a text": ("premise", "X is a single string"),
    "four columns": (
        np.array([[*row, "x"] for row in ROWS]),
        r"with 4 columns; pairs of texts need two columns, or three \(first text, second text",
    ),
    "nothing": (frame()[:0], "0 sample"),
    "a language that is none": (
        frame(language=["en", None, "zh", "ar"]),
        "language must be.*LanguageId",
    ),
}


@pytest.mark.parametrize(("X", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_pair(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)


def test_the_language_of_pairs_in_a_column_of_another_name():
    with pytest.warns(UserWarning, match="X has no column 'language', and its column 'lang' looks"):
        read(frame().rename(columns={"language": "lang"}))


def test_pairs_and_texts_are_two_kinds_of_input():
    reader = Reader()
    read(frame(), reader=reader)
    reader.text_column = "premise"
    with pytest.raises(ValueError, match="was fitted on pairs of texts, but X holds text"):
        read(frame(), reader=reader, reset=False)
    read(frame(), reader=reader)
    reader.text_column = COLUMNS
    with pytest.raises(ValueError, match="was fitted on text, but X holds pairs of texts"):
        read(frame(), reader=reader, reset=False)
    with pytest.raises(ValueError, match="was fitted on text, but X holds numeric features"):
        read(np.eye(2), reader=reader, reset=False)


def test_a_tuple_is_one_name():
    X = pd.DataFrame({("a", "b"): FIRST})
    X.columns = pd.Index([("a", "b")], tupleize_cols=False)
    samples = read(X, reader=Reader(text_column=("a", "b")))
    assert samples.texts.tolist() == FIRST
    assert not samples.is_pairs


def test_a_tuple_of_two_columns_gets_a_hint():
    with pytest.raises(ValueError, match=r"For pairs of texts pass a list: \['premise', 'hypothes"):
        read(frame(), reader=Reader(text_column=tuple(COLUMNS)))
