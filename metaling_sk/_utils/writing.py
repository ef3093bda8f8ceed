"""Errors of the disk that name what was written and the way out."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pickle import PicklingError

OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How safetensors and tokenizers say that it was the operating system, in errors of their own."""

WORKER_ERROR = re.compile(r"^\w*Error: \[Errno (\d+)\] .+", re.MULTILINE)
"""The same in a traceback of joblib, which writes for its workers in a thread."""


@contextmanager
def writing_to(path: str | os.PathLike, parameter: str, way_out: str) -> Iterator[None]:
    """Inside, an error of the operating system becomes a sentence that names the path.

    Parameters
    ----------
    path : str or path
        The file or folder that is written.
    parameter : str
        The name of the parameter that names it.
    way_out : str
        A sentence on what the user can do.

    Raises
    ------
    OSError
        In the place of any that is raised inside.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError):
            number = error.errno
        elif found := OS_ERROR.search(str(error)):
            number = int(found[1])
        else:
            raise
        raised = OSError(
            f"`{parameter}`: {os.fspath(path)!r} cannot be written: {error}. {way_out}"
        )
        raised.errno = number
        raise raised from error


def error_of_shared_files(error: Exception) -> OSError | None:
    """Return an error of joblib as a sentence, if it could not write what its workers share.

    Parameters
    ----------
    error : Exception
        What `joblib.Parallel` has raised.

    Returns
    -------
    OSError or None
        None for any other error.
    """
    found = WORKER_ERROR.search(str(error.__cause__))
    if not (isinstance(error, PicklingError) and found):
        return None
    returned = OSError(
        f"`n_jobs`: joblib could not write what the workers share: {found[0]}. It writes large "
        "arrays to files in the folder that JOBLIB_TEMP_FOLDER names, or else in /dev/shm or "
        f"{tempfile.gettempdir()!r}. Make room there, name another folder by "
        "joblib.parallel_config(temp_folder=...), or set n_jobs=1."
    )
    returned.errno = int(found[1])
    return returned
