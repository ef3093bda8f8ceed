"""Checkpoints in the format of llama.cpp."""

import shutil

import numpy as np
import pytest
import torch
from encoder_cases import PLAIN, TEXTS, X, Y
from marks import requires
from tiny import make_classifier
from tokenizers import pre_tokenizers
from transformers import GPT2Tokenizer, Qwen2Config, Qwen2Model

from metaling_sk import EncoderVectorizer, load

pytestmark = [requires("gguf"), requires("accelerate")]

CONFIG = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}
MERGES = [("o", "o"), ("g", "oo"), ("goo", "d")]
TOKENS = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *map("".join, MERGES), "<|endoftext|>"]


@pytest.fixture(scope="module")
def decoder():
    """A decoder with random weights, and its tokenizer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Qwen2Model(Qwen2Config(vocab_size=len(TOKENS), **CONFIG)).eval()
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.2)
    vocabulary = {token: index for index, token in enumerate(TOKENS)}
    return model, GPT2Tokenizer(vocab=vocabulary, merges=MERGES)


@pytest.fixture(scope="module")
def file(decoder, tmp_path_factory):
    """The same in a file, with weights of 8 bits."""
    import gguf

    path = tmp_path_factory.mktemp("gguf") / "decoder.gguf"
    model, config = decoder[0], decoder[0].config
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    writer.add_unk_token_id(len(TOKENS) - 1)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, weight in model.state_dict().items():
        stem, ending = name.rsplit(".", 1)
        name, values = f"{names.get_name(f'model.{stem}')}.{ending}", weight.numpy()
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, gguf.quantize(values, q8), raw_dtype=q8)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


def test_the_vectors_are_those_of_the_model(decoder, file):
    expected = EncoderVectorizer(decoder, **PLAIN).fit_transform(TEXTS)
    found = EncoderVectorizer(file, **PLAIN).fit_transform(TEXTS)
    assert 0 < abs(found - expected).max() < 0.1 * expected.std()


def test_a_classifier_outlives_the_file(file, tmp_path):
    copied = shutil.copy(file, tmp_path / "decoder.gguf")
    model = make_classifier(encoder=copied, trainable="head", layer=0.5).fit(X, Y)
    assert model.text_encoder_.backbone.config.num_hidden_layers == 2
    model.save(tmp_path / "model")
    copied.unlink()
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
