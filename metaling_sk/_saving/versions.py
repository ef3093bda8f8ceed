"""Versions of the packages that an estimator was saved with."""

from __future__ import annotations

from importlib.metadata import version

PACKAGES = ("metaling_sk", "scikit-learn", "torch", "transformers")
"""The packages whose versions are recorded."""


def current_versions() -> dict[str, str]:
    """Return the versions of the packages, without the variant of the build."""
    return {package: version(package).split("+")[0] for package in PACKAGES}


def version_differences(saved: dict[str, str]) -> list[str]:
    """Name the packages that now have other versions than those of an estimator that was saved.

    Another version of metaling_sk does not count, because the format has a version itself.
    """
    current = current_versions()
    return [
        f"{package} {saved[package]} (now {current[package]})"
        for package in PACKAGES[1:]
        if saved[package] != current[package]
    ]
