"""Models that write down the recordings of `tiny_audio`, and learn it in a moment."""

import json

import numpy as np
import transformers
from tiny_audio import QUICK, make_config, make_recordings
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from metaling_sk import TransferTranslator

SAID = {"en": np.array(["up", "down"], dtype=object), "xx": np.array(["na", "mi na"], dtype=object)}
"""What is said by the tones of each class, in each language."""

SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|xx|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|notimestamps|>",
]
N_SECONDS = 1
"""The length of what the small Whisper hears."""


def make_spoken(n_rows, language="en", seed=0):
    """Recordings, and what is said in them."""
    X, y = make_recordings(n_rows, language, seed)
    return X, SAID[language][y]


def make_whisper(init_std=0.05):
    """A Whisper with random weights that knows two languages and hears one second."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=270,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([text for texts in SAID.values() for text in texts], trainer)
    merges = [tuple(pair) for pair in json.loads(bpe.to_str())["model"]["merges"]]
    tokenizer = transformers.WhisperTokenizer(vocab=bpe.get_vocab(), merges=merges)
    tokenizer.add_special_tokens({"extra_special_tokens": SPECIAL[1:]})
    end, start, *_ = ids = tokenizer.convert_tokens_to_ids(SPECIAL)
    extractor = transformers.WhisperFeatureExtractor(feature_size=20, chunk_length=N_SECONDS)
    config = transformers.WhisperConfig(
        d_model=32,
        encoder_layers=1,
        encoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=64,
        num_mel_bins=20,
        max_source_positions=50 * N_SECONDS,
        max_target_positions=32,
        vocab_size=len(tokenizer),
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=start,
        init_std=init_std,
    )
    model = transformers.WhisperForConditionalGeneration(config)
    for name, value in {
        "lang_to_id": dict(zip(SPECIAL[2:4], ids[2:4], strict=True)),
        "task_to_id": {"translate": ids[4], "transcribe": ids[5]},
        "no_timestamps_token_id": ids[6],
        "is_multilingual": True,
        "suppress_tokens": [tokenizer.convert_tokens_to_ids("!")],
        "begin_suppress_tokens": [end],
    }.items():
        setattr(model.generation_config, name, value)
    return model.eval(), transformers.WhisperProcessor(extractor, tokenizer)


def make_recognizer(**parameters):
    """A translator of recordings, with an encoder of one layer."""
    return TransferTranslator(**QUICK | {"encoder": make_config()} | parameters)


def make_whisperer(**parameters):
    """A translator of recordings by the small Whisper."""
    defaults = {"encoder": make_whisper(), "max_length": 12, "num_beams": 1}
    return TransferTranslator(**QUICK | defaults | parameters)
