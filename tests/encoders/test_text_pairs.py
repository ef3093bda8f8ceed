"""Pairs are encoded as transformers encodes them for a checkpoint."""

import numpy as np
import pytest
import torch
from encoder_cases import PLAIN
from hypothesis import given
from hypothesis import strategies as st
from text_pairs import COLUMNS, X
from tiny import ODD_TEXTS, make_config
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertModel,
    GPT2Config,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from metaling_sk import EncoderVectorizer
from metaling_sk._data.tokens import Tokens
from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._encoders.memory_cache import CACHE, keys_of
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.text_tokenizer import TextTokenizer

TEXTS = st.lists(st.sampled_from("abcdefg"), max_size=12).map(" ".join)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)
ANY_PAIRS = st.lists(st.tuples(st.text(st.characters()), st.text(st.characters())), min_size=2)
SPECIAL = ["<pad>", "<unk>", "<s>", "</s>"]
TEMPLATES = {
    "BERT": ("<s> $A </s>", "<s> $A </s> $B:1 </s>:1"),
    "RoBERTa": ("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
    "T5": ("$A </s>", "$A </s> $B </s>"),
    "Llama": ("<s> $A", "<s> $A <s>:1 $B:1"),
}


def make_tokenizer(single=None, pair=None, **special):
    """A tokenizer of single letters."""
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *"abcdefg"])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if single is not None:
        tokens = [("<s>", 2), ("</s>", 3)]
        backend.post_processor = TemplateProcessing(single, pair, tokens)
    special = {"unk_token": "<unk>", "pad_token": "<pad>"} | special
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=names, **special)


def as_array(pairs):
    return np.array([list(pair) for pair in pairs], dtype=object)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
@given(PAIRS, st.integers(6, 30))
def test_pairs_are_tokenised_as_transformers_does_it(template, pairs, max_length):
    tokenizer = make_tokenizer(*template)
    tokens = TextTokenizer(tokenizer, max_length, typed=True)(as_array(pairs))
    expected = tokenizer(
        *map(list, zip(*pairs, strict=True)), truncation="longest_first", max_length=max_length
    )
    for index, row in enumerate(tokens.to_rows()):
        ids, types = row.reshape(2, -1).tolist()
        assert ids == expected["input_ids"][index]
        assert types == expected["token_type_ids"][index]
    assert tokens.lengths.max() <= max_length


def test_the_longer_text_is_truncated():
    tokenize = TextTokenizer(make_tokenizer(*TEMPLATES["RoBERTa"]), 10)
    for pair in (("a " * 50, "b"), ("b", "a " * 50)):
        (row,) = tokenize(as_array([pair])).to_rows()
        assert sorted(row.tolist()) == [2, 3, 3, 3, 4, 4, 4, 4, 4, 5]


def test_the_prompt_is_before_the_first_text():
    tokenize = TextTokenizer(make_tokenizer(*TEMPLATES["RoBERTa"]), 20, prompt="g ")
    (row,) = tokenize(as_array([("a", "b")])).to_rows()
    assert row.tolist() == [2, 10, 4, 3, 3, 5, 3]


NO_TEMPLATE = {
    "separator": ({"sep_token": "</s>"}, None),
    "end": ({"eos_token": "</s>"}, None),
    "a template of one text": ({"sep_token": "</s>"}, ("<s> $A </s>", None)),
}


@pytest.mark.parametrize(("special", "template"), NO_TEMPLATE.values(), ids=NO_TEMPLATE)
def test_a_tokenizer_that_does_not_separate_texts(special, template):
    tokenizer = make_tokenizer(*(template or ()), **special)
    tokens = TextTokenizer(tokenizer, 10, typed=True)(as_array([("a b", "c"), ("a", "b c")]))
    assert [row.tolist() for row in tokens.to_rows()] == [[4, 5, 3, 6], [4, 3, 5, 6]]
    assert tokens.types is None


def test_a_tokenizer_without_any_separator():
    tokenize = TextTokenizer(make_tokenizer(), 10)
    assert tokenize(["a b"]).ids.tolist() == [4, 5]
    with pytest.raises(ValueError, match="`encoder`: its tokenizer has no token that separates"):
        tokenize(as_array([("a", "b")]))


@pytest.mark.parametrize("max_length", [1, 3, 5])
def test_too_few_tokens_for_a_pair(max_length):
    tokenize = TextTokenizer(make_tokenizer(*TEMPLATES["RoBERTa"]), max_length)
    with pytest.raises(ValueError, match=f"of {max_length} tokens of a pair .* at least 6"):
        tokenize(as_array([("a", "b")]))


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1), st.data())
def test_types_stay_with_their_ids(rows, data):
    tokens = Tokens.from_rows([np.array([*row, *row], np.int32) for row in rows], typed=True)
    assert tokens.types.tolist() == tokens.ids.tolist()
    again = Tokens.from_rows(tokens.to_rows(), typed=True)
    assert again.types.tolist() == again.ids.tolist() == tokens.ids.tolist()
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1))
    padded = tokens.take(np.array(chosen)).arrays()
    assert (padded["token_type_ids"] == padded["input_ids"]).all()
    for index, ids, mask in zip(chosen, padded["input_ids"], padded["attention_mask"], strict=True):
        assert ids[mask == 1].tolist() == rows[index]


@given(ANY_PAIRS)
def test_keys_tell_pairs_apart(pairs):
    keys = keys_of(b"key", as_array(pairs))
    assert len(set(keys)) == len(set(pairs))
    joined = [separator.join(pair) for pair in pairs for separator in ("", "\x00", "\n", " ")]
    assert not {*keys} & {*keys_of(b"key", joined)}


