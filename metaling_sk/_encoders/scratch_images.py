"""A small Vision Transformer with random weights, and the image processor that belongs to it."""

from __future__ import annotations

from typing import Any

import transformers
from torch import nn

from metaling_sk._encoders.backbone import make_backbone

IMAGE_SIZE, PATCH_SIZE = 24, 4
"""Height and width of an image and of a patch for the default encoder, in pixels."""

WEIGHT_SCALE = 0.1
"""Standard deviation of the first weights. From the usual 0.02 a small model learns far slower."""

USUAL_SIZE = 224
"""Height and width of an image for a configuration that names none."""

GREY = 0.5
"""Mean and standard deviation of the colours, where they are not known."""


def make_scratch_images(
    config: transformers.PretrainedConfig | None = None,
) -> tuple[nn.Module, Any]:
    """Make a model with random weights and its image processor.

    Parameters
    ----------
    config : transformers config, optional
        The architecture; by default a Vision Transformer [1]_ of two layers of 128 units. Images
        are resized to its `image_size`.

    Returns
    -------
    model : module
    processor : transformers image processor

    Raises
    ------
    ValueError
        If no model of images can be made from the configuration.

    References
    ----------
    .. [1] Dosovitskiy et al. (2021). An image is worth 16x16 words: Transformers for image
       recognition at scale. ICLR.
    """
    if config is None:
        config = transformers.ViTConfig(
            image_size=IMAGE_SIZE,
            patch_size=PATCH_SIZE,
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=256,
            initializer_range=WEIGHT_SCALE,
        )
        return transformers.ViTModel(config, add_pooling_layer=False), _new_processor(IMAGE_SIZE)
    if getattr(config, "num_channels", None) != 3:
        raise ValueError(
            f"`encoder`: {type(config).__name__} has no `num_channels` of 3, so its model takes no "
            "images in colours; of a model of texts and images pass the part of the images, such "
            "as `config.vision_config`."
        )
    return make_backbone(config), _new_processor(getattr(config, "image_size", USUAL_SIZE))


def _new_processor(size) -> Any:
    height, width = (size, size) if isinstance(size, int) else size
    # Older versions of transformers have one class, which needs pillow alone.
    is_new = hasattr(transformers, "ViTImageProcessorPil")
    name = "ViTImageProcessorPil" if is_new else "ViTImageProcessor"
    return getattr(transformers, name)(
        size={"height": height, "width": width}, image_mean=[GREY] * 3, image_std=[GREY] * 3
    )
