"""Every kind of model gives a text the same vector alone and in company, or is refused by name."""

import numpy as np
import pytest
import torch
import transformers
from encoder_cases import PLAIN, TEXTS, X, Y
from tiny import DEVICE, make_classifier, make_config
from transformers import AutoModel, AutoTokenizer

from metaling_sk import EncoderVectorizer, load
from metaling_sk._encoders.backbone import make_backbone
from metaling_sk._encoders.memory_cache import CACHE

SIZES = {
    "vocab_size": 300,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
T5 = {
    "vocab_size": 300, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2
}  # fmt: skip
BART = {
    "vocab_size": 300, "d_model": 16, "encoder_layers": 2, "decoder_layers": 2,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32, "max_position_embeddings": 64,
}  # fmt: skip
XLNET = {"vocab_size": 300, "d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32}
OPT = {**SIZES, "ffn_dim": 32}
GPT = {"vocab_size": 300, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
MAMBA = {"vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 2, "state_size": 4}

KINDS = {
    "Bert": SIZES, "Roberta": SIZES, "XLMRoberta": SIZES, "Electra": {**SIZES, "embedding_size": 8},
    "Albert": {**SIZES, "embedding_size": 8}, "DebertaV2": SIZES, "MPNet": SIZES,
    "DistilBert": {"vocab_size": 300, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "ModernBert": SIZES, "BigBird": SIZES, "LayoutLM": SIZES, "IBert": SIZES,
    "SqueezeBert": {**SIZES, "embedding_size": 16},
    "Longformer": {**SIZES, "attention_window": 4},
    "XLM": {"vocab_size": 300, "emb_dim": 16, "n_layers": 2, "n_heads": 2},
    "T5": T5, "MT5": T5, "UMT5": T5, "LongT5": T5, "SwitchTransformers": T5,
    "Bart": BART, "MBart": BART, "M2M100": BART, "Pegasus": BART,
    "Marian": {**BART, "pad_token_id": 0},
    "LED": BART, "BigBirdPegasus": BART, "PegasusX": BART,
    "GPT2": GPT, "OpenAIGPT": GPT, "Bloom": {"vocab_size": 300, "hidden_size": 16, "n_layer": 2,
    "n_head": 2}, "Llama": SIZES, "Qwen2": {**SIZES, "num_key_value_heads": 1},
    "OPT": {**OPT, "word_embed_proj_dim": 16}, "OPT with a projection": {
    **OPT, "word_embed_proj_dim": 8}, "Mamba": MAMBA, "XLNet": XLNET,
}  # fmt: skip
WITHOUT_LAYERS = {"Albert", "XLM", "XLNet", "SqueezeBert", "PegasusX"}
REFUSED = {
    "FNet": SIZES,
    "ConvBert": {**SIZES, "embedding_size": 16},
    "Reformer": {"vocab_size": 300, "hidden_size": 16, "axial_pos_embds": False},
    "ViT": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
}
BESIDE = [TEXTS[0], "room " * 30]
EXACT = ["float32", "bfloat16"] if DEVICE == "cpu" else ["float32"]
"""Precisions in which a batch changes nothing."""


def make(kind, sizes):
    return getattr(transformers, f"{kind.partition(' ')[0]}Config")(**sizes)


def make_vectorizer(encoder, **parameters):
    return EncoderVectorizer(encoder, random_state=0, **PLAIN | parameters)


def first_vectors(vectorizer):
    """The vectors of one text alone and in company."""
    CACHE.clear()
    alone = vectorizer.transform(BESIDE[:1])
    CACHE.clear()
    return alone[0], vectorizer.transform(BESIDE)[0]


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_has_the_same_vector_alone_and_in_company(kind, dtype):
    vectorizer = make_vectorizer(make(kind, KINDS[kind]), dtype=dtype).fit(TEXTS)
    alone, beside = first_vectors(vectorizer)
    np.testing.assert_allclose(beside, alone, rtol=1e-4, atol=1e-6)
    assert len(vectorizer.get_feature_names_out()) == len(alone)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lower_layer(kind):
    vectorizer = make_vectorizer(make(kind, KINDS[kind]), layer=1)
    if kind in WITHOUT_LAYERS:
        with pytest.raises(ValueError, match="`layer`: .*layer=-1"):
            vectorizer.fit(TEXTS)
        return
    alone, beside = first_vectors(vectorizer.fit(TEXTS))
    np.testing.assert_allclose(beside, alone, rtol=1e-4, atol=1e-6)
    encoder = vectorizer.text_encoder_
    full = make_backbone(make(kind, KINDS[kind]))
    full.load_state_dict(encoder.backbone.state_dict(), strict=False)
    tokens = torch.from_numpy(encoder.tokenize(BESIDE[:1]).arrays()["input_ids"])
    with torch.no_grad():
        outputs = full.eval()(
            input_ids=tokens, attention_mask=torch.ones_like(tokens), output_hidden_states=True
        ).hidden_states
    # All but Mamba give the embeddings first.
    expected = outputs[0 if kind == "Mamba" else 1][0].mean(dim=0)
    np.testing.assert_allclose(alone, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_kind_that_cannot_be_used(kind):
    model = make(kind, REFUSED[kind])
    with pytest.raises((ValueError, TypeError), match=f"`encoder`: .*{kind}"):
        make_vectorizer(model).fit(TEXTS)
    with pytest.raises((ValueError, TypeError), match=f"`encoder`: .*{kind}"):
        make_classifier(encoder=model).fit(X, Y)


@pytest.mark.parametrize("trainable", ["all", "head", "adapter"])
@pytest.mark.parametrize("kind", ["T5", "M2M100", "Mamba"])
def test_a_kind_is_trained_and_saved(kind, trainable, tmp_path):
    model = make_classifier(
        encoder=make(kind, KINDS[kind]), trainable=trainable, target_languages="zh", max_epochs=1
    ).fit(X, Y)
    model.save(tmp_path)
    # The order of sums in Mamba depends on the address of an array.
    np.testing.assert_allclose(load(tmp_path).predict_proba(X), model.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("kind", ["XLNet", "SqueezeBert", "OPT with a projection"])
def test_adapters_need_layers_that_give_vectors(kind):
    model = make_classifier(encoder=make(kind, KINDS[kind]), trainable="adapter")
    with pytest.raises(ValueError, match="`trainable`: 'adapter' needs an encoder"):
        model.fit(X, Y)


def test_a_config_that_makes_no_model():
    with pytest.raises(ValueError, match="`encoder`: .*MarianConfig.*Padding_idx must be within"):
        make_vectorizer(make("Marian", BART)).fit(TEXTS)


def test_big_bird_does_not_remember_a_short_text():
    config = make("BigBird", {**SIZES, "block_size": 2, "num_random_blocks": 1})
    vectorizer = make_vectorizer(config).fit(TEXTS)
    long = ["room " * 60]
    before = vectorizer.transform(long)
    CACHE.clear()
    vectorizer.transform(["a"])
    np.testing.assert_array_equal(vectorizer.transform(long), before)


def test_a_tokenizer_that_does_not_fit(bert):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    n_tokens = len(tokenizer)
    config = make_config()
    config.vocab_size = n_tokens - 1
    with pytest.raises(ValueError, match=f"token id {n_tokens - 1}.* only {n_tokens - 1} embed"):
        make_classifier(encoder=(AutoModel.from_config(config), tokenizer)).fit(X, Y)


def test_a_special_token_without_an_embedding(bert):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    config = make_config()
    config.vocab_size = len(tokenizer)
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    vectorizer = EncoderVectorizer((AutoModel.from_config(config), tokenizer), **PLAIN).fit(TEXTS)
    assert np.isfinite(vectorizer.transform(TEXTS)).all()
    with pytest.raises(ValueError, match="`encoder`: .*row 1 .*has no embedding"):
        vectorizer.transform(["a hotel", "a [MASK] hotel"])
