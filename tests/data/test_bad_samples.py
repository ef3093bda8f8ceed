"""Input that is refused at the door."""

import datasets
import numpy as np
import pandas as pd
import pytest
from sample_cases import (
    LANGUAGE,
    NUMBERS,
    TEXTS,
    NumberReader,
    Reader,
    a_dataset,
    frame,
    pairs,
    read,
)
from scipy import sparse

BAD_SAMPLES = {
    "no text": ([], "X is empty"),
    "an empty array": (np.array([], dtype=object), "X is empty"),
    "an empty frame": (frame().iloc[:0], "X is empty"),
    "an empty matrix": (np.empty((0, 3)), "0 sample"),
    "one string": ("good", r"X is a single string; pass a list with one text: X=\[text\]"),
    "one bytes": (b"good", "X is a single string"),
    "a dict": ({"text": TEXTS}, r"X is a dict; pass a table of rows: X=pandas.DataFrame\(X\)"),
    "a dict of one row": ({"text": "good", "language": "en"}, r"X=pandas.DataFrame\(\[X\]\)"),
    "a generator": ((text for text in TEXTS), "X is of type generator, .* pass a list"),
    "a set": (set(TEXTS), "X is of type set, which has no order"),
    "numbers among texts": (["a", 3, "b", 4], r"in rows 1, 3 \(row 1: int\)"),
    "NaN": (["a", np.nan], r"in row 1 \(row 1: NaN or None\). Drop these rows or"),
    "None": ([None, "a"], r"in row 0 \(row 0: NaN or None\)"),
    "only None": ([None, None], "in rows 0, 1"),
    "only NaN": ([np.nan, np.nan], "in rows 0, 1"),
    "NA in a Series": (pd.Series(["a", pd.NA], dtype="string"), "in row 1"),
    "NaN in a frame": (frame(text=["a", np.nan, None, "b"]), "in rows 1, 2"),
    "None in pairs": ([("a", "en"), (None, "en")], "in row 1"),
    "bytes": ([b"a", b"b"], r"in rows 0, 1 \(row 0: bytes\)"),
    "an array of bytes": (np.array([b"a", b"b"]), "row 0: bytes"),
    "rows of texts of two lengths": ([["a", "en"], ["b"]], "row 0 holds 2 values, row 1 1"),
    "rows of numbers of two lengths": ([[1, 2], [1, 2], [3]], "row 0 holds 2 values, row 2 1"),
    "dates": (np.array([["2020", "2021"]], dtype="M8[D]"), "X is an array of dates or durations"),
    "many": ([1, "a"] * 9, r"in rows 0, 2, 4, 6, 8, ... \(9 in all\)"),
    "dicts": ([{"text": "a"}], "row 0: dict.* pandas.json_normalize makes a table of records"),
    "lists among texts": (["a", ["b"]], r"row 1: list"),
    "numbers in the text column": (frame(text=[1, 2, 3, 4]), "row 0: int"),
    "no such column": (
        frame().rename(columns={"text": "review"}),
        "no column 'text'; its columns are 'review', 'language'. Rename .* in `text_column`.$",
    ),
    "features with columns of strings": (
        pd.DataFrame(np.zeros((4, 9))).add_prefix("v").assign(shop="web", lang=LANGUAGE),
        r"'v4', ... \(11 in all\).* must not hold text: 'shop', 'lang'. Drop .* `language_column`",
    ),
    "only the language": (frame()[["language"]], "X has no column 'text'"),
    "two text columns": (
        pd.concat([frame(), frame()[["text"]]], axis=1),
        "X has 2 columns named 'text'; keep one of them",
    ),
    "two language columns": (
        pd.concat([frame(), frame()[["language"]]], axis=1),
        "X has 2 columns named 'language'",
    ),
    "two columns of numbers": (
        pd.DataFrame(NUMBERS, columns=["a", "a"]),
        "X has 2 columns named 'a'; keep one of them",
    ),
    "three columns": (np.array([["a", "b", "c"]]), "array of strings with 3 columns"),
    "numbers and a language in an array": (
        np.array([[0.5, 1.0, "en"], [0.1, 2.0, "zh"]], dtype=object),
        "numbers need `language` beside them",
    ),
    "None as language": (frame(language=["en", None, "zh", "zh"]), "column of X holds .* in row 1"),
    "a number as language": ([("a", 1), ("b", "en")], r"in row 0 \(row 0: 1\)"),
    "one dimension of numbers": ([1, 2, 3], "Expected 2D array"),
    "dates among numbers": (
        pd.DataFrame(NUMBERS).assign(day=pd.Timestamp("2020-02-02"), since=pd.Timedelta("1D")),
        "columns of X hold neither numbers nor text: 'day', 'since'. Drop them",
    ),
    "sets among numbers": (
        pd.DataFrame(NUMBERS).assign(tags=[1, None, 2.5, {3}]),
        "hold neither numbers nor text: 'tags'",
    ),
    "masked numbers": (np.ma.masked_equal(NUMBERS, NUMBERS[0, 0]), "NaN"),
    "rows of masked numbers": (list(np.ma.masked_equal(NUMBERS, NUMBERS[2, 0])), "in row 2"),
    "masked texts in a list": (["a", np.ma.masked], r"in row 1 \(row 1: NaN or None\)"),
    "masked texts": (np.ma.array(np.array(TEXTS, dtype=object), mask=[0, 1, 0, 0]), "in row 1"),
    "infinity": (np.array([[1, 2], [1, np.inf]]), "X holds NaN or infinity in row 1. Drop these"),
    "NaN features": (np.array([[np.nan, np.inf], [1, 1], [1, np.nan]]), "in rows 0, 2. "),
    "NaN in a frame of numbers": (pd.DataFrame({"a": [1, None]}), "in row 1. "),
    "sparse NaN": (
        sparse.csr_array([[0, 1], [0, np.nan], [0, 1], [-np.inf, np.nan]]),
        "in rows 1, 3. Drop these rows or fill in their numbers",
    ),
    "a DatasetDict": (
        datasets.DatasetDict({"train": a_dataset()}),
        r"X is of type DatasetDict; pass one datasets.Dataset, such as X\['train'\]",
    ),
    "an IterableDataset": (a_dataset().to_iterable_dataset(), "X is of type IterableDataset"),
    "a Dataset without the column": (
        a_dataset().rename_column("text", "review"),
        "X has no column 'text'; its columns are 'review', 'language', 'label'",
    ),
}


