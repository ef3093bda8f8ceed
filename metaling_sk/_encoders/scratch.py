"""A small Transformer with random weights and a tokenizer trained on the texts at hand."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import transformers
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import nn

from metaling_sk._encoders.backbone import make_backbone
from metaling_sk._encoders.disk_cache import active_disk_cache

VOCABULARY_SIZE = 16_000
"""Largest number of tokens in the vocabulary of the default encoder."""

ALPHABET_SIZE = 6_000
"""Largest number of single characters in a vocabulary."""

CHARACTERS_PER_LANGUAGE = 3_000_000
"""Number of characters of each language that a tokenizer is trained on."""

MAX_TOKEN_LENGTH = 16
"""Largest number of characters in a token."""

MAX_WORD_LENGTH = 1000
"""Number of characters after which a word is cut: the time for a word grows with its square."""

BLANKS = r"[\s\p{Cc}\x{200B}\x{2060}\x{FEFF}]+"
"""Characters that show nothing: spaces, line breaks, control characters, marks of width zero."""

SPECIAL_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]"}

SEPARATOR = {"sep_token": "[SEP]"}
"""The special token between the texts of pairs."""

TYPED_INPUTS = ["input_ids", "token_type_ids", "attention_mask"]
"""What an encoder of pairs takes."""


def make_scratch(
    texts: np.ndarray, language: np.ndarray, config: transformers.PretrainedConfig | None = None
) -> tuple[nn.Module, transformers.PreTrainedTokenizerFast]:
    """Make a model with random weights, and train its tokenizer.

    Parameters
    ----------
    texts, language : ndarray of str, shape (n_texts,)
        The texts to train the tokenizer on, and the language of each. For pairs, `texts` has two
        columns.
    config : transformers config, optional
        The architecture; by default one BERT layer of 128 units. Its `vocab_size` bounds the
        vocabulary of the tokenizer.

    Returns
    -------
    model : module
    tokenizer : PreTrainedTokenizerFast

    Raises
    ------
    ValueError
        If no model of texts can be made from the configuration.
    """
    if config is not None and not hasattr(config, "vocab_size"):
        raise ValueError(
            f"`encoder`: {type(config).__name__} has no `vocab_size`, so its model takes no texts; "
            "of a model of texts and images pass the part of the texts, such as "
            "`config.text_config`."
        )
    tokenizer = train_tokenizer(
        texts, language, VOCABULARY_SIZE if config is None else config.vocab_size
    )
    if config is None:
        config = transformers.BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=512,
        )
        return transformers.BertModel(config, add_pooling_layer=False), tokenizer
    return make_backbone(config), tokenizer


def train_tokenizer(
    texts: np.ndarray, language: np.ndarray, vocabulary_size: int
) -> transformers.PreTrainedTokenizerFast:
    """Train byte-pair encoding [1]_ of lower-case text on equal shares of all languages.

    Runs of spaces, line breaks and control characters count as one space.

    Processes that share a disk cache train one tokenizer for the same texts.

    Parameters
    ----------
    texts, language : ndarray of str, shape (n_texts,)
        The texts and the language of each. For pairs, `texts` has two columns, and the tokenizer
        puts "[SEP]" between them.
    vocabulary_size : int
        Largest number of tokens in the vocabulary.

    Returns
    -------
    PreTrainedTokenizerFast

    References
    ----------
    .. [1] Sennrich et al. (2016). Neural machine translation of rare words with subword units.
       ACL.
    """
    is_pairs = texts.ndim == 2
    special_tokens = SPECIAL_TOKENS | SEPARATOR if is_pairs else SPECIAL_TOKENS
    if is_pairs:
        texts, language = texts.ravel(), np.repeat(language, 2)
    disk_cache = active_disk_cache()
    if disk_cache is None:
        tokenizer = _train(_balance(texts, language), vocabulary_size, special_tokens)
    else:
        key = _digest(_balance(texts, language), vocabulary_size, special_tokens)

        def compute(indices):
            trained = _train(_balance(texts, language), vocabulary_size, special_tokens)
            return [np.frombuffer(trained.to_str().encode(), np.uint8)]

        (json,) = disk_cache.get_or_compute(f"tokenizer-{key.hex()}", [key], compute)
        tokenizer = Tokenizer.from_str(json.tobytes().decode())
    names = {"model_input_names": TYPED_INPUTS} if is_pairs else {}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **special_tokens, **names
    )


def _train(texts: Iterator[str], vocabulary_size: int, special_tokens: dict[str, str]) -> Tokenizer:
    """Train a tokenizer on all of the texts."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(BLANKS), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Split(Regex(rf"[\s\S]{{1,{MAX_WORD_LENGTH}}}"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(special_tokens.values()),
        limit_alphabet=min(ALPHABET_SIZE, vocabulary_size // 2),
        max_token_length=MAX_TOKEN_LENGTH,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if separator := special_tokens.get("sep_token"):
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A",
            pair=f"$A {separator} $B:1",
            special_tokens=[(separator, tokenizer.token_to_id(separator))],
        )
    return tokenizer


def _digest(texts: Iterator[str], vocabulary_size: int, special_tokens: dict[str, str]) -> bytes:
    """Return a digest of everything that decides what `_train` returns."""
    sizes = vocabulary_size, ALPHABET_SIZE, MAX_TOKEN_LENGTH, MAX_WORD_LENGTH
    settings = *sizes, BLANKS, special_tokens
    digest = blake2b(str(settings).encode(), digest_size=16)
    for text in texts:
        content = text.encode()
        digest.update(len(content).to_bytes(8))
        digest.update(content)
    return digest.digest()


def _balance(texts: np.ndarray, language: np.ndarray) -> Iterator[str]:
    """Yield the first texts of each language, up to `CHARACTERS_PER_LANGUAGE`."""
    for name in dict.fromkeys(language):
        n_characters = 0
        for text in texts[language == name]:
            if n_characters > CHARACTERS_PER_LANGUAGE:
                break
            n_characters += len(text)
            yield text.encode("utf-8", "replace").decode("utf-8")
