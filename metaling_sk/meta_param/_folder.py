"""The folder through which the processes of a search share files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory


@dataclass(frozen=True)
class SearchFolder:
    """The folder of a search and the files in it, but for the journal.

    A worker on another machine may not see the folder. It then works without the files.

    Attributes
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def states(self) -> Path:
        """Estimators that wait for the next rung."""
        return self.path / "states"

    @property
    def cache(self) -> Path:
        """Tokens and vectors of texts that the fits share."""
        return self.path / "store"

    @property
    def running(self) -> Path:
        """The marks of fits that are being done."""
        return self.path / "running"

    def forget(self) -> None:
        """Remove the states and marks of another search."""
        for folder in (self.states, self.running):
            shutil.rmtree(folder, ignore_errors=True)

    def prepare(self) -> None:
        """Make the subfolders and forget fits that were running when a search was killed.

        Raises
        ------
        ValueError
            If they cannot be made.
        """
        shutil.rmtree(self.running, ignore_errors=True)
        try:
            for folder in (self.running, self.states):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_use(self.path, error) from error

    def clean(self) -> None:
        """Remove what only a running search needs."""
        for folder in (self.states, self.cache, self.running):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def open_marks(self) -> Iterator[Marks]:
        """Marks of the fits that are given to the workers inside the context.

        Workers of an earlier context, or of a search that was killed, have other marks. Where the
        disk is full or the folder is gone, there are none, and the search goes on.
        """
        with ExitStack() as stack:
            path = self.running / "none"
            with suppress(OSError):
                marks = TemporaryDirectory(dir=self.running, ignore_cleanup_errors=True)
                path = Path(stack.enter_context(marks))
            yield Marks(path)


@dataclass(frozen=True)
class Marks:
    """A file for each fit that is being done.

    Attributes
    ----------
    path : Path
        The folder of the files.
    """

    path: Path

    @contextmanager
    def mark(self, name: str) -> Iterator[None]:
        """Mark a fit as running inside the context; the mark stays if the process dies."""
        marker = self.path / name
        with suppress(OSError):
            marker.touch()
        try:
            yield
        finally:
            with suppress(OSError):
                marker.unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Whether a fit had begun when its worker died."""
        return (self.path / name).exists()


def checkpoint_path(checkpoint: str | os.PathLike | None) -> Path | None:
    """The folder that the parameter `checkpoint` names, the same in all processes.

    Raises
    ------
    ValueError
        If it names no folder.
    """
    if checkpoint is None:
        return None
    if not os.fspath(checkpoint):
        raise ValueError("`checkpoint` must name a folder, or be None for none, got ''.")
    try:
        path = Path(checkpoint).expanduser().absolute()
        is_other = path.exists() and not path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise cannot_use(checkpoint, error) from error
    if is_other:
        raise ValueError(f"`checkpoint` must name a folder, but {path} is a file.")
    return path


def cannot_use(checkpoint: str | os.PathLike, error: Exception) -> ValueError:
    """The error for a folder in which the search cannot write."""
    return ValueError(
        f"`checkpoint`: {os.fspath(checkpoint)} cannot be used as a folder ({error}); name one in "
        "which files can be made and written."
    )


@contextmanager
def open_folder(checkpoint: Path | None) -> Iterator[SearchFolder]:
    """Open the folder of a checkpoint or, without one, a temporary folder."""
    if checkpoint is not None:
        yield SearchFolder(checkpoint)
        return
    try:
        temporary = TemporaryDirectory(prefix="metaling_sk-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OSError(
            f"`checkpoint`: a search without one has its files in a temporary folder, which cannot "
            f"be made: {error}. Make room, set the environment variable TMPDIR to another folder, "
            "or name one in `checkpoint`."
        ) from error
    with temporary as path:
        yield SearchFolder(Path(path))
