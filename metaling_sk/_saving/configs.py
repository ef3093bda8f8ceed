"""Configurations of transformers as JSON, without what makes it look something up elsewhere."""

from __future__ import annotations

import json
from typing import Any

import transformers

LOOKUPS = (
    "_name_or_path",
    "auto_map",
    "backbone",
    "custom_pipelines",
    "quantization_config",
    "use_kernels",
)
"""Keys of a configuration that make transformers look something up elsewhere."""


def config_to_json(config: transformers.PreTrainedConfig) -> dict[str, Any]:
    """Turn a configuration into JSON."""
    return without_lookups(json.loads(config.to_json_string(use_diff=False)))


def config_from_json(content: dict[str, Any]) -> transformers.PreTrainedConfig:
    """Restore a configuration of a model type that transformers knows itself."""
    config_class = transformers.CONFIG_MAPPING[content["model_type"]]
    return config_class.from_dict(without_lookups(content))


def is_storable(config: transformers.PreTrainedConfig) -> bool:
    """Return whether a configuration is of a class that `config_from_json` makes."""
    known = config.model_type in transformers.CONFIG_MAPPING
    return known and type(config) is transformers.CONFIG_MAPPING[config.model_type]


def without_lookups(content):
    """A configuration without what makes transformers look up code, kernels or other models."""
    if isinstance(content, list):
        return [without_lookups(item) for item in content]
    if not isinstance(content, dict):
        return content
    return {
        key: without_lookups(value)
        for key, value in content.items()
        if key not in LOOKUPS and not key.removesuffix("_internal").endswith("_implementation")
    }
