import copy
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from skorch.callbacks import Callback
from tiny import make_classifier, make_config, make_meta_net, make_pair, make_reviews
from torch import nn

from metaling_sk import MetaNetClassifier
from metaling_sk._data.batches import Batch, EncodedSamples, TrainingStep
from metaling_sk._network.classifier import IdentityEncoder
from metaling_sk.meta_net import _gates as gates
from metaling_sk.meta_net._episodes import Episodes
from metaling_sk.meta_net._hypernetwork import Hypernetwork
from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._objective import MetaObjective, find_embedding

CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
LEARNING = {"learning_rate": 0.01, "max_epochs": 10, "batch_size": 16, "patience": 10}
LANGUAGES = ["as is 1", "as is 2", "opposite 1", "opposite 2"]
FEATURES = pd.DataFrame(
    {"group": [1.0, 1.0, 1.0, -1.0, -1.0, -1.0], "number": [1, 2, 3, 1, 2, 3]},
    index=[f"{group} {number}" for group in ("as is", "opposite") for number in (1, 2, 3)],
)
"""What is known of the languages: which group they belong to."""


def make_numbers(languages=LANGUAGES, n_rows=50, seed=0):
    """Numbers whose first column tells the label, the wrong way round in "opposite" languages."""
    rng = np.random.default_rng(seed)
    language = np.repeat(np.array(languages, dtype=object), n_rows)
    X = rng.normal(size=(len(language), 4))
    opposite = np.array([code.startswith("opposite") for code in language])
    return X, ((X[:, 0] > 0) != opposite).astype(int), language


def make_texts(languages=("as is 1", "opposite 1"), n_rows=60, seed=0):
    """Reviews whose words have the opposite label in "opposite" languages."""
    parts = [make_reviews(n_rows, code, seed + number) for number, code in enumerate(languages)]
    y = [
        y if code.startswith("as is") else 1 - y
        for code, (_, y) in zip(languages, parts, strict=True)
    ]
    texts = np.concatenate([X["text"] for X, _ in parts])
    return texts, np.concatenate(y), np.repeat(np.array(languages, dtype=object), n_rows)


ENCODERS = {
    "scratch": make_config(),
    "head": make_config(),
    "characters": CHARACTERS,
    "numbers": None,
    "sparse": None,
}


def make_data(kind, languages=("as is 1", "opposite 1"), n_rows=60, seed=0):
    if ENCODERS[kind] is not None:
        return make_texts(languages, n_rows, seed)
    X, y, language = make_numbers(languages, n_rows, seed)
    return sparse.csr_array(X) if kind == "sparse" else X, y, language


def make_model(kind, **parameters):
    """The meta network alone, without a residual."""
    trainable = "head" if kind == "head" else "all"
    encoder = ENCODERS[kind] or "scratch"
    own = {"encoder": encoder, "trainable": trainable, "residual_penalty": None}
    return make_meta_net(**LEARNING | own | parameters)


def fit(model, X, y, language):
    return model.fit(X, y, language=language)


_FITTED = {}


def fitted(kind):
    """A copy of a model that has learnt two languages in which words mean the opposite."""
    if kind not in _FITTED:
        _FITTED[kind] = fit(make_model(kind, residual_penalty=1.0), *make_data(kind))
    return copy.deepcopy(_FITTED[kind])


every_kind = pytest.mark.parametrize("kind", ENCODERS)
some_kinds = pytest.mark.parametrize("kind", ["scratch", "characters", "numbers"])


def scramble(model, seed=0):
    """Give the hypernetwork weights at random: every language has an architecture of its own."""
    torch.manual_seed(seed)
    hypernetwork = model.net_.module_.hypernetwork
    with torch.no_grad():
        hypernetwork.delta[1:].normal_()
        hypernetwork.gate.bias.fill_(-1.0)
        for layer in (hypernetwork.gate, hypernetwork.core, hypernetwork.head):
            layer.weight.normal_(std=3)
    return model


def set_gates(model, logit):
    hypernetwork = model.net_.module_.hypernetwork
    with torch.no_grad():
        hypernetwork.gate.weight.zero_()
        hypernetwork.gate.bias.copy_(torch.as_tensor(logit))
    return model


# The start


@pytest.mark.parametrize("kind", ["bert", "decoder", *ENCODERS])
def test_at_first_every_model_is_the_meta_model(kind, request):
    parameters = {"learning_rate": 0.0, "language_norm": False, "residual_penalty": None}
    if kind in ENCODERS:
        model = make_model(kind, **parameters)
        X, y, language = make_data(kind)
    else:
        model = make_meta_net(encoder=request.getfixturevalue(kind), **parameters)
        X, y, language = make_data("scratch")
    model.fit(X, y, language=language)
    module = model.net_.module_
    nn.init.normal_(module.head.weight)
    of_no_language = model.predict_proba(X, language="unseen")
    assert len(np.unique(of_no_language)) > 2
    for code in model.languages_:
        np.testing.assert_array_equal(model.predict_proba(X, language=code), of_no_language)
    batch = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()), language
    ).collate(np.arange(5))
    with torch.no_grad():
        representation = module(batch.inputs, batch.language).representation
        assert torch.equal(representation, module.encoder(**batch.inputs))


