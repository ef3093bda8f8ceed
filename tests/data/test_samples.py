import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_cases import (
    LANGUAGE,
    NUMBERS,
    TEXTS,
    WELL_FORMED,
    NumberReader,
    Reader,
    a_dataset,
    arrow_frame,
    frame,
    pairs,
    read,
)
from scipy import sparse

from metaling_sk._data.samples import check_samples

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


def test_a_language_is_one_string_for_all_samples():
    table = pd.DataFrame({"text": "good", "language": LANGUAGE * 9}, dtype="str")
    names = read(table).language
    assert names.tolist() == LANGUAGE * 9
    assert len(set(map(id, names))) == len(set(LANGUAGE))


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
