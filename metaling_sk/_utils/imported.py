"""Modules that count only if something else has imported them, because their import takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

DEVICES = ("cpu", "cuda", "mps")
"""The kinds of devices that compute in low precision in `torch.autocast`."""


def imported(name: str) -> Any:
    """Return a module that has been imported, and None for any other."""
    module = sys.modules.get(name)
    is_being_imported = getattr(getattr(module, "__spec__", None), "_initializing", False)
    return None if is_being_imported else module


def is_instance(value, module: str, name: str) -> bool:
    """Whether a value is an instance of a class, without an import of the module of the class."""
    found = getattr(imported(module), name, None)
    return found is not None and isinstance(value, found)


@contextmanager
def not_importable(name: str) -> Iterator[None]:
    """Inside, a module that has not been imported is as one that is not installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def plain_torch() -> Iterator[None]:
    """Inside, torch computes in float32, and tensors can be trained later, whatever the caller set.

    That is, neither in `torch.inference_mode` nor in `torch.autocast`. Tensors are on the CPU where
    no device is named, whatever `torch.set_default_device` says.
    """
    torch = imported("torch")
    if torch is None:
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        for device in filter(torch.is_autocast_enabled, DEVICES):
            stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":  # The context slows every call of torch down.
            stack.enter_context(torch.device("cpu"))
        yield
