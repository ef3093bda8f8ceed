"""Values of Python, numpy, pandas and torch as JSON that keeps their types.

An object with one key that starts with "$" stands for a value that JSON does not have. Arrays of
numbers, tensors and estimators are not in the JSON: they go into a dictionary of parts.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from metaling_sk._utils.distributions import DISTRIBUTIONS, is_scipy_distribution
from metaling_sk._utils.imported import is_instance

MARK = "$"
"""First character of the keys that stand for a type."""

MAX_ITEM_SIZE = 8
"""Bytes of the largest numbers that a weights file can hold."""


def to_json(value, path: str, parts: dict[str, Any]):
    """Turn a value into JSON.

    Parameters
    ----------
    value : object
        Numbers, strings, None, paths, dates and times, arrays, tensors, tables of these,
        distributions of scipy.stats such as ``loguniform(1, 9)``, configurations of transformers,
        and estimators; also in lists, tuples and dicts.
    path : str
        The name of the value. Names of parts start with it.
    parts : dict of str to Tensor, ndarray or estimator
        Takes the tensors, the arrays of numbers and the estimators.

    Raises
    ------
    TypeError
        If the value is of another type.
    """
    if isinstance(value, dict):
        return _dict_to_json(value, path, parts)
    if isinstance(value, (list, tuple)):
        items = [to_json(item, f"{path}.{index}", parts) for index, item in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    if isinstance(value, np.ndarray):
        return _array_to_json(value, path, parts)
    if is_instance(value, "torch", "Tensor"):
        # Tensors in one file must not share memory.
        parts[path] = value.detach().cpu().clone().contiguous()
        return {"$tensor": path}
    if isinstance(value, pd.DataFrame):
        return _table_to_json(value, path, parts)
    if is_estimator(value):
        parts[path] = value
        return {"$estimator": path}
    if is_scipy_distribution(value):
        name_and_arguments = [value.dist.name, list(value.args), value.kwds]
        return {"$distribution": to_json(name_and_arguments, path, parts)}
    if isinstance(value, np.generic):
        return {"$scalar": to_json(np.asarray(value).reshape(1), path, parts)}
    if is_instance(value, "transformers", "PreTrainedConfig"):
        return _config_to_json(value, path)
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value if value is None else _scalar_to_json(value, path)


def from_json(value, parts: dict[str, Any]):
    """Restore a value from what `to_json` returned.

    Parameters
    ----------
    value : object
        JSON.
    parts : dict of str to Tensor, ndarray or estimator

    Raises
    ------
    ValueError
        If the JSON has a mark that `to_json` does not make.
    """
    if isinstance(value, list):
        return [from_json(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    mark = next((key for key in value if key.startswith(MARK)), None)
    if mark is None:
        return {key: from_json(item, parts) for key, item in value.items()}
    if len(value) != 1 or mark not in READERS:
        raise ValueError(f"{mark!r} is no type of this format")
    return READERS[mark](value[mark], parts)


def holds_tensors(value) -> bool:
    """Return whether there are tensors behind what `to_json` returned."""
    if isinstance(value, dict):
        return "$tensor" in value or any(map(holds_tensors, value.values()))
    return isinstance(value, list) and any(map(holds_tensors, value))


def is_estimator(value) -> bool:
    """Return whether a value is an estimator or has the interface of one."""
    return hasattr(value, "get_params") and not isinstance(value, type)


def is_plain(value) -> bool:
    """Return whether `to_json` takes a value, and no estimator is in it."""
    parts: dict[str, Any] = {}
    try:
        to_json(value, "value", parts)
    except (TypeError, ValueError, RecursionError):
        return False
    return not any(map(is_estimator, parts.values()))


def _dict_to_json(value: dict, path: str, parts) -> dict:
    if all(type(key) is str and not key.startswith(MARK) for key in value):
        return {key: to_json(item, f"{path}.{key}", parts) for key, item in value.items()}
    pairs = [
        [to_json(key, f"{path}.{index}.key", parts), to_json(item, f"{path}.{index}", parts)]
        for index, (key, item) in enumerate(value.items())
    ]
    return {"$dict": pairs}


def _table_to_json(table: pd.DataFrame, path: str, parts) -> dict:
    axes = [
        [to_json([axis.name, *axis], f"{path}.axis-{i}", parts), str(axis.dtype)]
        for i, axis in enumerate(table.axes)
    ]
    columns = [table.iloc[:, number] for number in range(table.shape[1])]
    # The values are in the JSON, because a weights file must hold no NaN.
    values = [to_json(column.tolist(), f"{path}.{i}", parts) for i, column in enumerate(columns)]
    dtypes = [str(column.dtype) for column in columns]
    stored = {"$table": [*axes, dtypes, values]}
    has_levels = any(isinstance(axis, pd.MultiIndex) for axis in table.axes)
    if has_levels or not from_json(stored, parts).equals(table):
        raise TypeError(f"{path}: this table cannot be stored as JSON and tensors.")
    return stored


def _array_to_json(array: np.ndarray, path: str, parts) -> dict:
    kind = array.dtype.kind
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{path}: a masked array cannot be stored as JSON and tensors.")
    if kind in "biuf" and array.dtype.itemsize <= MAX_ITEM_SIZE:
        # By the name of kind and size: of two types of 64 bits, torch knows one.
        parts[path] = array.astype(array.dtype.str[1:], order="C")
        return {"$array": path}
    if kind == "U":
        return {"$strings": [array.tolist(), array.dtype.str]}
    if kind in "Mm":
        return {"$times": [array.astype(np.int64).tolist(), array.dtype.str]}
    if kind == "O" and array.ndim == 1:
        return {"$objects": [to_json(item, f"{path}.{i}", parts) for i, item in enumerate(array)]}
    raise TypeError(f"{path}: an array of {array.dtype} cannot be stored as JSON and tensors.")


def _scalar_to_json(value, path: str) -> dict:
    """Turn a path, a device, a date or a time into JSON."""
    stored: dict[str, Any] | None = None
    if isinstance(value, PurePath):
        stored = {"$path": str(value)}
    elif is_instance(value, "torch", "device"):
        stored = {"$device": str(value)}
    elif isinstance(value, pd.Timestamp):
        zone = None if value.tz is None else str(value.tz)
        stored = {"$timestamp": [int(value.asm8.astype(np.int64)), value.unit, zone]}
    elif isinstance(value, pd.Timedelta):
        stored = {"$timedelta64": [int(value.asm8.astype(np.int64)), value.unit]}
    elif isinstance(value, datetime.timedelta):
        stored = {"$timedelta": [value.days, value.seconds, value.microseconds]}
    elif isinstance(value, datetime.datetime):
        stored = {"$datetime": value.isoformat()}
    elif isinstance(value, datetime.date):
        stored = {"$date": value.isoformat()}
    elif isinstance(value, datetime.time):
        stored = {"$time": value.isoformat()}
    if stored is None or from_json(stored, {}) != value:
        raise TypeError(
            f"{path}: a value of type {type(value).__name__} cannot be stored as JSON and tensors."
        )
    return stored


def _config_to_json(config, path: str) -> dict:
    from metaling_sk._saving.configs import config_to_json, is_storable  # It imports transformers.

    if not is_storable(config):
        raise TypeError(f"{path}: transformers has no config of type {type(config).__name__}.")
    content = config_to_json(config)
    content.pop("transformers_version", None)  # The description of the folder has it.
    return {"$config": content}


def _read_config(stored, parts):
    from metaling_sk._saving.configs import config_from_json  # It imports transformers.

    return config_from_json(stored)


def _read_device(stored, parts):
    from torch import device  # Without a device in a parameter torch is not needed.

    return device(stored)


def _read_strings(stored, parts) -> np.ndarray:
    strings, dtype = stored
    return np.array(strings, dtype=_dtype_of_kind(dtype, "U"))


def _read_times(stored, parts) -> np.ndarray:
    numbers, dtype = stored
    return np.array(numbers, dtype=np.int64).astype(_dtype_of_kind(dtype, "Mm"))


def _read_objects(stored, parts) -> np.ndarray:
    objects = np.empty(len(stored), dtype=object)
    for index, item in enumerate(stored):
        objects[index] = from_json(item, parts)
    return objects


def _read_table(stored, parts) -> pd.DataFrame:
    *axes, dtypes, values = from_json(stored, parts)
    index, names = (
        pd.Index(labels, dtype=dtype, name=name, tupleize_cols=False)
        for (name, *labels), dtype in axes
    )
    columns = [pd.Series(v, index, dtype) for v, dtype in zip(values, dtypes, strict=True)]
    table = pd.DataFrame(dict(enumerate(columns)), index=index)
    table.columns = names
    return table


def _read_distribution(stored, parts):
    name, args, kwds = from_json(stored, parts)
    distribution = getattr(scipy.stats, name)
    if not isinstance(distribution, DISTRIBUTIONS):
        raise ValueError(f"{name!r} is not the name of a distribution")
    return distribution(*args, **kwds)


def _read_scalar(stored, parts) -> np.generic:
    return from_json(stored, parts)[0]


def _read_timestamp(stored, parts) -> pd.Timestamp:
    number, unit, zone = stored
    timestamp = pd.Timestamp(number, unit=unit).as_unit(unit)
    return timestamp if zone is None else timestamp.tz_localize("UTC").tz_convert(zone)


def _read_timedelta64(stored, parts) -> pd.Timedelta:
    number, unit = stored
    return pd.Timedelta(number, unit=unit).as_unit(unit)


def _dtype_of_kind(name: str, kinds: str) -> np.dtype:
    dtype = np.dtype(name)
    if dtype.kind not in kinds:
        raise ValueError(f"{name!r} is not the dtype of such an array")
    return dtype


READERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "$estimator": lambda stored, parts: parts[stored],
    "$tensor": lambda stored, parts: parts[stored],
    "$array": lambda stored, parts: np.asarray(parts[stored]).copy(),
    "$strings": _read_strings,
    "$times": _read_times,
    "$objects": _read_objects,
    "$scalar": _read_scalar,
    "$table": _read_table,
    "$distribution": _read_distribution,
    "$config": _read_config,
    "$tuple": lambda stored, parts: tuple(from_json(stored, parts)),
    "$dict": lambda stored, parts: dict(from_json(stored, parts)),
    "$path": lambda stored, parts: Path(stored),
    "$device": _read_device,
    "$timestamp": _read_timestamp,
    "$timedelta64": _read_timedelta64,
    "$timedelta": lambda stored, parts: datetime.timedelta(*stored),
    "$datetime": lambda stored, parts: datetime.datetime.fromisoformat(stored),
    "$date": lambda stored, parts: datetime.date.fromisoformat(stored),
    "$time": lambda stored, parts: datetime.time.fromisoformat(stored),
}
"""Restores the value of each mark from what stands behind it, and from the parts."""
