from datetime import date, datetime

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning

from metaling_sk._data.samples import MISSING, check_samples, check_two_classes

TEXTS = ["good hotel", "", "酒店不错", "مرحبا\x00 \ud800 👍"]
LANGUAGE = ["en", "en", "zh", "ar"]
NUMBERS = np.array([[1.0, 0.0], [2.0, 0.5], [3.0, 0.0], [4.0, 0.0]])


class Reader(BaseEstimator):
    """The parameters that reading an input takes."""

    def __init__(self, text_column="text", language_column="language", missing_label=None):
        self.text_column = text_column
        self.language_column = language_column
        self.missing_label = missing_label


class NumberReader(BaseEstimator):
    """An estimator without a text column."""

    language_column = "language"


def read(X, language=None, *, reader=None, reset=True):
    return check_samples(reader or Reader(), X, language=language, reset=reset, needs_y=False)


def read_y(y, missing_label=None):
    samples = check_samples(Reader(missing_label=missing_label), TEXTS, y, reset=True)
    return samples.y.tolist(), samples.classes.tolist()


def pairs():
    return [[text, language] for text, language in zip(TEXTS, LANGUAGE, strict=True)]


def frame(**columns):
    columns = {"text": TEXTS, "language": LANGUAGE} | columns
    return pd.DataFrame(columns, index=[7, 7, -1, 3], dtype=object)


def two_columns(dtype):
    return np.array(
        [["good hotel", "en"], ["", "en"], ["酒店不错", "zh"], TEXTS[3:] + ["ar"]], dtype
    )


WITH_LANGUAGE = {
    "frame": frame(),
    "frame with other columns": frame(rating=[1, 2, 3, None], text_id=["a", "b", "c", "d"]),
    "frame with the columns reversed": frame()[["language", "text"]],
    "frame with a categorical language": frame().astype({"language": "category"}),
    "array of objects": np.array(pairs(), dtype=object),
    "array of strings": np.array(pairs()),
    "list of lists": pairs(),
    "list of tuples": [tuple(pair) for pair in pairs()],
    "tuple of tuples": tuple(tuple(pair) for pair in pairs()),
}


@pytest.mark.parametrize("X", WITH_LANGUAGE.values(), ids=WITH_LANGUAGE)
def test_text_with_its_language(X):
    samples = read(X)
    assert samples.texts.tolist() == TEXTS
    assert samples.language.tolist() == LANGUAGE
    assert samples.features is None
    assert samples.is_text
    assert len(samples) == 4


TEXT_ONLY = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "Series": pd.Series(TEXTS, index=[3, 3, 1, 0], dtype=object),
    "Index": pd.Index(TEXTS, dtype=object),
    "array of objects": np.array(TEXTS, dtype=object),
    "array of strings": np.array(TEXTS),
    "list of numpy strings": list(np.array(TEXTS)),
    "frame": frame()[["text"]],
}


@pytest.mark.parametrize("X", TEXT_ONLY.values(), ids=TEXT_ONLY)
def test_text_with_the_language_beside_it(X):
    samples = read(X, LANGUAGE)
    assert samples.texts.tolist() == TEXTS
    assert samples.language.tolist() == LANGUAGE
    assert read(X, "zh").language.tolist() == ["zh"] * 4
    assert read(X).language.tolist() == ["und"] * 4


WELL_FORMED = [*TEXTS[:3], "مرحبا 👍"]


def arrow_frame():
    table = pa.table({"text": WELL_FORMED, "language": LANGUAGE})
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def a_dataset():
    return datasets.Dataset.from_dict(
        {"text": WELL_FORMED, "language": LANGUAGE, "label": [0, 1, 0, 1]}
    )


