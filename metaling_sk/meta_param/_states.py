"""Estimators that are kept on the disk until their candidate goes on training."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import joblib

from metaling_sk.meta_param._fit_spec import Fit


class States:
    """Estimators on the disk, from which a fit with more of the resource goes on.

    A state that is missing or cannot be read costs the time to train it again, nothing else. On a
    machine that does not see the folder there are none.

    Parameters
    ----------
    folder : Path
        The folder of the states.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def load(self, fit: Fit, n_resources: int):
        """Load the state from which a fit goes on.

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
        paths = {int(path.stem): path for path in self._folder_of(fit).glob("*.joblib")}
        for n_done in sorted((n for n in paths if n <= n_resources), reverse=True):
            try:
                return n_done, joblib.load(paths[n_done])
            except Exception:
                # The file is cut off by a crash, or of a class that this program does not have.
                continue
        return 0, None

    def save(self, fit: Fit, estimator) -> None:
        """Keep the estimator that a fit has trained."""
        folder = self._folder_of(fit)
        if not self.folder.exists():
            return
        path = folder / f"{fit.n_resources}.joblib"
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            folder.mkdir(exist_ok=True)
            joblib.dump(estimator, part)
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            warnings.warn(
                f"A candidate could not be kept for the next rung and will be trained again: "
                f"{error}",
                UserWarning,
                stacklevel=2,
            )

    def drop(self, candidate: int) -> None:
        """Remove the states of a candidate."""
        for path in self.folder.glob(f"{candidate}-*/*"):
            path.unlink(missing_ok=True)

    def _folder_of(self, fit: Fit) -> Path:
        return self.folder / f"{fit.candidate}-{fit.split}"
