"""How encoders of images are made and saved."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import transformers
from torch import nn

from metaling_sk._data.images import import_pillow
from metaling_sk._encoders.cell_modality import CellModality
from metaling_sk._encoders.checkpoint import (
    Checkpoint,
    check_complete,
    load_copy,
    read_with_processor,
)
from metaling_sk._encoders.image_encoder import ImageEncoder, gives_pooled
from metaling_sk._encoders.image_reader import ImageReader
from metaling_sk._encoders.scratch_images import make_scratch_images

POOLERS = ("pooler.", "head.")
"""How the names of the weights begin that turn the vectors of patches into one vector."""


@dataclass(frozen=True)
class ImageCheckpoint(Checkpoint):
    """What an encoder of images is made of.

    Attributes
    ----------
    has_pooler : bool
        Whether no weight is random that pools.
    """

    has_pooler: bool = True


class ImageModality(CellModality[ImageCheckpoint, ImageEncoder]):
    """Images.

    pooling="auto" is what the model pools itself, where it does and its weights are not random;
    otherwise "mean".
    """

    name = "images"
    encoder_class = ImageEncoder
    reader_class = ImageReader
    wanted = (
        "'scratch', a name or path of a transformers model of images, a transformers config, a "
        "pair (module, image processor) or a fitted estimator of metaling_sk with an image encoder"
    )
    way_out = (
        "What an sklearn transformer makes of images can be passed as numbers, with "
        "image_column=None."
    )

    def from_scratch(self, config, samples):
        return ImageCheckpoint(*make_scratch_images(config), has_pooler=False)

    def from_files(self, name, show_downloads):
        return load_copy(_load, name, show_downloads)

    def from_pair(self, module, processor):
        return ImageCheckpoint(_vision_part(module), copy.deepcopy(processor))

    def build(self, checkpoint, parameters):
        model, reader = checkpoint.model, ImageReader(checkpoint.processor)
        pooling = parameters.pooling
        if pooling == "auto":
            pooling = "model" if checkpoint.has_pooler and _pools(model, reader) else "mean"
        return ImageEncoder(model, reader, pooling, parameters.layer, checkpoint.key)


@lru_cache(maxsize=2)
def _load(name: str, time: int | None) -> ImageCheckpoint:
    import_pillow()
    wanted = (
        "folder with a transformers model of images (config, preprocessor_config, safetensors "
        "weights)"
    )
    processor, model, missing = read_with_processor(
        name, wanted, ImageReader.read_processor, transformers.AutoModel
    )
    random = {weight for weight in missing if _is_pooler(weight)}
    check_complete(name, model, set(missing) - random)
    return ImageCheckpoint(_vision_part(model).eval(), processor, (name, time), not random)


def _vision_part(model: Any) -> nn.Module:
    """The part of a model of texts and images that is for images, or any other model."""
    if hasattr(getattr(model, "config", None), "vision_config"):
        part = getattr(model, "vision_model", None)
        if not isinstance(part, nn.Module):
            raise ValueError(
                f"`encoder`: {type(model).__name__} does not show its part for images as "
                "`vision_model`; pass a pair of that part and its image processor."
            )
        return part
    return model


def _is_pooler(weight: str) -> bool:
    return weight.removeprefix("vision_model.").startswith(POOLERS)


@torch.no_grad()
def _pools(model: nn.Module, reader: ImageReader) -> bool:
    """Whether a model gives one vector for each image by itself."""
    pixels = reader.standardise(torch.zeros((1, 3, *reader.shape), dtype=torch.uint8))
    was_training = model.training
    try:
        return gives_pooled(model.eval()(pixel_values=pixels))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return False  # `check_encoder` says why.
    finally:
        model.train(was_training)


IMAGES = ImageModality()