STRING_TYPES = {
    "string": lambda: frame(text=WELL_FORMED).astype("string"),
    "str": lambda: frame(text=WELL_FORMED).astype("str"),
    "pyarrow": arrow_frame,
    "Dataset": a_dataset,
    "Dataset formatted for torch": lambda: a_dataset().with_format("torch"),
    "Dataset after a selection": lambda: a_dataset().select([3, 2, 1, 0]).select([3, 2, 1, 0]),
}


@pytest.mark.parametrize("make", STRING_TYPES.values(), ids=STRING_TYPES)
def test_string_types(make):
    samples = read(make())
    assert samples.texts.tolist() == WELL_FORMED
    assert samples.language.tolist() == LANGUAGE
    assert {type(value) for value in (*samples.texts, *samples.language)} == {str}


@pytest.mark.parametrize(
    "dtype", ["string", "str", "object", "category", pd.ArrowDtype(pa.string())]
)
def test_series_types(dtype):
    samples = read(pd.Series(WELL_FORMED, dtype=dtype), pd.Series(LANGUAGE, dtype=dtype))
    assert samples.texts.tolist() == WELL_FORMED
    assert samples.language.tolist() == LANGUAGE


def test_columns_of_a_dataset():
    samples = check_samples(
        Reader(), a_dataset()["text"], a_dataset()["label"], a_dataset()["language"], reset=True
    )
    assert samples.texts.tolist() == WELL_FORMED
    assert samples.language.tolist() == LANGUAGE
    assert samples.y.tolist() == [0, 1, 0, 1]


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="needs numpy 2")
def test_variable_width_strings():
    X = np.array(WELL_FORMED, dtype=np.dtypes.StringDType())
    assert read(X).texts.tolist() == WELL_FORMED


LANGUAGE_FORMS = [list, tuple, np.array, pd.Series, pd.Index, pd.Categorical]


@pytest.mark.parametrize("form", LANGUAGE_FORMS)
def test_forms_of_language(form):
    assert read(TEXTS, form(LANGUAGE)).language.tolist() == LANGUAGE
    assert read(frame(), form(LANGUAGE)).language.tolist() == LANGUAGE
    assert read(NUMBERS, form(LANGUAGE)).language.tolist() == LANGUAGE


NUMBER_FORMS = {
    "array": NUMBERS,
    "single precision": NUMBERS.astype(np.float32),
    "list of lists": NUMBERS.tolist(),
    "list of arrays": list(NUMBERS),
    "array of objects": NUMBERS.astype(object),
    "fortran order": np.asfortranarray(NUMBERS),
    "frame": pd.DataFrame(NUMBERS, index=[1, 1, 0, 5]),
    "nullable frame": pd.DataFrame(NUMBERS).convert_dtypes(),
    "csr": sparse.csr_array(NUMBERS),
    "csr matrix": sparse.csr_matrix(NUMBERS),
    "csc": sparse.csc_array(NUMBERS),
    "coo": sparse.coo_array(NUMBERS),
    "dok": sparse.dok_array(NUMBERS),
}


@pytest.mark.parametrize("X", NUMBER_FORMS.values(), ids=NUMBER_FORMS)
@pytest.mark.parametrize("reader", [Reader(), NumberReader()])
def test_numbers(X, reader):
    samples = read(X, LANGUAGE, reader=reader)
    features = samples.features
    if sparse.issparse(X):
        assert isinstance(features, sparse.csr_array)
        features = features.toarray()
    np.testing.assert_array_equal(features, NUMBERS)
    assert features.dtype == (np.float32 if getattr(X, "dtype", None) == np.float32 else float)
    assert samples.language.tolist() == LANGUAGE
    assert samples.texts is None
    assert not samples.is_text
    assert reader.n_features_in_ == 2


