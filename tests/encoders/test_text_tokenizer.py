"""A tokenizer is used by several encoders and threads at a time."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from encoder_cases import PLAIN, TEXTS
from tiny import make_config
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from metaling_sk import EncoderVectorizer
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._encoders.text_tokenizer import TextTokenizer


def test_threads_that_share_a_tokenizer_and_truncate_differently(bert):
    pair = AutoModel.from_config(make_config()), AutoTokenizer.from_pretrained(bert)
    texts = TEXTS * 5
    vectorizers = [
        EncoderVectorizer(pair, max_length=max_length, **PLAIN).fit(texts) for max_length in (3, 20)
    ]
    expected = [vectorizer.transform(texts) for vectorizer in vectorizers]

    def is_same(call):
        CACHE.clear()
        return np.array_equal(vectorizers[call % 2].transform(texts), expected[call % 2])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(is_same, range(400)))


def test_the_tokenizer_of_the_user_is_not_changed(bert):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    before = tokenizer.backend_tokenizer.to_str()
    short = TextTokenizer(tokenizer, 3)
    assert short(TEXTS).lengths.max() == 3
    assert tokenizer.backend_tokenizer.to_str() == before
    assert copy.deepcopy(short) is short
    tokenizer.add_tokens(["room"])
    again = pickle.loads(pickle.dumps(short))
    np.testing.assert_array_equal(again(TEXTS).ids, short(TEXTS).ids)


class Halves:
    """A part of a tokenizer in Python, which cannot be copied."""

    def pre_tokenize(self, pretok):
        pretok.split(lambda _, text: [text[:2], text[2:]])


def test_a_tokenizer_that_cannot_be_copied():
    backend = Tokenizer(models.WordLevel({"[UNK]": 0, "ab": 1, "cd": 2}, unk_token="[UNK]"))
    shared = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    shared.backend_tokenizer.pre_tokenizer = pre_tokenizers.PreTokenizer.custom(Halves())
    tokenizers = [TextTokenizer(shared, max_length) for max_length in (1, 2)]

    def is_same(call):
        return list(tokenizers[call % 2](["abcd"] * 50).ids) == [1, 2][: call % 2 + 1] * 50

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(is_same, range(100)))
