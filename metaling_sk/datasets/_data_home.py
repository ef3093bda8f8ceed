"""The folder of what loaders make, and how a folder in it is made."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "METALING_SK_DATA"
"""The environment variable with the default folder."""


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
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        new = Path(temporary) / folder.name
        new.mkdir()
        write(new)
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # Otherwise another process has made it in the meantime.
                raise
