"""The journal of a search: every finished fit is a line, and a search that was killed goes on."""

from __future__ import annotations

import json
import os
import time
from math import isfinite
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from sklearn.base import BaseEstimator

from metaling_sk.meta_param._fit_spec import Fit, FitResult

FILE = "journal.jsonl"


class Journal:
    """The finished fits of a search, in a folder or, without one, in memory.

    It is a context manager, which closes the file and frees the folder at its end.

    Parameters
    ----------
    folder : str, path or None
        The folder, which is made if it does not exist.

    Attributes
    ----------
    seed : int or None
        The seed of the search that the folder holds; None if it holds none.

    Raises
    ------
    ValueError
        If a search is running in the folder.
    """

    def __init__(self, folder: str | os.PathLike | None):
        self.seed: int | None = None
        self._folder = None if folder is None else Path(folder)
        self._lines: list[dict] = []
        self._fits: dict[tuple, dict] = {}
        self._file: int | None = None
        self._lock: FileLock | None = None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self._folder)
            self._lines = _read_lines(self._folder / FILE)
            if self._lines:
                self.seed = self._lines[0]["seed"]

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def begin(self, description: dict, seed: int) -> None:
        """Write the first line, or check that it is about this search.

        Parameters
        ----------
        description : dict
            What tells this search from others, in the form of `describe`.
        seed : int
            The seed of the search.

        Raises
        ------
        ValueError
            If the folder holds another search.
        """
        if self._folder is None:
            return
        if self._lines:
            _check_same(self._lines[0]["search"], _as_json(description), self._folder)
        self._file = os.open(self._folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if not self._lines:
            _write(self._file, {"search": description, "seed": seed})
        self._fits = {_key(line): line for line in self._lines[1:]}

    def find(self, fit: Fit) -> FitResult | None:
        """The result of a fit that is finished, or None."""
        line = self._fits.get(fit.key)
        if line is None or line["params"] != _as_json(describe(fit.params)):
            return None
        return line["result"]

    def add(self, fit: Fit, result: FitResult) -> None:
        """Note a finished fit; when this returns, it is on the disk."""
        line = {
            "candidate": fit.candidate,
            "split": fit.split,
            "n_resources": fit.n_resources,
            "params": describe(fit.params),
            "result": result,
            "finished": time.time(),
        }
        if self._file is not None:
            _write(self._file, line)
        self._fits[fit.key] = line

    def close(self) -> None:
        """Close the file and let other searches use the folder."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def read_results(folder: str | os.PathLike) -> pd.DataFrame:
    """Read the results of a search so far from its checkpoint folder.

    Parameters
    ----------
    folder : str or path
        The `checkpoint` of the search.

    Returns
    -------
    DataFrame
        A row per candidate and resource whose fits are all finished: `candidate`, `n_resources`
        (None for a search without resources), `params`, `finished`, the time in seconds since the
        epoch, `mean_test_score` and, with several metrics, `mean_test_` and the name of each. A
        value that JSON has no form for is missing from `params`.

    Raises
    ------
    ValueError
        If no search has begun in the folder.
    """
    path = Path(folder) / FILE
    lines = _read_lines(path)
    if not lines:
        raise ValueError(f"{path} is missing or empty: no search has begun in this folder.")
    n_splits = lines[0]["search"]["n_splits"]
    evaluations: dict[tuple, dict[int, dict]] = {}
    for line in lines[1:]:
        key = line["candidate"], line["n_resources"]
        evaluations.setdefault(key, {})[line["split"]] = line
    rows = [_to_row(fits) for fits in evaluations.values() if len(fits) == n_splits]
    return pd.DataFrame(rows, columns=None if rows else ["params", "mean_test_score"])


def describe(value):
    """Turn a value into a form that JSON can hold and that is the same in every process."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        # NaN is not equal to itself.
        return float(value) if isfinite(value) else repr(float(value))
    if isinstance(value, os.PathLike):
        return {"path": os.fspath(value)}
    if isinstance(value, dict):
        return {str(name): describe(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, BaseEstimator):
        return {type(value).__name__: describe(value.get_params(deep=False))}
    if hasattr(value, "rvs") and hasattr(value, "dist"):
        return {value.dist.name: describe([value.args, value.kwds])}
    if callable(value) and hasattr(value, "__qualname__"):
        return {"function": f"{value.__module__}.{value.__qualname__}"}
    return {type(value).__name__: joblib.hash(value)}


def _to_row(fits: dict[int, dict]) -> dict:
    """The row of `read_results` for the lines of a candidate by split."""
    lines = list(fits.values())
    scores = pd.DataFrame([line["result"]["test_scores"] for line in lines])
    params = {
        name: value for name, value in fits[0]["params"].items() if not isinstance(value, dict)
    }
    return {
        "candidate": lines[0]["candidate"],
        "n_resources": lines[0]["n_resources"],
        "params": params,
        "finished": max(line["finished"] for line in lines),
    } | {f"mean_test_{name}": score for name, score in scores.mean(skipna=False).items()}


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / "lock")
    try:
        return lock.acquire(timeout=0).lock
    except Timeout:
        raise ValueError(
            f"`checkpoint`: another search is running in {folder}; wait for it or name another "
            "folder."
        ) from None


def _write(file: int, line: dict) -> None:
    # One write of a file opened for appending: a kill leaves a whole line or a torn last one.
    os.write(file, (json.dumps(line, default=_to_python) + "\n").encode())
    os.fsync(file)


def _key(line: dict) -> tuple:
    """The key of the fit that a line is about."""
    return line["candidate"], line["split"], line["n_resources"]


def _read_lines(path: Path) -> list[dict]:
    """All whole lines; a torn last one is cut off."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _check_same(old: dict, new: dict, folder: Path) -> None:
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if differing:
        changes = "; ".join(
            f"{name} was {_shorten(old.get(name))}, is {_shorten(new.get(name))}"
            for name in differing
        )
        raise ValueError(
            f"`checkpoint`: {folder} holds a different search ({changes}). Name another folder, or "
            "search with the same arguments."
        )


def _shorten(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _as_json(value):
    """The value after it has been written and read."""
    return json.loads(json.dumps(value, default=_to_python))


def _to_python(value):
    """A number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON.")
