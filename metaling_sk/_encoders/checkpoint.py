"""Loading of encoders from a folder, a GGUF file or the Hugging Face hub."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import transformers
from torch import nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from metaling_sk._encoders.backbone import without_decoder


def load_checkpoint(name: str | os.PathLike) -> tuple[nn.Module, object]:
    """Load a model in float32, without its decoder if it has an encoder, and its tokenizer.

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
        If a weight is missing, or if it is an encoder-decoder model whose encoder does not stand
        alone.
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
        model, loading_info = AutoModel.from_pretrained(
            name, dtype="float32", output_loading_info=True, **options, **weights
        )
    except (OSError, ValueError) as error:
        raise OSError(
            f"`encoder`: {name!r} is no folder with a transformers model (config, tokenizer, "
            "safetensors weights), no .gguf file, and could not be had from the Hugging Face hub. "
            f"encoder='scratch' needs no files. ({error})"
        ) from error
    _check_complete(name, model, loading_info["missing_keys"])
    return without_decoder(model).eval(), tokenizer


def _check_complete(name: str, model: PreTrainedModel, missing: Iterable[str]) -> None:
    """Raise a ValueError if weights were missing, in whose place there are random numbers.

    Poolers and decoders are not used.
    """
    unused = ("pooler.", "decoder.") if model.config.is_encoder_decoder else ("pooler.",)
    lacking = sorted(weight for weight in missing if not weight.startswith(unused))
    if lacking:
        raise ValueError(
            f"`encoder`: the weights of {name!r} lack {', '.join(map(repr, lacking[:3]))}"
            f"{' and others' if len(lacking) > 3 else ''}. Get the complete files, or a checkpoint "
            "of the architecture that its config.json names."
        )


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
