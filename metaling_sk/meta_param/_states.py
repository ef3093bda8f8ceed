"""Estimators that are kept on the disk until their candidate goes on training."""

from __future__ import annotations

import os
import pickle
import uuid
import warnings
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from metaling_sk._encoders.short_pickles import short_pickles
from metaling_sk.meta_param._fit_spec import Fit

try:
    import cloudpickle
except ImportError:  # joblib before 1.6 has a copy of it
    from joblib.externals import cloudpickle

DIGEST_BYTES = 32
"""Length of the check sum at the end of a file."""

BLOCK_BYTES = 2**20
"""The size of the parts in which a file is read for its check sum."""


class States:
    """Estimators on the disk, from which a fit with more of the resource goes on.

    A state that is missing or damaged costs the time to train it again, nothing else. On a
    machine that does not see the folder there are none. A state refers to the checkpoint of an
    encoder for the weights that training does not change.

    Parameters
    ----------
    folder : Path
        The folder of the states.
    seed : int
        The seed of the search. States of a search with another seed are not loaded.
    """

    def __init__(self, folder: Path, seed: int):
        self.folder = folder
        self.seed = seed

    def load(self, fit: Fit, n_resources: int):
        """Load the state from which a fit goes on.

        A state may have had all of the resource, if its process was killed before the score was
        written down.

        Parameters
        ----------
        fit : Fit
        n_resources : int
            The amount of the resource that the fit is to have had in the end.

        Returns
        -------
        n_done : int
            The amount of the resource that the state has had; 0 if there is no state.
        estimator : estimator or None
        """
        files = self._folder_of(fit).glob("*.state")
        paths = {int(path.stem): path for path in files if path.stem.isdecimal()}
        for n_done in sorted((n for n in paths if n <= n_resources), reverse=True):
            estimator = self._read(paths[n_done], fit, n_done)
            if estimator is not None:
                return n_done, estimator
        return 0, None

    def save(self, fit: Fit, estimator) -> None:
        """Keep the estimator that a fit has trained."""
        folder = self._folder_of(fit)
        if not self.folder.exists():
            return
        part = folder / f"{uuid.uuid4().hex}.part"
        try:
            folder.mkdir(exist_ok=True)
            with open(part, "wb") as file:
                hashing = _HashingFile(file, self._new_digest(fit, fit.n_resources))
                # A worker has the classes of a script by value, which pickle cannot write.
                with short_pickles():
                    cloudpickle.dump(estimator, hashing)
                file.write(hashing.digest.digest())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, folder / f"{fit.n_resources}.state")
            _remove_older(folder, fit.n_resources)
        except Exception as error:  # the disk is full, or the estimator cannot be pickled
            with suppress(OSError):
                part.unlink()
            warnings.warn(
                f"A candidate could not be kept for the next rung and will be trained again: "
                f"{error}",
                UserWarning,
                stacklevel=2,
            )

    def drop(self, candidate: int) -> None:
        """Remove the states of a candidate."""
        for path in self.folder.glob(f"{candidate}-*/*"):
            with suppress(OSError):
                path.unlink()

    def _read(self, path: Path, fit: Fit, n_done: int):
        """The estimator in a file; None, with a warning, if it cannot be loaded."""
        try:
            with open(path, "rb") as file:
                if not self._is_intact(file, fit, n_done):
                    raise ValueError("its check sum is wrong")
                file.seek(0)
                return pickle.load(file)
        except FileNotFoundError:
            return None
        except Exception as error:
            warnings.warn(
                f"The state {path} cannot be used and its candidate will be trained again: {error}",
                UserWarning,
                stacklevel=2,
            )
            return None

    def _is_intact(self, file, fit: Fit, n_done: int) -> bool:
        """Whether a file is the state of this fit after `n_done`, as it was written."""
        left = os.fstat(file.fileno()).st_size - DIGEST_BYTES
        digest = self._new_digest(fit, n_done)
        while left > 0:
            block = file.read(min(left, BLOCK_BYTES))
            if not block:
                return False
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()

    def _new_digest(self, fit: Fit, n_resources: int | None):
        """The check sum of an empty file; it says which state of which fit the file holds."""
        identity = f"{self.seed} {fit.candidate} {fit.split} {n_resources}".encode()
        return blake2b(identity, digest_size=DIGEST_BYTES)

    def _folder_of(self, fit: Fit) -> Path:
        return self.folder / f"{fit.candidate}-{fit.split}"


def _remove_older(folder: Path, n_resources: int | None) -> None:
    """Remove the states of a fit that had less of the resource."""
    for path in folder.glob("*.state"):
        if path.stem.isdecimal() and int(path.stem) < (n_resources or 0):
            with suppress(OSError):
                path.unlink()


class _HashingFile:
    """A file that is open for writing, and the check sum of what was written to it."""

    def __init__(self, file, digest):
        self._file = file
        self.digest = digest

    def write(self, content) -> int:
        """Write all bytes."""
        self.digest.update(content)
        return self._file.write(content)
