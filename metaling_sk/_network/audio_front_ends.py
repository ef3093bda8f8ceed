"""The front ends of recordings."""

from __future__ import annotations

from metaling_sk._encoders.audio_encoder import AudioEncoder
from metaling_sk._encoders.audio_reader import AudioReader, read_extractor
from metaling_sk._encoders.cell_modality import CellModality
from metaling_sk._encoders.make_audio_encoder import make_audio_encoder
from metaling_sk._network.fixed_front_ends import FrozenFrontEnd
from metaling_sk._network.trained_front_end import TrainedFrontEnd

RECORDINGS = CellModality(make_audio_encoder, AudioEncoder, AudioReader, read_extractor)


class TrainedAudio(TrainedFrontEnd):
    """The network takes sounds; its encoder is trained."""

    kind = "trained audio"
    input_name = "recordings"
    modality = RECORDINGS


class FrozenAudio(FrozenFrontEnd):
    """An encoder that is not trained turns each recording into a vector, once."""

    kind = "frozen audio"
    input_name = "recordings"
    modality = RECORDINGS
