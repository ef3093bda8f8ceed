"""Modules that count only if something else has imported them, because their import takes long."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def imported(name: str) -> Any:
    """Return a module that has been imported, and None for any other."""
    module = sys.modules.get(name)
    is_being_imported = getattr(getattr(module, "__spec__", None), "_initializing", False)
    return None if is_being_imported else module


def is_instance(value, module: str, name: str) -> bool:
    """Whether a value is an instance of a class, without an import of the module of the class."""
    found = getattr(imported(module), name, None)
    return found is not None and isinstance(value, found)


def outside_inference_mode() -> AbstractContextManager:
    """Inside, tensors can be trained later, also if the caller is in `torch.inference_mode`."""
    torch = imported("torch")
    return nullcontext() if torch is None else torch.inference_mode(False)
