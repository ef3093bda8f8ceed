"""An encoder from scratch, and its tokenizer."""

from encoder_cases import X, Y
from tiny import make_classifier, make_pair
from transformers import BertConfig

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
