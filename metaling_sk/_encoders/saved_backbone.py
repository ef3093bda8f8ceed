"""Saving of the module of an encoder of any kind: transformers writes its configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import Any

import torch
import transformers
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.trainable import add_saved_adapters
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._saving.configs import config_from_json, config_to_json

ENCODER = "encoder"
"""Subfolder of the configuration."""

CONFIG = f"{ENCODER}/config.json"

ATTENTIONS = ("eager", "sdpa")
"""Implementations of attention that torch has itself."""

MANY_LAYERS = 1000
"""A configuration may have more layers only if there are as many weights."""


def save_backbone(encoder: TransformerEncoder, folder: Path) -> dict[str, Any]:
    """Write the configuration of an encoder, and return the other values of `restore_backbone`.

    A ValueError is raised if transformers does not make the module from its configuration.
    """
    backbone = encoder.backbone
    config = getattr(backbone, "config", None)
    if (
        not isinstance(config, transformers.PreTrainedConfig)
        or config.model_type not in transformers.CONFIG_MAPPING
    ):
        raise _module_error(f"{type(backbone).__name__} has no config of transformers")
    (folder / ENCODER).mkdir(exist_ok=True)
    content = json.dumps(config_to_json(config), indent=2)
    (folder / CONFIG).write_text(content, encoding="utf-8")
    attention = getattr(config, "_attn_implementation", None)
    state = {
        "model_type": config.model_type,
        "module": type(backbone).__name__,
        "attention": attention if attention in ATTENTIONS else None,
        "pooling": encoder.pooling,
        "top": encoder.top,
        "pretrained": encoder.pretrained,
        "has_token_layers": encoder.has_token_layers,
    }
    _check_made_from_config(encoder, state, folder)
    return state


def restore_backbone(
    state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
) -> nn.Module:
    """Make the module of a saved encoder, of the shape of the weights, which are not loaded."""
    _check_sizes(state, weights, folder)
    return _make_backbone(state, folder)


def restore_settings(
    encoder: TransformerEncoder, state: dict[str, Any], weights: dict[str, torch.Tensor]
) -> None:
    """Give a new encoder what `save_backbone` returned, and the shape of its weights."""
    for name in ("top", "pretrained", "has_token_layers"):
        setattr(encoder, name, state[name])
    if encoder.top is not None:
        encoder.backbone.get_submodule(encoder.top)
    add_saved_adapters(encoder.adapters, weights)
    # The configuration may name another precision than the module had at last.
    for name, tensor in [*encoder.named_parameters(), *encoder.named_buffers()]:
        if name in weights:
            tensor.data = tensor.data.to(weights[name].dtype)


def _make_backbone(state: dict[str, Any], folder: Path) -> nn.Module:
    """Make the module that a saved configuration describes, of the class that was saved."""
    content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if content["model_type"] != state["model_type"]:
        raise ValueError(f"model type {content['model_type']!r} instead of {state['model_type']!r}")
    config = config_from_json(content)
    if state["attention"] is not None and state["attention"] not in ATTENTIONS:
        raise ValueError(f"attention {state['attention']!r} is not one of {ATTENTIONS}")
    backbone = transformers.AutoModel.from_config(
        config, trust_remote_code=False, attn_implementation=state["attention"]
    )
    backbone = without_decoder(backbone)
    if type(backbone).__name__ != state["module"]:
        raise ValueError(f"describes a {type(backbone).__name__} instead of a {state['module']}")
    return backbone.eval()


def _check_sizes(state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Raise a ValueError unless the configuration describes the shapes of the weights.

    The module is made without memory for weights, and only as far as it has weights at all.
    """
    expected = {
        name.removeprefix("backbone."): tuple(weight.shape)
        for name, weight in weights.items()
        if name.startswith("backbone.") and not name.startswith("backbone.pooler.")
    }
    content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    for key, value in _numbers(content):
        if "layer" in key and value > max(MANY_LAYERS, len(expected)):
            raise ValueError(f"{key} is {value}, but there are {len(expected)} weights")
    # Poolers and decoders, which are not saved, and shared weights are registered as well.
    with torch.device("meta"), _at_most_parameters(4 * len(expected) + 64):
        shapes = _shapes(_make_backbone(state, folder))
    if name := _first_difference(shapes, expected):
        raise ValueError(
            f"describes {name!r} of shape {shapes.get(name)}, but the saved one has shape "
            f"{expected.get(name)}"
        )


def _check_made_from_config(
    encoder: TransformerEncoder, state: dict[str, Any], folder: Path
) -> None:
    """Raise a ValueError unless transformers makes this module from the saved configuration."""
    backbone = encoder.backbone
    try:
        with torch.device("meta"):
            made = _make_backbone(state, folder)
    except Exception as error:
        reason = f"transformers makes none: {type(error).__name__}: {error}"
        raise _module_error(reason) from error
    shapes, expected = _shapes(made), _shapes(backbone)
    if name := _first_difference(shapes, expected):
        raise _module_error(
            f"{name!r} has shape {expected.get(name)}, and shape {shapes.get(name)} by the config"
        )
    parts, expected_parts = _parts(made), _parts(backbone)
    if name := _first_difference(parts, expected_parts):
        raise _module_error(
            f"{name!r} is {expected_parts.get(name)}, and {parts.get(name)} by the config"
        )


def _module_error(reason: str) -> ValueError:
    return ValueError(
        "`encoder` is a module that transformers.AutoModel does not make from its config, which "
        f"cannot be stored as JSON and tensors ({reason}); use joblib.dump."
    )


def _shapes(backbone: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights, without the pooler, which `TextEncoder` removes."""
    return {
        name: tuple(weight.shape)
        for name, weight in backbone.state_dict().items()
        if not name.startswith("pooler.")
    }


def _parts(backbone: nn.Module) -> dict[str, str]:
    """The class and the settings of every module that decides the output."""
    return {
        name: f"{type(module).__qualname__}({module.extra_repr()})"
        for name, module in backbone.named_modules()
        if not isinstance(module, nn.Dropout) and name.split(".")[0] != "pooler"
    }


def _first_difference(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    """The first name under which two dicts do not have the same."""
    names = (name for name in one | other if one.get(name) != other.get(name))
    return next(names, None)


def _numbers(content) -> Iterator[tuple[str, float]]:
    """The numbers of a configuration, with their keys."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        if isinstance(value, (dict, list)):
            yield from _numbers(value)
        elif isinstance(value, (int, float)):
            yield str(key), value


@contextmanager
def _at_most_parameters(n_parameters: int) -> Iterator[None]:
    """Inside, this thread cannot make modules with more parameters than these."""
    n_made, thread = 0, get_ident()

    def count(module, name, parameter):
        nonlocal n_made
        if get_ident() == thread and parameter is not None:
            n_made += 1
            if n_made > n_parameters:
                raise ValueError("describes more weights than there are")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