@pytest.mark.parametrize("as_dataset", [False, True])
def test_numbers_with_a_language_column(as_dataset):
    X = pd.DataFrame({"a": NUMBERS[:, 0], "language": LANGUAGE, "b": NUMBERS[:, 1]})
    reader = Reader()
    samples = read(datasets.Dataset.from_pandas(X) if as_dataset else X, reader=reader)
    np.testing.assert_array_equal(samples.features, NUMBERS)
    assert samples.language.tolist() == LANGUAGE
    assert reader.n_features_in_ == 2
    assert reader.feature_names_in_.tolist() == ["a", "b"]
    assert read(X.drop(columns="language"), "zh", reader=reader, reset=False).language[0] == "zh"


def test_columns_of_other_names():
    reader = Reader(text_column="review", language_column="lang")
    X = frame().rename(columns={"text": "review", "language": "lang"})
    samples = read(X.assign(language="fr"), reader=reader)
    assert samples.texts.tolist() == TEXTS
    assert samples.language.tolist() == LANGUAGE
    assert reader.feature_names_in_.tolist() == ["review", "lang"]
    pd.testing.assert_frame_equal(samples.to_frame("review", "lang"), X.reset_index(drop=True))


def test_fitting_again_forgets_the_old_form():
    reader = Reader()
    read(pd.DataFrame(NUMBERS, columns=["a", "b"]), reader=reader)
    read(TEXTS, reader=reader)
    assert reader.n_features_in_ == 1
    assert not hasattr(reader, "feature_names_in_")
    read(frame(), reader=reader)
    assert reader.n_features_in_ == 2
    read(NUMBERS, reader=reader)
    assert not hasattr(reader, "feature_names_in_")


@pytest.mark.parametrize("rows", [[2, 0], np.array([0, 2]), np.arange(4) % 2 == 0])
@pytest.mark.parametrize("X", [frame(), NUMBERS, sparse.csr_array(NUMBERS)])
def test_take(X, rows):
    samples = check_samples(Reader(), X, ["a", None, "b", None], LANGUAGE, reset=True)
    taken = samples.take(rows)
    expected = np.arange(4)[rows]
    assert taken.language.tolist() == [LANGUAGE[row] for row in expected]
    assert taken.y.tolist() == samples.y[expected].tolist()
    assert taken.labelled.all()
    assert taken.classes is samples.classes
    values = taken.texts if samples.is_text else taken.features
    assert values.shape[0] == len(taken) == 2


LABELS = {
    "numbers with NaN": ([3, np.nan, 1, np.nan], None, [1, MISSING, 0, MISSING], [1, 3]),
    "strings with None": (["b", None, "a", None], None, [1, MISSING, 0, MISSING], ["a", "b"]),
    "strings with NaN": (["b", np.nan, "a", "a"], None, [1, MISSING, 0, 0], ["a", "b"]),
    "numbers with None": ([3, None, 1, 1], None, [1, MISSING, 0, 0], [1, 3]),
    "bools with None": ([True, None, False, True], None, [1, MISSING, 0, 1], [False, True]),
    "-1 is a class": ([-1, 1, 0, np.nan], None, [0, 2, 1, MISSING], [-1, 0, 1]),
    "-1 is missing": ([-1, 1, 0, -1], -1, [MISSING, 1, 0, MISSING], [0, 1]),
    "-1 and NaN are missing": ([-1, 1, 0, np.nan], -1, [MISSING, 1, 0, MISSING], [0, 1]),
    "a string is missing": (["?", "b", "a", None], "?", [MISSING, 1, 0, MISSING], ["a", "b"]),
    "a missing string among numbers": ([2, "?", 1, "?"], "?", [1, MISSING, 0, MISSING], [1, 2]),
    "missing_label NaN": ([2, np.nan, 1, 1], np.nan, [1, MISSING, 0, 0], [1, 2]),
    "an empty string is a class": (["", "b", "", None], None, [0, 1, 0, MISSING], ["", "b"]),
}


