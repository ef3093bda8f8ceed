"""A small Transformer with random weights and a tokenizer trained on the texts at hand."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import nn
from transformers import AutoModel, BertConfig, BertModel, PretrainedConfig, PreTrainedTokenizerFast

from metaling_sk._encoders.disk_cache import active_disk_cache

VOCABULARY = 16_000
ALPHABET = 6_000
CHARACTERS_PER_LANGUAGE = 3_000_000
"""The tokenizer is trained on this many characters of each language, so that all get a share."""

SPECIAL_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]"}


def make_scratch(
    texts: np.ndarray, language: np.ndarray, config: PretrainedConfig | None = None
) -> tuple[nn.Module, PreTrainedTokenizerFast]:
    """A model with random weights and its tokenizer.

    Parameters
    ----------
    texts, language : ndarray of str, shape (n_texts,)
        The texts to train the tokenizer on and the language of each.
    config : transformers config, optional
        The architecture; by default one BERT layer of 128 units. Its `vocab_size` bounds the
        tokenizer's.
    """
    tokenizer = train_tokenizer(
        texts, language, VOCABULARY if config is None else config.vocab_size
    )
    if config is None:
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=512,
        )
        return BertModel(config, add_pooling_layer=False), tokenizer
    return AutoModel.from_config(config), tokenizer


def train_tokenizer(
    texts: np.ndarray, language: np.ndarray, vocabulary: int
) -> PreTrainedTokenizerFast:
    """Byte-pair encoding [1]_ of lower-case text, on equal shares of all languages.

    Where a store is active, the same texts train one tokenizer for all processes.

    References
    ----------
    .. [1] Sennrich et al. (2016). Neural machine translation of rare words with subword units.
       ACL.
    """
    store = active_disk_cache()
    if store is None:
        tokenizer = _train(_shares(texts, language), vocabulary)
    else:
        key = _digest(_shares(texts, language), vocabulary)

        def compute(positions):
            trained = _train(_shares(texts, language), vocabulary)
            return [np.frombuffer(trained.to_str().encode(), np.uint8)]

        (json,) = store.get_or_compute(f"tokenizer-{key.hex()}", [key], compute)
        tokenizer = Tokenizer.from_str(json.tobytes().decode())
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL_TOKENS)


def _train(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS.values()),
        limit_alphabet=min(ALPHABET, vocabulary // 2),
        max_token_length=16,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _digest(texts: Iterator[str], vocabulary: int) -> bytes:
    digest = blake2b(str(vocabulary).encode(), digest_size=16)
    for text in texts:
        content = text.encode()
        digest.update(len(content).to_bytes(8))
        digest.update(content)
    return digest.digest()


def _shares(texts: np.ndarray, language: np.ndarray) -> Iterator[str]:
    for code in dict.fromkeys(language):
        n_characters = 0
        for text in texts[language == code]:
            if n_characters > CHARACTERS_PER_LANGUAGE:
                break
            n_characters += len(text)
            yield text.encode("utf-8", "replace").decode("utf-8")
