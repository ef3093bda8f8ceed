"""Files of public repositories: downloaded once, or read from a copy, and always checked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import uuid4

from metaling_sk._utils.progress import Progress
from metaling_sk.datasets._data_home import find_data_home, remove_abandoned, writing_data

TIMEOUT = 30
"""Number of seconds without an answer after which an attempt has failed."""

N_WORKERS = 8
"""The number of files that are downloaded at the same time."""


@dataclass(frozen=True)
class Repository:
    """A commit of a public repository.

    Parameters
    ----------
    name : str
        The name of the dataset. The SHA-256 digests of its files are in ``{name}.sha256``, in the
        format of the command sha256sum.
    address : str
        Owner and name on GitHub.
    commit : str
        The commit.
    """

    name: str
    address: str
    commit: str

    @property
    def url(self) -> str:
        """The address below which the files are."""
        return f"https://raw.githubusercontent.com/{self.address}/{self.commit}"

    @cached_property
    def digests(self) -> dict[str, str]:
        """The digest of each file by its path in the repository."""
        table = (resources.files(__package__) / f"{self.name}.sha256").read_text(encoding="ascii")
        return {path: digest for digest, path in map(str.split, table.splitlines())}


@dataclass(frozen=True)
class Download:
    """Where the files come from, and how often a download is tried.

    Parameters
    ----------
    data_home, mirror, download_if_missing, n_retries, delay, verbose
        As in `fetch_nusax`.
    """

    data_home: str | os.PathLike | None = None
    mirror: str | os.PathLike | None = None
    download_if_missing: bool = True
    n_retries: int = 3
    delay: float = 1.0
    verbose: int = 1

    def read(self, repository: Repository, paths: Iterable[str]) -> list[bytes]:
        """Return the content of files, after downloading those that are missing.

        Parameters
        ----------
        repository : Repository
            The repository.
        paths : iterable of str
            The paths of files in it.

        Returns
        -------
        list of bytes
            The content of each file.

        Raises
        ------
        OSError
            If a file is neither there nor can be downloaded, or has other content than expected.
        """
        paths = list(paths)
        with (
            Progress(self.verbose, f"fetch_{repository.name}") as progress,
            ThreadPoolExecutor(N_WORKERS) as pool,
        ):
            progress.start("download", len(paths), unit="file")
            contents = []
            for content in pool.map(lambda path: self._read_file(repository, path), paths):
                contents.append(content)
                progress.advance()
        return contents

    def _read_file(self, repository: Repository, path: str) -> bytes:
        if self.mirror is not None and not _is_url(self.mirror):
            return _read_copy(Path(self.mirror).expanduser(), repository, path)
        folder = find_data_home(self.data_home) / f"{repository.name}-{repository.commit[:12]}"
        file, digest = folder / path, repository.digests[path]
        if os.path.isfile(file):
            content = file.read_bytes()
            if sha256(content).hexdigest() == digest:
                return content
        if not self.download_if_missing:
            state = "has other content than expected" if os.path.exists(file) else "is missing"
            raise OSError(f"{str(file)!r} {state}, and `download_if_missing` is False.")
        content = self._download(repository, path, f"put the files into {str(folder)!r}")
        _write(file, content)
        return content

    def _download(self, repository: Repository, path: str, way_out: str) -> bytes:
        base = repository.url if self.mirror is None else str(self.mirror).rstrip("/")
        url = f"{base}/{path}"
        for attempt in range(self.n_retries + 1):
            if attempt:
                time.sleep(self.delay)
            try:
                with urlopen(url, timeout=TIMEOUT) as response:
                    content = response.read()
                if sha256(content).hexdigest() == repository.digests[path]:
                    return content
                error: Exception = OSError("its SHA-256 digest is not the expected one")
            except (OSError, HTTPException) as failure:
                if isinstance(failure, HTTPError):
                    failure.close()
                error = failure
        raise OSError(
            f"{url} could not be downloaded: {error or type(error).__name__}. Without internet "
            f"pass `mirror`, a folder with the files of github.com/{repository.address} at commit "
            f"{repository.commit[:12]} or the address of a copy of them, or {way_out}."
        ) from error


def _is_url(mirror: str | os.PathLike) -> bool:
    return str(mirror).startswith(("http://", "https://"))


def _read_copy(folder: Path, repository: Repository, path: str) -> bytes:
    """Return the content of a file in a user's copy of the repository."""
    file = folder / path
    source = f"github.com/{repository.address} at commit {repository.commit[:12]}"
    if not os.path.isfile(file):
        raise FileNotFoundError(
            f"`mirror`: {str(file)!r} is missing; the folder must hold the "
            f"files of {source} under their paths there."
        )
    content = file.read_bytes()
    if sha256(content).hexdigest() != repository.digests[path]:
        raise OSError(f"`mirror`: {str(file)!r} differs from the file of {source}.")
    return content


def _write(file: Path, content: bytes) -> None:
    """Write a file, which has its name only when it is complete."""
    temporary = file.with_name(f".{file.name}-{uuid4().hex}")
    with writing_data(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(file)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, file)
        finally:
            with suppress(OSError):
                temporary.unlink()
