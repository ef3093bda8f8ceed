"""Which of several processes this is, where `torch.distributed` has made them a group."""

from __future__ import annotations

import sys
import threading
from typing import Any


def process_rank() -> int:
    """Return the number of this process in its group; 0 for the main one and without a group."""
    distributed = _group()
    return 0 if distributed is None else distributed.get_rank()


def n_processes() -> int:
    """Return the number of processes that train together.

    Threads other than the main one train alone: calls of different threads would be mixed up.
    """
    distributed = _group()
    is_alone = threading.current_thread() is not threading.main_thread()
    return 1 if distributed is None or is_alone else distributed.get_world_size()


def _group() -> Any:
    """The module `torch.distributed`, if it has a group; torch is not imported for this."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available():
        return None
    return distributed if distributed.is_initialized() else None
