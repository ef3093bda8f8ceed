"""Which device and which precision."""

from __future__ import annotations

from pathlib import Path

import torch

DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def find_device(device) -> torch.device:
    """The device that `device` names; "auto" takes a GPU where there is one."""
    if device != "auto":
        try:
            return torch.empty(0, device=device).device
        except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
            raise ValueError(
                f"`device` must be 'auto' or a device of torch such as 'cpu' or 'cuda:0' that this "
                f"machine has, got {device!r}."
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def autocast_dtype(dtype, device: torch.device) -> torch.dtype | None:
    """The low precision that `dtype` names on a device; None for float32.

    "auto" is bfloat16 where the hardware computes in it.
    """
    if dtype == "auto":
        return torch.bfloat16 if _has_bfloat16(device) else None
    if dtype not in DTYPES:
        raise ValueError(f"`dtype` must be 'auto' or one of {list(DTYPES)}, got {dtype!r}.")
    return DTYPES[dtype]


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        cpuinfo = Path("/proc/cpuinfo")
        return cpuinfo.exists() and bool(
            {"avx512_bf16", "amx_bf16"} & set(cpuinfo.read_text().split())
        )
    return False
