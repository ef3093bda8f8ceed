"""A disk without room: this process can write files of a few bytes only."""

from contextlib import contextmanager

import pytest


@contextmanager
def full_disk(n_bytes=0):
    """Inside, no file can become larger than so many bytes."""
    resource = pytest.importorskip("resource", reason="Windows has no limits of a process")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
