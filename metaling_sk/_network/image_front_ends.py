"""The front ends of images."""

from __future__ import annotations

from metaling_sk._encoders.cell_modality import CellModality
from metaling_sk._encoders.image_encoder import ImageEncoder
from metaling_sk._encoders.image_reader import ImageReader, read_processor
from metaling_sk._encoders.make_image_encoder import make_image_encoder
from metaling_sk._network.fixed_front_ends import FrozenFrontEnd
from metaling_sk._network.trained_front_end import TrainedFrontEnd

IMAGES = CellModality(make_image_encoder, ImageEncoder, ImageReader, read_processor)


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
