"""The loss of a step, and steps on an embedding."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from marks import predicts_unseen_languages
from meta_net_cases import COLUMNS, fit, make_model, make_numbers
from scipy.special import log_softmax
from torch import nn

from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._network.classifier import IdentityEncoder
from metaling_sk.meta_net._hypernetwork import Hypernetwork
from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._objective import MetaObjective, find_embedding


def test_maml_learns_to_adapt():
    """Steps on the embedding alone tell which group a language belongs to."""
    model = fit(make_model("numbers", meta_algorithm="maml"), *make_numbers())
    network = model.net_.module_.eval()

    def batch_of(name, seed):
        X, y, _ = make_numbers([name], 64, seed)
        features = {"features": torch.tensor(X).float()}
        return Batch(features, torch.zeros(64, dtype=torch.int64), torch.tensor(y))

    def loss(embedding, batch):
        logits = network(
            batch.inputs, batch.language_index, network.generate_from(embedding, 64)
        ).logits
        return nn.functional.cross_entropy(logits, batch.y).item()

    start, before = network.hypernetwork.agnostic, []
    for name in ("as is 9", "opposite 9"):
        batches = partial(list, [batch_of(name, 8)])
        moved = find_embedding(network, start, batches, 5, 0.05)
        assert loss(moved, batch_of(name, 9)) < 0.5
        before.append(loss(start, batch_of(name, 9)))
    assert np.mean(before) > 0.6


def make_network(n_languages=2, **parameters):
    torch.manual_seed(0)
    hypernetwork = Hypernetwork(n_languages, 1, 3, 4, 5, **parameters)
    network = MetaNetwork(IdentityEncoder(), None, hypernetwork, 4, 2)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()
    return network.eval()


def make_step(seed=0, n_samples=8):
    rng = np.random.default_rng(seed)
    return Batch(
        {"features": torch.tensor(rng.normal(size=(n_samples, 4))).float()},
        torch.tensor(rng.integers(1, 3, size=n_samples)),
        torch.tensor(rng.integers(2, size=n_samples)),
    )


def test_the_objective_is_the_formula():
    network = make_network()
    class_weight = np.array([1.0, 3.0])
    support, query = make_step(), make_step(1)
    objective = MetaObjective(
        0.3, 0.5, 0.0, 2, 0.05, class_weight=torch.tensor(class_weight).float()
    )
    step = TrainingStep({"support": support, "query": query}, {})
    values = objective(objective.outputs(network, step), step, network, True)

    def mean_loss(batches, generated):
        logits = [
            network(batch.inputs, batch.language_index, generated(batch)).logits.detach()
            for batch in batches
        ]
        y = np.concatenate([batch.y for batch in batches])
        log_p = log_softmax(np.concatenate(logits), axis=1)[np.arange(len(y)), y]
        return -(class_weight[y] * log_p).mean()

    moved = find_embedding(
        network, network.hypernetwork.agnostic, lambda: [support], 2, 0.05, objective.class_weight
    )
    expected = {
        "language": mean_loss(
            [support, query], lambda batch: network.generate(batch.language_index)
        ),
        "meta": mean_loss(
            [support, query], lambda batch: network.generate(torch.zeros_like(batch.language_index))
        ),
        "adapted": mean_loss([query], lambda batch: network.generate_from(moved, len(batch))),
    }
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert values[name].item() == pytest.approx(value, rel=1e-4)
    total = expected["language"] + 0.3 * expected["meta"] + expected["adapted"]
    assert objective.total(values).item() == pytest.approx(total, rel=1e-4)
    values = objective(objective.outputs(network.train(), step), step, network, True)
    assert objective.total(values).item() == pytest.approx(
        sum(
            weight * values[name].item()
            for name, weight in {"language": 1, "meta": 0.3, "adapted": 1, "size": 0.5}.items()
        ),
        rel=1e-4,
    )


@pytest.mark.parametrize("class_weight", [None, torch.tensor([1.0, 3.0])])
def test_steps_on_an_embedding_are_the_same_in_small_batches(class_weight):
    network, samples = make_network(), make_step(n_samples=20)
    start = network.hypernetwork.agnostic

    def part(which):
        features = {"features": samples.inputs["features"][which]}
        return Batch(features, samples.language_index[which], samples.y[which])

    batches = [part(slice(7)), part(slice(7, 9)), part(slice(9, 20))]
    at_once = find_embedding(network, start, lambda: [samples], 3, 0.05, class_weight)
    in_parts = find_embedding(network, start, lambda: batches, 3, 0.05, class_weight)
    assert not torch.allclose(at_once, start)
    torch.testing.assert_close(in_parts, at_once, rtol=1e-4, atol=1e-5)


def test_steps_on_an_embedding_lower_the_loss_and_move_nothing_else():
    network, batch = make_network(), make_step(n_samples=20)
    before = copy.deepcopy(network.state_dict())
    start = network.hypernetwork.agnostic

    def loss(embedding):
        generated = network.generate_from(embedding, len(batch))
        logits = network(batch.inputs, batch.language_index, generated).logits
        return nn.functional.cross_entropy(logits, batch.y).item()

    moved = find_embedding(network, start, lambda: [batch], 10, 0.05)
    assert loss(moved) < loss(start)
    moved.sum().backward()
    # Of first order: the way there is a constant.
    assert torch.equal(start.grad, torch.ones_like(start))
    assert [name for name, weight in network.named_parameters() if weight.grad is not None] == [
        "hypernetwork.agnostic"
    ]
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, before[name])


@pytest.mark.parametrize("algorithm", COLUMNS)
def test_history(algorithm):
    X, y, language = make_numbers()
    model = make_model("numbers", meta_algorithm=algorithm, max_epochs=3)
    history = model.fit(X, y, language=language).history_
    columns = ["epoch", "train_loss", "valid_loss", *COLUMNS[algorithm]]
    assert sorted(history.columns) == sorted(columns)
    assert history["epoch"].tolist() == [1, 2, 3]
    assert np.isfinite(history).all(axis=None)
    if algorithm != "reptile":
        weights = {"meta": 0.3, "size": 0.01}
        expected = sum(weights.get(name, 1.0) * history[name] for name in COLUMNS[algorithm])
        np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-5)


def test_without_meta_weight_only_the_generated_models_count():
    X, y, language = make_numbers()
    model = make_model("numbers", meta_weight=0).fit(X, y, language=language)
    assert "meta" not in model.history_
    assert model.score(X, y, language=language) > 0.9


@predicts_unseen_languages
def test_with_every_language_dropped_there_is_only_the_meta_model():
    X, y, language = make_numbers(["as is 1", "as is 2"])
    parameters = {"language_dropout": 1.0, "meta_weight": 0, "weight_decay": 0}
    before, after = (
        make_model("numbers", learning_rate=rate, **parameters).fit(X, y, language=language)
        for rate in (0.0, 0.01)
    )
    deltas = [model.net_.module_.hypernetwork.delta for model in (before, after)]
    assert torch.equal(*deltas)
    assert after.score(X, y, language="unseen") > 0.9
    X, y, language = make_numbers()
    opposite = make_model("numbers", **parameters).fit(X, y, language=language)
    assert opposite.score(X, y, language=language) < 0.7
