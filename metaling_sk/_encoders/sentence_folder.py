"""The files of sentence-transformers in a folder: how its Transformer gives vectors of texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch

from metaling_sk._encoders.dense import ACTIVATIONS, Dense

FindFile = Callable[[str], Path | None]
"""Returns where a file of a folder or a repository lies; None where it has no such file."""

POOLING_OF_MODE = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
"""Our poolings, by their names in sentence-transformers."""

OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""The switches that stood for modes of pooling before version 5.4."""

OUTPUT = "sentence_embedding"
"""The input and the output of modules on pooled vectors."""


@dataclass(frozen=True)
class SentenceSettings:
    """How a text becomes a vector, by the files of a folder.

    Attributes
    ----------
    subfolder : str
        Where the Transformer lies in the folder.
    prompt : str
        Text that is put before every text.
    max_length : int or None
        Largest number of tokens.
    lower_case : bool
        Whether texts are put in lower case.
    pooling : str
        How the vectors of the tokens become one vector.
    pools_prompt : bool
        Whether the tokens of the prompt are pooled as well.
    dense : tuple of Dense
        What is applied to that vector.
    normalize : bool
        Whether the result is scaled to length 1.
    refusal : str
        Why the last four cannot be followed; empty if they can be.
    """

    subfolder: str = ""
    prompt: str = ""
    max_length: int | None = None
    lower_case: bool = False
    pooling: str = "mean"
    pools_prompt: bool = True
    dense: tuple[Dense, ...] = ()
    normalize: bool = False
    refusal: str = ""


class _Unsupported(Exception):
    """A module that we do not have; the message is a `refusal`."""


def read_sentence_settings(find: FindFile) -> SentenceSettings | None:
    """Read the files of a folder.

    Parameters
    ----------
    find : callable
        Finds a file of the folder by its path there.

    Returns
    -------
    SentenceSettings or None
        None where the folder is not of sentence-transformers.

    Raises
    ------
    ValueError
        If a file is damaged.
    """
    file = find("modules.json")
    if file is None:
        return None
    try:
        return _read_settings(find)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`encoder`: {str(file)!r} or a file that it needs is damaged "
            f"({type(error).__name__}: {error})."
        ) from error


def _read_settings(find: FindFile) -> SentenceSettings:
    first, *others = _read_json(find, "modules.json")
    transformer = _read_json(find, _join(first["path"], "sentence_bert_config.json"))
    general = _read_json(find, "config_sentence_transformers.json")
    try:
        on_top = _read_modules(find, _kind(first), others)
    except _Unsupported as error:
        on_top = {"refusal": str(error)}
    return SentenceSettings(
        subfolder=first["path"],
        prompt=_default_prompt(general),
        max_length=transformer.get("max_seq_length"),
        lower_case=transformer.get("do_lower_case", False),
        **on_top,
    )


def _default_prompt(general: dict[str, Any]) -> str:
    """Return the text that is put before every input, by `config_sentence_transformers.json`."""
    name = general.get("default_prompt_name")
    prompts = {"query": "", "document": ""} | (general.get("prompts") or {})
    if name is not None and name not in prompts:
        raise ValueError(f"the default prompt {name!r} is none of {sorted(prompts)}")
    return prompts.get(name, "") or ""


def _read_modules(find: FindFile, first: str, others: list[dict]) -> dict[str, Any]:
    """Return the settings after the Transformer, or raise `_Unsupported`."""
    if first != "Transformer":
        raise _Unsupported(f"its first module is {first!r} instead of 'Transformer'")
    kinds = [_kind(module) for module in others]
    if kinds[:1] != ["Pooling"]:
        raise _Unsupported("it has no 'Pooling' after its 'Transformer'")
    normalize = kinds[-1] == "Normalize"
    n_dense = len(kinds) - 1 - normalize
    for kind in kinds[1 : n_dense + 1]:
        if kind != "Dense":
            raise _Unsupported(f"its module {kind!r} has no equivalent here in its place")
    dense = [_read_dense(find, module["path"]) for module in others[1 : n_dense + 1]]
    return _read_pooling(find, others[0]["path"]) | {
        "dense": tuple(dense),
        "normalize": normalize,
    }


def _read_pooling(find: FindFile, folder: str) -> dict[str, Any]:
    config = _read_json(find, _join(folder, "config.json"))
    modes = config.get("pooling_mode") or [
        mode for switch, mode in OLD_MODES.items() if config.get(switch)
    ]
    modes = [modes] if isinstance(modes, str) else modes or ["mean"]
    if len(modes) > 1 or modes[0] not in POOLING_OF_MODE:
        raise _Unsupported(f"it pools by {', '.join(map(repr, modes))}")
    return {
        "pooling": POOLING_OF_MODE[modes[0]],
        "pools_prompt": config.get("include_prompt", True),
    }


def _read_dense(find: FindFile, folder: str) -> Dense:
    config = _read_json(find, _join(folder, "config.json"))
    library, _, activation = config.get("activation_function", "torch.nn.Tanh").rpartition(".")
    if not library.startswith("torch.nn") or activation not in ACTIVATIONS:
        raise _Unsupported(f"its 'Dense' module has the activation {activation!r}")
    streams = {config.get(name) or OUTPUT for name in ("module_input_name", "module_output_name")}
    if config.get("use_residual") or streams != {OUTPUT}:
        raise _Unsupported("its 'Dense' module is more than a layer on pooled vectors")
    file = find(_join(folder, "model.safetensors"))
    if file is None:
        raise _Unsupported("its 'Dense' module has no weights in the safetensors format")
    weights = safetensors.torch.load_file(file)
    dense = Dense.from_weights(weights, activation)
    dense.load_state_dict(weights)
    return dense.float()


def _kind(module: dict) -> str:
    """The class of a module of sentence-transformers; the whole name of any other class."""
    name = module["type"]
    is_theirs = name.startswith("sentence_transformers.")
    return name.rpartition(".")[2] if is_theirs else name


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _read_json(find: FindFile, name: str) -> Any:
    """The content of a file; an empty dict where there is no such file."""
    file = find(name)
    if file is None:
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
