"""Data files of packages on PyPI, read without importing the packages."""

from __future__ import annotations

from contextlib import suppress
from importlib import metadata
from pathlib import Path


def packaged_file(package: str, path: str) -> Path:
    """Return the path of a data file inside an installed package.

    Parameters
    ----------
    package : str
        The name of the package on PyPI.
    path : str
        The path of the file below the folder of installed packages.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    """
    file: Path | None = None
    with suppress(metadata.PackageNotFoundError):
        file = Path(str(metadata.distribution(package).locate_file(path)))
    if file is None or not file.is_file():
        raise ModuleNotFoundError(
            f"This data is a file of the package {package!r}, which is not installed; run `pip "
            f'install {package}` or, for all data of the demo, `pip install "metaling_sk[demo]"`.'
        )
    return file