def samples_of(X):
    from metaling_sk._data.samples import check_samples

    return check_samples(MetaNetClassifier(), X, reset=True, needs_y=False)


def test_a_language_without_labels_has_the_meta_model():
    X, y, language = make_numbers([*LANGUAGES, "new"])
    y = np.where(language == "new", np.nan, y)
    model = make_model("numbers", language_norm=False).fit(X, y, language=language)
    assert "new" in model.languages_ and "new" not in model.architecture_
    np.testing.assert_array_equal(
        model.predict_proba(X, language="new"), model.predict_proba(X, language="unseen")
    )


# What is learnt


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("joint", kind) for kind in ENCODERS]
    + [(algorithm, kind) for algorithm in ("maml", "reptile") for kind in ("scratch", "numbers")],
)
def test_words_with_opposite_labels_in_two_languages(kind, algorithm):
    """Generated models tell them apart; a pooled one cannot."""
    X_test, y_test, language = make_data(kind, seed=5)
    model = fitted(kind)
    if algorithm != "joint":
        model.set_params(meta_algorithm=algorithm, inner_steps=2)
        fit(model, *make_data(kind))
    assert model.score(X_test, y_test, language=language) > 0.9
    wrong = np.where(language == "as is 1", "opposite 1", "as is 1")
    assert model.score(X_test, y_test, language=wrong) < 0.1


def test_a_pooled_model_learns_nothing_of_opposite_labels():
    pooled = make_classifier(source_languages=["as is 1", "opposite 1"], **LEARNING)
    X_test, y_test, language = make_data("scratch", seed=5)
    assert fit(pooled, *make_data("scratch")).score(X_test, y_test, language=language) < 0.7


def test_maml_learns_to_adapt():
    """Steps on the embedding alone tell which group a language belongs to."""
    model = fit(make_model("numbers", meta_algorithm="maml"), *make_numbers())
    module = model.net_.module_.eval()

    def batch_of(code, seed):
        X, y, _ = make_numbers([code], 64, seed)
        features = {"features": torch.tensor(X).float()}
        return Batch(features, torch.zeros(64, dtype=torch.int64), torch.tensor(y))

    def loss(embedding, batch):
        logits = module(batch.inputs, batch.language, module.generate_from(embedding, 64)).logits
        return nn.functional.cross_entropy(logits, batch.y).item()

    start, before = module.hypernetwork.agnostic, []
    for code in ("as is 9", "opposite 9"):
        batches = partial(list, [batch_of(code, 8)])
        found = find_embedding(module, start, batches, 5, 0.05)
        assert loss(found, batch_of(code, 9)) < 0.5
        before.append(loss(start, batch_of(code, 9)))
    assert np.mean(before) > 0.6


