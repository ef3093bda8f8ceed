"""The front ends of images and of recordings."""

from __future__ import annotations

from metaling_sk._encoders.audio_modality import RECORDINGS
from metaling_sk._encoders.image_modality import IMAGES
from metaling_sk._network.fixed_front_ends import FrozenFrontEnd
from metaling_sk._network.trained_front_end import TrainedFrontEnd


class TrainedImages(TrainedFrontEnd):
    """The network takes pixels; its encoder is trained."""

    kind = "trained images"
    modality = IMAGES
    input_name = IMAGES.name


class FrozenImages(FrozenFrontEnd):
    """An encoder that is not trained turns each image into a vector, once."""

    kind = "frozen images"
    modality = IMAGES
    input_name = IMAGES.name


class TrainedAudio(TrainedFrontEnd):
    """The network takes sounds; its encoder is trained."""

    kind = "trained audio"
    modality = RECORDINGS
    input_name = RECORDINGS.name


class FrozenAudio(FrozenFrontEnd):
    """An encoder that is not trained turns each recording into a vector, once."""

    kind = "frozen audio"
    modality = RECORDINGS
    input_name = RECORDINGS.name
