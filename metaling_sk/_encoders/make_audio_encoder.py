"""Every kind of `encoder=` for recordings becomes an `AudioEncoder`."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import transformers
from torch import nn

from metaling_sk._encoders.audio_encoder import AudioEncoder
from metaling_sk._encoders.audio_reader import AudioReader
from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.check_encoder import check_encoder
from metaling_sk._encoders.checkpoint import check_complete, load_once
from metaling_sk._encoders.encoder_forms import EncoderForms, copy_fitted, is_scratch
from metaling_sk._encoders.hub import loading
from metaling_sk._encoders.recipe import Recipe
from metaling_sk._encoders.scratch_audio import make_scratch_audio
from metaling_sk._utils.frozen import unfreeze

NOT_USED = "masked_spec_embed"
"""A weight of SpecAugment, which is switched off; some checkpoints lack it."""


@dataclass(frozen=True)
class AudioCheckpoint:
    """What an encoder of recordings is made of.

    Attributes
    ----------
    model : module
        In float32.
    processor : transformers feature extractor
    key : tuple or None
        Equal for checkpoints that were read from the same files; None for any other.
    """

    model: nn.Module
    processor: Any
    key: tuple | None = None


def make_audio_encoder(
    encoder, *, pooling: str, layer, max_seconds: float, show_downloads: bool = False
) -> AudioEncoder:
    """Make an encoder of recordings of the caller's own.

    Parameters
    ----------
    encoder : str, path, transformers config, pair of module and extractor, or fitted estimator
        The parameter `encoder` of an estimator.
    pooling : {"auto", "mean", "cls", "last"}
        "auto" is "mean".
    layer : int or float
        See `TransformerEncoder`.
    max_seconds : float
        See `AudioReader`. A fitted estimator has a value of its own, as for `pooling` and `layer`.
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
    ValueError
        If it is no encoder of recordings.
    """
    encoder = unfreeze(encoder, "encoder")
    if isinstance(getattr(encoder, "audio_encoder_", None), AudioEncoder):
        return copy_fitted(encoder.audio_encoder_)
    checkpoint = _FORMS.find(encoder, show_downloads)
    audio_encoder = AudioEncoder(
        without_decoder(checkpoint.model),
        AudioReader(checkpoint.processor, max_seconds),
        "mean" if pooling == "auto" else pooling,
        layer,
        checkpoint.key,
    )
    check_encoder(audio_encoder, checkpoint.key)
    audio_encoder.pretrained = not is_scratch(encoder)
    if checkpoint.key is not None:
        make = partial(
            make_audio_encoder, encoder, pooling=pooling, layer=layer, max_seconds=max_seconds
        )
        audio_encoder.recipe = Recipe(make)
    return audio_encoder


def load_audio_checkpoint(name: str | os.PathLike, show_downloads: bool = False) -> AudioCheckpoint:
    """Load a model of recordings in float32, with its feature extractor.

    A process reads the files once. Every caller gets modules of its own. Nothing is printed.

    Parameters
    ----------
    name : str or path
        A folder or a name on the hub.
    show_downloads : bool, default=False
        Whether the progress of downloads from the hub is shown.

    Returns
    -------
    AudioCheckpoint

    Raises
    ------
    OSError
        If there is no such folder or model, it is none of recordings, or it cannot be downloaded.
    ValueError
        If a weight is missing.
    """
    checkpoint = load_once(_load, name, show_downloads)
    return replace(checkpoint, model=copy.deepcopy(checkpoint.model))


@lru_cache(maxsize=2)
def _load(name: str, time: int | None) -> AudioCheckpoint:
    wanted = (
        "folder with a transformers model of recordings (config, preprocessor_config, safetensors "
        "weights)"
    )
    with loading(name, wanted) as options:
        processor = transformers.AutoFeatureExtractor.from_pretrained(name, **options)
        model, loading_info = transformers.AutoModel.from_pretrained(
            name, dtype="float32", output_loading_info=True, use_safetensors=True, **options
        )
    missing = [weight for weight in loading_info["missing_keys"] if not weight.endswith(NOT_USED)]
    check_complete(name, model, missing)
    return AudioCheckpoint(without_decoder(model).eval(), processor, (name, time))


_FORMS = EncoderForms(
    scratch=lambda config: AudioCheckpoint(*make_scratch_audio(config)),
    files=load_audio_checkpoint,
    pair=lambda module, extractor: AudioCheckpoint(module, copy.deepcopy(extractor)),
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
