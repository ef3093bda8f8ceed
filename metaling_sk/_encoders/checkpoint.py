"""Loading of encoders from a folder, a GGUF file or the Hugging Face hub."""

from __future__ import annotations

import copy
import os
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import transformers
from torch import nn
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging


def load_checkpoint(name: str | os.PathLike) -> tuple[nn.Module, object]:
    """Load a model in float32 and its tokenizer.

    A process reads the files once. Every caller gets a copy.

    Parameters
    ----------
    name : str or path
        A folder, a .gguf file or a name on the hub.

    Returns
    -------
    model : module
    tokenizer : transformers tokenizer

    Raises
    ------
    ValueError
        If it is an encoder-decoder model.
    OSError
        If there is no such folder, file or model, or it cannot be downloaded.
    """
    path = Path(name).expanduser()
    if path.exists():
        modified_at = max(file.stat().st_mtime_ns for file in (path, *path.glob("*")))
        with _without_bars():
            model, tokenizer = _load(str(path), modified_at)
    else:
        model, tokenizer = _load(str(name), None)
    return copy.deepcopy(model), copy.deepcopy(tokenizer)


@lru_cache(maxsize=2)
def _load(name: str, modified_at: int | None) -> tuple[nn.Module, object]:
    """Load a model and its tokenizer; read files anew that were modified since the last call."""
    options: dict = {"trust_remote_code": False}
    weights: dict = {"use_safetensors": True}
    if name.endswith(".gguf"):
        name, options["gguf_file"] = os.path.split(os.path.abspath(name))
        weights = {}
        if hasattr(transformers, "GgufConfig"):  # older versions of transformers always dequantise
            weights["quantization_config"] = transformers.GgufConfig(dequantize=True)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model = AutoModel.from_pretrained(name, dtype="float32", **options, **weights)
    except (OSError, ValueError) as error:
        raise OSError(
            f"`encoder`: {name!r} is no folder with a transformers model (config, tokenizer, "
            "safetensors weights), no .gguf file, and could not be had from the Hugging Face hub. "
            f"encoder='scratch' needs no files. ({error})"
        ) from error
    if model.config.is_encoder_decoder:
        raise ValueError(
            f"`encoder`: {name!r} is an encoder-decoder model; encoders and decoders alone are "
            "supported. Pass its encoder as a pair: encoder=(model.get_encoder(), tokenizer)."
        )
    return model.eval(), tokenizer


@contextmanager
def _without_bars():
    """Inside, transformers shows no progress bars."""
    were_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            logging.enable_progress_bar()
