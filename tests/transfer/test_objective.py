"""The terms of the objective: each alone, and together."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY, make_classifier, make_pair
from torch import nn
from transfer_cases import ENGLISH, FEW_SHOT, NUMBERS, SWAPPED, UNLABELLED, features, fit

from metaling_sk import TransferClassifier
from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._network import losses
from metaling_sk._network.classifier import Output
from metaling_sk.transfer._objective import TransferObjective
from metaling_sk.transfer._terms import TERMS, Term

# Each term


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("terms", [*TERMS, list(TERMS)], ids=[*TERMS, "all together"])
def test_a_term_runs_and_is_in_the_history(terms, trainable):
    model = make_classifier(
        target_languages="zh",
        transfer=terms,
        dictionary=DICTIONARY,
        trainable=trainable,
        max_epochs=2,
    ).fit(*FEW_SHOT)
    terms = [terms] if isinstance(terms, str) else terms
    assert model.transfer_ == terms
    history = model.history_
    assert history["stage"].tolist() == ["source", "source", "target", "target"]
    assert history["epoch"].tolist() == [1, 2, 1, 2]
    target = history[history["stage"] == "target"]
    assert np.isfinite(target[["train_loss", "valid_loss", "source", *terms]]).all(axis=None)
    is_linear = "head_penalty" in history
    assert is_linear == (trainable == "head" and not {"coral", "mmd", "adversarial"} & set(terms))
    parts = ["source", *terms] + is_linear * ["head_penalty"]
    np.testing.assert_allclose(target["train_loss"], target[parts].sum(axis=1), rtol=1e-5)
    assert history.columns.size == 4 + len(parts)


@pytest.mark.parametrize("terms", ["coral", "mmd", "adversarial", "distill"])
def test_terms_that_need_no_target_label(terms):
    model = make_classifier(transfer=terms).fit(*UNLABELLED)
    assert model.transfer_ == [terms]
    assert model.source_languages_ == ["en"] and model.target_languages_ == ["zh"]
    assert np.isfinite(model.history_.loc[1:, terms]).all()


@pytest.mark.parametrize("terms", ["labels", "coral", "l2sp"])
def test_terms_on_numbers(terms):
    X, y = FEW_SHOT
    model = make_classifier(target_languages="zh", transfer=terms)
    model.fit(features(X), y, language=X["language"])
    assert np.isfinite(model.history_.loc[1:, terms]).all()


def test_the_weight_multiplies_the_terms():
    model = make_classifier(
        target_languages="zh", transfer=["labels", "coral"], transfer_weight=0.25
    ).fit(*FEW_SHOT)
    target = model.history_.iloc[1:]
    expected = target["source"] + 0.25 * (target["labels"] + target["coral"])
    np.testing.assert_allclose(target["train_loss"], expected, rtol=1e-5)


def test_a_weight_of_zero_leaves_the_source_loss():
    parameters = {"target_languages": "zh", "validation_fraction": 0, "language_norm": False}
    without = make_classifier(transfer=["l2sp"], transfer_weight=0, **parameters).fit(*FEW_SHOT)
    with_it = make_classifier(transfer=["l2sp"], transfer_weight=1e6, **parameters).fit(*FEW_SHOT)
    far, near = (
        losses.l2sp(model.net_.module_.parameters(), start.net_.module_.parameters()).item()
        for model in (without, with_it)
        for start in [model.source_model_]
    )
    assert near < 0.1 * far


def test_the_best_epoch_is_not_told_by_terms_that_weigh_nothing():
    model = make_classifier(
        target_languages="zh", transfer="labels", transfer_weight=0, validation_fraction=0.3
    )
    assert (model.fit(*FEW_SHOT).history_["valid_loss"] > 0).all()


def test_coral_brings_the_representations_together():
    X, y = FEW_SHOT
    parameters = {
        "target_languages": "zh",
        "trainable": "head",
        "max_epochs": 20,
        "learning_rate": 0.01,
        "validation_fraction": 0,
    }
    plain = make_classifier(transfer=["coral"], transfer_weight=0, **parameters).fit(X, y)
    aligned = make_classifier(transfer=["coral"], transfer_weight=1e4, **parameters).fit(X, y)
    assert aligned.history_["coral"].iloc[-1] < 0.5 * plain.history_["coral"].iloc[-1]


# Refusals

ENGLISH_SOURCE = make_pipeline(TfidfVectorizer(), LogisticRegression())
ENGLISH_SOURCE.fit(ENGLISH[0]["text"], ENGLISH[1])
NOTHING_TO_WORK_ON = {
    "labels": ({"transfer": "labels"}, UNLABELLED, "'labels' needs labelled rows in a target"),
    "distill": ({"transfer": "distill"}, ENGLISH, "'distill' needs rows in a target language"),
    "coral": ({"transfer": "coral"}, ENGLISH, "'coral' needs rows in a target language"),
    "mmd": ({"transfer": "mmd"}, ENGLISH, "'mmd' needs rows in a target language"),
    "no source": (
        {"transfer": "adversarial", "source": ENGLISH_SOURCE} | SWAPPED,
        UNLABELLED,
        "'adversarial' needs labelled rows in a source language",
    ),
    "l2sp": ({"transfer": "l2sp", "source": "linear"}, FEW_SHOT, "'l2sp' needs a network as"),
    "code_switch": ({"transfer": "code_switch"}, FEW_SHOT, "'code_switch' needs texts and a"),
    "code_switch on numbers": (
        {"transfer": "code_switch", "dictionary": DICTIONARY, "target_languages": "und"},
        (NUMBERS, np.where(np.isnan(FEW_SHOT[1]), 0, FEW_SHOT[1])),
        "'code_switch' needs ",
    ),
}


@pytest.mark.parametrize("case", NOTHING_TO_WORK_ON)
def test_a_term_with_nothing_to_work_on(case):
    parameters, (X, y), message = NOTHING_TO_WORK_ON[case]
    with pytest.raises(ValueError, match=f"`transfer`: {message}"):
        fit(parameters, X, y)


@pytest.mark.parametrize("transfer", [3, {"labels": 1}, "coral, mmd"])
def test_a_transfer_that_is_no_list_of_terms(transfer):
    with pytest.raises(
        ValueError, match="'transfer' parameter of TransferClassifier must be .*'auto'"
    ):
        fit({"transfer": transfer})


def test_aligning_a_frozen_source_without_a_hidden_layer():
    own = fit({"trainable": "head"})
    with pytest.raises(ValueError, match="'coral' needs an encoder that is trained, or a source"):
        fit({"trainable": "head", "source": own, "transfer": "coral"})


# The formula


def test_the_objective_is_the_formula():
    rng = np.random.default_rng(0)
    weight, temperature, class_weight = 0.3, 2.0, np.array([1.0, 3.0])
    batches, outputs = {}, {}
    for stream in ("source", "labels", "target", "code_switch"):
        y, teacher = rng.integers(2, size=8), softmax(rng.normal(size=(8, 2)), axis=1)
        logits, vectors = rng.normal(size=(8, 2)), rng.normal(size=(8, 3))
        batches[stream] = Batch({}, torch.zeros(8), torch.tensor(y), torch.tensor(teacher).float())
        outputs[stream] = Output(torch.tensor(logits), torch.tensor(vectors).float())
    module = nn.Linear(3, 2)
    start = [parameter.detach() + 1 for parameter in module.parameters()]
    objective = TransferObjective(
        TERMS,
        weight,
        temperature,
        torch.tensor(class_weight).float(),
        n_features=3,
        start=start,
        source_weight=0.5,
    )
    objective.progress = 0.5
    step = TrainingStep(
        batches, sizes={"source": 80, "labels": 64, "target": 80, "code_switch": 80}
    )
    values = objective(outputs, step, module, True)

    def mean_loss(stream):
        y = batches[stream].y.numpy()
        log_p = log_softmax(outputs[stream].logits.numpy(), axis=1)[np.arange(8), y]
        return -(class_weight[y] * log_p).mean()

    teacher = batches["target"].teacher
    source, target = (outputs[name].representation for name in ("source", "target"))
    strength = 2 / (1 + np.exp(-10 * 0.5)) - 1
    terms = {
        "labels": 64 / (64 + 256) * mean_loss("labels"),
        "code_switch": mean_loss("code_switch"),
        "distill": losses.distillation(outputs["target"].logits, teacher, temperature).item(),
        "coral": losses.coral(source, target).item(),
        "mmd": losses.mmd(source, target).item(),
        "adversarial": losses.adversarial(
            objective.parts["adversarial"], source, target, strength
        ).item(),
        "l2sp": 8 / 2,
    }
    assert set(values) == {"source", *TERMS} == {"source", *terms}
    for name, value in terms.items():
        assert values[name].item() == pytest.approx(value, rel=1e-5)
    expected = 0.5 * mean_loss("source") + weight * sum(terms.values())
    assert objective.total(values).item() == pytest.approx(expected, rel=1e-5)
    # Rows held out are judged by their predictions alone.
    held_out = objective(outputs, step, module, False)
    assert set(held_out) == {"source", "labels", "distill", "code_switch"}


@pytest.mark.parametrize("term", ["coral", "mmd", "adversarial"])
def test_aligning_terms_alone_with_too_few_source_rows_to_hold_any_out(term):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(136, 3)), np.r_[np.tile([0.0, 1.0], 8), np.full(120, np.nan)]
    clf = TransferClassifier(target_languages="zh", transfer=term, max_epochs=2, verbose=0)
    clf.fit(X, y, language=["en"] * 16 + ["zh"] * 120)
    assert "valid_loss" not in clf.history_


class Confidence(Term):
    """Entropy of the predictions for target text."""

    name = "confidence"
    streams = ("target",)

    def find_lack(self, situation):
        return None if situation.has_target else "rows in a target language"

    def value(self, objective, outputs, step, network):
        p = outputs["target"].logits.softmax(dim=1)
        return -(p * p.log()).sum(dim=1).mean()


def test_a_new_term_is_one_class(monkeypatch):
    monkeypatch.setitem(TERMS, "confidence", Confidence())
    X, y = make_pair()
    entropies = []
    for weight in (0.0, 3.0):
        # The names that `transfer` takes alone are declared when the class is made; lists are open.
        model = make_classifier(
            target_languages="zh",
            transfer=["confidence"],
            transfer_weight=weight,
            max_epochs=10,
            learning_rate=0.01,
        ).fit(X, y)
        p = model.predict_proba(X[X["language"] == "zh"])
        entropies.append(-(p * np.log(p)).sum(axis=1).mean())
    assert "confidence" in model.history_
    assert entropies[1] < entropies[0]
    english = X["language"] == "en"
    with pytest.raises(ValueError, match="'confidence' needs rows in a target language"):
        model.fit(X[english], y[english])


def test_a_few_held_out_target_labels_do_not_tell_the_best_epoch_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 5))
    by_chance = rng.permutation(np.tile([0, 1], 20))
    y = np.r_[(X[:200, 0] > 0).astype(int), by_chance]
    clf = TransferClassifier(target_languages="zh", max_epochs=10, verbose=0, random_state=0)
    clf.fit(X, y, language=["en"] * 200 + ["zh"] * 40)
    target = clf.history_.query("stage == 'target'")
    assert target["valid_loss"].idxmin() == target.index[-1]
