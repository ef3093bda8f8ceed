"""y that holds numbers."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning

from metaling_sk._data.labels import has_label
from metaling_sk._data.number_labels import check_numbers

NAN = np.nan
FORMS = {
    "list": ([1, None, 2.5], None),
    "bools": (np.array([True, None, False], dtype=object), None),
    "unsigned": (np.array([1, 9, 3], dtype=np.uint8), 9),
    "large ints": ([2**60, None, 3], None),
    "nullable ints": (pd.Series([1, None, 3], dtype="Int64"), None),
    "a marker": ([1.0, "none", 3], "none"),
    "numpy numbers": (np.array([np.float32(1), None, np.bool_(True)], dtype=object), None),
}


@pytest.mark.parametrize(("y", "missing"), FORMS.values(), ids=FORMS)
def test_every_form_becomes_float64(y, missing):
    numbers, classes = check_numbers(y, 3, missing)
    assert numbers.dtype == np.float64 and classes is None
    assert has_label(numbers).tolist() == [True, False, True]
    assert numbers[0] == float(list(y)[0])


def test_minus_one_is_a_number():
    assert has_label(check_numbers([-1, 0, 1], 3)[0]).all()


def test_a_column_warns_as_in_scikit_learn():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert check_numbers(np.ones((3, 1)), 3)[0].shape == (3,)


REFUSED = {
    "strings": (["1", "2", "3"], "y holds '1' in row 0, which is no number"),
    "one string": ([1, "good", 3], "y holds 'good' in row 1"),
    "decimals": ([Decimal(1), Decimal(2), Decimal(3)], "which is no number"),
    "complex": (np.ones(3) + 1j, "Complex data not supported: y holds .* such as y.real"),
    "dates": (pd.to_datetime(["2020-01-01"] * 3), "which is no number"),
    "dates to the nanosecond": (np.array(["2020-01-01"] * 3, "M8[ns]"), "which is no number"),
    "durations": (np.array([1, 2, 3], "m8[D]"), "which is no number"),
    "infinity": ([np.inf, 2, -np.inf], "y contains infinity in rows 0, 2"),
    "two columns": (np.ones((3, 2)), r"y has shape \(3, 2\)"),
    "lists of several lengths": ([[1], [1, 2], []], r"y holds \[1\] in row 0, which is no number"),
    "too short": ([1, 2], "inconsistent numbers of samples"),
    "nothing": ([None, NAN, pd.NA], "y has no label"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_number_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_numbers(y, 3)
    if message.startswith("y has no label"):
        assert not has_label(check_numbers(y, 3, needed=False)[0]).any()