@some_kinds
def test_a_language_not_seen_has_the_meta_model(kind):
    model = fitted(kind)
    X, _, _ = make_data(kind, seed=5)
    found = model.predict_proba(X, language="unseen")
    np.testing.assert_array_equal(found, model.predict_proba(X, language="another"))
    rows = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()),
        np.full(X.shape[0], "unseen", dtype=object),
    )
    meta_model = model.net_.module_.meta_model().eval()
    expected = np.empty_like(found)
    with torch.no_grad():
        for where in rows.indices(64):
            batch = rows.collate(where)
            expected[where] = meta_model(batch.inputs, batch.language).logits.softmax(1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    own = model.predict_proba(X, language="opposite 1")
    assert abs(found - own).max() > 0.1


@every_kind
def test_many_languages_in_one_batch(kind):
    model = scramble(fitted(kind))
    X, _, _ = make_data(kind, seed=5)
    codes = np.array(["as is 1", "opposite 1", "unseen"], dtype=object)
    language = codes[np.arange(X.shape[0]) % 3]
    together = model.predict_proba(X, language=language)
    for code in codes:
        alone = model.predict_proba(X, language=code)
        where = language == code
        np.testing.assert_allclose(together[where], alone[where], rtol=1e-4)
        assert abs(together[~where] - alone[~where]).max() > 0.1


def test_statistics_and_vocabulary_come_from_unlabelled_rows_too():
    X, y, language = make_numbers()
    shifted = np.r_[X, X + [10, 0, 0, 0]]
    half = np.r_[y, np.full(len(y), np.nan)]
    model = make_model("numbers").fit(shifted, half, language=np.r_[language, language])
    np.testing.assert_allclose(model.front_end_.statistics.mean[-1], shifted.mean(axis=0))
    texts, y, language = make_texts()
    odd = np.r_[texts, ["ж" * 9]]
    model = make_model("characters").fit(odd, np.r_[y, np.nan], language=[*language, "as is 1"])
    assert "ж" in model.front_end_.vectorizer.vocabulary_


# Architecture


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
        mixture = module.generate(batch.language[:1]).head[0]
        weight = module.head.weight + torch.einsum("j,jkf->kf", mixture, module.basis)
        features = module.encoder(**batch.inputs)
        if module.norm is not None:
            features = module.norm(features, batch.language)
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


@pytest.mark.parametrize("log_alpha", [-6.0, -2.0, 0.0, 1.0, 4.0])
def test_a_gate_is_open_as_often_as_it_says(log_alpha):
    torch.manual_seed(0)
    logits = torch.full((100_000,), log_alpha)
    drawn = gates.draw(logits)
    assert drawn.min() >= 0 and drawn.max() <= 1
    expected = gates.probability_open(torch.tensor(log_alpha)).item()
    assert (drawn > 0).float().mean().item() == pytest.approx(expected, abs=0.005)


def test_gates_after_training():
    hard = gates.harden(torch.tensor([-9.0, -2.5, -2.3, 0.0, 2.5, 9.0]))
    assert hard[:2].tolist() == [0, 0] and hard[-2:].tolist() == [1, 1]
    assert 0 < hard[2] < hard[3] < 1
    assert hard[3].item() == pytest.approx(0.5)


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


# Language features


def test_features_place_a_language_without_rows():
    X, y, language = make_numbers()
    X_new, y_new, new = make_numbers(["as is 3", "opposite 3"], seed=7)
    without = make_model("numbers").fit(X, y, language=language)
    with_twin = pd.concat([FEATURES, FEATURES.loc[["as is 3"]].set_axis(["twin"])])
    placed = make_model("numbers", language_features=with_twin).fit(X, y, language=language)
    assert placed.languages_ == [*LANGUAGES, "as is 3", "opposite 3", "twin"]
    assert placed.architecture_.keys() == set(placed.languages_)
    assert placed.score(X_new, y_new, language=new) > 0.9
    assert without.score(X_new, y_new, language=new) < 0.7
    # Nothing but the features counts.
    np.testing.assert_array_equal(
        placed.predict_proba(X_new, language="as is 3"),
        placed.predict_proba(X_new, language="twin"),
    )
    # A language of which nothing is said is one of no language in particular.
    assert placed.score(X_new, y_new, language="unseen") < 0.7


def test_languages_without_features_or_values():
    X, y, language = make_numbers()
    gaps = FEATURES.drop(index="as is 2").assign(nothing=np.nan, same=3.0)
    gaps.loc["as is 3", "number"] = np.nan
    model = make_model("numbers", language_features=gaps).fit(X, y, language=language)
    X_new, y_new, new = make_numbers(["as is 3", "opposite 3", "as is 2"], seed=7)
    assert model.score(X_new, y_new, language=new) > 0.9
    assert np.isfinite(model.embeddings_).all(axis=None)


def test_features_are_standardised_and_not_written_to():
    X, y, language = make_numbers()
    given_ones = FEATURES.copy()
    one = make_model("numbers", language_features=given_ones, max_epochs=1)
    one.fit(X, y, language=language)
    pd.testing.assert_frame_equal(given_ones, FEATURES)
    shifted = make_model("numbers", language_features=100 * FEATURES + 7, max_epochs=1)
    shifted.fit(X, y, language=language)
    np.testing.assert_allclose(
        one.predict_proba(X, language=language), shifted.predict_proba(X, language=language)
    )


BAD_FEATURES = {
    "a dict": ({"en": [1]}, "must be a DataFrame whose index holds the languages, got dict"),
    "an array": (np.eye(2), "must be a DataFrame .*, got ndarray"),
    "text": (FEATURES.assign(family="Sinitic"), "must hold numbers only"),
    "twice": (FEATURES.rename({"as is 2": "as is 1"}), r"has more than one row for \['as is 1'\]"),
    "infinite": (FEATURES.assign(speakers=np.inf), "holds infinity; use NaN for what is not"),
}


@pytest.mark.parametrize("name", BAD_FEATURES)
def test_bad_features(name):
    features, message = BAD_FEATURES[name]
    model = make_model("numbers", language_features=features)
    with pytest.raises(ValueError, match=f"`language_features` {message}"):
        fit(model, *make_numbers())


def test_embeddings():
    model = fitted("numbers")
    embeddings = model.embeddings_
    assert embeddings.index.tolist() == model.languages_ == ["as is 1", "opposite 1"]
    assert not np.allclose(*embeddings.to_numpy())


# The objective


def make_network(n_languages=2, **parameters):
    torch.manual_seed(0)
    hypernetwork = Hypernetwork(n_languages, 1, 3, 4, 5, **parameters)
    module = MetaNetwork(IdentityEncoder(), None, hypernetwork, 4, 2)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_()
    return module.eval()


def make_step(seed=0, n_rows=8):
    rng = np.random.default_rng(seed)
    return Batch(
        {"features": torch.tensor(rng.normal(size=(n_rows, 4))).float()},
        torch.tensor(rng.integers(1, 3, size=n_rows)),
        torch.tensor(rng.integers(2, size=n_rows)),
    )


def test_the_objective_is_the_formula():
    module = make_network()
    class_weight = np.array([1.0, 3.0])
    support, query = make_step(), make_step(1)
    objective = MetaObjective(
        0.3, 0.5, 0.0, 2, 0.05, class_weight=torch.tensor(class_weight).float()
    )
    step = TrainingStep({"support": support, "query": query}, {})
    values = objective(objective.outputs(module, step), step, module, True)

    def mean_loss(batches, generated):
        logits = [
            module(batch.inputs, batch.language, generated(batch)).logits.detach()
            for batch in batches
        ]
        y = np.concatenate([batch.y for batch in batches])
        log_p = log_softmax(np.concatenate(logits), axis=1)[np.arange(len(y)), y]
        return -(class_weight[y] * log_p).sum() / class_weight[y].sum()

    found = find_embedding(
        module, module.hypernetwork.agnostic, lambda: [support], 2, 0.05, objective.class_weight
    )
    expected = {
        "language": mean_loss([support, query], lambda batch: module.generate(batch.language)),
        "meta": mean_loss(
            [support, query], lambda batch: module.generate(torch.zeros_like(batch.language))
        ),
        "adapted": mean_loss([query], lambda batch: module.generate_from(found, len(batch))),
    }
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert values[name].item() == pytest.approx(value, rel=1e-4)
    total = expected["language"] + 0.3 * expected["meta"] + expected["adapted"]
    assert objective.total(values).item() == pytest.approx(total, rel=1e-4)
    values = objective(objective.outputs(module.train(), step), step, module, True)
    assert objective.total(values).item() == pytest.approx(
        sum(
            weight * values[name].item()
            for name, weight in {"language": 1, "meta": 0.3, "adapted": 1, "size": 0.5}.items()
        ),
        rel=1e-4,
    )


@pytest.mark.parametrize("class_weight", [None, torch.tensor([1.0, 3.0])])
def test_steps_on_an_embedding_are_the_same_in_small_batches(class_weight):
    module, rows = make_network(), make_step(n_rows=20)
    start = module.hypernetwork.agnostic

    def part(which):
        features = {"features": rows.inputs["features"][which]}
        return Batch(features, rows.language[which], rows.y[which])

    batches = [part(slice(7)), part(slice(7, 9)), part(slice(9, 20))]
    at_once = find_embedding(module, start, lambda: [rows], 3, 0.05, class_weight)
    in_parts = find_embedding(module, start, lambda: batches, 3, 0.05, class_weight)
    assert not torch.allclose(at_once, start)
    torch.testing.assert_close(in_parts, at_once, rtol=1e-4, atol=1e-5)


def test_steps_on_an_embedding_lower_the_loss_and_move_nothing_else():
    module, batch = make_network(), make_step(n_rows=20)
    before = copy.deepcopy(module.state_dict())
    start = module.hypernetwork.agnostic

    def loss(embedding):
        generated = module.generate_from(embedding, len(batch))
        logits = module(batch.inputs, batch.language, generated).logits
        return nn.functional.cross_entropy(logits, batch.y).item()

    found = find_embedding(module, start, lambda: [batch], 10, 0.05)
    assert loss(found) < loss(start)
    found.sum().backward()
    # Of first order: the way there is a constant.
    assert torch.equal(start.grad, torch.ones_like(start))
    assert [name for name, weight in module.named_parameters() if weight.grad is not None] == [
        "hypernetwork.agnostic"
    ]
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])


