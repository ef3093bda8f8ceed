"""Labels that come beside the samples."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_cases import (
    TEXTS,
    Reader,
    read_y,
)
from sklearn.exceptions import DataConversionWarning

from metaling_sk._data.labels import MISSING
from metaling_sk._data.samples import check_samples, check_two_classes

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
        np.ma.masked_equal([5, -9, 2, 2], -9),
        np.ma.masked_equal([5.0, -9.0, 2.0, 2.0], -9.0),
        np.ma.array([5, 5, 2, 2], mask=[0, 1, 0, 0]),
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


@pytest.mark.parametrize("labels", [[2, 5], ["a", "b"]])
def test_a_label_of_a_list_may_be_masked(labels):
    y = [labels[1], np.ma.masked, labels[0], labels[0]]
    assert read_y(y) == ([1, MISSING, 0, 0], labels)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_string_labels_of_numpy(missing):
    y = np.array(["b", missing, "a", "a"], dtype=np.dtypes.StringDType(na_object=missing))
    assert read_y(y) == ([1, MISSING, 0, 0], ["a", "b"])


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


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([0, 1, 0], "X has 4 rows, y has 3"),
        ([None] * 4, "y has no label: every row is missing"),
        ([np.nan] * 4, "y has no label"),
        ([0, "a", 1, None], "y mixes strings and other values"),
        ([0.5, 0.2, 0.1, np.nan], "Unknown label type: continuous.*TransferRegressor"),
        ([0, np.nan, 1, -np.inf], "y contains infinity in row 3. Drop these rows, or make"),
        ([[0, 1]] * 4, "one label for each row is taken here"),
        ([1, None, Decimal(2), Decimal(2)], r"y holds Decimal\('2'\) of type Decimal. Labels are"),
        ([2**70, 1, 2, None], "of type int. Labels are .* numbers of up to 64 bits"),
        ([2**63, 1, 2, None], r"holds 9223372036854775808 of .* \(integers below 2\*\*63\)"),
        ([1, 2**63, 2, 3], "holds 9223372036854775808 of type int"),
        ([-1, 2**63, 2, 3], "holds 9223372036854775808 of type int"),
        (pd.Series([["a"], ["a", "b"], [], None]), r"y holds \['a'\] of type list.*MultiLabelBin"),
        ([["a"], ["a", "b"], [], None], r"y holds \['a'\] of type list.*MultiLabelBinarizer"),
        (pd.Series([["a", "b"]] * 4), r"y holds \['a', 'b'\] of type list.*MultiLabelBinarizer"),
        (pd.Series([("a",)] * 4), r"y holds \('a',\) of type tuple"),
        ([timedelta(1), timedelta(2)] * 2, "of type timedelta"),
        (pd.to_datetime(["2020", "2021"] * 2, utc=True), "type Timestamp.* without a time zone"),
        ({"a": 1}, "a label for each row, but is of type dict"),
        ("abcd", "of type str"),
        (iter([0, 1, 0, 1]), "of type list_iterator"),
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
    with pytest.raises(ValueError, match="but y holds 0 classes"):
        check_two_classes(samples.take([2]), Reader())


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
