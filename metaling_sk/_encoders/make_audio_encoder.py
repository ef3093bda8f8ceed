"""Every kind of `encoder=` for recordings becomes an `AudioEncoder`."""

from __future__ import annotations

import copy
from functools import lru_cache, partial

import transformers

from metaling_sk._data.samples import Samples
from metaling_sk._encoders.audio_encoder import AudioEncoder
from metaling_sk._encoders.audio_reader import AudioReader, read_extractor
from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.checkpoint import (
    Checkpoint,
    check_complete,
    load_copy,
    read_with_processor,
)
from metaling_sk._encoders.encoder_forms import EncoderForms
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.scratch_audio import make_scratch_audio

NOT_USED = "masked_spec_embed"
"""A weight of SpecAugment, which is switched off; some checkpoints lack it."""


def make_audio_encoder(
    parameters: EncodingParameters, samples: Samples | None = None, show_downloads: bool = False
) -> AudioEncoder:
    """Make an encoder of recordings of the caller's own.

    Parameters
    ----------
    parameters : EncodingParameters
        `pooling` is "auto", "mean", "cls" or "last". "auto" is "mean".
    samples : Samples, optional
        No encoder of recordings depends on them.
    show_downloads : bool, default=False
        Whether the progress of downloads from the hub is shown.

    Returns
    -------
    AudioEncoder

    Raises
    ------
    TypeError
        If `encoder` is of another kind.
    NotFittedError
        If it is an estimator of this package that is not fitted.
    OSError
        If there is no such folder or model, it is none of recordings, or it cannot be downloaded.
    ValueError
        If it is no encoder of recordings, or a weight is missing.
    """

    def build(checkpoint: Checkpoint) -> AudioEncoder:
        return AudioEncoder(
            without_decoder(checkpoint.model),
            AudioReader(checkpoint.processor, parameters.max_seconds),
            "mean" if parameters.pooling == "auto" else parameters.pooling,
            parameters.layer,
            checkpoint.key,
        )

    return _FORMS.make(parameters, build, partial(make_audio_encoder, parameters), show_downloads)


@lru_cache(maxsize=2)
def _load(name: str, time: int | None) -> Checkpoint:
    wanted = (
        "folder with a transformers model of recordings (config, preprocessor_config, safetensors "
        "weights)"
    )
    processor, model, missing = read_with_processor(
        name, wanted, read_extractor, transformers.AutoModel
    )
    check_complete(name, model, [weight for weight in missing if not weight.endswith(NOT_USED)])
    return Checkpoint(without_decoder(model).eval(), processor, (name, time))


_FORMS = EncoderForms(
    encoder_class=AudioEncoder,
    scratch=lambda config: Checkpoint(*make_scratch_audio(config)),
    files=partial(load_copy, _load),
    pair=lambda module, extractor: Checkpoint(module, copy.deepcopy(extractor)),
    wanted=(
        "'scratch', a name or path of a transformers model of recordings, a transformers config, a "
        "pair (module, feature extractor) or a fitted estimator of metaling_sk with an audio "
        "encoder"
    ),
    way_out=(
        "What an sklearn transformer makes of recordings can be passed as numbers, with "
        "audio_column=None."
    ),
)
