"""Reading of the files of a saved folder, each of which is checked against its digest."""

from __future__ import annotations

import os
import stat
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath

from metaling_sk._saving.errors import SavedFileError, naming_file

MAX_DESCRIPTION = 2**28
"""Bytes of the largest description that is read."""


def read_file(folder: Path, name: str, size: int | None = None) -> bytes:
    """Read a regular file that lies in a folder.

    Parameters
    ----------
    folder : Path
    name : str
        The path of the file relative to the folder.
    size : int, optional
        The number of bytes that it must have. By default it may be as long as a description.

    Raises
    ------
    ValueError
        If it is no regular file inside of the folder, has another size or cannot be read.
    """
    with naming_file(name):
        path = Path(os.path.realpath(folder / name, strict=True))
        if not path.is_relative_to(os.path.realpath(folder)):
            raise SavedFileError(f"{name} is a link to a file outside of the folder")
        if not path.is_file():  # A FIFO would block the process that opens it.
            raise SavedFileError(f"{name} is not a regular file")
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SavedFileError(f"{name} is not a regular file")
            if size is None and status.st_size > MAX_DESCRIPTION:
                raise SavedFileError(f"{name} has {status.st_size} bytes, which is too long")
            if size is not None and status.st_size != size:
                raise SavedFileError(f"{name} has {status.st_size} bytes instead of {size}")
            return file.read()


def read_checked(folder: Path, name: str, record: dict) -> bytes:
    """Read a file of a saved folder, and compare it with its record in the description.

    Raises
    ------
    ValueError
        If the file is not the one that was saved.
    """
    data = read_file(folder, name, record["size"])
    if sha256(data).hexdigest() != record["sha256"]:
        raise SavedFileError(f"{name} is damaged: its content is not what was saved")
    return data


def record_file(path: Path) -> dict[str, int | str]:
    """Return the record of a file for the description."""
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": file_digest(file, sha256).hexdigest()}


def is_inside(name: str) -> bool:
    """Return whether a relative path with slashes leads to no place outside of its folder."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and not any(character in name for character in "\\:\0")
    )


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
