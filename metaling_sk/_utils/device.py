"""The device and the precision that parameters name."""

from __future__ import annotations

from pathlib import Path

import torch

DTYPES: dict[str, torch.dtype | None] = {
    "float32": None,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""Low precisions by the name of the parameter; float32 is none."""


def find_device(device) -> torch.device:
    """Return the device that `device` names; "auto" is a GPU where there is one.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if device != "auto":
        try:
            return torch.empty(0, device=device).device
        except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
            raise ValueError(
                f"`device` must be 'auto' or a device of torch such as 'cpu' or 'cuda:0' that this "
                f"machine has, got {device!r}."
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def autocast_dtype(dtype, device: torch.device) -> torch.dtype | None:
    """Return the low precision that `dtype` names on a device, or None for float32.

    "auto" is bfloat16 where the hardware computes in it.

    Raises
    ------
    ValueError
        If `dtype` is no such name.
    """
    if dtype == "auto":
        return torch.bfloat16 if _has_bfloat16(device) else None
    if dtype not in DTYPES:
        raise ValueError(f"`dtype` must be 'auto' or one of {list(DTYPES)}, got {dtype!r}.")
    return DTYPES[dtype]


def _has_bfloat16(device: torch.device) -> bool:
    """Return whether the hardware computes in bfloat16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        cpuinfo = Path("/proc/cpuinfo")
        return cpuinfo.exists() and bool(
            {"avx512_bf16", "amx_bf16"} & set(cpuinfo.read_text().split())
        )
    return False
