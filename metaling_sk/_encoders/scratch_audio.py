"""A small Conformer with random weights, and the feature extractor that belongs to it."""

from __future__ import annotations

from typing import Any

import transformers
from torch import nn

from metaling_sk._encoders.backbone import make_backbone

N_BANDS, FRAMES_AT_A_TIME = 40, 4
"""Frequency bands of a frame of 10 ms, and frames that are one vector of the default encoder."""

WEIGHT_SCALE = 0.05
"""Standard deviation of the first weights. From the usual 0.02 a small model learns less."""

EXTRACTORS = {"wav2vec2-bert": "SeamlessM4TFeatureExtractor"}
"""Feature extractors of configurations, by model type, where transformers names another one."""


def make_scratch_audio(
    config: transformers.PretrainedConfig | None = None, n_frames: int = FRAMES_AT_A_TIME
) -> tuple[nn.Module, Any]:
    """Make a model with random weights and its feature extractor.

    Parameters
    ----------
    config : transformers config, optional
        The architecture; by default a Conformer [1]_ of two layers of 128 units on a log-mel
        spectrogram, of which each band has mean 0 and variance 1 in a recording.
    n_frames : int, default=4
        Frames of 10 ms that are one vector of the default encoder.

    Returns
    -------
    model : module
    extractor : transformers feature extractor

    Raises
    ------
    ValueError
        If no model of recordings can be made from the configuration.

    References
    ----------
    .. [1] Gulati et al. (2020). Conformer: Convolution-augmented Transformer for speech
       recognition. Interspeech.
    """
    if config is None:
        config = transformers.Wav2Vec2BertConfig(
            feature_projection_input_dim=N_BANDS * n_frames,
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=256,
            conv_depthwise_kernel_size=7,
            initializer_range=WEIGHT_SCALE,
        )
        extractor = transformers.SeamlessM4TFeatureExtractor(
            feature_size=N_BANDS, num_mel_bins=N_BANDS, stride=n_frames
        )
        return make_backbone(config), extractor
    return make_backbone(config), _new_extractor(config)


def _new_extractor(config: transformers.PretrainedConfig):
    """The feature extractor of a configuration, with the sizes that it names."""
    name = EXTRACTORS.get(config.model_type)
    try:
        kind: Any = (
            getattr(transformers, name)
            if name
            else transformers.FEATURE_EXTRACTOR_MAPPING[type(config)]
        )
    except KeyError as error:
        raise ValueError(
            f"`encoder`: transformers has no feature extractor for {type(config).__name__}, so its "
            "model takes no recordings."
        ) from error
    return kind(**_extractor_sizes(config))


def _extractor_sizes(config) -> dict[str, int]:
    if config.model_type == "whisper":
        # Two frames of 10 ms are one position.
        seconds = max(1, config.max_source_positions * 2 // 100)
        return {"feature_size": config.num_mel_bins, "chunk_length": seconds}
    if config.model_type == "wav2vec2-bert":
        n_bands = config.feature_projection_input_dim // 2
        return {"feature_size": n_bands, "num_mel_bins": n_bands}
    if config.model_type == "audio-spectrogram-transformer":
        return {"num_mel_bins": config.num_mel_bins, "max_length": config.max_length}
    return {}
