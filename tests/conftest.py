import gc
import os

# sklearn's suite skips its check of other array types unless scipy is told to take them.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# More threads than one only wait for each other on models as small as these.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from tiny import make_config, make_pair
from transformers import AutoModel, Gemma3TextConfig

from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._encoders.scratch import train_tokenizer
from metaling_sk._encoders.text_encoder import TextEncoder

settings.register_profile("metaling_sk", deadline=None, max_examples=50)
settings.load_profile("metaling_sk")


def pytest_collection_finish():
    """Spare garbage collections what modules and collected tests hold, which takes a second."""
    gc.freeze()


@pytest.fixture(scope="session")
def save_checkpoint(tmp_path_factory):
    """A function that saves a model with random weights, and a tokenizer, in a new folder."""
    X, _ = make_pair()
    tokenizer = train_tokenizer(X["text"].to_numpy(), X["language"].to_numpy(), 300)

    def save(config):
        folder = tmp_path_factory.mktemp("checkpoint")
        AutoModel.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return save


@pytest.fixture(scope="session")
def bert(save_checkpoint):
    """The folder of an encoder of four layers."""
    config = make_config(pad_token_id=0)
    config.num_hidden_layers = 4
    return save_checkpoint(config)


@pytest.fixture(scope="session")
def decoder(save_checkpoint):
    """The folder of a decoder of four layers."""
    return save_checkpoint(
        Gemma3TextConfig(
            vocab_size=300,
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            intermediate_size=32,
            max_position_embeddings=64,
            sliding_window=8,
            layer_types=["sliding_attention"] * 3 + ["full_attention"],
        )
    )


@pytest.fixture(params=["bert", "decoder"])
def folder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def empty_cache():
    CACHE.clear()


@pytest.fixture
def count_forwards(monkeypatch):
    """How many texts go through any encoder, and how many tokens the longest has."""
    counts = {"texts": 0, "longest": 0}
    forward = TextEncoder.forward

    def count(self, input_ids, attention_mask):
        counts["texts"] += len(input_ids)
        counts["longest"] = max(counts["longest"], input_ids.shape[1])
        return forward(self, input_ids, attention_mask)

    monkeypatch.setattr(TextEncoder, "forward", count)
    return counts
