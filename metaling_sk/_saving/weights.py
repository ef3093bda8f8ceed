"""The file of the arrays and tensors of an estimator; without tensors torch is not imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy


def write_weights(parts: dict[str, Any], path: Path) -> None:
    """Write arrays and tensors.

    Parameters
    ----------
    parts : dict of str to ndarray or Tensor
    path : Path
    """
    if all(isinstance(part, np.ndarray) for part in parts.values()):
        safetensors.numpy.save_file(parts, path)
        return
    from metaling_sk._saving.tensors import write_tensors  # It imports torch.

    write_tensors(parts, path)


def read_weights(data: bytes, *, as_tensors: bool) -> dict[str, Any]:
    """Read what `write_weights` has written.

    Parameters
    ----------
    data : bytes
        The content of the file.
    as_tensors : bool
        Whether there are tensors in it.

    Returns
    -------
    dict of str to ndarray or Tensor
    """
    if not as_tensors:
        return safetensors.numpy.load(data)
    from metaling_sk._saving.tensors import read_tensors  # It imports torch.

    return read_tensors(data)


def is_finite(part) -> bool:
    """Return whether an array or a tensor holds neither NaN nor infinite numbers."""
    if isinstance(part, np.ndarray):
        return part.dtype.kind != "f" or bool(np.isfinite(part).all())
    from metaling_sk._saving.tensors import is_finite  # It imports torch.

    return is_finite(part)
