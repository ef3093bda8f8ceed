import numpy as np
from encoder_cases import LENGTHS, tokens_of
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from metaling_sk._data.tokens import CHARACTERS_PER_TOKEN, tokenize


@given(LENGTHS, st.data())
def test_tokens_are_taken_and_padded(lengths, data):
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=20))
    tokens = tokens_of(lengths).take(np.array(rows))
    assert len(tokens) == len(rows)
    assert tokens.lengths.tolist() == [lengths[row] for row in rows]
    padded = tokens.arrays()
    ids, mask = padded["input_ids"], padded["attention_mask"]
    assert ids.shape == mask.shape == (len(rows), max(lengths[row] for row in rows))
    for row, padded, shown in zip(rows, ids, mask, strict=True):
        assert shown.tolist() == [1] * lengths[row] + [0] * (len(shown) - lengths[row])
        assert padded.tolist() == (shown * (row + 1)).tolist()


def test_a_text_is_not_read_beyond_what_can_count(bert):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    read = []

    def listen(texts, **options):
        read.extend(texts)
        return tokenizer(texts, **options)

    for name in ("unk_token_id", "eos_token_id", "pad_token_id"):
        setattr(listen, name, getattr(tokenizer, name))
    tokens = tokenize(["a" * 1_000_000, "b"], listen, max_length=4)
    assert max(map(len, read)) <= 4 * CHARACTERS_PER_TOKEN
    assert tokens.lengths[0] <= 4
