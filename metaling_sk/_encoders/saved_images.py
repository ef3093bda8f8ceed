"""Saving of encoders of images: transformers writes the configuration and the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from metaling_sk._encoders.image_encoder import ImageEncoder
from metaling_sk._encoders.image_reader import ImageReader
from metaling_sk._encoders.saved import (
    CONFIG,
    ENCODER,
    restore_backbone,
    restore_settings,
    save_backbone,
)
from metaling_sk._saving.errors import SavedFileError, naming_file

PROCESSOR = f"{ENCODER}/processor"
"""Subfolder of the image processor."""


def save_image_encoder(encoder: ImageEncoder, folder: Path) -> dict[str, Any]:
    """Write the configuration and the image processor of an encoder.

    Parameters
    ----------
    encoder : ImageEncoder
        The encoder; its weights are not written.
    folder : Path
        The folder to write to.

    Returns
    -------
    dict
        The other values that `restore_image_encoder` needs.

    Raises
    ------
    ValueError
        If transformers does not make the module from its configuration, or does not read the
        processor as it was.
    """
    state = save_backbone(encoder, folder)
    encoder.reader.processor.save_pretrained(folder / PROCESSOR)
    try:
        is_same = restore_image_reader(state, folder).digest == encoder.reader.digest
    except SavedFileError:
        is_same = False
    if not is_same:
        raise ValueError(
            "`encoder`: the image processor cannot be stored, because transformers reads another "
            "one from what it writes; use joblib.dump."
        )
    return state


def restore_image_encoder(
    state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
) -> ImageEncoder:
    """Make an encoder of the shape of the weights, which are not loaded.

    Parameters
    ----------
    state : dict
        The values that `save_image_encoder` returned.
    weights : dict of str to Tensor
        The weights that are to be loaded into the encoder.
    folder : Path
        The folder that `save_image_encoder` wrote to.

    Returns
    -------
    ImageEncoder

    Raises
    ------
    ValueError
        If the files do not belong to the weights.
    """
    with naming_file(CONFIG):
        backbone = restore_backbone(state, weights, folder)
        reader = restore_image_reader(state, folder)
        encoder = ImageEncoder(backbone, reader, state["pooling"], layer=-1)
        restore_settings(encoder, state, weights)
        assert encoder.n_features  # What computes the vector of an image fits together.
    return encoder


def restore_image_reader(state: dict[str, Any], folder: Path) -> ImageReader:
    """Read the image processor of a saved encoder."""
    with naming_file(PROCESSOR):
        return ImageReader(
            transformers.AutoImageProcessor.from_pretrained(
                (folder / PROCESSOR).resolve(strict=True),
                backend="pil",
                trust_remote_code=False,
                local_files_only=True,
            )
        )
