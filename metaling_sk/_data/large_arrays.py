"""Arrays that are in a temporary file where they are large.

The file has no name, or loses it at once, so it is gone with its last array, however the process
ends. Where the disk has no room for it, the array is in memory. What is pickled or copied of such
an array is an ordinary one.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from math import prod
from typing import Any, Self

import numpy as np

BYTES_IN_MEMORY = 256 * 1024**2
"""The size of an array from which on it is in a temporary file."""

CHUNK_BYTES = 1024**2
"""What is written to a file at once."""


def new_array(shape: tuple[int, ...], dtype) -> np.ndarray:
    """Make an array whose values are not set.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray
    """
    n_bytes = prod(shape) * np.dtype(dtype).itemsize
    if n_bytes > BYTES_IN_MEMORY:
        try:
            with _open_file() as file:
                _reserve(file, n_bytes)
                return _map(file, dtype).reshape(shape)
        except OSError:  # There is no folder for temporary files, or no room in it.
            pass
    return np.empty(shape, dtype)


def take(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return a copy of some rows.

    Parameters
    ----------
    values : ndarray of shape (n_rows, ...)
    rows : ndarray of int, shape (n_selected,)
        Which rows; none is negative.

    Returns
    -------
    ndarray of shape (n_selected, ...)
    """
    taken = new_array((len(rows), *values.shape[1:]), values.dtype)
    # Another mode would take them into memory first.
    return values.take(rows, axis=0, out=taken, mode="clip")


class ArrayBuilder:
    """1-D arrays, joined as they come, as a context manager.

    Parameters
    ----------
    dtype : dtype
        That of the arrays.
    """

    def __init__(self, dtype):
        self.dtype = dtype
        self._n_bytes = 0
        self._file: Any = BytesIO()
        self._stays = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        if not isinstance(self._file, BytesIO):
            self._file.close()

    def append(self, array: np.ndarray) -> None:
        """Add an array at the end."""
        data = array.astype(self.dtype, copy=False).tobytes()
        if self._n_bytes + len(data) > BYTES_IN_MEMORY and not self._stays:
            self._stays = True
            with suppress(OSError):  # There is no folder for temporary files, or no room in it.
                self._move(_open_file())
        try:
            _write(self._file, data)
        except OSError:
            self._move(BytesIO())
            _write(self._file, data)
        self._n_bytes += len(data)

    def build(self) -> np.ndarray:
        """Return all values; then nothing can be added."""
        if isinstance(self._file, BytesIO):
            return np.frombuffer(self._file.getbuffer(), self.dtype)
        return _map(self._file, self.dtype)

    def _move(self, other) -> None:
        """Move what was added to another file."""
        self._file.seek(0)
        n_left = self._n_bytes
        try:
            while n_left:
                data = self._file.read(min(n_left, CHUNK_BYTES))
                _write(other, data)
                n_left -= len(data)
        except OSError:
            self._file.seek(self._n_bytes)
            other.close()
            raise
        self._file.close()
        self._file = other


def concatenate(arrays: Iterable[np.ndarray], dtype) -> np.ndarray:
    """Join 1-D arrays.

    Parameters
    ----------
    arrays : iterable of ndarray of shape (n_values,)
    dtype : dtype
        That of the arrays.

    Returns
    -------
    ndarray of shape (n_all_values,)
    """
    with ArrayBuilder(dtype) as builder:
        for array in arrays:
            builder.append(array)
        return builder.build()


def collect(arrays: Iterable[np.ndarray], dtype) -> list[np.ndarray]:
    """Join 1-D arrays, and return the part of each.

    Parameters
    ----------
    arrays : iterable of ndarray of shape (n_values,)
        At least one.
    dtype : dtype
        That of the arrays.

    Returns
    -------
    list of ndarray
    """
    lengths = []

    def counted() -> Iterator[np.ndarray]:
        for array in arrays:
            lengths.append(len(array))
            yield array

    joined = concatenate(counted(), dtype)
    return np.split(joined, np.cumsum(lengths)[:-1])


def _open_file():
    return tempfile.TemporaryFile(prefix="metaling_sk-", buffering=0)


def _map(file, dtype) -> np.ndarray:
    """An array over a file, which may be closed."""
    return np.frombuffer(mmap.mmap(file.fileno(), 0), dtype)


def _reserve(file, n_bytes: int) -> None:
    """Give a file its size; to write to a page that the disk has no room for would be a crash."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)
        return
    zeros = bytes(CHUNK_BYTES)
    for start in range(0, n_bytes, len(zeros)):
        _write(file, zeros[: n_bytes - start])


def _write(file, data: bytes) -> None:
    """Write all of it: an unbuffered file may take less at a time."""
    rest = memoryview(data)
    while len(rest):
        rest = rest[file.write(rest) :]
