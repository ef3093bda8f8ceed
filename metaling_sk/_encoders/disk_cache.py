"""Arrays that processes share through a folder, so that none computes what another has."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from multiprocessing.util import Finalize
from pathlib import Path

import numpy as np
from filelock import FileLock

MAX_BYTES = 16 * 1024**3
KEY_BYTES = 16
ROW_BYTES = KEY_BYTES + 8
"""What a row takes next to its values: its key and its length."""

FILE_BYTES = 3 * 128
"""What a file takes next to its rows: three headers."""


class DiskCache:
    """1-D arrays by namespace and key, in a folder.

    A file holds the values, keys and lengths of all rows that were computed together. It gets its
    name when it is complete and never changes. Nothing is kept in memory: rows that are there are
    views of a memory map, which is open for as long as they are.

    Parameters
    ----------
    folder : str or path
        Exists; its owner may remove it at any time.
    max_bytes : int
        What is computed when the files have this size is not kept.
    remember : bool
        Whether vectors are to be kept in the memory of this process as well.

    Attributes
    ----------
    is_full : bool
        Whether rows that were computed here could not be kept.
    """

    def __init__(
        self, folder: str | os.PathLike, max_bytes: int = MAX_BYTES, remember: bool = False
    ):
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self.remember = remember
        self.is_full = False

    def get_or_compute(
        self,
        namespace: str,
        keys: list[bytes],
        compute: Callable[[list[int]], Sequence[np.ndarray]],
    ) -> list[np.ndarray]:
        """The row of each key, in order; not to be written to.

        Parameters
        ----------
        namespace : str
            A file name. One process at a time computes in a namespace.
        keys : list of bytes of length 16
            A key may occur several times.
        compute : callable
            Gives the rows, all of one dtype, for the positions of the keys that are nowhere.
        """
        positions = {key: position for position, key in enumerate(keys)}
        rows = self._read(namespace, positions)
        if len(rows) < len(positions):
            with self._lock(self.folder / namespace):
                missing = {key: where for key, where in positions.items() if key not in rows}
                rows |= self._read(namespace, missing)  # what came while this process waited
                missing = {key: where for key, where in missing.items() if key not in rows}
                if missing:
                    new = compute(list(missing.values()))
                    rows |= zip(missing, new, strict=True)
                    self._write(namespace, list(missing), new)
        return [rows[key] for key in keys]

    def _read(self, namespace: str, wanted) -> dict[bytes, np.ndarray]:
        rows = {}
        with suppress(OSError):  # the folder is removed
            for path in (self.folder / namespace).glob("*.rows"):
                if len(rows) == len(wanted):
                    break
                values = np.load(path, mmap_mode="r")
                with open(path, "rb") as file:
                    file.seek(values.offset + values.nbytes)
                    keys, lengths = np.load(file).tolist(), np.load(file)
                values = np.asarray(values)
                ends = np.cumsum(lengths)
                for row, key in enumerate(keys):
                    if key in wanted:
                        rows[key] = values[ends[row] - lengths[row] : ends[row]]
        return rows

    def _write(self, namespace: str, keys: list[bytes], rows: Sequence[np.ndarray]) -> None:
        name = self.folder / namespace / uuid.uuid4().hex
        temporary = name.with_suffix(".tmp")
        try:
            with self._lock(self.folder):
                for path in self.folder.glob("*/*.tmp"):
                    path.unlink()  # only the holder of the lock writes: this one was killed
                used = sum(path.stat().st_size for path in self.folder.glob("*/*.rows"))
                sizes = np.cumsum([row.nbytes + ROW_BYTES for row in rows])
                n_kept = np.searchsorted(sizes, self.max_bytes - used - FILE_BYTES, side="right")
                if n_kept < len(keys):
                    self.is_full = True
                if n_kept == 0:
                    return
                kept = rows[:n_kept]
                name.parent.mkdir(exist_ok=True)
                with open(temporary, "wb") as file:
                    np.save(file, kept.ravel() if hasattr(kept, "ravel") else np.concatenate(kept))
                    np.save(file, np.frombuffer(b"".join(keys[:n_kept]), f"V{KEY_BYTES}"))
                    np.save(file, np.array([len(row) for row in kept], np.int64))
                temporary.replace(name.with_suffix(".rows"))
        except OSError:  # the disk is full, or the folder is removed
            self.is_full = True
            with suppress(OSError):
                temporary.unlink()

    @contextmanager
    def _lock(self, folder: Path) -> Iterator[None]:
        """Alone with a folder, where it can be locked; a process that dies frees the lock."""
        lock = FileLock(folder / "lock")
        # FileLock would make the folder anew once its owner has removed it.
        with suppress(OSError, NotImplementedError):
            if self.folder.is_dir():
                lock.acquire()
        try:
            yield
        finally:
            lock.release()


_ACTIVE: ContextVar[DiskCache | None] = ContextVar("store", default=None)


def active_disk_cache() -> DiskCache | None:
    """The store of the innermost `use_disk_cache` around the caller, if any."""
    return _ACTIVE.get()


@contextmanager
def use_disk_cache(folder: str | os.PathLike | None, remember: bool = False) -> Iterator[None]:
    """Tokens, trained tokenizers and vectors of frozen encoders come from a folder and go there.

    This holds for the code inside that runs in the same thread.

    Parameters
    ----------
    folder : str or path, or None
        Where it does not exist, such as on another machine, it is made, and removed when this
        process ends. None changes nothing.
    remember : bool
        Whether vectors are kept in memory as well, for use after the folder is gone.
    """
    if folder is None:
        yield
        return
    folder = Path(folder)
    with suppress(OSError):  # it exists, or cannot be made: then nothing is shared
        folder.mkdir(parents=True)
        # Unlike atexit it runs in the workers of joblib and dask, too.
        Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    token = _ACTIVE.set(DiskCache(folder, remember=remember))
    try:
        yield
    finally:
        _ACTIVE.reset(token)