COLUMNS = {
    "joint": ["language", "meta", "size"],
    "maml": ["language", "meta", "adapted", "size"],
    "reptile": ["language", "meta", "size"],
}


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


# Episodes


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    batch_size=st.integers(2, 8),
    n_names=st.integers(1, 3),
)
def test_episodes(counts, batch_size, n_names):
    language = np.repeat(np.arange(len(counts)), counts)
    rows = EncodedSamples(np.arange(len(language))[:, None].astype(float), language, language % 2)
    names = [f"batch {number}" for number in range(n_names)]
    episodes = Episodes(rows, names, batch_size, np.random.RandomState(0))
    steps = [step for step, _ in episodes]
    assert len(steps) == len(episodes) >= 1
    for step in steps:
        assert list(step.batches) == names
        (code,) = {code for batch in step.batches.values() for code in batch.language.tolist()}
        drawn = [
            batch.inputs["features"].flatten().int().tolist() for batch in step.batches.values()
        ]
        assert all(1 <= len(part) <= batch_size for part in drawn)
        assert set(sum(drawn, [])) <= set(np.flatnonzero(language == code).tolist())
        if counts[code] >= n_names:
            assert len(set(sum(drawn, []))) == len(sum(drawn, []))


def test_languages_are_drawn_as_often_as_they_have_rows():
    language = np.repeat([1, 2], [900, 100])
    rows = EncodedSamples(np.zeros((1000, 1)), language, np.zeros(1000, dtype=int))
    episodes = Episodes(rows, ["support", "query"], 2, np.random.RandomState(0))
    drawn = [step.batches["support"].language[0].item() for step, _ in episodes]
    assert np.mean(np.array(drawn) == 1) == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize("algorithm", ["maml", "reptile"])
