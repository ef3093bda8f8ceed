"""Versions of the packages that an estimator was saved with."""

from __future__ import annotations

import warnings
from importlib.metadata import version

from metaling_sk.exceptions import SavedVersionWarning

PACKAGES = ("metaling_sk", "scikit-learn", "torch", "transformers")
"""The packages whose versions are recorded."""


def current_versions() -> dict[str, str]:
    """Return the versions of the packages, without the variant of the build."""
    return {package: version(package).split("+")[0] for package in PACKAGES}


def warn_of_versions(saved: dict[str, str], estimator_name: str) -> None:
    """Warn if an estimator was saved with other versions of the packages.

    Another version of metaling_sk is no reason to warn, because the format has a version itself.
    """
    current = current_versions()
    differences = [
        f"{package} {saved[package]} (now {current[package]})"
        for package in PACKAGES[1:]
        if saved[package] != current[package]
    ]
    if differences:
        warnings.warn(
            SavedVersionWarning(
                f"This {estimator_name} was saved with other versions of packages: "
                f"{', '.join(differences)}. Its predictions may differ; compare them, or save it "
                "again with the versions that are installed."
            ),
            stacklevel=3,
        )
