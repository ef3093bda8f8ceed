"""Adapters and heads that are generated for each language."""

import copy
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from encoder_cases import BagOfTokens
from marks import predicts_unseen_languages
from meta_net_cases import (
    LEARNING,
    assert_same,
    fitted,
    make_data,
    make_model,
    make_numbers,
    samples_of,
    scramble,
    some_kinds,
    vectors_of,
)
from tiny import make_meta_net

from metaling_sk.meta_net._hypernetwork import Hypernetwork


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
    network = model.net_.module_
    total = sum(sum(adapters["width"]) for adapters in architecture.values())
    assert 0 < total < 2 * network.down.shape[:2].numel()
    for name, adapters in architecture.items():
        before = model.predict_proba(X, language=name)
        with torch.no_grad():
            cores = network.generate(torch.tensor([model._language_index(name)])).cores[0]
        used = (cores != 0).any(dim=2)
        widths = dict(zip(adapters["layers"], adapters["width"], strict=True))
        assert [widths.get(layer, 0) for layer, _ in enumerate(used, first)] == (
            used.sum(dim=1).tolist()
        )
        # Closed units hold nothing that prediction reads, open ones do.
        pruned = copy.deepcopy(model)
        with torch.no_grad():
            pruned.net_.module_.down[~used] = torch.nan
            pruned.net_.module_.up.mT[~used] = torch.nan
        np.testing.assert_array_equal(pruned.predict_proba(X, language=name), before)
        for layer in adapters["layers"]:
            without = copy.deepcopy(model)
            unit = used[layer - first].nonzero()[0]
            with torch.no_grad():
                without.net_.module_.down[layer - first, unit] += 1.0
            assert not np.array_equal(without.predict_proba(X, language=name), before)


@some_kinds
def test_closed_gates_leave_the_head(kind):
    X, _, _ = make_data(kind, seed=5)
    model = set_gates(fitted(kind), -9.0)
    model.residual_heads_.clear()
    assert all(adapters["layers"] == [] for adapters in model.architecture_.values())
    batch = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()),
        np.full(X.shape[0], "opposite 1", dtype=object),
    ).collate(np.arange(X.shape[0]))
    network = model.net_.module_
    with torch.no_grad():
        mixture = network.generate(batch.language_index[:1]).head[0]
        weight = network.head.weight + torch.einsum("j,jkf->kf", mixture, network.basis)
        features = vectors_of(network, batch)
        if network.norm is not None:
            features = network.norm(features, batch.language_index)
        logits = features @ weight.T + network.head.bias + mixture @ network.basis_bias
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
    assert all(adapters["layers"] == [] for adapters in costly.architecture_.values())
    assert sum(sum(adapters["width"]) for adapters in free.architecture_.values()) > 16
    assert costly.history_["size"].iloc[-1] < 0.01
    assert "size" not in free.history_
    # What is left are the heads, which suffice here.
    assert costly.score(X, y, language=language) > 0.9


def test_the_width_is_at_most_max_width():
    X, y, language = make_numbers()
    model = make_model("numbers", max_width=3, size_weight=0).fit(X, y, language=language)
    widths = [adapters["width"] for adapters in model.architecture_.values()]
    assert widths == [[3]] * 4


def test_an_encoder_without_layers_has_heads_only():
    tokenizer = fitted("scratch").text_encoder_.tokenizer
    X, y, language = make_data("scratch")
    model = make_meta_net(**LEARNING | {"encoder": (BagOfTokens(8), tokenizer)}).fit(
        X, y, language=language
    )
    assert model.architecture_["as is 1"] == {"layers": [], "width": [], "head": 16}
    assert model.score(X, y, language=language) > 0.9


# Models that are kept


