"""Files with a word and one of its candidates in each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def read_word_pairs(path: Path, parameter: str) -> Iterator[tuple[str, str]]:
    """Read a file of two tab-separated columns.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.
    parameter : str
        The parameter that names it, for the message.

    Yields
    ------
    tuple of (str, str)
        A word and a candidate.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not in UTF-8, or a line has not two columns.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{parameter}`: there is no file {str(path)!r}.")
    try:
        content = path.read_text(encoding="utf-8-sig")  # Windows begins files with a mark.
    except UnicodeDecodeError as error:
        raise ValueError(f"`{parameter}`: {path} is not in UTF-8: {error}") from error
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            columns = line.split("\t")
            if len(columns) != 2:
                raise ValueError(
                    f"`{parameter}`: line {number} of {path} has {len(columns)} tab-separated "
                    "columns instead of two (word, candidate)."
                )
            yield columns[0].strip(), columns[1].strip()
