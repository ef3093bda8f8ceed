"""What of a saved folder needs torch, which is imported where an estimator has tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors.torch
import torch


def write_tensors(parts: dict[str, torch.Tensor | np.ndarray], path: Path) -> None:
    """Write tensors and arrays."""
    safetensors.torch.save_file({name: torch.as_tensor(parts[name]) for name in parts}, path)


def read_tensors(data: bytes) -> dict[str, torch.Tensor]:
    """Read what `write_tensors` has written."""
    return safetensors.torch.load(data)


def is_finite(tensor: torch.Tensor) -> bool:
    """Return whether a tensor holds neither NaN nor infinite numbers."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