def test_a_language_with_one_row(algorithm):
    X, y, language = make_numbers(n_rows=20)
    language[0] = "alone"
    model = make_model("numbers", meta_algorithm=algorithm, max_epochs=2)
    assert np.isfinite(model.fit(X, y, language=language).predict_proba(X, language="alone")).all()


# adapt and forget


FEW = 30


def few(kind, language="opposite 2", n_rows=FEW, seed=8):
    return make_data(kind, (language,), n_rows, seed)


def assert_same(model, other, X, language):
    np.testing.assert_array_equal(
        model.predict_proba(X, language=language), other.predict_proba(X, language=language)
    )


@every_kind
def test_adapt_learns_a_language_and_leaves_the_others(kind):
    model, untouched = fitted(kind), fitted(kind)
    X, y, language = few(kind)
    X_test, y_test, new = few(kind, n_rows=100, seed=9)
    before = model.score(X_test, y_test, language=new)
    assert model.adapt(X, y, language=language) is model
    assert model.languages_ == ["as is 1", "opposite 1", "opposite 2"]
    assert model.score(X_test, y_test, language=new) > max(0.85, before + 0.1)
    for code in ("as is 1", "opposite 1", "unseen"):
        assert_same(model, untouched, X_test, code)
    assert model.architecture_.keys() == set(model.languages_)


@some_kinds
def test_one_row_at_a_time(kind):
    X, y, language = few(kind)
    at_once = fitted(kind).adapt(X, y, language=language)
    model = fitted(kind)
    for row in range(FEW):
        model.adapt(X[row : row + 1], y[row : row + 1], language="opposite 2")
        if row == FEW // 2:
            model = pickle.loads(pickle.dumps(model))
    assert_same(model, at_once, X, "opposite 2")


@some_kinds
def test_the_order_of_the_rows_means_nothing(kind):
    X, y, language = few(kind)
    one = fitted(kind).adapt(X, y, language=language)
    other = fitted(kind).adapt(X[::-1], y[::-1], language=language)
    np.testing.assert_allclose(
        one.predict_proba(X, language=language),
        other.predict_proba(X, language=language),
        rtol=0.02,
    )


@settings(max_examples=10)
@given(st.lists(st.integers(0, 1), min_size=6, max_size=6))
def test_calls_for_two_languages_in_turn(turns):
    """Rows of one language mean nothing to the other, whenever they come."""
    languages = np.array(["opposite 2", "as is 2"], dtype=object)[turns]
    data = {code: few("numbers", code, 6) for code in ("opposite 2", "as is 2")}
    model = fitted("numbers")
    for row, code in enumerate(languages):
        X, y, _ = data[code]
        model.adapt(X[[row]], y[[row]], language=code)
    for code in set(languages):
        X, y, _ = data[code]
        where = languages == code
        alone = fitted("numbers").adapt(X[where], y[where], language=code)
        assert_same(model, alone, X, code)


@some_kinds
def test_several_languages_in_one_call(kind):
    X, y, language = make_data(kind, ("as is 2", "opposite 2"), FEW, 8)
    together = fitted(kind).adapt(X, y, language=language)
    for code in ("as is 2", "opposite 2"):
        where = np.flatnonzero(language == code)
        alone = fitted(kind).adapt(X[where], y[where], language=code)
        assert_same(together, alone, X, code)


@every_kind
def test_one_row_of_one_class(kind):
    X, y, _ = few(kind)
    model = fitted(kind)
    before = model.predict_proba(X[:1], language="opposite 2")[0, y[0]]
    model.adapt(X[:1], y[:1], language="opposite 2")
    assert model.predict_proba(X[:1], language="opposite 2")[0, y[0]] > before
    assert np.isfinite(model.predict_proba(X, language="opposite 2")).all()


