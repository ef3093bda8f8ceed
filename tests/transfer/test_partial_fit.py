"""warm_start and partial_fit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from tiny import DICTIONARY, make_classifier, make_learner, make_pair
from transfer_cases import CHINESE, ENGLISH, FEW_SHOT, features, fit

from metaling_sk import load
from metaling_sk.exceptions import InputWarning


def test_warm_start_goes_on():
    model = make_classifier(warm_start=True, learning_rate=0.01, target_languages="zh")
    first = model.fit(*FEW_SHOT).history_
    second = model.fit(*FEW_SHOT).history_
    assert second["stage"].unique().tolist() == ["target"]
    assert second["source"].iloc[0] < first["source"].iloc[0]
    weights = copy.deepcopy(model.net_.module_.head.state_dict())
    model.set_params(learning_rate=0.0).fit(*FEW_SHOT)
    assert torch.equal(weights["weight"], model.net_.module_.head.weight)
    cold = clone(model).set_params(learning_rate=0.01, warm_start=False).fit(*FEW_SHOT)
    again = clone(cold).fit(*FEW_SHOT).fit(*FEW_SHOT)
    np.testing.assert_array_equal(cold.predict_proba(CHINESE[0]), again.predict_proba(CHINESE[0]))


def test_warm_start_takes_new_languages_but_no_new_labels():
    X, y = FEW_SHOT
    model = make_classifier(warm_start=True, target_languages="zh").fit(X, y)
    model.set_params(target_languages="fr").fit(X.assign(language=["en", "fr"] * 60), y)
    assert model.languages_ == ["en", "zh", "fr"]
    with pytest.raises(ValueError, match=r"none of the classes \[0.0, 1.0\]: \[2.0\]"):
        model.fit(X, np.where(y == 1, 2, y))


def test_warm_start_needs_the_same_features():
    X, y = features(ENGLISH[0]), ENGLISH[1]
    model = make_classifier(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="fitted on 6 features, but X has 2"):
        model.fit(X[:, :2], y)


def test_partial_fit_learns():
    X, y = FEW_SHOT
    model = make_learner(target_languages="zh")
    for _ in range(10):
        assert model.partial_fit(X, y) is model
    assert model.history_["epoch"].tolist() == list(range(1, 11))
    assert model.history_["train_loss"].iloc[-1] < 0.2 * model.history_["train_loss"].iloc[0]
    assert model.score(*CHINESE) > 0.9
    again = make_learner(target_languages="zh")
    for _ in range(10):
        again.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(CHINESE[0]), again.predict_proba(CHINESE[0]))


def test_partial_fit_in_parts():
    X, y = make_pair(60, 60, n_labelled=60, joiner=" ")
    rows = np.random.default_rng(0).permutation(len(X))
    model = make_learner(target_languages="zh", transfer=["labels", "coral"])
    model.partial_fit(X, y, classes=[0, 1])
    for _ in range(4):
        for part in np.array_split(rows, 3):
            model.partial_fit(X.iloc[part], y[part])
    assert model.score(*CHINESE) > 0.9


@pytest.mark.parametrize("transfer", [None, "coral"])
def test_partial_fit_goes_on_where_no_language_has_all_labels(transfer):
    X, y = make_pair(60, 60, n_labelled=60, joiner=" ")
    y = np.where(np.arange(120) % 2 == 0, y, np.nan)
    model = make_learner(transfer=transfer)
    for _ in range(10):
        model.partial_fit(X, y)
    assert model.source_languages_ == []
    losses = model.history_["source"]
    assert losses.iloc[-1] < 0.5 * losses.iloc[0]


@pytest.mark.parametrize("start", ["fit", "partial_fit"])
def test_partial_fit_learns_target_labels_that_come_later(start):
    X, y = features(FEW_SHOT[0]), FEW_SHOT[1]
    language = FEW_SHOT[0]["language"].to_numpy()
    found = []
    for flipped in (False, True):
        model = make_classifier(target_languages="zh", learning_rate=0.05)
        getattr(model, start)(X, np.where(language == "zh", np.nan, y), language=language)
        assert model.transfer_ == []
        later = np.where(flipped & (language == "zh"), 1 - y, y)
        model.partial_fit(X, later, language=language)
        assert model.transfer_ == ["labels"]
        found.append(model.predict_proba(X, language=language))
    assert "labels" in model.history_
    assert not np.allclose(*found)


def test_partial_fit_with_the_classes_named():
    X, y = FEW_SHOT
    one_class = y == 1
    model = make_classifier(target_languages="zh")
    with pytest.raises(ValueError, match="at least two classes, but y holds 1 class"):
        model.partial_fit(X[one_class], y[one_class])
    model = make_classifier(target_languages="zh")
    model.partial_fit(X[one_class], y[one_class], classes=[2, 0, 1])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.partial_fit(X, y).predict_proba(X).shape == (len(X), 3)
    with pytest.raises(ValueError, match=r"none of the classes \[0, 1, 2\]: \[3.0\]"):
        model.partial_fit(X, np.where(y == 1, 3, y))
    with pytest.raises(ValueError, match=r"none of the classes \[1, 2\]: \[0.0\]"):
        make_classifier(target_languages="zh").partial_fit(X, y, classes=[1, 2])


@pytest.mark.parametrize("planned_epochs", [None, 4])
@pytest.mark.parametrize("random_state", [0, None])
def test_epochs_in_one_call_or_several(random_state, planned_epochs):
    """Also when the estimator is pickled between two of them."""

    def train(*calls):
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        model = make_classifier(target_languages="zh", random_state=random_state)
        for n_epochs in calls:
            model.partial_fit(*FEW_SHOT, n_epochs=n_epochs, planned_epochs=planned_epochs)
            model = pickle.loads(pickle.dumps(model))
        return model

    once, often = train(4), train(1, 2, 1)
    assert once.history_["epoch"].tolist() == often.history_["epoch"].tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(once.predict_proba(CHINESE[0]), often.predict_proba(CHINESE[0]))


def test_partial_fit_beyond_the_plan():
    model = make_classifier(target_languages="zh")
    model.partial_fit(*FEW_SHOT, n_epochs=2, planned_epochs=3)
    with pytest.raises(ValueError, match="`planned_epochs` is 3, but 2 more epochs after 2 are 4"):
        model.partial_fit(*FEW_SHOT, n_epochs=2, planned_epochs=3)
    with pytest.raises(ValueError, match="`n_epochs` must be"):
        model.partial_fit(*FEW_SHOT, n_epochs=0)


def test_partial_fit_after_fit_goes_on_learning():
    model = make_classifier(learning_rate=0.01, target_languages="zh").fit(*FEW_SHOT)
    weight = model.net_.module_.head.weight.detach().clone()
    before = model.history_["source"].iloc[-1]
    for _ in range(3):
        model.partial_fit(*FEW_SHOT)
    assert (model.net_.module_.head.weight - weight).abs().max() > 1e-3
    assert model.history_["source"].iloc[-1] < before


def test_partial_fit_starts_from_a_source():
    own = make_classifier(target_languages="zh").fit(*FEW_SHOT)
    model = make_classifier(source=own, target_languages="zh", learning_rate=0.0)
    model.partial_fit(*FEW_SHOT)
    assert torch.equal(own.net_.module_.head.weight, model.net_.module_.head.weight)


def test_partial_fit_with_a_teacher():
    X, y = make_pair(120, 120, joiner=" ")
    model = make_learner(source="linear", dictionary=DICTIONARY, self_training=0)
    for _ in range(8):
        model.partial_fit(X, y)
    assert model.score(*CHINESE) > 0.9


# Refusals


def test_partial_fit_refuses_what_it_cannot_learn_from(tmp_path):
    X, y = FEW_SHOT
    english, chinese = (X["language"] == code for code in ("en", "zh"))
    model = make_classifier(target_languages="zh", transfer="coral").partial_fit(X, y)
    with pytest.raises(ValueError, match=r"X has no row in the languages \['en', 'zh'\]"):
        model.partial_fit(X.assign(language="fr"), y)
    with pytest.raises(ValueError, match="X has no row that the objective can learn from"):
        model.partial_fit(X[chinese], y[chinese])
    model.partial_fit(X[english], y[english])
    for source in (None, fit({})):
        model = make_classifier(target_languages="zh", transfer="distill", source=source)
        with pytest.raises(ValueError, match="'distill' needs a classifier as `source` in partial"):
            model.partial_fit(X, y)
    fit({}).save(tmp_path)
    with pytest.raises(ValueError, match="partial_fit cannot go on with a loaded estimator"):
        load(tmp_path).partial_fit(X, y)


def test_history_goes_on_in_partial_fit():
    clf = make_learner(max_epochs=2, random_state=0)
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = (X[:, 0] > 0).astype(int)
    clf.fit(X, y).partial_fit(X, y).partial_fit(X, y)
    assert clf.history_["stage"].tolist() == ["source"] * 2 + ["partial_fit"] * 2
    assert clf.history_["epoch"].tolist() == [1, 2, 3, 4]


def test_partial_fit_warns_of_parameters_that_come_too_late():
    model = make_classifier().partial_fit(*FEW_SHOT).set_params(batch_size=4)
    model.partial_fit(*FEW_SHOT)
    model.set_params(learning_rate=0.1, class_weight={0: 1, 1: 9})
    with pytest.warns(InputWarning, match="next fit: 'learning_rate', 'class_weight'"):
        model.partial_fit(*FEW_SHOT)
