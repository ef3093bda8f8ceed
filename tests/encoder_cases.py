"""Texts that encoders encode in tests, and their vectors by transformers alone."""

import numpy as np
from hypothesis import strategies as st
from tiny import DEVICE, make_pair
from torch import nn
from transformers import GPT2Config

from metaling_sk._data.tokens import Tokens

X, Y = make_pair(30, 30, n_labelled=10)
TEXTS = [*X["text"][25:35], "", "好", "a", "room " * 200]
PLAIN = {"device": DEVICE, "dtype": "float32", "verbose": 0}
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=30)


class BagOfTokens(nn.Module):
    """A module of the user's own, which shows no list of layers and has no linear one."""

    def __init__(self, n_features=7):
        super().__init__()
        self.embedding = nn.Embedding(300, n_features)

    def forward(self, input_ids, attention_mask):
        return self.embedding(input_ids)


def make_decoder_config(n_layer):
    """A small decoder."""
    return GPT2Config(
        vocab_size=300,
        n_embd=16,
        n_layer=n_layer,
        n_head=2,
        n_positions=64,
        bos_token_id=None,
        eos_token_id=None,
    )


def tokens_of(lengths):
    """Text i holds the id i + 1 as often as it is long."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Tokens(np.repeat(np.arange(len(lengths), dtype=np.int32) + 1, lengths), offsets)
