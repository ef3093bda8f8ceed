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

FILE = "journal.jsonl"


class Journal:
    """Finished fits by candidate, split and resource, in a folder or, without one, in memory.

    Parameters
    ----------
    folder : str or path or None

    Attributes
    ----------
    seed : int or None
        Of the search that the folder holds.

    Raises
    ------
    ValueError
        If a search is running in the folder.
    """

    def __init__(self, folder):
        self.seed = None
        self._folder = folder
        self._lines: list[dict] = []
        self._fits: dict[tuple, dict] = {}
        self._file = self._lock = None
        if folder is not None:
            self._folder = Path(folder)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self._folder)
            self._lines = _read_lines(self._folder / FILE)
            if self._lines:
                self.seed = self._lines[0]["seed"]

    def begin(self, description: dict, seed: int) -> None:
        """Write the first line, or see that it is about this search.

        Parameters
        ----------
        description : dict
            What the search is, as `describe` gives it.
        seed : int

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
            self._write({"search": description, "seed": seed})
        self._fits = {_key(line): line for line in self._lines[1:]}

    def find(self, candidate: int, split: int, n_resources: int | None, params: dict):
        """The result of a fit that is finished, or None."""
        found = self._fits.get((candidate, split, n_resources))
        if found is None or found["params"] != _as_json(describe(params)):
            return None
        return found["result"]

    def add(self, candidate, split, n_resources, params: dict, result: dict) -> None:
        """Note a finished fit; after the return it is on the disk."""
        line = {
            "candidate": candidate,
            "split": split,
            "n_resources": n_resources,
            "params": describe(params),
            "result": result,
            "finished": time.time(),
        }
        if self._file is not None:
            self._write(line)
        self._fits[_key(line)] = line

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _write(self, line: dict) -> None:
        # One write of a file opened for appending: a kill leaves a whole line or a torn last one.
        os.write(self._file, (json.dumps(line, default=_plain) + "\n").encode())
        os.fsync(self._file)


def read_results(folder) -> pd.DataFrame:
    """What a search has found so far, from its checkpoint folder.

    Returns
    -------
    DataFrame
        A row per candidate and resource whose fits are all finished: `candidate`, `n_resources`
        (None for a search without resources), `params`, `finished`, the time in seconds since the
        epoch, `mean_test_score` and, with several metrics, `mean_test_` and the name of each. A
        value that JSON has no form for is missing from `params`.
    """
    path = Path(folder) / FILE
    lines = _read_lines(path)
    if not lines:
        raise ValueError(f"{path} is missing or empty: no search has begun in this folder.")
    n_splits = lines[0]["search"]["n_splits"]
    fits = {}
    for line in lines[1:]:
        key = line["candidate"], line["n_resources"]
        fits.setdefault(key, {})[line["split"]] = line
    rows = []
    for (candidate, n_resources), found in fits.items():
        if len(found) < n_splits:
            continue
        scores = pd.DataFrame([line["result"]["test_scores"] for line in found.values()])
        params = {
            name: value for name, value in found[0]["params"].items() if not isinstance(value, dict)
        }
        rows.append(
            {"candidate": candidate, "n_resources": n_resources, "params": params}
            | {"finished": max(line["finished"] for line in found.values())}
            | {f"mean_test_{name}": score for name, score in scores.mean(skipna=False).items()}
        )
    return pd.DataFrame(rows, columns=None if rows else ["params", "mean_test_score"])


def describe(value):
    """A form of `value` that JSON can hold, and that is the same in every process."""
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


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / "lock")
    try:
        return lock.acquire(timeout=0).lock
    except Timeout:
        raise ValueError(
            f"`checkpoint`: another search is running in {folder}; wait for it or name another "
            "folder."
        ) from None


def _key(line: dict) -> tuple:
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
            f"{name} was {_short(old.get(name))}, is {_short(new.get(name))}" for name in differing
        )
        raise ValueError(
            f"`checkpoint`: {folder} holds a different search ({changes}). Name another folder, or "
            "search with the same arguments."
        )


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _as_json(value):
    return json.loads(json.dumps(value, default=_plain))


def _plain(value):
    """numpy's numbers as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON.")
