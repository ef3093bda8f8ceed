"""y that holds several labels for each sample."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from metaling_sk._data.indicators import (
    check_classes_or_indicators,
    check_indicators,
    check_unmarked,
    has_several_labels,
    positive_probabilities,
)
from metaling_sk._data.labels import MISSING, check_labels, has_label
from metaling_sk._data.strata import fold_groups, rarest_labels

NAN = np.nan
Y = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
FRAME = pd.DataFrame(Y, columns=["a", "b", "c"])
COMPLETE = {
    "ints": Y,
    "bools": Y.astype(bool),
    "floats": Y.astype(float),
    "unsigned": Y.astype(np.uint8),
    "objects": Y.astype(object),
    "lists": Y.tolist(),
    "lists of arrays": list(Y),
    "sparse array": sparse.csr_array(Y),
    "sparse matrix": sparse.csc_matrix(Y),
    "DataFrame": FRAME,
    "nullable": FRAME.astype("Int64"),
    "polars": pl.DataFrame(FRAME.to_dict("list")),
}


@pytest.mark.parametrize("y", COMPLETE.values(), ids=COMPLETE)
def test_every_form_becomes_the_same(y):
    assert has_several_labels(y)
    indicators, names = check_classes_or_indicators(y, 3)
    np.testing.assert_array_equal(indicators, Y)
    assert indicators.dtype == np.int8
    have_names = isinstance(y, pd.DataFrame | pl.DataFrame)
    assert names.tolist() == (["a", "b", "c"] if have_names else [0, 1, 2])


CELLS = [[0, NAN, 1], [NAN] * 3, [1, 0, 0]]
MISSING_CELLS = {
    "NaN": (CELLS, None),
    "None": ([[0, None, 1], [None] * 3, [1, 0, 0]], None),
    "a marker": ([[0, -1, 1], [-1] * 3, [1, 0, 0]], -1),
    "a word": ([[0, "?", 1], ["?"] * 3, [1, 0, 0]], "?"),
    "masked": (np.ma.masked_invalid(CELLS), None),
    "masked rows": (list(np.ma.masked_invalid(CELLS)), None),
    "nullable": (pd.DataFrame(CELLS, dtype="Int64"), None),
    "nullable bools": (pd.DataFrame(CELLS).astype("boolean"), None),
    "sparse": (sparse.csr_array(np.array(CELLS)), None),
    "polars": (pl.DataFrame({"0": [0, None, 1], "1": [None, None, 0], "2": [1, None, 0]}), None),
}


@pytest.mark.parametrize(("y", "missing"), MISSING_CELLS.values(), ids=MISSING_CELLS)
def test_cells_and_rows_may_be_missing(y, missing):
    indicators, _ = check_classes_or_indicators(y, 3, missing)
    np.testing.assert_array_equal(indicators, [[0, MISSING, 1], [MISSING] * 3, [1, 0, 0]])
    assert has_label(indicators).tolist() == [True, False, True]


ONE_LABEL = {
    "list": ["a", "b", None],
    "array": np.array([0, 1, 1]),
    "column": [[0], [1], [1]],
    "frame of one column": FRAME[["a"]],
    "nothing": [None, NAN, pd.NA],
    "series": pd.Series(["a", "b", "a"], dtype="category"),
}


@pytest.mark.parametrize("y", ONE_LABEL.values(), ids=ONE_LABEL)
def test_one_label_is_not_several(y):
    assert not has_several_labels(y)


BINARIZER = "MultiLabelBinarizer makes one"
REFUSED = {
    "other numbers": ([[0, 1], [2, 0], [0, 1]], r"holds 2 in row 1, column 0"),
    "a marker that is not named": (
        FRAME.replace(0, -1),
        r"holds -1 in row 0, column 'a'. If it marks what is not known, pass missing_label=-1",
    ),
    "probabilities": ([[0.5, 1], [0.0, 1], [1, 0]], "holds 0.5 in row 0"),
    "infinity": ([[0, np.inf], [1, 0], [1, 0]], "holds inf in row 0"),
    "lists of names": ([["a", "b"], ["a", "c"], ["b", "c"]], f"holds 'a' in row 0.*{BINARIZER}"),
    "lists of several lengths": ([["a"], [], ["b", "c"]], BINARIZER),
    "sets": ([{"a"}, set(), {"b", "c"}], BINARIZER),
    "a column of lists": (pd.Series([["a", "b"], ["a", "c"], ["b", "c"]]), BINARIZER),
    "rows and None": ([None, [0, 1], [1, 0]], BINARIZER),
    "one name twice": (FRAME.set_axis(["a"] * FRAME.shape[1], axis=1), "several columns named 'a'"),
    "no column": (np.empty((3, 0)), "y has no column"),
    "nothing": ([[None, NAN]] * 3, "y has no label: every row is missing"),
    "too short": ([[0, 1], [1, 0]], "X has 3 rows, y has 2"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_indicator_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_classes_or_indicators(y, 3)


@pytest.mark.parametrize("y", [Y, FRAME, sparse.csr_array(Y), Y.tolist()])
def test_one_label_for_each_row_is_asked_for_by_name(y):
    with pytest.raises(ValueError, match=r"y has shape \(3, 3\).*MultiOutputClassifier"):
        check_labels(y, 3)


def test_nothing_is_written_to():
    y = np.array([[0, NAN], [1, 0]])
    y.flags.writeable = False
    indicators, _ = check_indicators(y, 2)
    indicators[0] = 1
    assert y[0, 0] == 0


def test_the_rarest_label_is_the_stratum():
    y = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, MISSING, 1], [MISSING] * 3, [1, 0, 1]])
    assert rarest_labels(y).tolist() == [1, 0, 3, 2, MISSING, 2]
    assert fold_groups(y).tolist() == [1, 0, 3, MISSING, MISSING, 2]


def test_probabilities_of_lists_are_those_of_label_1():
    parts = [np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([[1.0], [1.0]]), np.array([[1.0], [1.0]])]
    classes = [np.array([0, 1]), np.array([0]), np.array([1])]
    found = positive_probabilities(parts, classes, 3)
    np.testing.assert_array_equal(found, [[0.8, 0, 1], [0.4, 0, 1]])
    with pytest.raises(ValueError, match=r"shape \(2, 3\), but y has 2 labels"):
        positive_probabilities(found, None, 2)


@pytest.mark.parametrize("form", [np.array, pd.DataFrame, sparse.csr_array, list, pl.DataFrame])
def test_marked_labels_are_not_compared_with_predictions(form):
    y = form(np.array([[0, 1], [-1, 1], [1, 0]]))
    check_unmarked(y, None)
    check_unmarked(y, "?")
    with pytest.raises(ValueError, match="y has no label in row 1, as missing_label=-1 says"):
        check_unmarked(y, -1)