@every_kind
@pytest.mark.parametrize("penalty", [None, 1.0])
def test_unlabelled_rows(kind, penalty):
    """They say what the statistics are, and nothing else where there is no residual."""
    X, y, language = few(kind)
    registered = fitted(kind).register_language(X, language=language)
    model = fitted(kind).set_params(residual_penalty=penalty)
    model.adapt(X, np.full(FEW, np.nan), language=language)
    without_y = fitted(kind).set_params(residual_penalty=penalty).adapt(X, language=language)
    assert_same(model, without_y, X, "opposite 2")
    if penalty is None:
        assert_same(model, registered, X, "opposite 2")
    assert "opposite 2" not in model.architecture_
    # They count when labels come.
    model.adapt(X[:9], y[:9], language=language[:9])
    twice = np.r_[np.arange(FEW), np.arange(9)]
    labels = np.r_[np.full(FEW, np.nan), y[:9]]
    at_once = fitted(kind).set_params(residual_penalty=penalty)
    at_once.adapt(X[twice], labels, language="opposite 2")
    assert_same(model, at_once, X, "opposite 2")


@some_kinds
def test_a_language_that_was_fitted_can_be_known_better(kind):
    """Its labels are turned round."""
    model, untouched = fitted(kind), fitted(kind)
    X, y, _ = few(kind, n_rows=100)
    model.adapt(X, y, language="as is 1")
    X_test, y_test, _ = few(kind, seed=9, n_rows=100)
    assert model.score(X_test, y_test, language="as is 1") > 0.7
    assert untouched.score(X_test, y_test, language="as is 1") < 0.2
    assert_same(model, untouched, X_test, "opposite 1")
    assert_same(model.forget("as is 1"), untouched, X_test, "as is 1")


@every_kind
@pytest.mark.parametrize("code", ["opposite 2", "opposite 1"], ids=["new", "fitted"])
def test_forget_restores_every_bit(kind, code):
    model, untouched = fitted(kind), fitted(kind)
    X, y, _ = few(kind)
    model.adapt(X[:1], y[:1], language=code)
    model.adapt(X, 1 - y, language=code)
    adapted = model.predict_proba(X, language=code)
    model = pickle.loads(pickle.dumps(model))
    assert model.forget(code) is model
    for language in (code, "as is 1", "unseen"):
        assert_same(model, untouched, X, language)
    assert model.architecture_ == untouched.architecture_
    model.adapt(X[:1], y[:1], language=code).adapt(X, 1 - y, language=code)
    np.testing.assert_array_equal(model.predict_proba(X, language=code), adapted)


def test_forget_refuses_what_it_does_not_know():
    model = fitted("numbers")
    X, y, _ = few("numbers")
    with pytest.raises(ValueError, match="'as is 1' has not been adapted"):
        model.forget("as is 1")
    model.adapt(X, y, language="new").forget("new")
    with pytest.raises(ValueError, match="'new' has not been adapted"):
        model.forget("new")


@some_kinds
def test_registered_before_or_after(kind):
    """Statistics that are given by themselves outlive what is adapted, which stands on them."""
    X, y, language = few(kind)
    more, _, _ = few(kind, n_rows=80, seed=11)
    registered = fitted(kind).register_language(more, language="opposite 2")
    first = copy.deepcopy(registered).adapt(X, y, language=language)
    last = fitted(kind).adapt(X, y, language=language)
    last.register_language(more, language="opposite 2")
    assert_same(first, last, X, "opposite 2")
    for model in (first, last):
        assert_same(model.forget("opposite 2"), registered, X, "opposite 2")


@pytest.mark.parametrize("code", ["as is 1", "as is 9"])
def test_rows_are_centred_by_what_their_model_makes_of_the_text(code):
    """The adapters of the language included."""
    model = scramble(fitted("scratch"))
    X, _, _ = make_texts(["as is 1"])
    model.register_language(X, language=code)
    rows = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()),
        np.full(len(X), code, dtype=object),
    )
    batch = rows.collate(np.arange(len(X)))
    with torch.no_grad():
        representation = model.net_.module_(batch.inputs, batch.language).representation
    np.testing.assert_allclose(representation.mean(dim=0), 0, atol=1e-4)
    assert representation.std() > 0.1


