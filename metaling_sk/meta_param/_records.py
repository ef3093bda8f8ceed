"""A file of records in JSON, one a line, each with a check sum."""

from __future__ import annotations

import json
import os
import warnings
from hashlib import blake2b
from pathlib import Path

import numpy as np

SEPARATOR = b', "check": "'
"""What stands before the check sum of a line."""


def write_record(file: int, record: dict) -> None:
    """Append a record to a file; when this returns, it is on the disk.

    Parameters
    ----------
    file : int
        The descriptor of a file that is open for appending and ends with a whole line.
    record : dict
    """
    content = to_json(record).encode()[:-1]
    line = content + SEPARATOR + _check_sum(content) + b'"}\n'
    while line:
        # A single write may take a part of the line, such as when the disk is nearly full.
        line = line[os.write(file, line) :]
    os.fsync(file)


def read_records(path: Path) -> list[dict | None]:
    """Read all lines of a file; None stands for one that is damaged.

    A warning names the damaged lines. Among them is a last line without an end, which was being
    written when its process was killed. There are no records if there is no file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    *lines, torn = content.split(b"\n")
    records = [_read(line) for line in lines] + [None] * bool(torn)
    damaged = [number for number, record in enumerate(records, start=1) if record is None]
    if damaged:
        shown = ", ".join(map(str, damaged[:10])) + (", ..." if len(damaged) > 10 else "")
        warnings.warn(
            f"{path} is damaged in line {shown}; what {'it' if len(damaged) == 1 else 'they'} "
            "recorded is not used and will be computed again.",
            UserWarning,
            stacklevel=3,
        )
    return records


def cut_torn_end(path: Path) -> None:
    """Remove a last line that has no end, so that the next record begins a line of its own."""
    with open(path, "r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def to_json(value) -> str:
    """The value as text. Numbers of numpy are written like those of Python."""
    return json.dumps(value, default=_to_python)


def _read(line: bytes) -> dict | None:
    content, separator, check_sum = line.rpartition(SEPARATOR)
    if not separator or check_sum != _check_sum(content) + b'"}':
        return None
    return json.loads(content + b"}")


def _check_sum(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).hexdigest().encode()


def _to_python(value):
    """A number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON.")
