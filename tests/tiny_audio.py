"""Recordings of a made-up pair of languages, and models that learn from them in a moment."""

from functools import partial

import numpy as np
import pandas as pd
import tiny
import transformers

from metaling_sk import MetaNetClassifier, TransferClassifier, TransferRegressor

RATE = 16_000
CONVOLUTIONS = {"conv_dim": (8, 8), "conv_kernel": (10, 3), "conv_stride": (20, 16)}
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def make_recordings(n_rows, language, seed):
    """Tones that rise for class 0 and fall for class 1; higher in "xx"."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_rows)
    recordings = []
    for label in y:
        time = np.arange(int(RATE * rng.uniform(0.12, 0.3))) / RATE
        slope = (-1 if label else 1) * rng.uniform(2000, 4000)
        start = rng.uniform(900, 1500) + (1500 if language == "xx" else 0)
        tone = 0.3 * np.sin(2 * np.pi * (start + slope * (time - time.mean()) / 2) * time)
        noisy = tone + rng.normal(0, 0.02, len(time))
        recordings.append({"array": noisy.astype(np.float32), "sampling_rate": RATE})
    return pd.DataFrame({"audio": recordings, "language": language}, dtype=object), y


def make_pair(n_en=40, n_xx=40, n_labelled=10, seed=0):
    """Recordings of two languages; of the second one only the first `n_labelled` have a label."""
    pair = make_recordings(n_en, "en", seed), make_recordings(n_xx, "xx", seed + 1)
    return tiny.join_languages(*pair, n_labelled)


def make_config(**parameters):
    """A Conformer of one layer, on 20 frequency bands."""
    sizes = {"feature_projection_input_dim": 40, "conv_depthwise_kernel_size": 3}
    return transformers.Wav2Vec2BertConfig(**SMALL | sizes | parameters)


def make_wave_config(kind=transformers.Wav2Vec2Config, **parameters):
    """A wav2vec 2.0, or a model like it, of two layers, of one convolution each 20 ms."""
    positions = {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
    sizes = CONVOLUTIONS | positions | {"num_feat_extract_layers": 2, "num_hidden_layers": 3}
    return kind(**SMALL | sizes | parameters)


def make_whisper_config():
    """A Whisper that hears one second."""
    return transformers.WhisperConfig(
        d_model=16,
        encoder_layers=1,
        encoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        num_mel_bins=20,
        max_source_positions=50,
        vocab_size=8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=3,
    )


QUICK = tiny.QUICK | {"audio_column": "audio", "encoder": make_config(), "device": "cpu"}
make_classifier = partial(TransferClassifier, **QUICK)
make_regressor = partial(TransferRegressor, **QUICK)
make_meta_net = partial(MetaNetClassifier, **QUICK)
