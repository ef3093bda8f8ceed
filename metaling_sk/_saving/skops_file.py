"""Objects of scikit-learn in a file that runs no code when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_skops(value, path: Path, name: str) -> None:
    """Write an object.

    Parameters
    ----------
    value : object
        Estimators of scikit-learn, numbers, strings and arrays, in lists, dicts and each other.
    path : Path
    name : str
        What the object is called in errors.

    Raises
    ------
    ValueError
        If the object holds something else.
    ModuleNotFoundError
        If skops is not installed.
    """
    io = _import_skops()
    try:
        data = io.dumps(value)
        unknown = io.get_untrusted_types(data=data)
    except Exception as error:
        raise ValueError(f"{name} cannot be stored ({error}); use joblib.dump.") from error
    if unknown:
        raise ValueError(
            f"{name} holds types that a file cannot be trusted with: {', '.join(unknown)}. Use "
            "joblib.dump."
        )
    path.write_bytes(data)


def read_skops(path: Path) -> Any:
    """Read what `write_skops` has written; any other type raises an error."""
    return _import_skops().load(path)


def _import_skops():
    try:
        import skops.io
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Saving and loading models of scikit-learn needs skops: "
            'pip install "metaling_sk[skops]"'
        ) from error
    return skops.io
