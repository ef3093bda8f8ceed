"""An encoder from scratch, and its tokenizer."""

from time import process_time

import numpy as np
from encoder_cases import X, Y
from tiny import make_classifier, make_pair
from transformers import BertConfig

from metaling_sk._data.tokens import tokenize
from metaling_sk._encoders.scratch import train_tokenizer


def test_from_scratch_by_default():
    model = make_classifier(encoder="scratch", max_epochs=1).fit(X, Y)
    config = model.net_.module_.encoder.backbone.config
    assert isinstance(config, BertConfig)
    assert config.vocab_size == len(model.text_encoder_.tokenizer)


def test_the_tokenizer_knows_the_words_of_every_language():
    X_many, _ = make_pair(400, 20)
    tokenizer = train_tokenizer(X_many["text"].to_numpy(), X_many["language"].to_numpy(), 300)
    for text in X_many["text"]:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert tokenizer("GOOD Hotel")["input_ids"] == tokenizer("good hotel")["input_ids"]


def test_blanks_take_no_tokens():
    X_many, _ = make_pair(400, 20)
    tokenizer = train_tokenizer(X_many["text"].to_numpy(), X_many["language"].to_numpy(), 300)
    expected = tokenizer("good hotel")["input_ids"]
    for text in ("\n" * 130 + "good hotel", " good \t\r\n\n hotel  ", "\ufeffgood\x00\u200b hotel"):
        assert tokenizer(text)["input_ids"] == expected
    ids = tokenize([" \n" * 20_000 + "good hotel"], tokenizer, 8).ids
    assert ids.tolist() == expected


def test_a_word_takes_time_in_proportion_to_its_length():
    words = ["good hotel", "ab" * 150_000, "x1y2z3" * 50_000]
    start = process_time()
    tokenizer = train_tokenizer(np.array(words, dtype=object), np.array(["en"] * 3), 300)
    assert len(tokenizer(words[1])["input_ids"]) < 100_000
    assert process_time() - start < 20


def test_runs_of_blanks_are_shortened_for_every_tokenizer():
    class Characters:
        unk_token_id, eos_token_id, pad_token_id = 0, None, None

        def __call__(self, texts, max_length, **options):
            return {"input_ids": [[ord(letter) for letter in text][:max_length] for text in texts]}

    ids = tokenize(["a" + " " * 8 + "b" + " \n" * 100 + "c"], Characters(), 20).ids
    assert "".join(map(chr, ids)) == "a        b\nc"
