"""Loading of encoders from a folder, a GGUF file or the Hugging Face hub."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from tokenizers import normalizers
from torch import nn
from transformers.utils import cached_file, logging

from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.hub import find_hub_problem, not_found
from metaling_sk._encoders.sentence_folder import SentenceSettings, read_sentence_settings
from metaling_sk._utils.locks import ThreadLock

T = TypeVar("T")
D = TypeVar("D", bound=Any)

_LOADING = ThreadLock()
"""Held while transformers loads: what it prints is decided for the whole process."""


@dataclass(frozen=True)
class Checkpoint:
    """What an encoder is made of.

    Attributes
    ----------
    model : module
        In float32.
    processor : transformers tokenizer, image processor or feature extractor
    key : tuple or None
        Equal for checkpoints that were read from the same files; None for any other.
    """

    model: nn.Module
    processor: Any
    key: tuple | None = None


@dataclass(frozen=True)
class TextCheckpoint(Checkpoint):
    """What an encoder of texts is made of.

    Attributes
    ----------
    settings : SentenceSettings
        What the files of sentence-transformers say.
    """

    settings: SentenceSettings = field(default_factory=SentenceSettings)


def load_checkpoint(name: str | os.PathLike, show_downloads: bool = False) -> TextCheckpoint:
    """Load a model in float32, without its decoder if it has an encoder, with what belongs to it.

    A process reads the files once. Every caller gets modules of its own and the same tokenizer,
    which `TextTokenizer` copies. Nothing is printed.

    Parameters
    ----------
    name : str or path
        A folder, a .gguf file or a name on the hub.
    show_downloads : bool, default=False
        Whether the progress of downloads from the hub is shown.

    Returns
    -------
    TextCheckpoint

    Raises
    ------
    ValueError
        If a weight is missing, if it is an encoder-decoder model whose encoder does not stand
        alone, or if a file of sentence-transformers is damaged.
    OSError
        If there is no such folder, file or model, or it cannot be downloaded.
    """
    checkpoint = load_copy(_load, name, show_downloads)
    return replace(checkpoint, settings=copy.deepcopy(checkpoint.settings))


def load_once(load: Callable[[str, int | None], T], name, show_downloads: bool) -> T:
    """Load what a checkpoint holds, and print nothing.

    Parameters
    ----------
    load : callable
        Takes the name and when the files were modified. It has a cache.
    name : str or path
        A folder, a file or a name on the hub.
    show_downloads : bool
        Whether the progress of downloads from the hub is shown.

    Returns
    -------
    object
        What `load` returns.
    """
    name, time = modified_at(name)
    with (
        silent_transformers(shows_bars=show_downloads and time is None),
        # Weights that a checkpoint lacks are drawn, of which later calls know nothing.
        torch.random.fork_rng(devices=[]),
    ):
        torch.default_generator.manual_seed(0)  # They are the same in all processes.
        return load(name, time)


def load_copy(load: Callable[[str, int | None], D], name, show_downloads: bool) -> D:
    """Do the same for a dataclass with a `model`, of which every caller gets a copy."""
    checkpoint = load_once(load, name, show_downloads)
    return replace(checkpoint, model=copy.deepcopy(checkpoint.model))


def modified_at(name: str | os.PathLike) -> tuple[str, int | None]:
    """Return the name of a checkpoint, and when its files were modified, if it is in files."""
    path = Path(name).expanduser()
    if not os.path.exists(path):
        return str(name), None
    files = (path, *path.glob("*"), *path.glob("*/*"))
    return str(path), max(file.stat().st_mtime_ns for file in files if file.exists())


@lru_cache(maxsize=2)
def _load(name: str, modified_at: int | None) -> TextCheckpoint:
    """Load a checkpoint; read files anew that were modified since the last call."""
    problem = find_hub_problem(name)
    options: dict = {"local_files_only": problem is not None}
    settings = read_sentence_settings(partial(_find_file, name, **options))
    options["trust_remote_code"] = False
    weights: dict = {"use_safetensors": True}
    place = name
    if name.endswith(".gguf"):
        place, options["gguf_file"] = os.path.split(os.path.abspath(name))
        weights = {}
        if hasattr(transformers, "GgufConfig"):  # older versions of transformers always dequantise
            weights["quantization_config"] = transformers.GgufConfig(dequantize=True)
    elif settings is not None and settings.subfolder:
        options["subfolder"] = settings.subfolder
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, **options)
        model, loading_info = transformers.AutoModel.from_pretrained(
            place, dtype="float32", output_loading_info=True, **options, **weights
        )
    except (OSError, ValueError) as error:
        wanted = (
            "folder with a transformers model (config, tokenizer, safetensors weights) and no "
            ".gguf file"
        )
        raise not_found(name, wanted, problem, error) from error
    check_complete(name, model, loading_info["missing_keys"])
    if settings is not None:
        settings = _apply_to_tokenizer(settings, tokenizer)
    model = without_decoder(model).eval()
    return TextCheckpoint(model, tokenizer, (name, modified_at), settings or SentenceSettings())


def _find_file(name: str, file: str, local_files_only: bool) -> Path | None:
    """Return where a file of a folder or of a repository on the hub lies, if there is one."""
    if os.path.exists(name):
        path = Path(name, file)
        return path if path.is_file() else None
    try:
        found = cached_file(name, file, local_files_only=local_files_only)
    except OSError:  # There is no such file or repository, or no network.
        return None
    return None if found is None else Path(found)


def _apply_to_tokenizer(settings: SentenceSettings, tokenizer) -> SentenceSettings:
    """Let a tokenizer, which is changed in place, do what the settings say; complete these."""
    if settings.lower_case:
        backend = tokenizer.backend_tokenizer
        others = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *others])
    if settings.max_length is None:
        settings = replace(settings, max_length=tokenizer.model_max_length)
    return settings


def read_with_processor(
    name: str, wanted: str, read_processor: Callable[..., Any], model_class: Any
) -> tuple[Any, Any, list[str]]:
    """Read a processor and a model, in float32; return them with the weights that were missing.

    Only weights in safetensors are read, and no code. `wanted` is what `name` should be, for the
    OSError that is raised where it is not.
    """
    problem = find_hub_problem(name)
    options = {"trust_remote_code": False, "local_files_only": problem is not None}
    try:
        processor = read_processor(name, **options)
        model, loading_info = model_class.from_pretrained(
            name, dtype="float32", output_loading_info=True, use_safetensors=True, **options
        )
    except (OSError, ValueError) as error:
        raise not_found(name, wanted, problem, error) from error
    return processor, model, sorted(loading_info["missing_keys"])


def check_complete(name: str, model: transformers.PreTrainedModel, missing: Iterable[str]) -> None:
    """Raise a ValueError if weights were missing, in whose place there are random numbers.

    Poolers and decoders are not used.
    """
    unused = (
        ("pooler.", "decoder.")
        if getattr(model.config, "is_encoder_decoder", False)
        else ("pooler.",)
    )
    lacking = sorted(weight for weight in missing if not weight.startswith(unused))
    if lacking:
        raise ValueError(
            f"`encoder`: the weights of {name!r} lack {', '.join(map(repr, lacking[:3]))}"
            f"{' and others' if len(lacking) > 3 else ''}. Get the complete files, or a checkpoint "
            "of the architecture that its config.json names."
        )


@contextmanager
def silent_transformers(shows_bars: bool) -> Iterator[None]:
    """Inside, where one thread is at a time, transformers prints no reports, and no bars either."""
    with _LOADING:
        verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        if had_bars and not shows_bars:
            logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
            if had_bars and not shows_bars:
                logging.enable_progress_bar()
