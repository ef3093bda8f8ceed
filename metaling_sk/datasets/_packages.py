"""Data files of packages on PyPI, read without importing the packages."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path


def packaged_file(
    package: str, path: str, version: str | None = None, hint: str = "", extra: str = "demo"
) -> Path:
    """Return the path of a data file inside an installed package.

    Parameters
    ----------
    package : str
        The name of the package on PyPI.
    path : str
        The path of the file below the folder of installed packages.
    version : str, optional
        The version that the message tells the user to install.
    hint : str, optional
        A sentence for users who cannot install it.
    extra : str, default="demo"
        The extra of this project that installs it.

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
        requirement = package if version is None else f"{package}=={version}"
        raise ModuleNotFoundError(
            f"This data is a file of the package {package!r}, which is not installed; run `pip "
            f"install {requirement}` or, with all else that goes with it, `pip install "
            f'"metaling_sk[{extra}]"`.{hint and f" {hint}"}'
        )
    return file


def read_checked(
    package: str, version: str, path: str, digest: str, hint: str = "", extra: str = "demo"
) -> bytes:
    """Return the content of a data file inside an installed package, if it is the one expected.

    Parameters
    ----------
    package, path, hint, extra
        As in `packaged_file`.
    version : str
        A version that has the file.
    digest : str
        SHA-256 of the file, in hexadecimal digits.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    ImportError
        If the file has other content.
    """
    file = packaged_file(package, path, version, hint, extra)
    content = file.read_bytes()
    if sha256(content).hexdigest() != digest:
        raise ImportError(
            f"{str(file)!r} is damaged or belongs to another version of the package {package!r} "
            f"than {version}; run `pip install --force-reinstall {package}=={version}`."
        )
    return content