def test_adapt_refuses():
    model = fitted("numbers")
    X, y, language = few("numbers")
    before = model.predict_proba(X, language=language)
    with pytest.raises(ValueError, match=r"none of the classes \[0, 1\]: \[2\]"):
        model.adapt(X, y + 1, language=language)
    with pytest.raises(ValueError, match="y contains infinity"):
        model.adapt(X, np.full(FEW, np.inf), language=language)
    with pytest.raises(ValueError, match="features"):
        model.adapt(X[:, :2], y, language=language)
    with pytest.raises(ValueError, match="was fitted on numeric features, but X holds text"):
        model.adapt(["good"], [1], language="en")
    np.testing.assert_array_equal(model.predict_proba(X, language=language), before)
    assert "opposite 2" not in model.languages_
    with pytest.raises(NotFittedError):
        make_model("numbers").adapt(X, y, language=language)


def test_fit_forgets_what_was_adapted():
    data, (X, y, language) = make_data("numbers"), few("numbers")
    model = fitted("numbers").adapt(X, y, language=language).adapt(X, y, language="as is 1")
    fit(model, *data)
    assert model.languages_ == ["as is 1", "opposite 1"]
    assert_same(model, fitted("numbers"), X, "as is 1")
    assert_same(model, fitted("numbers"), X, "opposite 2")
    with pytest.raises(ValueError, match="has not been adapted"):
        model.forget("as is 1")


def test_a_clone_is_not_adapted():
    X, y, language = few("numbers")
    model = clone(fitted("numbers").adapt(X, y, language=language))
    assert not hasattr(model, "classes_") and not hasattr(model, "residual_heads_")
    features = make_meta_net(language_features=FEATURES)
    pd.testing.assert_frame_equal(clone(features).language_features, FEATURES)


def test_rows_in_any_company_after_adapt():
    X, y, language = few("scratch")
    model = fitted("scratch").adapt(X, y, language=language)
    mixed = np.where(np.arange(FEW) % 2, "opposite 2", "as is 1")
    together = model.predict_proba(X, language=mixed)
    for row in range(0, FEW, 7):
        alone = model.predict_proba(X[row : row + 1], language=mixed[row])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4)


# Training


def test_class_weights():
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 10 == 0).astype(int)
    X = rng.normal(size=(400, 2)) + y[:, None]
    parameters = LEARNING | {"batch_size": 100, "learning_rate": 0.05}

    def recall(class_weight):
        model = make_meta_net(class_weight=class_weight, **parameters)
        return model.fit(X, y).predict(X)[y == 1].mean()

    assert recall(None) < 0.4 < 0.6 < recall("balanced")
    assert recall({1: 1000}) > 0.9


@pytest.mark.parametrize("class_weight", ["balanced", {1: 50}, {0: 1, 1: 50}])
def test_class_weights_of_rows_of_one_class(class_weight):
    # Centred by rows of one class, they would say nothing of it.
    model = fitted("numbers").set_params(class_weight=class_weight, language_norm=False)
    fit(model, *make_data("numbers"))
    X, y, _ = few("numbers")
    for label in (0, 1):
        code, where = f"only {label}", y == label
        before = model.predict_proba(X[where], language=code)[:, label].mean()
        model.adapt(X[where], y[where], language=code)
        assert model.predict_proba(X[where], language=code)[:, label].mean() > before


def test_class_weights_in_adapt():
    X, y, language = few("numbers")
    plain, weighted = (
        fitted("numbers").set_params(class_weight=weight).adapt(X, y, language=language)
        for weight in (None, {0: 1, 1: 50})
    )
    shares = [model.predict_proba(X, language=language)[:, 1] for model in (plain, weighted)]
    assert shares[1].mean() > shares[0].mean() + 0.01


@some_kinds
def test_warm_start_goes_on(kind):
    data = make_data(kind)
    model = fit(make_model(kind, warm_start=True, max_epochs=2, learning_rate=0.003), *data)
    first = model.history_["language"].iloc[0]
    assert fit(model, *data).history_["language"].iloc[0] < first
    X, _, language = data
    before = model.predict_proba(X, language=language)
    model.set_params(learning_rate=0.0)
    after = fit(model, *data).predict_proba(X, language=language)
    # The means of the languages run on where the encoder is trained.
    np.testing.assert_allclose(after, before, atol=0.1 if kind == "scratch" else 0)
    with pytest.raises(ValueError, match=r"none of the classes \[0, 1\]: \[2\]"):
        model.fit(X, data[1] * 2, language=language)


@some_kinds
def test_warm_start_takes_new_languages(kind):
    """Also one that was adapted: what was adapted is then part of the fit."""
    model = fitted(kind).set_params(warm_start=True, learning_rate=0.02)
    X, y, _ = few(kind)
    model.adapt(X, y, language="opposite 2")
    X, y, language = make_data(kind, ("as is 1", "opposite 2", "opposite 3"), 40, 8)
    model.fit(X, y, language=language)
    assert model.languages_ == ["as is 1", "opposite 1", "opposite 2", "opposite 3"]
    X, y, language = make_data(kind, model.languages_, 50, 20)
    for code in model.languages_:
        where = np.flatnonzero(language == code)
        assert model.score(X[where], y[where], language=code) > 0.7, code


