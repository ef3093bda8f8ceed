"""Translations of a made-up kind, and models that learn from them in a moment."""

import json

import pandas as pd
import transformers
from tiny import DEVICE
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from metaling_sk import TransferTranslator

INDONESIAN = ["rumah besar", "rumah kecil", "jalan besar"]
JAVANESE = ["omah gedhe", "omah cilik", "dalan gedhe"]
SUNDANESE = ["imah ageung", "imah leutik", "jalan ageung"]
BETWEEN = ["omah besar", "omah kecil", "dalan besar"]
"""Words of the first two languages."""

TEXTS = [*INDONESIAN, *JAVANESE, *SUNDANESE]
SIZES = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
}


def make_pairs(languages=("jav",), n_times=8):
    """Indonesian texts with a column of target languages, and their translations."""
    known = {"jav": JAVANESE, "sun": SUNDANESE, "between": BETWEEN}
    X = [(text, "ind", name) for name in languages for text in INDONESIAN * n_times]
    y = [text for name in languages for text in known[name] * n_times]
    return pd.DataFrame(X, columns=["text", "language", "to"], dtype=object), y


def make_translator(**parameters):
    """A translator that learns these translations in a second."""
    defaults = {"target_language": "to", "verbose": 0, "random_state": 0, "device": DEVICE}
    return TransferTranslator(**defaults | parameters)


def make_quick(**parameters):
    """A translator that is fitted in a moment and learns little."""
    return make_translator(**{"max_epochs": 1} | parameters)


def train_vocabulary(special_tokens):
    """Train byte-pair encoding on the texts of all languages."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=special_tokens, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def make_bart():
    """A model whose tokenizer knows of no languages."""
    tokenizer = train_vocabulary(["<pad>", "</s>", "<unk>", "<s>", ">>jav<<", ">>sun<<"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    config = transformers.BartConfig(
        vocab_size=len(fast),
        pad_token_id=0,
        bos_token_id=3,
        eos_token_id=1,
        decoder_start_token_id=1,
        forced_eos_token_id=None,
        **SIZES,
    )
    return transformers.BartForConditionalGeneration(config), fast


def make_t5():
    """A model of another architecture with the same tokenizer."""
    tokenizer = make_bart()[1]
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_ff=64,
        d_kv=8,
        num_layers=1,
        num_heads=4,
        decoder_start_token_id=0,
    )
    return transformers.T5ForConditionalGeneration(config), tokenizer


def make_nllb():
    """A model whose tokenizer puts a token of the language before a text."""
    bpe = json.loads(train_vocabulary(["<s>", "<pad>", "</s>", "<unk>"]).to_str())["model"]
    merges = [tuple(merge) for merge in bpe["merges"]]
    tokenizer = transformers.NllbTokenizer(vocab=bpe["vocab"], merges=merges)
    config = transformers.M2M100Config(
        vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, **SIZES
    )
    return transformers.M2M100ForConditionalGeneration(config), tokenizer


def make_mbart():
    """A model whose tokenizer puts a token of the language behind a text."""
    words = sorted(set(" ".join(TEXTS).split()))
    pieces = [(each, 0.0) for each in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces += [(f"▁{word}", -2.0) for word in words] + [("▁", -4.0)]
    pieces += [(letter, -5.0) for letter in sorted(set("".join(words)))]
    tokenizer = transformers.MBartTokenizer(vocab=pieces)
    config = transformers.MBartConfig(
        vocab_size=len(tokenizer),
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=None,
        **SIZES,
    )
    return transformers.MBartForConditionalGeneration(config), tokenizer
