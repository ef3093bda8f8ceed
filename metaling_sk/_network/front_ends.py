"""The kinds of front ends, and the one place that chooses among them."""

from __future__ import annotations

from metaling_sk._data.samples import Samples
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._network.cell_front_ends import (
    FrozenAudio,
    FrozenImages,
    TrainedAudio,
    TrainedImages,
)
from metaling_sk._network.fixed_front_ends import (
    FrozenFrontEnd,
    NumbersFrontEnd,
    VectorizerFrontEnd,
)
from metaling_sk._network.front_end import FrontEnd
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


def choose_front_end(parameters: EncodingParameters, samples: Samples) -> type[FrontEnd]:
    """Choose the kind for the parameters of an estimator and its samples."""
    return next(kind for kind in reversed(FRONT_ENDS.values()) if kind.accepts(parameters, samples))