def test_warm_start_refuses_other_rows():
    X, y, language = make_data("numbers")
    model = fitted("numbers").set_params(warm_start=True)
    with pytest.raises(ValueError, match="has 2 features, but .* expecting 4"):
        model.fit(X[:, :2], y, language=language)
    with pytest.raises(ValueError, match="was fitted on numeric features, but X holds text"):
        fit(model, *make_texts())
    with pytest.raises(ValueError, match="y has no label"):
        model.fit(X, np.full(len(X), np.nan), language=language)
    with pytest.raises(ValueError, match="was fitted on text, but X holds numeric"):
        fitted("characters").set_params(warm_start=True).fit(X, y, language=language)
    assert_same(model, fitted("numbers"), X, language)


class Count(Callback):
    calls = []

    def on_train_begin(self, net, **kwargs):
        self.calls.append("begin")

    def on_epoch_end(self, net, **kwargs):
        self.calls.append("epoch")

    def on_train_end(self, net, **kwargs):
        self.calls.append("end")


@pytest.mark.parametrize("algorithm", COLUMNS)
def test_callbacks(algorithm):
    Count.calls.clear()
    callbacks = [Count(), ("named", Count())]
    model = make_model("numbers", meta_algorithm=algorithm, max_epochs=2, callbacks=callbacks)
    fit(model, *make_numbers())
    assert Count.calls == [call for call in ("begin", "epoch", "epoch", "end") for _ in range(2)]
    assert model.callbacks is callbacks


class Interrupt(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@pytest.mark.parametrize("algorithm", COLUMNS)
def test_ctrl_c_ends_the_fit(algorithm):
    model = fitted("numbers").set_params(callbacks=[Interrupt()], meta_algorithm=algorithm)
    X, y, language = make_numbers()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, language=language)
    assert not hasattr(model, "net_")
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(NotFittedError):
        model.adapt(X, y, language=language)


@pytest.mark.parametrize("kind", ["scratch", "numbers"])
def test_ctrl_c_in_a_warm_start_leaves_what_was_fitted(kind):
    X, y, language = few(kind)
    model = fitted(kind).adapt(X, y, language=language)
    untouched = copy.deepcopy(model)
    model.set_params(callbacks=[Interrupt()], warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, language="as is 3")
    for code in ("as is 1", "opposite 2", "as is 3", "unseen"):
        assert_same(model, untouched, X, code)
    assert model.languages_ == untouched.languages_
    model.forget("opposite 2")


def test_early_stopping_looks_at_the_generated_models_and_the_meta_model():
    X, y, language = make_numbers()
    model = make_model("numbers", meta_weight=2.0, validation_fraction=0.3, max_epochs=2)
    model.fit(X, y, language=language)
    assert (model.history_["valid_loss"] > 1.0).all()  # Near log 2 + 2 log 2 at first.


def test_a_loss_that_is_not_finite():
    model = make_model("numbers", learning_rate=1e30)
    with pytest.raises(ValueError, match="The loss became (nan|inf) in epoch 1"):
        fit(model, *make_numbers())


# Refusals


WRONG_PARAMETERS = {
    "meta_weight": (-1, "must be a number of at least 0, got -1"),
    "size_weight": ("small", "must be a number of at least 0, got 'small'"),
    "language_dropout": (1.5, "must be a number from 0 to 1, got 1.5"),
    "inner_steps": (0, "must be a whole number of at least 1, got 0"),
    "max_width": (2.5, "must be a whole number of at least 1, got 2.5"),
    "inner_learning_rate": ("fast", "must be a number of at least 0, got 'fast'"),
    "meta_algorithm": ("sgd", "must be 'joint', 'maml' or 'reptile', got 'sgd'"),
    "trainable": ("everything", "must be"),
    "patience": (0, "must be a whole number of at least 1"),
}


@pytest.mark.parametrize("name", WRONG_PARAMETERS)
def test_wrong_parameters(name):
    value, message = WRONG_PARAMETERS[name]
    with pytest.raises(ValueError, match=f"`{name}` {message}"):
        fit(make_meta_net(**{name: value}), *make_numbers())


def test_one_class():
    X, _, language = make_numbers()
    with pytest.raises(ValueError, match="at least two classes, but y holds 1 class"):
        make_model("numbers").fit(X, np.ones(len(X)), language=language)


def test_unlabelled_rows_and_the_whole_table_at_once():
    """English and Chinese in one table, the Chinese half without labels."""
    X, y = make_pair(40, 40, n_labelled=20)
    model = make_meta_net(max_epochs=1).fit(X, y)
    assert model.languages_ == ["en", "zh"]
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
