"""Byte-pair encoding that goes on from the tokens of a source."""

import pytest
from tiny import ODD_TEXTS
from tiny_translators import INDONESIAN, JAVANESE, SUNDANESE

from metaling_sk.translation._byte_pairs import grow_tokenizer, train_tokenizer

OLD = train_tokenizer([*INDONESIAN, *JAVANESE] * 4)
GROWN = grow_tokenizer(OLD, SUNDANESE * 4)


def test_new_words_become_tokens_and_old_ones_stay_as_they_are():
    for text in SUNDANESE:
        assert len(GROWN.tokenize(text)) == len(text.split())
    for text in (*INDONESIAN, *JAVANESE):
        assert GROWN(text).input_ids == OLD(text).input_ids
    assert OLD.get_vocab().items() < GROWN.get_vocab().items()
    assert sorted(GROWN.get_vocab().values()) == list(range(len(GROWN)))


@pytest.mark.parametrize("n_times", [1, 2])
def test_a_word_becomes_a_token_however_often_it_is_there(n_times):
    for grown in (
        grow_tokenizer(OLD, ["xyzzy"] * n_times),
        train_tokenizer([*INDONESIAN, *["xyzzy"] * n_times]),
    ):
        assert grown.tokenize("xyzzy") == ["Ġxyzzy"]
    assert len(grow_tokenizer(OLD, ["xyzzy"])) == len(OLD) + len(" xyzzy") - 1


@pytest.mark.parametrize("text", ["imah rumah.", "aaaaaaa", *ODD_TEXTS.values()])
def test_texts_are_restored_as_before(text):
    text = text.encode("utf-8", "replace").decode("utf-8")
    grown = grow_tokenizer(OLD, [text, text])
    for tokenizer in (GROWN, grown):
        found = tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True)
        plain = OLD.decode(OLD(text).input_ids, skip_special_tokens=True)
        assert found == plain
