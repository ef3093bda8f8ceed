"""Translators around encoder-decoder models of transformers, tiny ones with random weights."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
import sentencepiece
import transformers
from sklearn.base import clone
from tiny_translators import (
    INDONESIAN,
    SIZES,
    TEXTS,
    make_bart,
    make_mbart,
    make_nllb,
    make_pairs,
    make_t5,
    make_translator,
)

from metaling_sk import TransferTranslator, load

X, Y = make_pairs(("jav", "sun"), 4)
LEARNING = {"max_epochs": 8, "learning_rate": 1e-2, "max_length": 16}
NAMES = {
    "nllb": {"ind": "ind_Latn", "jav": "jav_Latn", "sun": "sun_Latn"},
    "mbart": {"ind": "en_XX", "jav": "ro_RO", "sun": "de_DE"},
}
"""How tokenizers with languages call ours."""

MAKERS = {"bart": make_bart, "t5": make_t5, "nllb": make_nllb, "mbart": make_mbart}


def renamed(kind):
    names = NAMES.get(kind, {})
    return X.replace({"language": names, "to": names})


@cache
def fitted(kind):
    translator = make_translator(encoder=MAKERS[kind](), **LEARNING)
    return translator.fit(renamed(kind), Y)


@pytest.mark.parametrize("kind", MAKERS)
def test_it_learns_and_is_saved(kind, tmp_path):
    translator, rows = fitted(kind), renamed(kind)
    expected = translator.predict(rows).tolist()
    losses = translator.history_["train_loss"]
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]
    translator.save(tmp_path / "model")
    for other in (load(tmp_path / "model"), pickle.loads(pickle.dumps(translator))):
        assert other.predict(rows).tolist() == expected


@pytest.mark.parametrize("kind", ["bart", "nllb"])
def test_no_more_tokens_than_the_model_has_positions(kind):
    rows = renamed(kind)
    long = rows.assign(text=[text + " rumah" * 200 for text in rows["text"]])
    translator = make_translator(encoder=MAKERS[kind](), max_epochs=1, max_length=10_000)
    translator.fit(long, [text + " omah" * 200 for text in Y])
    assert translator.net_.module_.max_length == SIZES["max_position_embeddings"]
    assert len(translator.predict(long)) == len(long)


def test_more_beams_find_a_more_probable_translation():
    # Most translations begin with "omah", but none of these is as frequent as "dalan gedhe".
    y = ["omah gedhe", "omah cilik", "omah leutik"] * 2 + ["dalan gedhe"] * 4
    translator = make_translator(encoder=make_bart(), target_language="jav", **LEARNING)
    translator.fit(["rumah"] * 40, y * 4, language="ind")
    (greedy,) = translator.set_params(num_beams=1).predict(["rumah"], language="ind")
    assert greedy.startswith("omah ")
    (found,) = translator.set_params(num_beams=4).predict(["rumah"], language="ind")
    assert found == "dalan gedhe"


@pytest.mark.parametrize("kind", NAMES)
def test_languages_that_a_tokenizer_does_not_have(kind):
    with pytest.raises(ValueError, match="`language`: the tokenizer .* has no language 'xx'; it"):
        fitted(kind).predict(renamed(kind).assign(language="xx"))
    translator = clone(fitted(kind)).set_params(target_language="yy")
    with pytest.raises(ValueError, match="`target_language`: .* has no language 'yy'"):
        translator.fit(renamed(kind), Y)


def test_a_folder_and_low_rank_updates(tmp_path):
    model, tokenizer = make_bart()
    model.save_pretrained(tmp_path / "bart")
    tokenizer.save_pretrained(tmp_path / "bart")
    translator = make_translator(
        encoder=tmp_path / "bart", trainable="lora", max_epochs=2, max_length=16
    ).fit(X, Y)
    assert translator.learning_rate_ == 2e-3
    trained = translator.net_.module_.named_parameters()
    assert all(weight.requires_grad == ("lora_" in name) for name, weight in trained)
    translator.save(tmp_path / "saved")
    saved = load(tmp_path / "saved")
    assert saved.predict(X).tolist() == translator.predict(X).tolist()
    assert not any("lora_" in name for name, _ in saved.net_.module_.named_parameters())
    # It can be gone on from, with all weights.
    more = make_translator(source=saved, max_epochs=1).fit(X, Y)
    assert more.target_languages_ == ["jav", "sun"]


def test_weights_that_are_missing(tmp_path):
    model, tokenizer = make_bart()
    weights = {name: each for name, each in model.state_dict().items() if "fc1" not in name}
    model.save_pretrained(tmp_path, state_dict=weights)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="lack .*fc1"):
        make_translator(encoder=tmp_path).fit(X, Y)


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_marian(tmp_path):
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS * 5),
            model_prefix=str(tmp_path / side),
            vocab_size=40,
            hard_vocab_limit=False,
            minloglevel=2,
        )
    lines = (tmp_path / "source.vocab").read_text(encoding="utf-8").splitlines()
    pieces = [line.split("\t")[0] for line in lines][3:]
    names = ["</s>", "<unk>", *pieces, ">>jav<<", ">>sun<<", "<pad>"]
    vocabulary = tmp_path / "vocab.json"
    pd.Series({name: index for index, name in enumerate(names)}).to_json(vocabulary)
    models = (str(tmp_path / f"{side}.model") for side in ("source", "target"))
    tokenizer = transformers.MarianTokenizer(*models, str(vocabulary))
    config = transformers.MarianConfig(
        vocab_size=len(tokenizer),
        pad_token_id=len(names) - 1,
        eos_token_id=0,
        bos_token_id=0,
        decoder_start_token_id=len(names) - 1,
        forced_eos_token_id=None,
        **SIZES,
    )
    model = transformers.MarianMTModel(config)
    translator = TransferTranslator(
        target_language="to", encoder=(model, tokenizer), max_length=24, max_epochs=1, verbose=0
    ).fit(X, Y)
    encoded = translator.net_.module_.tokenize(
        np.array(INDONESIAN[:1], dtype=object), np.array(["ind"]), np.array(["sun"])
    )
    assert encoded.source.ids[0] == names.index(">>sun<<")
    translator.save(tmp_path / "saved")
    assert load(tmp_path / "saved").predict(X).tolist() == translator.predict(X).tolist()
