"""Files of data that come inside packages of PyPI; the packages are never imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path


def packaged_file(package: str, path: str) -> Path:
    """The path of a data file inside an installed package."""
    try:
        file = Path(metadata.distribution(package).locate_file(path))
    except metadata.PackageNotFoundError:
        file = None
    if file is None or not file.is_file():
        raise ModuleNotFoundError(
            f"This data is a file of the package {package!r}, which is not installed; run `pip "
            f'install {package}` or, for all data of the demo, `pip install "metaling_sk[demo]"`.'
        )
    return file
