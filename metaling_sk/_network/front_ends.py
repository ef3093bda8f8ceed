"""The kinds of front ends and of encoders, and the one place that chooses among front ends."""

from __future__ import annotations

from metaling_sk._data.samples import Samples
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.modality import Modality
from metaling_sk._network.audio_front_ends import FrozenAudio, TrainedAudio
from metaling_sk._network.fixed_front_ends import (
    FrozenFrontEnd,
    NumbersFrontEnd,
    VectorizerFrontEnd,
)
from metaling_sk._network.front_end import FrontEnd
from metaling_sk._network.image_front_ends import FrozenImages, TrainedImages
from metaling_sk._network.trained_front_end import TrainedFrontEnd

FRONT_ENDS: dict[str, type[FrontEnd]] = {
    kind.kind: kind
    for kind in (
        NumbersFrontEnd,
        TrainedFrontEnd,
        FrozenFrontEnd,
        VectorizerFrontEnd,
        TrainedImages,
        FrozenImages,
        TrainedAudio,
        FrozenAudio,
    )
}
"""The kinds by name. Where several accept the samples, the last one is taken."""

MODALITIES: dict[str, Modality] = {
    kind.input_name: kind.modality for kind in (FrozenFrontEnd, FrozenImages, FrozenAudio)
}
"""How encoders are made and saved, by what `Samples.kind` calls the samples that they encode."""


def choose_front_end(parameters: EncodingParameters, samples: Samples) -> type[FrontEnd]:
    """Choose the kind for the parameters of an estimator and its samples."""
    return next(kind for kind in reversed(FRONT_ENDS.values()) if kind.accepts(parameters, samples))
