"""The journal of a search: every finished fit is a line, and a search that was killed goes on."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from metaling_sk._utils.messages import shorten
from metaling_sk._utils.writing import writing_to
from metaling_sk.meta_param._describe import describe
from metaling_sk.meta_param._fit_spec import Fit, FitResult
from metaling_sk.meta_param._folder import cannot_use
from metaling_sk.meta_param._records import cut_torn_end, read_records, to_json, write_record

FILE = "journal.jsonl"

FORMAT = 2
"""The number of the form of the file."""


class Journal:
    """The finished fits of a search, in a folder or, without one, in memory.

    It is a context manager, which closes the file and frees the folder at its end.

    Parameters
    ----------
    folder : Path or None
        The folder, which is made if it does not exist.

    Attributes
    ----------
    seed : int or None
        The seed of the search that the folder holds; None if it holds none.

    Raises
    ------
    ValueError
        If the folder cannot be used, or a search is running in it.
    """

    def __init__(self, folder: Path | None):
        self.seed: int | None = None
        self._folder = folder
        self._lines: list[dict] = []
        self._fits: dict[tuple, dict] = {}
        self._file: int | None = None
        self._lock: FileLock | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            self._lines = self._read(folder / FILE)
        except OSError as error:
            self.close()
            raise cannot_use(folder, error) from error
        except BaseException:
            self.close()
            raise
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
            _check_same(self._lines[0]["search"], description, self._folder)
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._file = os.open(self._folder / FILE, flags, 0o644)
        except OSError as error:
            raise cannot_use(self._folder, error) from error
        if not self._lines:
            self._write({"format": FORMAT, "search": description, "seed": seed})
        self._fits = {_key(line): line for line in self._lines[1:]}

    @property
    def is_empty(self) -> bool:
        """Whether the folder holds no search."""
        return not self._lines

    def find(self, fit: Fit) -> FitResult | None:
        """The result of a fit that is finished, or None."""
        line = self._fits.get(fit.key)
        if line is None or to_json(line["params"]) != to_json(_describe_params(fit)):
            return None
        return line["result"]

    def add(self, fit: Fit, result: FitResult) -> None:
        """Note a finished fit; when this returns, it is on the disk."""
        if self._file is None:
            return
        line = {
            "candidate": fit.candidate,
            "split": fit.split,
            "n_resources": fit.n_resources,
            "params": _describe_params(fit),
            "result": result,
            "finished": time.time(),
        }
        self._write(line)

    def _write(self, record: dict) -> None:
        assert self._folder is not None and self._file is not None
        way_out = "Make room and fit again with the same arguments: the search goes on there."
        with writing_to(self._folder / FILE, "checkpoint", way_out):
            write_record(self._file, record)

    def _read(self, path: Path) -> list[dict]:
        """Read the intact lines. A file without its first line is put aside."""
        records = read_records(path)
        if not path.exists() or not path.stat().st_size:
            return []
        cut_torn_end(path)
        if records and _is_header(records[0]):
            return [record for record in records if record is not None]
        aside = path.with_suffix(".damaged")
        os.replace(path, aside)
        warnings.warn(
            f"{path}: the first line, which says what search this is, is damaged. The search "
            f"begins anew; what is left of the file is now {aside}.",
            UserWarning,
            stacklevel=3,
        )
        return []

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
        If no search has begun in the folder, or it cannot be read.
    """
    path = Path(folder).expanduser() / FILE
    try:
        lines = read_records(path)
    except OSError as error:
        raise ValueError(
            f"`prior`: {path} cannot be read: {error}. Name the folder of a `checkpoint`."
        ) from error
    if not lines:
        raise ValueError(
            f"`prior`: {path} is missing or empty: no search has begun in this folder."
        )
    header = lines[0]
    if header is None or not _is_header(header):
        raise ValueError(
            f"`prior`: the first line of {path} is damaged; its results cannot be used."
        )
    n_splits = header["search"]["n_splits"]
    evaluations: dict[tuple, dict[int, dict]] = {}
    for line in lines[1:]:
        if line is not None:
            key = line["candidate"], line["n_resources"]
            evaluations.setdefault(key, {})[line["split"]] = line
    rows = [_to_row(fits) for fits in evaluations.values() if len(fits) == n_splits]
    return pd.DataFrame(rows, columns=None if rows else ["params", "mean_test_score"])


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


def _is_header(record: dict | None) -> bool:
    """Whether a record is the first line of a journal of this form."""
    return record is not None and record.get("format") == FORMAT


def _describe_params(fit: Fit) -> dict:
    return describe(fit.params, "param_distributions")


def _key(line: dict) -> tuple:
    """The key of the fit that a line is about."""
    return line["candidate"], line["split"], line["n_resources"]


def _check_same(old: dict, new: dict, folder: Path) -> None:
    # As text, in which 1 is neither 1.0 nor True.
    differing = [
        name for name in {**old, **new} if to_json(old.get(name)) != to_json(new.get(name))
    ]
    if differing:
        changes = "; ".join(
            f"{name} was {shorten(to_json(old.get(name)))}, is {shorten(to_json(new.get(name)))}"
            for name in differing
        )
        raise ValueError(
            f"`checkpoint`: {folder} holds a different search ({changes}). Name another folder, or "
            "search with the same arguments."
        )
