"""Training goes through the embeddings of the tokens that occur, and is the same otherwise."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from tiny import make_classifier, make_config, make_meta_net, make_pair, make_regressor
from transformers import BertModel

from metaling_sk._encoders import used_embeddings as module
from metaling_sk._encoders.checkpoint import _load, load_checkpoint
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.used_embeddings import UsedEmbeddings, used_embeddings

X, Y = make_pair(40, 40, n_labelled=20)
N_TOKENS = 70_000


@pytest.fixture(scope="module")
def large(save_checkpoint):
    """A checkpoint with many more embeddings than its tokenizer has tokens."""
    config = make_config(pad_token_id=0)
    config.vocab_size = N_TOKENS
    return save_checkpoint(config)


def make_encoder(folder):
    checkpoint = load_checkpoint(folder)
    return TextEncoder(checkpoint.model, checkpoint.processor, "mean", -1, 32)


@pytest.fixture
def encoder(large):
    return make_encoder(large)


def weights(encoder):
    return encoder.backbone.embeddings.word_embeddings.weight


def optimizer_of(encoder):
    return torch.optim.AdamW(encoder.parameters(), lr=0.01, weight_decay=0.0)


def batch(encoder, texts):
    padded = encoder.tokenize(texts).arrays()
    return {name: torch.from_numpy(values) for name, values in padded.items()}


def train(encoder, optimizer, texts, n_steps=3):
    for _ in range(n_steps):
        optimizer.zero_grad()
        (encoder(**batch(encoder, texts)) - 1).square().mean().backward()
        optimizer.step()


MODELS = {
    "classifier": lambda **own: make_classifier(max_epochs=2, **own),
    "regressor": make_regressor,
    "meta network": make_meta_net,
    "maml": lambda **own: make_meta_net(meta_algorithm="maml", inner_steps=1, **own),
    "reptile": lambda **own: make_meta_net(meta_algorithm="reptile", inner_steps=2, **own),
    "source and target": lambda **own: make_classifier(
        target_languages="zh", transfer=["labels", "mmd"], self_training=1, n_topics=1, **own
    ),
    "bfloat16": lambda **own: make_classifier(**own | {"dtype": "bfloat16"}),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_fit_is_the_same(name, large, monkeypatch):
    model = MODELS[name](encoder=large).fit(X, Y)
    monkeypatch.setattr(module, "MIN_WEIGHTS", np.inf)
    expected = MODELS[name](encoder=large).fit(X, Y)
    for column in model.history_.select_dtypes("number").drop(columns="epoch"):
        np.testing.assert_allclose(model.history_[column], expected.history_[column], rtol=1e-3)
    np.testing.assert_allclose(model.transform(X), expected.transform(X), atol=1e-3)
    learnt, before = weights(model.net_.module_.encoder).cpu(), weights(make_encoder(large))
    assert len(learnt) == N_TOKENS
    used = np.unique(model.net_.module_.encoder.tokenize(X["text"]).ids)
    changed = (learnt != before).any(dim=1).numpy()
    assert changed[used].mean() > 0.5
    assert not changed[300:].any()


def test_epochs_in_parts_are_those_at_once(large, monkeypatch):
    """What the optimiser knows of an embedding outlasts a call."""
    found = []
    for limit in (module.MIN_WEIGHTS, np.inf):
        monkeypatch.setattr(module, "MIN_WEIGHTS", limit)
        model = make_classifier(encoder=large, source_languages=["en", "zh"])
        for _ in range(3):
            model.partial_fit(X, Y)
        found.append(model.predict_proba(X))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_inside_there_are_the_used_ones(encoder):
    optimizer, texts = optimizer_of(encoder), ["good hotel", "不错"]
    vectors, whole = encoder(**batch(encoder, texts)), weights(encoder)
    ids = encoder.tokenize(texts).ids
    with used_embeddings(encoder, optimizer, lambda: ids):
        assert weights(encoder).shape == (len(np.unique([0, *ids])), 16)
        torch.testing.assert_close(encoder(**batch(encoder, texts)), vectors, rtol=0, atol=0)
        with pytest.raises(IndexError):
            encoder(**batch(encoder, ["rude"]))
    assert weights(encoder) is whole
    torch.testing.assert_close(encoder(**batch(encoder, texts)), vectors, rtol=0, atol=0)


def test_the_optimiser_goes_on(encoder, large):
    other = make_encoder(large)
    texts = ["good hotel", "不错"]
    for each, is_used in ((encoder.eval(), True), (other.eval(), False)):
        optimizer = optimizer_of(each)
        for part in (texts, texts[:1]):
            ids = each.tokenize(part).ids if is_used else np.arange(N_TOKENS)
            with used_embeddings(each, optimizer, lambda ids=ids: ids):
                train(each, optimizer, part)
        assert weights(each) in optimizer.state
        assert len(optimizer.state) == len(list(each.parameters()))
    only_first = np.setdiff1d(encoder.tokenize(texts[1:]).ids, encoder.tokenize(texts[:1]).ids)
    rest = np.setdiff1d(np.arange(N_TOKENS), only_first)  # They rest, where others coast on.
    torch.testing.assert_close(weights(encoder)[rest], weights(other)[rest])


def test_after_an_error_it_is_whole(encoder):
    optimizer, whole = optimizer_of(encoder), weights(encoder)
    with (
        pytest.raises(ZeroDivisionError),
        used_embeddings(encoder, optimizer, lambda: np.arange(5)),
    ):
        1 / 0  # noqa: B018
    assert weights(encoder) is whole
    assert any(weight is whole for group in optimizer.param_groups for weight in group["params"])


LEFT_ALONE = {
    "frozen": lambda encoder: encoder.requires_grad_(False),
    "shared": lambda encoder: setattr(
        encoder.backbone.embeddings.position_embeddings, "weight", weights(encoder)
    ),
    "scaled": lambda encoder: setattr(encoder.backbone.embeddings.word_embeddings, "max_norm", 1.0),
}


@pytest.mark.parametrize("change", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_it_leaves_alone(change, encoder):
    optimizer = optimizer_of(encoder)
    change(encoder)
    with used_embeddings(encoder, optimizer, lambda: np.arange(5)):
        assert len(weights(encoder)) == N_TOKENS


def test_callbacks_of_users_see_the_whole_encoder(large):
    sizes = []

    class Size(Callback):
        def on_batch_end(self, net, **kwargs):
            sizes.append(len(weights(net.module_.encoder)))

    make_classifier(encoder=large, callbacks=[Size()]).fit(X, Y)
    assert set(sizes) == {N_TOKENS}


def test_a_term_of_all_weights_sees_them(large):
    model = make_classifier(encoder=large, target_languages="zh", transfer=["labels", "l2sp"])
    assert model.fit(X, Y).history_["l2sp"].iloc[-1] > 0


def test_padding_has_no_gradient():
    embedding = torch.nn.Embedding(9, 2, padding_idx=3)
    used = UsedEmbeddings(embedding, torch.tensor([0, 3, 7]))
    used(torch.tensor([[3, 7]])).sum().backward()
    assert used.weight.grad.tolist() == [[0, 0], [0, 0], [1, 1]]


def test_a_load_draws_nothing_that_a_later_call_does_not(tmp_path, large):
    """A checkpoint without a pooler, which transformers then draws."""
    backbone = BertModel(make_config(), add_pooling_layer=False)
    backbone.save_pretrained(tmp_path)
    load_checkpoint(large).processor.save_pretrained(tmp_path)
    _load.cache_clear()
    before = torch.get_rng_state()
    load_checkpoint(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