@pytest.mark.parametrize(
    ("y", "missing_label", "class_indices", "classes"), LABELS.values(), ids=LABELS
)
def test_labels(y, missing_label, class_indices, classes):
    forms = [y, tuple(y), np.array(y, dtype=object), pd.Series(y, dtype=object, index=[5, 5, 0, 1])]
    for form in forms:
        assert read_y(form, missing_label) == (class_indices, classes)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([5, pd.NA, 2, 2], dtype="Int64"),
        pd.array([5, pd.NA, 2, 2], dtype="Int64"),
        pd.Series([5, None, 2, 2], dtype=pd.ArrowDtype(pa.int64())),
        pd.Series([5, None, 2, 2], dtype="category"),
        pd.Categorical([5, None, 2, 2]),
        np.array([5, np.nan, 2, 2], dtype=np.float32),
        np.array([[5], [np.nan], [2], [2]])[:, 0],
    ],
    ids=lambda y: f"{type(y).__name__} {y.dtype}",
)
def test_types_of_numeric_labels(y):
    assert read_y(y) == ([1, MISSING, 0, 0], [2, 5])


@pytest.mark.parametrize(
    "dtype", ["string", "str", "object", "category", pd.ArrowDtype(pa.string())]
)
def test_types_of_string_labels(dtype):
    assert read_y(pd.Series(["b", None, "a", "a"], dtype=dtype)) == ([1, MISSING, 0, 0], ["a", "b"])


@pytest.mark.parametrize("y", [["b", "a", "a", "b"], [1, 0, 0, 1], [True, False, False, True]])
@pytest.mark.parametrize("form", [list, np.array, pd.Series, pd.Categorical, pd.Index])
def test_labels_without_a_gap(y, form):
    assert read_y(form(y)) == ([1, 0, 0, 1], sorted(set(y)))


DATES = [date(2021, 1, 1), date(2020, 1, 1)]
MOMENTS = [datetime(2021, 1, 1, 12), datetime(2020, 1, 1)]


@pytest.mark.parametrize("values", [DATES, MOMENTS, np.array(DATES, dtype="datetime64[D]")])
@pytest.mark.parametrize("form", [list, pd.Series, lambda y: np.array(y, dtype=object)])
def test_labels_that_are_dates(values, form):
    samples = check_samples(
        Reader(), TEXTS, form([values[0], None, values[1], values[1]]), reset=True
    )
    assert samples.y.tolist() == [1, MISSING, 0, 0]
    expected = np.sort(np.asarray(values, dtype="datetime64"))
    np.testing.assert_array_equal(samples.classes, expected)
    assert samples.classes.dtype.kind == "M"


def test_a_column_of_labels_warns_as_in_sklearn():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert read_y(np.array([[1], [0], [0], [1]]))[0] == [1, 0, 0, 1]


def test_nothing_is_written_to():
    y = np.array([1.0, np.nan, 0.0, 1.0])
    language = np.array(LANGUAGE, dtype=object)
    texts = np.array(TEXTS, dtype=object)
    matrix = NUMBERS.copy()
    for array in (y, language, texts, matrix):
        array.flags.writeable = False
    before = frame().assign(number=1)
    X = before.copy(deep=True)
    for form in (X, texts, matrix):
        check_samples(Reader(), form, y, language, reset=True)
    pd.testing.assert_frame_equal(X, before)


