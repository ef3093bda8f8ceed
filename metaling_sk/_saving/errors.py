"""Errors that name the file of a saved folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SavedFileError(ValueError):
    """A file of a saved folder is missing, damaged or does not fit the others."""


class UntrustedError(ValueError):
    """A saved folder needs functions or types that the caller has not named as trusted.

    Parameters
    ----------
    names : list of str
        Their full names.
    """

    def __init__(self, names: list[str]):
        self.names = names
        super().__init__(", ".join(names))


@contextmanager
def naming_file(name: str) -> Iterator[None]:
    """Inside, every error becomes a `SavedFileError` that names a file of a saved folder.

    The libraries that read these files raise errors of many classes, and panics of Rust, which
    are no `Exception`. An `UntrustedError` says nothing against the file.

    Parameters
    ----------
    name : str
        The file, relative to the saved folder.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, SavedFileError, UntrustedError):
        raise
    except BaseException as error:
        raise SavedFileError(f"{name}: {type(error).__name__}: {error}") from error
