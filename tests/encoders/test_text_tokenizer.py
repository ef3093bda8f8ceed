"""A tokenizer is used by several encoders and threads at a time."""

import copy
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from encoder_cases import PLAIN, TEXTS
from tiny import make_config
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from metaling_sk import EncoderVectorizer, TransferClassifier
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


def test_a_tokenizer_of_files_is_copied_once(bert):
    def fit(**parameters):
        return EncoderVectorizer(bert, **PLAIN | parameters).fit(TEXTS).text_encoder_

    first, again = fit(), fit()
    assert again.text_tokenizer is first.text_tokenizer
    assert again.backbone is not first.backbone
    for parameters in ({"max_length": 3}, {"prompt": "query: "}):
        assert fit(**parameters).text_tokenizer is not first.text_tokenizer


def test_the_vectors_of_changed_files_and_of_trained_weights_are_others(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "bert")
    before = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    model = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        next(model.parameters()).mul_(2)
    model.save_pretrained(folder)
    after = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    assert not np.allclose(before, after)
    y = [number % 2 for number in range(len(TEXTS))]
    clf = TransferClassifier(encoder=folder, max_epochs=2, learning_rate=0.1, verbose=0)
    trained = EncoderVectorizer(clf.fit(TEXTS, y), **PLAIN).fit_transform(TEXTS)
    assert not np.allclose(trained, after)


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
