"""The folder of what loaders make, and how a folder in it is made."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from metaling_sk._utils.writing import writing_to

VARIABLE = "METALING_SK_DATA"
"""The environment variable with the default folder."""

ABANDONED = 3600
"""Age in seconds from which what is not complete was left by a process that is dead."""


def find_data_home(data_home: str | os.PathLike | None) -> Path:
    """Return the folder of what loaders make.

    Parameters
    ----------
    data_home : str, path or None
        None is the folder in the environment variable `METALING_SK_DATA`, otherwise
        ``~/metaling_sk_data``.

    Returns
    -------
    Path
        It need not exist.
    """
    if data_home is None:
        data_home = os.environ.get(VARIABLE) or "~/metaling_sk_data"
    return Path(data_home).expanduser().absolute()


def make_once(folder: Path, write: Callable[[Path], None]) -> None:
    """Make a folder unless it exists. It has its name only when it is complete.

    Parameters
    ----------
    folder : Path
        The folder. Several processes may make it at the same time.
    write : callable
        Writes the content to the empty folder that it is given.
    """
    if os.path.isdir(folder):
        return
    with writing_data(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            new = Path(temporary) / folder.name
            new.mkdir()
            write(new)
            try:
                new.rename(folder)
            except OSError:
                if not folder.is_dir():  # Otherwise another process has made it in the meantime.
                    raise


def writing_data(path: Path) -> AbstractContextManager[None]:
    """Inside, an error of the operating system names the path and the way out."""
    way_out = f"Name a folder with room in `data_home` or in the environment variable {VARIABLE}."
    return writing_to(path, "data_home", way_out)


def remove_abandoned(path: Path) -> None:
    """Remove what killed processes have left that were writing a file or a folder.

    Parameters
    ----------
    path : Path
        What they were writing. What is not complete has this name with a dot before it and a
        hyphen behind.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}-*"):
        with suppress(OSError):  # Another process has removed it.
            if time.time() - left.stat().st_mtime < ABANDONED:
                continue
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