BAD_SAMPLES = {
    "no text": ([], "X is empty"),
    "an empty array": (np.array([], dtype=object), "X is empty"),
    "an empty frame": (frame().iloc[:0], "X is empty"),
    "an empty matrix": (np.empty((0, 3)), "0 sample"),
    "one string": ("good", r"X is a single string; pass a list with one text: X=\[text\]"),
    "one bytes": (b"good", "X is a single string"),
    "a dict": ({"text": TEXTS}, r"X is a dict; pass a table of rows: X=pandas.DataFrame\(X\)"),
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
    "many": ([1, "a"] * 9, r"in rows 0, 2, 4, 6, 8, ... \(9 in all\)"),
    "dicts": ([{"text": "a"}], "row 0: dict"),
    "lists among texts": (["a", ["b"]], r"row 1: list"),
    "numbers in the text column": (frame(text=[1, 2, 3, 4]), "row 0: int"),
    "no such column": (
        frame().rename(columns={"text": "review"}),
        r"no column 'text'; its columns are \['review', 'language'\]. Rename .* in `text_column`",
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
    "infinity": (np.array([[1, np.inf]]), "infinity"),
    "NaN features": (np.array([[1, np.nan]]), "NaN"),
    "sparse NaN": (sparse.csr_array([[1, np.nan]]), "NaN"),
    "a DatasetDict": (
        datasets.DatasetDict({"train": a_dataset()}),
        r"X is of type DatasetDict; pass one datasets.Dataset, such as X\['train'\]",
    ),
    "an IterableDataset": (a_dataset().to_iterable_dataset(), "X is of type IterableDataset"),
    "a Dataset without the column": (
        a_dataset().rename_column("text", "review"),
        r"X has no column 'text'; its columns are \['review', 'language', 'label'\]",
    ),
}


@pytest.mark.parametrize(("X", "message"), BAD_SAMPLES.values(), ids=BAD_SAMPLES)
def test_bad_samples(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (["en"] * 3, "X has 4 rows, `language` has 3"),
        (["en", None, "zh", np.nan], r"`language` holds something else in rows 1, 3"),
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
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([0, 1, 0], "X has 4 rows, y has 3"),
        ([None] * 4, "y has no label: every row is missing"),
        ([np.nan] * 4, "y has no label"),
        ([0, "a", 1, None], "y mixes strings and other values"),
        ([0.5, 0.2, 0.1, np.nan], "continuous"),
        ([0, 1, np.inf, np.nan], "infinity"),
        ([[0, 1]] * 4, "one label for each row is taken here"),
    ],
)
def test_bad_labels(y, message):
    with pytest.raises(ValueError, match=message):
        read_y(y)


def test_only_the_missing_label():
    with pytest.raises(ValueError, match="y has no label"):
        read_y([-1] * 4, missing_label=-1)


def test_one_class():
    samples = check_samples(Reader(), TEXTS, [1, 1, None, 1], reset=True)
    with pytest.raises(ValueError, match="at least two classes, but y holds 1 class\\."):
        check_two_classes(samples, Reader())
    with pytest.raises(ValueError, match="but the source rows holds 0 classes"):
        check_two_classes(samples.take([2]), Reader(), "the source rows")


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (TEXTS, NUMBERS, "was fitted on text, but X holds numeric features"),
        (NUMBERS, TEXTS, "was fitted on numeric features, but X holds text"),
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


ANY_TEXT = st.text(st.characters(), max_size=20)


@pytest.mark.filterwarnings("ignore:These look like several names of one language")
@given(st.lists(st.tuples(ANY_TEXT, st.text(min_size=1, max_size=3)), min_size=1, max_size=8))
def test_every_form_of_any_text_is_read_alike(rows):
    texts, language = (list(column) for column in zip(*rows, strict=True))
    forms = [
        (pd.DataFrame({"text": texts, "language": language}, dtype=object), None),
        (rows, None),
        (texts, language),
        (np.array(texts, dtype=object), np.array(language, dtype=object)),
        (pd.Series(texts, dtype=object), pd.Series(language, dtype=object)),
    ]
    for X, beside in forms:
        samples = read(X, beside)
        assert samples.texts.tolist() == texts
        assert samples.language.tolist() == language


@pytest.mark.filterwarnings("ignore:y holds -1")
@given(
    st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=20).filter(
        lambda y: any(label is not None for label in y)
    )
)
def test_class_indices_and_classes_give_the_labels_back(y):
    samples = check_samples(Reader(), ["a"] * len(y), y, reset=True)
    back = [None if index == MISSING else samples.classes[index] for index in samples.y]
    assert back == y
    assert samples.classes.tolist() == sorted({label for label in y if label is not None})
