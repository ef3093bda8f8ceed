"""How encoders of recordings are made and saved."""

from __future__ import annotations

import copy
from functools import lru_cache

import transformers

from metaling_sk._encoders.audio_encoder import AudioEncoder
from metaling_sk._encoders.audio_reader import AudioReader
from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.cell_modality import CellModality
from metaling_sk._encoders.checkpoint import (
    Checkpoint,
    check_complete,
    load_copy,
    read_with_processor,
)
from metaling_sk._encoders.scratch_audio import make_scratch_audio

NOT_USED = "masked_spec_embed"
"""A weight of SpecAugment, which is switched off; some checkpoints lack it."""


class AudioModality(CellModality[Checkpoint, AudioEncoder]):
    """Recordings: pooling="auto" is "mean"."""

    name = "recordings"
    encoder_class = AudioEncoder
    reader_class = AudioReader
    wanted = (
        "'scratch', a name or path of a transformers model of recordings, a transformers config, a "
        "pair (module, feature extractor) or a fitted estimator of metaling_sk with an audio "
        "encoder"
    )
    way_out = (
        "What an sklearn transformer makes of recordings can be passed as numbers, with "
        "audio_column=None."
    )

    def from_scratch(self, config, samples):
        return Checkpoint(*make_scratch_audio(config))

    def from_files(self, name, show_downloads):
        return load_copy(_load, name, show_downloads)

    def from_pair(self, module, processor):
        return Checkpoint(module, copy.deepcopy(processor))

    def build(self, checkpoint, parameters):
        return AudioEncoder(
            without_decoder(checkpoint.model),
            AudioReader(checkpoint.processor, parameters.max_seconds),
            "mean" if parameters.pooling == "auto" else parameters.pooling,
            parameters.layer,
            checkpoint.key,
        )


@lru_cache(maxsize=2)
def _load(name: str, time: int | None) -> Checkpoint:
    wanted = (
        "folder with a transformers model of recordings (config, preprocessor_config, safetensors "
        "weights)"
    )
    processor, model, missing = read_with_processor(
        name, wanted, AudioReader.read_processor, transformers.AutoModel
    )
    check_complete(name, model, [weight for weight in missing if not weight.endswith(NOT_USED)])
    return Checkpoint(without_decoder(model).eval(), processor, (name, time))


RECORDINGS = AudioModality()