def test_keys_know_where_the_first_text_ends():
    pairs = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("c", "ab")]
    assert len(set(keys_of(b"key", as_array(pairs)))) == len(pairs)
    one = len("a").to_bytes(8).decode() + "ab"
    assert keys_of(b"key", as_array([("a", "b")])) != keys_of(b"key", [one])


def encoder_of(config, template):
    torch.manual_seed(0)
    model = AutoModel.from_config(config).eval()
    return TextEncoder(model, make_tokenizer(*TEMPLATES[template]), "mean", -1, 20)


def test_types_are_for_encoders_that_have_them():
    config = make_config()
    assert encoder_of(config, "BERT").text_tokenizer.typed
    config.type_vocab_size = 1
    assert not encoder_of(config, "BERT").text_tokenizer.typed
    small = {"vocab_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2}
    roberta = RobertaConfig(**small, hidden_size=16, intermediate_size=16, type_vocab_size=1)
    assert not encoder_of(roberta, "RoBERTa").text_tokenizer.typed
    # GPT-2 takes types of tokens for tokens.
    gpt2 = GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2)
    assert not encoder_of(gpt2, "BERT").text_tokenizer.typed


@pytest.fixture(scope="module")
def pair_bert(tmp_path_factory):
    """The folder of an encoder that was made for pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    torch.manual_seed(0)
    BertModel(make_config()).save_pretrained(folder)
    make_tokenizer(*TEMPLATES["BERT"]).save_pretrained(folder)
    return folder


LETTERS = [("a b", "c"), ("a", "b c"), ("", "a"), ("a", ""), ("a " * 40, "b"), ("a b", "c")]


def test_vectors_are_those_of_transformers(pair_bert):
    model, tokenizer = (kind.from_pretrained(pair_bert) for kind in (AutoModel, AutoTokenizer))
    vectorizer = EncoderVectorizer(pair_bert, text_column=COLUMNS, max_length=30, **PLAIN)
    vectors = vectorizer.fit_transform(LETTERS)
    for pair, vector in zip(LETTERS, vectors, strict=True):
        batch = ([text] for text in pair)
        inputs = tokenizer(*batch, truncation=True, max_length=30, return_tensors="pt")
        assert inputs["token_type_ids"].max() == 1
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state
        np.testing.assert_allclose(vector, hidden[0].mean(dim=0), rtol=1e-4, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)
    np.testing.assert_array_equal(vectors[0], vectors[5])
    assert vectorizer.get_feature_names_out()[0] == "encodervectorizer0"


def test_pairs_are_encoded_once(pair_bert):
    vectorizer = EncoderVectorizer(pair_bert, text_column=COLUMNS, **PLAIN).fit(LETTERS)
    first = vectorizer.transform(LETTERS)
    calls = []
    hook = vectorizer.text_encoder_.register_forward_pre_hook(lambda *call: calls.append(call))
    np.testing.assert_array_equal(vectorizer.transform(LETTERS[::-1]), first[::-1])
    assert not calls
    vectorizer.transform([("b c", "a")])
    assert len(calls) == 1
    hook.remove()


def test_a_pair_is_no_text(pair_bert):
    pairs = EncoderVectorizer(pair_bert, text_column=COLUMNS, **PLAIN).fit_transform([("a", "b")])
    text = EncoderVectorizer(pair_bert, **PLAIN).fit_transform(["ab"])
    assert not np.allclose(pairs, text)


def test_processes_share_pairs(pair_bert, tmp_path):
    vectorizer = EncoderVectorizer(pair_bert, text_column=COLUMNS, **PLAIN).fit(LETTERS)
    expected = vectorizer.transform(LETTERS)
    tokenizer, pairs = vectorizer.text_encoder_.text_tokenizer, as_array(LETTERS)
    alone = tokenizer(pairs)
    for _ in range(2):
        CACHE.clear()
        with use_disk_cache(tmp_path / "cache"):
            np.testing.assert_array_equal(vectorizer.transform(LETTERS), expected)
            shared = tokenizer(pairs)
        for name in ("ids", "offsets", "types"):
            np.testing.assert_array_equal(getattr(shared, name), getattr(alone, name))


def test_an_encoder_from_scratch_separates_the_texts():
    vectorizer = EncoderVectorizer(make_config(), text_column=COLUMNS, random_state=0, **PLAIN)
    encoder = vectorizer.fit(X).text_encoder_
    tokenizer = encoder.tokenizer
    tokens = encoder.tokenize(as_array([("good hotel", "bad room")]))
    assert (tokens.ids == tokenizer.sep_token_id).sum() == 1
    assert tokenizer.unk_token_id not in tokens.ids
    assert encoder.text_tokenizer.typed
    position = tokens.ids.tolist().index(tokenizer.sep_token_id)
    assert tokens.types.tolist() == [0] * (position + 1) + [1] * (len(tokens.ids) - position - 1)
    alone = EncoderVectorizer(make_config(), random_state=0, **PLAIN).fit(X["first"])
    assert alone.text_encoder_.tokenizer.sep_token is None


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(text):
    vectorizer = EncoderVectorizer(make_config(), text_column=COLUMNS, random_state=0, **PLAIN)
    vectors = vectorizer.fit_transform([(text, "good"), ("good", text), (text, text)])
    assert np.isfinite(vectors).all()
