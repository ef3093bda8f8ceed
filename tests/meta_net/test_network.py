"""Adapters and heads that are generated for each language."""

import copy

import numpy as np
import pytest
import torch
from meta_net_cases import (
    LEARNING,
    fitted,
    make_data,
    make_model,
    make_numbers,
    samples_of,
    scramble,
    some_kinds,
)
from tiny import make_meta_net
from torch import nn


def set_gates(model, logit):
    hypernetwork = model.net_.module_.hypernetwork
    with torch.no_grad():
        hypernetwork.gate.weight.zero_()
        hypernetwork.gate.bias.copy_(torch.as_tensor(logit))
    return model


@pytest.mark.parametrize("kind", ["bert", "numbers"])
def test_the_architecture_is_what_is_used(kind, request):
    if kind == "bert":
        X, y, language = make_data("scratch")
        model = make_meta_net(encoder=request.getfixturevalue("bert"), max_epochs=1)
        first = 1
    else:
        X, y, language = make_data(kind)
        model, first = make_model(kind, max_epochs=1), 0
    scramble(model.fit(X, y, language=language))
    architecture = model.architecture_
    module = model.net_.module_
    total = sum(sum(found["width"]) for found in architecture.values())
    assert 0 < total < 2 * module.down.shape[:2].numel()
    for code, found in architecture.items():
        before = model.predict_proba(X, language=code)
        with torch.no_grad():
            cores = module.generate(torch.tensor([model._language_index(code)])).cores[0]
        used = (cores != 0).any(dim=2)
        widths = dict(zip(found["layers"], found["width"], strict=True))
        assert [widths.get(layer, 0) for layer, _ in enumerate(used, first)] == (
            used.sum(dim=1).tolist()
        )
        # Closed units hold nothing that prediction reads, open ones do.
        pruned = copy.deepcopy(model)
        with torch.no_grad():
            pruned.net_.module_.down[~used] = torch.nan
            pruned.net_.module_.up.mT[~used] = torch.nan
        np.testing.assert_array_equal(pruned.predict_proba(X, language=code), before)
        for layer in found["layers"]:
            without = copy.deepcopy(model)
            unit = used[layer - first].nonzero()[0]
            with torch.no_grad():
                without.net_.module_.down[layer - first, unit] += 1.0
            assert not np.array_equal(without.predict_proba(X, language=code), before)


@some_kinds
def test_closed_gates_leave_the_head(kind):
    X, _, _ = make_data(kind, seed=5)
    model = set_gates(fitted(kind), -9.0)
    model.residual_heads_.clear()
    assert all(found == {"layers": [], "width": []} for found in model.architecture_.values())
    batch = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()),
        np.full(X.shape[0], "opposite 1", dtype=object),
    ).collate(np.arange(X.shape[0]))
    module = model.net_.module_
    with torch.no_grad():
        mixture = module.generate(batch.language_index[:1]).head[0]
        weight = module.head.weight + torch.einsum("j,jkf->kf", mixture, module.basis)
        features = module.encoder(**batch.inputs)
        if module.norm is not None:
            features = module.norm(features, batch.language_index)
        logits = features @ weight.T + module.head.bias + mixture @ module.basis_bias
    np.testing.assert_allclose(
        model.predict_proba(X, language="opposite 1"), logits.softmax(1), rtol=1e-4
    )


def test_size_weight_closes_the_gates():
    X, y, language = make_numbers()
    parameters = {"learning_rate": 0.05, "validation_fraction": 0}
    free, costly = (
        make_model("numbers", size_weight=weight, **parameters).fit(X, y, language=language)
        for weight in (0.0, 1.0)
    )
    assert all(found == {"layers": [], "width": []} for found in costly.architecture_.values())
    assert sum(sum(found["width"]) for found in free.architecture_.values()) > 16
    assert costly.history_["size"].iloc[-1] < 0.01
    assert "size" not in free.history_
    # What is left are the heads, which suffice here.
    assert costly.score(X, y, language=language) > 0.9


def test_the_width_is_at_most_max_width():
    X, y, language = make_numbers()
    model = make_model("numbers", max_width=3, size_weight=0).fit(X, y, language=language)
    widths = [found["width"] for found in model.architecture_.values()]
    assert widths == [[3]] * 4


class Bag(nn.Module):
    """An encoder that shows no layers."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(300, 8)

    def forward(self, input_ids, attention_mask):
        return self.embedding(input_ids)


def test_an_encoder_without_layers_has_heads_only():
    tokenizer = fitted("scratch").text_encoder_.tokenizer
    X, y, language = make_data("scratch")
    model = make_meta_net(**LEARNING | {"encoder": (Bag(), tokenizer)}).fit(X, y, language=language)
    assert model.architecture_["as is 1"] == {"layers": [], "width": []}
    assert model.score(X, y, language=language) > 0.9
