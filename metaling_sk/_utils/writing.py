"""Errors of the disk that name what was written and the way out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How safetensors and tokenizers say that it was the operating system, in errors of their own."""


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
