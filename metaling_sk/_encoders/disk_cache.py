"""A folder of arrays that processes share, so that each array is computed once."""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from hashlib import blake2b
from multiprocessing.util import Finalize
from pathlib import Path

import numpy as np
from filelock import FileLock

from metaling_sk._data.large_arrays import concatenate

MAX_BYTES = 16 * 1024**3
"""Default limit of the size of a cache."""

KEY_BYTES = 16
"""Length of a key."""

CHECK_BYTES = 8
"""Length of the check sum of an array."""

ARRAY_BYTES = KEY_BYTES + 8 + CHECK_BYTES
"""Bytes that an array takes in a file beside its values: its key, its length, its check sum."""

FILE_BYTES = 4 * 128
"""Bytes that a file takes in addition to its arrays: four headers."""


class DiskCache:
    """1-D arrays by namespace and key, in a folder.

    A file holds the values, keys, lengths and check sums of all arrays that were computed together.
    It gets its name when it is complete, and never changes. A file that is damaged is removed with
    a warning, and its arrays are computed again. Nothing is kept in memory: arrays that were read
    are views of a memory map, which stays open as long as one of them exists.

    Parameters
    ----------
    folder : str or path
        An existing folder. Its owner may remove it at any time.
    max_bytes : int
        Largest size of all files together. Arrays that would exceed it are not stored.
    remember : bool
        Whether callers are to keep the arrays in the memory of this process as well.

    Attributes
    ----------
    is_full : bool
        Whether arrays that were computed here could not be stored.
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
        """Return the array of each key, which is read, or computed and stored.

        Parameters
        ----------
        namespace : str
            A file name. One process at a time computes in a namespace.
        keys : list of bytes of length 16
            The keys; a key may occur several times.
        compute : callable
            Takes indices of keys and returns their arrays, all of one dtype. It is called with
            the keys that no process has computed.

        Returns
        -------
        list of 1-D ndarrays
            In the order of the keys. They must not be written to.
        """
        index_of = {key: index for index, key in enumerate(keys)}
        arrays = self._read(namespace, index_of)
        if len(arrays) < len(index_of):
            with self._lock(self.folder / namespace):
                missing = _without(index_of, arrays)
                # Another process may have stored some while this one waited for the lock.
                arrays |= self._read(namespace, missing)
                missing = _without(missing, arrays)
                if missing:
                    computed = compute(list(missing.values()))
                    arrays |= zip(missing, computed, strict=True)
                    self._write(namespace, list(missing), computed)
        return [arrays[key] for key in keys]

    def _read(self, namespace: str, wanted: Collection[bytes]) -> dict[bytes, np.ndarray]:
        """Return those of the wanted arrays that are stored, by key."""
        arrays: dict[bytes, np.ndarray] = {}
        with suppress(OSError):  # The folder has been removed.
            for path in (self.folder / namespace).glob("*.arrays"):
                if len(arrays) == len(wanted):
                    break
                try:
                    arrays |= _load(path, wanted)
                except FileNotFoundError:
                    continue
                except Exception as error:
                    _remove_damaged(path, error)
        return arrays

    def _write(self, namespace: str, keys: list[bytes], arrays: Sequence[np.ndarray]) -> None:
        """Store as many of the arrays as there is room for."""
        name = self.folder / namespace / uuid.uuid4().hex
        temporary = name.with_suffix(".tmp")
        try:
            with self._lock(self.folder):
                self._remove_temporary_files()
                n_stored = self._count_fitting(arrays)
                if n_stored < len(keys):
                    self.is_full = True
                if n_stored == 0:
                    return
                name.parent.mkdir(exist_ok=True)
                with open(temporary, "wb") as file:
                    _save(file, keys[:n_stored], arrays[:n_stored])
                temporary.replace(name.with_suffix(".arrays"))
        except OSError:  # The disk is full, or the folder has been removed.
            self.is_full = True
            with suppress(OSError):
                temporary.unlink()

    def _remove_temporary_files(self) -> None:
        """Remove what killed processes left. Only the holder of the lock may call this."""
        for path in self.folder.glob("*/*.tmp"):
            path.unlink()

    def _count_fitting(self, arrays: Sequence[np.ndarray]) -> int:
        """Return how many of the arrays fit into the cache, the first ones first."""
        used = sum(path.stat().st_size for path in self.folder.glob("*/*.arrays"))
        sizes = np.cumsum([array.nbytes + ARRAY_BYTES for array in arrays])
        return int(np.searchsorted(sizes, self.max_bytes - used - FILE_BYTES, side="right"))

    @contextmanager
    def _lock(self, folder: Path) -> Iterator[None]:
        """Hold the lock of a folder inside, where locks are possible.

        The lock of a process that dies is free.
        """
        lock = FileLock(folder / "lock")
        # FileLock would make the folder anew after its owner has removed it.
        with suppress(OSError, NotImplementedError):
            if self.folder.is_dir():
                lock.acquire()
        try:
            yield
        finally:
            lock.release()


_ACTIVE: ContextVar[DiskCache | None] = ContextVar("disk cache", default=None)


def active_disk_cache() -> DiskCache | None:
    """Return the cache of the innermost `use_disk_cache` around the caller, if there is one."""
    return _ACTIVE.get()


@contextmanager
def use_disk_cache(folder: str | os.PathLike | None, remember: bool = False) -> Iterator[None]:
    """Share tokens, trained tokenizers and vectors of frozen encoders through a folder.

    This holds for the code inside that runs in the same thread.

    Parameters
    ----------
    folder : str or path, or None
        A folder that does not exist, such as on another machine, is made, and removed when this
        process ends. None changes nothing.
    remember : bool
        Whether vectors are kept in memory as well, for use after the folder has been removed.
    """
    if folder is None:
        yield
        return
    folder = Path(folder)
    with suppress(OSError):  # It exists, or it cannot be made; then nothing is shared.
        folder.mkdir(parents=True)
        # Unlike atexit, Finalize also runs in the workers of joblib and dask.
        Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    token = _ACTIVE.set(DiskCache(folder, remember=remember))
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def _without(index_of: dict[bytes, int], arrays: dict[bytes, np.ndarray]) -> dict[bytes, int]:
    """Return the entries whose keys have no array."""
    return {key: index for key, index in index_of.items() if key not in arrays}


def _save(file, keys: list[bytes], arrays: Sequence[np.ndarray]) -> None:
    """Write values, keys, lengths and check sums to an open file."""
    values = (
        arrays.ravel() if isinstance(arrays, np.ndarray) else concatenate(arrays, arrays[0].dtype)
    )
    ends = np.cumsum([len(array) for array in arrays])
    parts = [
        values[end - len(array) : end] for array, end in zip(arrays, ends.tolist(), strict=True)
    ]
    checks = [_check_sum(key, part) for key, part in zip(keys, parts, strict=True)]
    np.save(file, values)
    np.save(file, np.frombuffer(b"".join(keys), f"V{KEY_BYTES}"))
    np.save(file, np.array([len(array) for array in arrays], np.int64))
    np.save(file, np.frombuffer(b"".join(checks), f"V{CHECK_BYTES}"))


def _load(path: Path, wanted: Collection[bytes]) -> dict[bytes, np.ndarray]:
    """Return those of the wanted arrays that a file has, by key.

    Raises
    ------
    Exception
        Of any kind, if the file is damaged.
    """
    values = np.load(path, mmap_mode="r")
    with open(path, "rb") as file:
        file.seek(values.offset + values.nbytes)
        keys, lengths, checks = np.load(file).tolist(), np.load(file), np.load(file).tolist()
    values = np.asarray(values)
    ends = np.cumsum(lengths)
    if lengths.min() < 0 or ends[-1] != len(values):
        raise ValueError("the lengths of its arrays do not fit")
    arrays = {}
    for key, length, end, check in zip(keys, lengths, ends, checks, strict=True):
        if key in wanted:
            arrays[key] = values[end - length : end]
            if _check_sum(key, arrays[key]) != check:
                raise ValueError("the check sum of an array is wrong")
    return arrays


def _check_sum(key: bytes, array: np.ndarray) -> bytes:
    """The check sum of an array, its type and its key."""
    digest = blake2b(array.dtype.str.encode(), digest_size=CHECK_BYTES, key=key)
    digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.digest()


def _remove_damaged(path: Path, error: Exception) -> None:
    with suppress(OSError):
        path.unlink()
    warnings.warn(
        f"{path} was damaged and has been removed; its content is computed again: {error}",
        UserWarning,
        stacklevel=4,
    )
