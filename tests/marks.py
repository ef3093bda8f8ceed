"""Marks of tests: what they do on purpose although users are warned of it, and what they need."""

from importlib import metadata

import pytest

predicts_unseen_languages = pytest.mark.filterwarnings("ignore:There are no statistics of the lang")
leaves_languages_out = pytest.mark.filterwarnings("ignore:X has rows without a language")


def requires(package):
    """Skip a test where a package is not installed."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return pytest.mark.skip(reason=f"needs the package {package}")
    return pytest.mark.filterwarnings("error")
