"""Encoder-decoder checkpoints of transformers: where they come from, and how they are saved."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from metaling_sk._encoders.checkpoint import load_once, read_with_processor
from metaling_sk._saving.configs import config_to_json, without_lookups
from metaling_sk._utils.messages import name_some

CONFIG = "config.json"
"""Name of a file in the folder of a saved model."""

DERIVED = "_from_model_config"
"""Settings of generation with this mark are read without those of one model, such as languages."""


@dataclass(frozen=True)
class CheckpointFiles:
    """Checkpoints that are models with what prepares their inputs.

    Attributes
    ----------
    model_class, processor_class : str
        The classes of transformers that read them, one of each.
    model_name, processor_name : str
        What they are called in messages. The processor is saved in a folder of its name.
    fits : callable
        Whether a model and a processor that the user has made are of this kind.
    """

    model_class: str
    processor_class: str
    model_name: str
    processor_name: str
    fits: Callable[[Any, Any], bool]

    def find(self, encoder) -> tuple[Any, Any]:
        """Return the model, a copy in float32, and the processor of the parameter `encoder`.

        Raises
        ------
        ValueError
            If it is no such checkpoint.
        OSError
            If there is no such folder or model.
        """
        if isinstance(encoder, (str, os.PathLike)):
            return copy.deepcopy(load_once(partial(_load, self), encoder, show_downloads=True))
        if not (isinstance(encoder, tuple) and len(encoder) == 2):
            raise ValueError(
                f"`encoder` must be 'scratch', the folder or hub name of {self.model_name}, or a "
                f"pair (model, {self.processor_name}), got {encoder!r}."
            )
        model, processor = encoder
        if not self.fits(model, processor):
            raise ValueError(
                f"`encoder`: {type(model).__name__} and {type(processor).__name__} are not "
                f"{self.model_name} of transformers and its {self.processor_name}."
            )
        return copy.deepcopy(model).float(), processor

    def save(self, model, processor, folder: Path) -> dict[str, Any]:
        """Write the files of a model, without its weights; return what else `restore` needs."""
        config = model.config
        content = json.dumps(config_to_json(config), indent=2)
        (folder / CONFIG).write_text(content, encoding="utf-8")
        processor.save_pretrained(folder / self.processor_name)
        generation = model.generation_config.to_json_string(use_diff=True)
        return {"model_type": config.model_type, "generation": json.loads(generation)}

    def restore(
        self, state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
    ) -> tuple[Any, Any]:
        """Make a model of the shape of the weights, which are not loaded, and its processor.

        Raises
        ------
        ValueError
            If the files do not belong to the weights.
        """
        content = without_lookups(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        config = transformers.CONFIG_MAPPING[state["model_type"]].from_dict(content)
        new = getattr(transformers, self.model_class).from_config
        with torch.device("meta"):
            shapes = {name: each.shape for name, each in new(config).state_dict().items()}
        for name, shape in shapes.items():
            if f"backbone.{name}" not in weights or weights[f"backbone.{name}"].shape != shape:
                raise ValueError(f"{CONFIG} does not describe the weight {name!r}")
        processor = getattr(transformers, self.processor_class).from_pretrained(
            (folder / self.processor_name).resolve(strict=True),
            trust_remote_code=False,
            local_files_only=True,
        )
        model = new(config)
        generation = {name: each for name, each in state["generation"].items() if name != DERIVED}
        model.generation_config = transformers.GenerationConfig.from_dict(generation)
        return model, processor


@lru_cache(maxsize=1)
def _load(files: CheckpointFiles, name: str, modified_at: int | None) -> tuple[nn.Module, Any]:
    """Load a checkpoint; read files anew that were modified since the last call."""
    processors, models = (
        getattr(transformers, each) for each in (files.processor_class, files.model_class)
    )
    wanted = (
        f"folder with {files.model_name} of transformers (config, {files.processor_name}, "
        "safetensors weights)"
    )
    processor, model, missing = read_with_processor(
        name, wanted, processors.from_pretrained, models
    )
    if missing:
        raise ValueError(
            f"`encoder`: the weights of {name!r} lack {name_some(missing)}. Get the complete files."
        )
    return model.eval(), processor
