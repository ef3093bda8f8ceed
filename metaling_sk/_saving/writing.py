"""Atomic replacement of a saved folder.

All files are written to a new subfolder first. A description that names the subfolder then takes
the place of the old one in a single step, and the old files are removed last. So a process that
reads at the same time, or after a crash, finds the old estimator or the new one. In a folder that
is empty otherwise, the files do not stay in the subfolder.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from metaling_sk._saving.description import ESTIMATOR, decode_description, encode_description
from metaling_sk._saving.reading import is_inside, read_file, record_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUBFOLDER = re.compile(r"files-[0-9a-f]{32}")
"""Names of the subfolders of files."""


def write_folder(folder: Path, write: Callable[[Path], dict[str, Any]]) -> None:
    """Replace the estimator in a folder. Other files in the folder stay.

    Parameters
    ----------
    folder : Path
        It is made where it does not exist.
    write : callable
        Writes the files into the folder that it is given, and returns the description.
    """
    made = _make_folders(folder)
    try:
        with _locked(folder):
            _replace(folder, write)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


def _replace(folder: Path, write: Callable[[Path], dict[str, Any]]) -> None:
    previous = _read_description(folder)
    _remove_leftovers(folder, previous)
    subfolder = folder / f"files-{secrets.token_hex(16)}"
    subfolder.mkdir()
    try:
        content = write(subfolder)
        files = {
            path.relative_to(subfolder).as_posix(): record_file(path)
            for path in sorted(subfolder.rglob("*"))
            if path.is_file()
        }
        is_alone = os.listdir(folder) == [subfolder.name]
        place = "." if is_alone else subfolder.name
        replaced = {"place": previous["place"], "files": previous["files"]}
        description = encode_description(
            content | {"place": place, "files": files, "replaced": replaced}
        )
        (subfolder / ESTIMATOR).write_bytes(description)
        _use_usual_mode(subfolder)
        _sync(subfolder)
    except BaseException:
        shutil.rmtree(subfolder, ignore_errors=True)
        raise
    if is_alone:
        for path in subfolder.iterdir():
            if path.name != ESTIMATOR:
                path.rename(folder / path.name)
        _sync_path(folder)
    os.replace(subfolder / ESTIMATOR, folder / ESTIMATOR)
    _sync_path(folder)
    if is_alone:
        subfolder.rmdir()
    _remove_files(folder, previous)


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return what was made, the lowest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Inside, no other process and no other thread saves to the folder, where locks exist."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # Some file systems have no locks.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_description(folder: Path) -> dict[str, Any]:
    """Return the description of the estimator that a folder holds; an empty one if it has none."""
    try:
        description = decode_description(read_file(folder, ESTIMATOR))
        return {name: description[name] for name in ("place", "files", "replaced")}
    except Exception:
        return {"place": ".", "files": {}, "replaced": {"place": ".", "files": {}}}


def _remove_leftovers(folder: Path, description: dict[str, Any]) -> None:
    """Remove what killed saves have left: files of an earlier one, subfolders not in use."""
    if description["replaced"]["place"] != description["place"]:
        _remove_files(folder, description["replaced"])
    for path in folder.iterdir():
        if SUBFOLDER.fullmatch(path.name) and path.name != description["place"]:
            shutil.rmtree(path, ignore_errors=True)


def _remove_files(folder: Path, description: dict[str, Any]) -> None:
    """Remove the files of an earlier save, and their folders where nothing else is in them."""
    place = description["place"]
    names = [f"{place}/{name}" for name in description["files"]]
    if not all(map(is_inside, names)):
        return
    for name, record in zip(names, description["files"].values(), strict=True):
        path = folder / name
        with suppress(OSError):
            # A file of another size is the user's.
            if path.stat().st_size == record["size"]:
                path.unlink()
    parents = {parent for name in names for parent in Path(name).parents}
    for parent in sorted(parents - {Path()}, key=lambda path: -len(path.parts)):
        with suppress(OSError):
            (folder / parent).rmdir()


def _use_usual_mode(folder: Path) -> None:
    """Give all files the mode of a file that was made in the usual way, not that of a private one.

    `ESTIMATOR` must lie in the folder.
    """
    mode = (folder / ESTIMATOR).stat().st_mode & 0o777
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)


def _sync(folder: Path) -> None:
    """Wait until a folder and everything in it is on the disk."""
    for path in folder.rglob("*"):
        _sync_path(path)
    _sync_path(folder)


def _sync_path(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows cannot sync folders.
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