@pytest.mark.parametrize(("X", "message"), BAD_SAMPLES.values(), ids=BAD_SAMPLES)
def test_bad_samples(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)


def test_names_of_columns_of_which_some_are_strings():
    with pytest.raises(TypeError, match="^Feature names are only supported if all"):
        read(pd.DataFrame(NUMBERS, columns=["a", 1]))


@pytest.mark.parametrize("value", [pd.NA, 10**400])
def test_objects_that_are_no_float(value):
    with pytest.raises(TypeError, match="X must be a table of numbers, of which none is missing"):
        read(np.array([[1, value], [2, 3]], dtype=object))


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (["en"] * 3, "X has 4 rows, `language` has 3"),
        (["en", None, "zh", np.nan], r"`language` holds something else in rows 1, 3"),
        (np.ma.array(LANGUAGE, mask=[0, 1, 0, 0]), r"`language` holds something else in row 1 "),
        ([1, 2, 3, 4], r"`language` holds .* in rows 0, 1, 2, 3 \(row 0: 1\)"),
        (3, "`language` must be one string for all rows, or one string per row"),
        ([["en"]] * 4, "`language` must be one string"),
        (b"en", "`language` must be one string"),
        (["en", "zh\ud800", "zh", "\udfff"], r"no valid Unicode in rows 1, 3 \(row 1: 'zh"),
    ],
)
@pytest.mark.parametrize("X", [TEXTS, NUMBERS])
def test_bad_languages(X, language, message):
    with pytest.raises(ValueError, match=message):
        read(X, language)


@pytest.mark.parametrize("X", [frame(), pairs(), pd.DataFrame(NUMBERS).assign(language=LANGUAGE)])
def test_languages_that_disagree(X):
    message = r"disagree in rows 2, 3 \(row 2: 'zh' and 'en'\). Pass one of them"
    with pytest.raises(ValueError, match=message):
        read(X, "en")


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (TEXTS, NUMBERS, "was fitted on text, but X holds numeric features"),
        (NUMBERS, TEXTS, "was fitted on numeric features, but X holds text"),
        (
            NUMBERS,
            pd.DataFrame({"a": ["1"] * 4, "b": 2.0}),
            r"was fitted on numeric features, but these columns of X hold text: \['a'\]. Drop them",
        ),
    ],
)
def test_another_kind_than_at_fit(fitted, given, message):
    reader = Reader()
    read(fitted, reader=reader)
    with pytest.raises(ValueError, match=message):
        read(given, reader=reader, reset=False)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (TEXTS, "NumberReader takes numbers, but X holds text"),
        (frame(), r"NumberReader takes numbers, but these columns of X hold text: \['text'\]"),
        ([], "X is empty"),
    ],
)
def test_text_where_only_numbers_are_taken(X, message):
    with pytest.raises(ValueError, match=message):
        read(X, reader=NumberReader())
