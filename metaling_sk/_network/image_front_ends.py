"""The front ends of images."""

from __future__ import annotations

from typing import Any

import transformers

from metaling_sk._data.samples import Samples
from metaling_sk._encoders.image_encoder import ImageEncoder
from metaling_sk._encoders.image_reader import ImageReader
from metaling_sk._encoders.make_image_encoder import make_image_encoder
from metaling_sk._encoders.saved_processor import SavedWithProcessor
from metaling_sk._network.fixed_front_ends import FrozenFrontEnd
from metaling_sk._network.front_end import EncodingParameters
from metaling_sk._network.modality import Modality
from metaling_sk._network.trained_front_end import TrainedFrontEnd


def _make_encoder(
    parameters: EncodingParameters, samples: Samples, show_downloads: bool
) -> ImageEncoder:
    """Make the encoder of images that the parameters name."""
    return make_image_encoder(
        parameters.encoder,
        pooling=parameters.pooling,
        layer=parameters.layer,
        show_downloads=show_downloads,
    )


def _read_processor(folder, **options) -> Any:
    # transformers imports its models with the class.
    return transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", **options)


SAVED = SavedWithProcessor(ImageEncoder, ImageReader, _read_processor, "image processor")
IMAGES = Modality(_make_encoder, SAVED)


class TrainedImages(TrainedFrontEnd):
    """The network takes pixels; its encoder is trained."""

    kind = "trained images"
    input_name = "images"
    modality = IMAGES


class FrozenImages(FrozenFrontEnd):
    """An encoder that is not trained turns each image into a vector, once."""

    kind = "frozen images"
    input_name = "images"
    modality = IMAGES
