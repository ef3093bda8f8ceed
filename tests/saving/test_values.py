import datetime
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import torch

from metaling_sk._saving.values import from_json, to_json

VALUES = {
    "None": None,
    "bool": True,
    "int": 2**70,
    "float": 0.1,
    "infinity": float("inf"),
    "string": "ποsitive \ud800",
    "np.int64": np.int64(-(2**60)),
    "np.uint8": np.uint8(200),
    "np.float32": np.float32(0.01),
    "np.float64": np.float64(0.1),
    "np.bool": np.True_,
    "np.str": np.str_("a"),
    "np.datetime64": np.datetime64("2020-01-02T03:04:05.678", "ms"),
    "np.timedelta64": np.timedelta64(3, "D"),
    "list": [1, [2.0, "x"], None],
    "tuple": (1, ("a", None), []),
    "dict": {"a": {"b": (1,)}},
    "a dict with keys of other types": {1: "a", None: "b", (1, 2): "c", np.int64(3): "d"},
    "a dict with the marks of the format": {"$tensor": "x", "$tuple": [1]},
    "path": Path("some") / "folder",
    "device": torch.device("cuda:1"),
    "date": datetime.date(2020, 1, 2),
    "time": datetime.time(3, 4, 5, 6),
    "datetime": datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
    "datetime with an offset": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "timedelta": datetime.timedelta(days=-1, microseconds=5),
    "Timestamp": pd.Timestamp("2020-01-02 03:04:05.123456789"),
    "Timestamp in a zone": pd.Timestamp("2020-07-02", tz="Europe/Berlin"),
    "Timestamp in a zone of the standard library": pd.Timestamp("2020", tz=ZoneInfo("Asia/Tokyo")),
    "Timedelta": pd.Timedelta("1 days 2 ns"),
    "array": np.arange(6, dtype=np.int16).reshape(2, 3),
    "array of another byte order": np.arange(3, dtype=">f4"),
    "array of the other type of 64 bits": np.array([2**63 + 1], dtype=np.ulonglong),
    "empty array": np.empty((0, 3)),
    "array of strings": np.array(["a", "bcd"]),
    "array of dates": np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    "array of objects": np.array(["a", None, 3, datetime.date(2020, 1, 1)], dtype=object),
    "table": pd.DataFrame({"a": [0.5, np.nan], 2: [True, False], "s": ["x", None]}, ["en", "zh"]),
    "empty table": pd.DataFrame({"a": []}),
    "table with names of axes": pd.DataFrame(
        [[1, 2]], pd.Index(["en"], name="language"), pd.Index([("a", "b"), 3], name="feature")
    ),
    "tensor": torch.arange(3.0),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_keep_value_and_type(name):
    value, tensors = VALUES[name], {}
    stored = json.loads(json.dumps(to_json(value, "value", tensors)))
    restored = from_json(stored, tensors)
    assert type(restored) is type(value)
    if isinstance(value, np.ndarray):
        assert restored.dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(restored, value)
    elif isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(restored, value)
    elif isinstance(value, torch.Tensor):
        assert torch.equal(restored, value)
    else:
        assert restored == value
        assert repr(restored) == repr(value) or isinstance(value, (pd.Timestamp, np.str_))


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        1j,
        b"bytes",
        np.array([1j]),
        [lambda: 0],
        pd.DataFrame({"a": [1j]}),
        pd.DataFrame({"a": [1]}, pd.MultiIndex.from_tuples([("en", 1)])),
    ],
)
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match="value.*cannot be stored as JSON and tensors"):
        to_json(value, "value", {})


@pytest.mark.parametrize(
    "stored", [{"$eval": "1"}, {"$tuple": [], "a": 1}, {"$strings": [["a"], "O"]}]
)
def test_other_marks_are_refused(stored):
    with pytest.raises(ValueError, match="is no type of this format|is not the dtype"):
        from_json(stored, {})