def test_threads_predict_what_one_does():
    X, _, language = make_data("scratch", n_rows=10)
    model = scramble(fitted("scratch"))
    alone, shared = copy.deepcopy(model), copy.deepcopy(model)
    expected = alone.predict_proba(X, language=language)

    def predict(job):
        return [shared.predict_proba(X, language=language) for _ in range(50)]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(predict, range(8)))
    finally:
        sys.setswitchinterval(interval)
    for probabilities in results:
        np.testing.assert_array_equal(probabilities, np.broadcast_to(expected, (50, 20, 2)))


@predicts_unseen_languages
def test_a_prediction_in_the_middle_of_another(monkeypatch):
    X, _, language = make_data("scratch", n_rows=10)
    model = scramble(fitted("scratch"))
    expected = copy.deepcopy(model).predict_proba(X, language=language)
    forward, calls = Hypernetwork.forward, []

    def interrupted(self, embeddings):
        calls.append(1)
        if len(calls) == 2:
            with ThreadPoolExecutor(1) as threads:
                threads.submit(model.predict_proba, X, "unseen").result()
        return forward(self, embeddings)

    monkeypatch.setattr(Hypernetwork, "forward", interrupted)
    np.testing.assert_array_equal(model.predict_proba(X, language=language), expected)
    assert len(calls) == 3


@pytest.fixture
def count_generated(monkeypatch):
    """The number of models that have been generated after training."""
    counts = {"models": 0}
    forward = Hypernetwork.forward

    def count(self, embeddings):
        counts["models"] += len(embeddings) * (not self.training)
        return forward(self, embeddings)

    monkeypatch.setattr(Hypernetwork, "forward", count)
    return counts


@predicts_unseen_languages
def test_a_model_is_generated_once(count_generated):
    X, _, language = make_data("scratch")
    model = fitted("scratch")
    for _ in range(3):
        model.predict_proba(X[:100], language=language[:100])
    assert count_generated["models"] == 2
    model.predict_proba(X, language="unseen")
    assert count_generated["models"] == 3


def moved(network):
    """The weights of a network, all a little larger."""
    return {
        name: weight + 0.1 if weight.is_floating_point() else weight.clone()
        for name, weight in network.state_dict().items()
    }


def restore(network, factor, known):
    hypernetwork = network.hypernetwork
    hypernetwork.restore(1, factor * torch.ones_like(hypernetwork.agnostic), known)


CHANGES = {
    "in place": lambda network: network.hypernetwork.head.weight.normal_(),
    "set_language": lambda network: network.hypernetwork.set_language(
        1, torch.ones_like(network.hypernetwork.agnostic)
    ),
    "restore": lambda network: restore(network, 1.0, True),
    "forget": lambda network: restore(network, 0.0, False),
    "grow": lambda network: network.grow(9),
    "load_state_dict": lambda network: network.load_state_dict(moved(network)),
    "assign": lambda network: network.load_state_dict(moved(network), assign=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_generates_the_models_anew(change):
    model = scramble(fitted("scratch"))
    X, _, language = make_data("scratch", n_rows=10)
    before = model.predict_proba(X, language=language)
    with torch.no_grad():
        CHANGES[change](model.net_.module_)
    # A copy has no models that were kept.
    assert_same(model, copy.deepcopy(model), X, language)
    if change != "grow":
        assert not np.array_equal(model.predict_proba(X, language=language), before)


def test_further_training_generates_the_models_anew():
    X, y, language = make_data("scratch")
    model = fitted("scratch").set_params(max_epochs=1, warm_start=True)
    before = model.predict_proba(X, language=language)
    model.fit(X, y, language=language)
    assert not np.array_equal(model.predict_proba(X, language=language), before)
    assert_same(model, copy.deepcopy(model), X, language)


def test_models_in_inference_mode():
    X, _, language = make_data("scratch", n_rows=10)
    model = fitted("scratch")
    expected = model.predict_proba(X, language=language)
    with torch.inference_mode():
        assert_same(copy.deepcopy(model), model, X, language)
    np.testing.assert_array_equal(model.predict_proba(X, language=language), expected)
