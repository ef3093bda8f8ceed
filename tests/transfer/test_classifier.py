import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from skorch.callbacks import Callback
from tiny import (
    DICTIONARY,
    make_classifier,
    make_config,
    make_learner,
    make_meta_net,
    make_pair,
    make_reviews,
)
from torch import nn

from metaling_sk import EncoderVectorizer, LinearTransferClassifier, TransferClassifier, load
from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._network import losses
from metaling_sk._network.classifier import Output
from metaling_sk.transfer._objective import TERMS, TransferObjective

FEW_SHOT = make_pair(60, 60, n_labelled=40, joiner=" ")
UNLABELLED = make_pair(60, 60, joiner=" ")
CHINESE = make_reviews(100, "zh", seed=7, joiner=" ")
ENGLISH = make_reviews(60, "en", seed=0, joiner=" ")


def features(X, n_columns=6):
    """Numbers that tell the label of a review, more or less."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(len(X), n_columns))


# Terms


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("terms", [*TERMS, list(TERMS)], ids=[*TERMS, "all together"])
def test_a_term_runs_and_is_in_the_history(terms, trainable):
    model = make_classifier(
        target_languages="zh", transfer=terms, dictionary=DICTIONARY, trainable=trainable
    ).fit(*FEW_SHOT)
    terms = [terms] if isinstance(terms, str) else terms
    assert model.transfer_ == terms
    history = model.history_
    assert history["stage"].tolist() == ["source", "source", "target", "target"]
    assert history["epoch"].tolist() == [1, 2, 1, 2]
    target = history[history["stage"] == "target"]
    assert np.isfinite(target[["train_loss", "valid_loss", "source", *terms]]).all(axis=None)
    np.testing.assert_allclose(
        target["train_loss"], target["source"] + target[terms].sum(axis=1), rtol=1e-5
    )
    assert history.columns.size == 5 + len(terms)


@pytest.mark.parametrize("terms", ["coral", "mmd", "adversarial", "distill"])
def test_terms_that_need_no_target_label(terms):
    model = make_classifier(transfer=terms).fit(*UNLABELLED)
    assert model.transfer_ == [terms]
    assert model.source_languages_ == ["en"] and model.target_languages_ == ["zh"]
    assert np.isfinite(model.history_.loc[2:, terms]).all()


@pytest.mark.parametrize("terms", ["labels", "coral", "l2sp"])
def test_terms_on_numbers(terms):
    X, y = FEW_SHOT
    model = make_classifier(target_languages="zh", transfer=terms)
    model.fit(features(X), y, language=X["language"])
    assert np.isfinite(model.history_.loc[2:, terms]).all()


def test_the_weight_multiplies_the_terms():
    model = make_classifier(
        target_languages="zh", transfer=["labels", "coral"], transfer_weight=0.25
    ).fit(*FEW_SHOT)
    target = model.history_.iloc[2:]
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


# What crosses to the target language


def test_labels_of_the_target_language_are_learnt():
    english_alone = make_learner(target_languages="zh").fit(*ENGLISH)
    few_shot = make_learner(target_languages="zh").fit(*FEW_SHOT)
    assert few_shot.transfer_ == ["labels"]
    assert few_shot.score(*CHINESE) > 0.9 > english_alone.score(*CHINESE)


def test_zero_shot_without_a_target_row():
    model = make_learner(target_languages="zh").fit(*ENGLISH)
    assert model.transfer_ == []
    assert model.target_languages_ == ["zh"]
    assert set(model.history_["stage"]) == {"source"}
    assert model.source_model_.net_ is model.net_
    assert model.predict(CHINESE[0]).shape == (100,)
    assert model.score(*make_reviews(50, "en", seed=3, joiner=" ")) > 0.9


def test_code_switched_text_carries_the_labels():
    plain = make_learner(transfer=None).fit(*UNLABELLED)
    switched = make_learner(transfer="code_switch", dictionary=DICTIONARY).fit(*UNLABELLED)
    assert switched.score(*CHINESE) > max(0.9, plain.score(*CHINESE))


def test_a_linear_teacher_carries_the_labels():
    model = make_learner(source="linear", dictionary=DICTIONARY, self_training=0).fit(*UNLABELLED)
    assert model.transfer_ == ["distill"]
    assert model.history_["stage"].unique().tolist() == ["target"]
    assert model.source_model_.score(*CHINESE) > 0.9
    assert model.score(*CHINESE) > 0.9


def test_a_linear_teacher_of_our_own():
    teacher = LinearTransferClassifier(dictionary=DICTIONARY, n_topics=1, random_state=0)
    model = make_learner(source=teacher.fit(*UNLABELLED)).fit(*UNLABELLED)
    assert model.source_model_ is teacher
    assert model.score(*CHINESE) > 0.9


def test_a_dictionary_in_a_file(tmp_path):
    path = tmp_path / "dictionary.tsv"
    path.write_text("".join(f"{word}\t{found}\n" for word, (found,) in DICTIONARY.items()))
    from_file = make_classifier(source="linear", dictionary=str(path)).fit(*UNLABELLED)
    from_mapping = make_classifier(source="linear", dictionary=DICTIONARY).fit(*UNLABELLED)
    np.testing.assert_array_equal(
        from_file.predict_proba(CHINESE[0]), from_mapping.predict_proba(CHINESE[0])
    )


def test_rows_in_other_languages_are_not_learnt_from():
    X, y = FEW_SHOT
    french = X.assign(language="fr", text="bon " + X["text"])
    both = pd.concat([X, french], ignore_index=True)
    parameters = {"source_languages": "en", "target_languages": "zh"}
    with_french = make_classifier(**parameters).fit(both, np.concatenate([y, 5 + y]))
    without = make_classifier(**parameters).fit(X, y)
    assert with_french.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(
        with_french.predict_proba(CHINESE[0]), without.predict_proba(CHINESE[0])
    )


def test_several_sources_and_targets():
    X, y = FEW_SHOT
    shifted = X.assign(language=X["language"].map({"en": "de", "zh": "ja"}))
    both = pd.concat([X, shifted], ignore_index=True)
    model = make_classifier(source_languages=["en", "de"]).fit(both, np.concatenate([y, y]))
    assert model.source_languages_ == ["de", "en"]
    assert model.target_languages_ == ["ja", "zh"]
    assert model.languages_ == ["de", "en", "ja", "zh"]


def test_self_training_of_the_network():
    X, y = FEW_SHOT
    model = make_classifier(self_training=2, target_languages="zh").fit(X, y)
    stages = ["source", "target", "self-training 1", "self-training 2"]
    assert model.history_["stage"].unique().tolist() == stages
    assert model.transfer_ == ["labels"]
    learner = make_learner(self_training=2, target_languages="zh", max_epochs=15).fit(X, y)
    assert learner.score(*CHINESE) > 0.9


def test_self_training_without_unlabelled_rows_trains_nothing_more():
    X, y = make_pair(20, 20, n_labelled=20)
    model = make_classifier(self_training=2, target_languages="zh").fit(X, y)
    assert model.history_["stage"].unique().tolist() == ["source", "target"]


# Sources


def test_an_estimator_as_source_gives_its_weights():
    own = make_classifier(target_languages="zh").fit(*FEW_SHOT)
    before = pickle.dumps(own)
    model = make_classifier(source=own, target_languages="zh", learning_rate=0.0)
    model.fit(*UNLABELLED)
    assert model.source_model_ is own
    assert model.history_["stage"].unique().tolist() == ["target"]
    for name, weight in own.net_.module_.named_parameters():
        assert torch.equal(weight, model.net_.module_.get_parameter(name))
    model.set_params(learning_rate=0.01).fit(*FEW_SHOT)
    assert not torch.equal(own.net_.module_.head.weight, model.net_.module_.head.weight)
    assert pickle.dumps(own) == before


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("transfer", ["auto", "distill", "l2sp", "labels"])
def test_a_source_learns_further_languages(trainable, transfer):
    X, y = FEW_SHOT
    renamed = X.assign(language=X["language"].map({"en": "en", "zh": "fr"}))
    own = make_classifier(target_languages="fr", trainable=trainable).fit(renamed, y)
    model = make_classifier(
        source=own, target_languages="zh", trainable=trainable, transfer=transfer
    ).fit(X, y)
    assert model.languages_ == ["en", "fr", "zh"]
    assert own.languages_ == ["en", "fr"]
    assert np.isfinite(model.predict_proba(CHINESE[0])).all()
    assert np.isfinite(model.predict_proba(renamed)).all()


def test_a_source_on_numbers():
    X, y = FEW_SHOT
    numbers, language = features(X), X["language"].to_numpy()
    own = make_classifier(target_languages="zh").fit(numbers, y, language=language)
    model = make_classifier(source=own, target_languages="zh", learning_rate=0.0)
    model.fit(numbers, y, language=language)
    np.testing.assert_array_equal(
        model.predict_proba(numbers, language=language),
        own.predict_proba(numbers, language=language),
    )


def test_the_learnt_hidden_layer_of_a_source_can_be_aligned():
    own = make_classifier(target_languages="zh", trainable="head", transfer="coral").fit(*FEW_SHOT)
    model = make_classifier(source=own, target_languages="zh", trainable="head", transfer="mmd")
    assert np.isfinite(model.fit(*FEW_SHOT).history_["mmd"]).all()


META_NETS = {
    "trained": {},
    "without a norm": {"language_norm": False},
    "low-rank updates": {"trainable": "lora"},
    "generated adapters only": {"trainable": "adapter"},
    "frozen": {"trainable": "head"},
    "characters": {"encoder": TfidfVectorizer(analyzer="char")},
    "numbers": {},
}


def make_meta_pair(kind):
    """A fitted meta network, and what it was fitted on."""
    X, y = FEW_SHOT
    language = X["language"].to_numpy()
    X = features(X) if kind == "numbers" else X["text"].tolist()
    meta = make_meta_net(learning_rate=0.02, **META_NETS[kind]).fit(X, y, language=language)
    return meta, X, y, language


@pytest.mark.parametrize("kind", META_NETS)
def test_a_meta_network_as_source_gives_its_meta_model(kind, tmp_path):
    meta, X, y, language = make_meta_pair(kind)
    expected = meta.predict_proba(X, language="fr")
    assert np.ptp(expected[:, 0]) > 0.01
    before = pickle.dumps(meta)
    model = make_classifier(
        source=meta, trainable=meta.trainable, target_languages="zh", learning_rate=0.0
    ).fit(X, y, language=language)
    assert model.source_model_ is meta
    assert model.languages_ == meta.languages_
    assert model.history_["stage"].unique().tolist() == ["target"]
    module = model.net_.module_
    if module.norm is not None:  # Whose running means go on even so.
        module.norm = copy.deepcopy(meta.net_.module_.norm)
    assert len(module.encoder.adapters) == 1
    np.testing.assert_allclose(model.predict_proba(X, language="fr"), expected, rtol=1e-4)
    if kind != "characters":
        model.save(tmp_path)
        found = load(tmp_path).predict_proba(X, language="fr")
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    model.set_params(learning_rate=0.01, warm_start=True, transfer="coral")
    model.fit(X, y, language=language)
    assert not np.allclose(model.predict_proba(X, language="fr"), expected)
    assert pickle.dumps(meta) == before


def test_full_fine_tuning_of_a_meta_model():
    meta = make_meta_net(trainable="adapter").fit(*FEW_SHOT)
    model = make_classifier(source=meta, target_languages="zh", learning_rate=0.01).fit(*FEW_SHOT)
    ours, theirs = (dict(each.text_encoder_.named_parameters()) for each in (model, meta))
    assert not any(torch.equal(weight, ours[name]) for name, weight in theirs.items())


def test_learning_rates_of_a_pretrained_source(bert, tmp_path):
    make_classifier(encoder=bert, learning_rate="auto").fit(*FEW_SHOT).save(tmp_path)
    meta = make_meta_net(encoder=bert, trainable="adapter", learning_rate="auto").fit(*FEW_SHOT)
    for source in (load(tmp_path), meta):
        model = make_classifier(source=source, learning_rate="auto").fit(*FEW_SHOT)
        groups = model.net_.optimizer_.param_groups
        assert {group["initial_lr"] for group in groups} == {2e-3, 5e-5}


def test_a_loaded_estimator_as_source(tmp_path):
    own = make_classifier(target_languages="zh").fit(*FEW_SHOT)
    own.save(tmp_path)
    parameters = {"target_languages": "zh", "transfer": ["labels", "distill"]}
    model = make_classifier(source=load(tmp_path), **parameters).fit(*FEW_SHOT)
    other = make_classifier(source=own, **parameters).fit(*FEW_SHOT)
    np.testing.assert_allclose(
        model.predict_proba(CHINESE[0]), other.predict_proba(CHINESE[0]), rtol=1e-3
    )


def bag_of_words():
    return make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 2)), LogisticRegression(C=10)
    )


def test_an_sklearn_pipeline_as_source():
    pipeline = bag_of_words()
    model = make_learner(source=pipeline, dictionary=DICTIONARY).fit(*UNLABELLED)
    assert model.score(*CHINESE) > 0.9
    assert model.transfer_ == ["distill"]
    assert not hasattr(pipeline[0], "vocabulary_")
    # Fitted on the translation, it knows Chinese only.
    assert not any(letter in "".join(model.source_model_[0].vocabulary_) for letter in "aeiou")


def test_a_union_of_characters_and_vectors_as_source():
    union = make_union(TfidfVectorizer(), EncoderVectorizer(make_config(), verbose=0))
    model = make_classifier(source=make_pipeline(union, LogisticRegression())).fit(*UNLABELLED)
    assert model.transfer_ == ["distill"]


def test_a_fitted_sklearn_pipeline_as_source():
    X, y = CHINESE
    pipeline = bag_of_words().fit(X["text"], y)
    model = make_learner(source=pipeline).fit(*UNLABELLED)
    assert model.source_model_ is pipeline
    assert model.score(X, y) > 0.9


def test_a_frozen_estimator_as_source_teaches():
    own = make_learner(target_languages="zh").fit(*FEW_SHOT)
    model = make_learner(source=FrozenEstimator(own)).fit(*UNLABELLED)
    assert model.transfer_ == ["distill"]
    assert model.score(*CHINESE) > 0.9
    probabilities = model.source_model_.predict_proba(CHINESE[0])
    np.testing.assert_array_equal(probabilities, own.predict_proba(CHINESE[0]))


def test_a_classifier_of_numbers_as_source():
    X, y = UNLABELLED
    numbers = features(X)
    numbers[:, 0] = np.concatenate([y[:60], make_reviews(60, "zh", 1)[1]])
    model = make_learner(source=LogisticRegression(), language_norm=False)
    model.fit(numbers, y, language=X["language"])
    assert model.score(numbers[60:], numbers[60:, 0].astype(int), language="zh") > 0.9


def test_the_temperature_softens_the_teacher():
    cold, warm = (
        make_classifier(source="linear", dictionary=DICTIONARY, temperature=temperature)
        .fit(*UNLABELLED)
        .history_["distill"][0]
        for temperature in (1.0, 4.0)
    )
    assert cold != warm


# warm_start and partial_fit


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
    for _ in range(25):
        assert model.partial_fit(X, y) is model
    assert model.history_["epoch"].tolist() == list(range(1, 26))
    assert model.history_["train_loss"].iloc[-1] < 0.2 * model.history_["train_loss"].iloc[0]
    assert model.score(*CHINESE) > 0.9
    again = make_learner(target_languages="zh")
    for _ in range(25):
        again.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(CHINESE[0]), again.predict_proba(CHINESE[0]))


def test_partial_fit_in_parts():
    X, y = make_pair(60, 60, n_labelled=60, joiner=" ")
    rows = np.random.default_rng(0).permutation(len(X))
    model = make_learner(target_languages="zh", transfer=["labels", "coral"])
    model.partial_fit(X, y, classes=[0, 1])
    for _ in range(12):
        for part in np.array_split(rows, 3):
            model.partial_fit(X.iloc[part], y[part])
    assert model.score(*CHINESE) > 0.9


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


def test_learning_rate_of_planned_epochs():
    """Up in the first epoch, then as it is for a third of them, then down to 0."""
    found = []

    class Record(Callback):
        def on_batch_end(self, net, training=None, **kwargs):
            if training:
                found.append(net.optimizer_.param_groups[0]["lr"])

    model = make_classifier(
        target_languages="zh", learning_rate=0.01, warmup=0.5, callbacks=[Record()]
    )
    for _ in range(3):
        model.partial_fit(*FEW_SHOT, planned_epochs=3)
    rates = np.array(found)
    per_epoch = len(rates) // 3
    assert (np.diff(rates[: per_epoch // 2]) > 0).all()
    np.testing.assert_allclose(rates[per_epoch // 2 : per_epoch - 1], 0.01)
    assert (np.diff(rates[per_epoch:]) < 0).all()
    assert rates[-1] < 0.001


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
    model = make_learner(
        source="linear", dictionary=DICTIONARY, self_training=0, learning_rate=0.003
    )
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.score(*CHINESE) > 0.9


# Training


def test_class_weights():
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 10 == 0).astype(int)
    X = rng.normal(size=(400, 2)) + y[:, None]

    def recall(class_weight):
        model = make_learner(class_weight=class_weight, batch_size=100, learning_rate=0.05)
        return model.fit(X, y).predict(X)[y == 1].mean()

    assert recall(None) < 0.4 < 0.6 < recall("balanced") < recall({0: 1, 1: 1000})


def test_balanced_classes_of_which_one_has_no_row():
    model = make_classifier(class_weight="balanced")
    assert model.partial_fit(*ENGLISH, classes=[0, 1, 2]).predict_proba(CHINESE[0]).shape[1] == 3


class RememberEpochs(Callback):
    """Keeps the weights of each epoch; its class is shared by copies, so that a test sees them."""

    states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append(copy.deepcopy(net.module_.state_dict()))


def test_early_stopping_restores_the_best_epoch():
    RememberEpochs.states.clear()
    # Random labels: what is learnt of them is of no use for the rows held out.
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 20)), rng.integers(2, size=60)
    model = make_classifier(
        callbacks=[RememberEpochs()],
        validation_fraction=0.3,
        patience=4,
        max_epochs=100,
        learning_rate=0.3,
    ).fit(X, y)
    losses = model.history_["valid_loss"].to_numpy()
    best = losses.argmin()
    assert len(losses) == best + 1 + 4 < 100
    for name, weight in model.net_.module_.state_dict().items():
        assert torch.equal(weight, RememberEpochs.states[best][name])


def test_without_validation_every_epoch_is_trained():
    model = make_classifier(validation_fraction=0, patience=1, max_epochs=6).fit(*ENGLISH)
    assert len(model.history_) == 6
    assert "valid_loss" not in model.history_


class Count(Callback):
    calls = []

    def on_train_begin(self, net, **kwargs):
        self.calls.append("begin")

    def on_epoch_end(self, net, **kwargs):
        self.calls.append("epoch")

    def on_train_end(self, net, **kwargs):
        self.calls.append("end")


def test_callbacks_may_have_names():
    Count.calls.clear()
    make_classifier(callbacks=[("counter", Count())]).fit(*ENGLISH)
    assert Count.calls == ["begin", "epoch", "epoch", "end"]


def test_callbacks_are_called_in_every_stage():
    Count.calls.clear()
    callbacks = [Count()]
    model = make_classifier(target_languages="zh", callbacks=callbacks).fit(*FEW_SHOT)
    assert Count.calls == ["begin", "epoch", "epoch", "end"] * 2
    assert model.callbacks is callbacks


class Interrupt(Callback):
    def __init__(self, error=KeyboardInterrupt):
        self.error = error

    def on_batch_end(self, net, **kwargs):
        raise self.error


def test_ctrl_c_ends_the_fit():
    model = make_classifier(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*ENGLISH)
    assert not hasattr(model, "net_")
    with pytest.raises(NotFittedError):
        model.predict(ENGLISH[0])


def test_memory_of_the_gpu():
    model = make_classifier(callbacks=[Interrupt(torch.OutOfMemoryError("2 GiB"))])
    with pytest.raises(MemoryError, match="lower `batch_size` or `max_length`, or .*2 GiB"):
        model.fit(*ENGLISH)


@pytest.mark.parametrize("language_norm", [True, False])
def test_a_loss_that_is_not_finite(language_norm):
    model = make_classifier(learning_rate=1e30, language_norm=language_norm)
    message = r"The loss became (nan|inf) in epoch 1, batch 2. Lower `learning_rate` \(now 1e\+30\)"
    with pytest.raises(ValueError, match=message):
        model.fit(*ENGLISH)


def test_the_net_is_within_reach():
    model = make_classifier(target_languages="zh").fit(*FEW_SHOT)
    assert len(model.net_.history) == 2
    assert model.net_.module_.head.out_features == 2


def test_low_precision():
    model = make_classifier(dtype="bfloat16", target_languages="zh").fit(*FEW_SHOT)
    assert np.isfinite(model.predict_proba(CHINESE[0])).all()


# Refusals

NUMBERS = features(FEW_SHOT[0])


def fit(parameters, X=FEW_SHOT[0], y=FEW_SHOT[1], **routed):
    return make_classifier(**{"target_languages": "zh"} | parameters).fit(X, y, **routed)


WRONG_PARAMETERS = {
    "max_length": (0, "`max_length` must be a whole number of at least 1, got 0"),
    "batch_size": (2.5, "`batch_size` must be a whole number of at least 1, got 2.5"),
    "max_epochs": (True, "`max_epochs` must be a whole number of at least 1, got True"),
    "patience": (0, "`patience` must be a whole number of at least 1"),
    "weight_decay": (-1, "`weight_decay` must be a number of at least 0, got -1"),
    "warmup": (2, "`warmup` must be a number from 0 to 1, got 2"),
    "validation_fraction that leaves nothing": (1.0, "must be less than 1"),
    "validation_fraction": (-0.1, "`validation_fraction` must be a number from 0 to 1"),
    "learning_rate": ("fast", "`learning_rate` must be a number of at least 0, got 'fast'"),
    "trainable": ("tail", r"`trainable` must be one of \['all', 'head', .* got 'tail'"),
    "transfer_weight": (-1, "`transfer_weight` must be a number of at least 0"),
    "temperature": (0, "`temperature` must be greater than 0"),
    "self_training": (-1, "`self_training` must be a whole number of at least 0"),
    "transfer": (["coral", "magic"], r"`transfer` must be 'auto' or some of .* got \['magic'\]"),
    "source": ("cubic", "`source` must be None, 'linear' or a classifier, got 'cubic'"),
    "device": ("abacus", "`device` must be 'auto' or a device of torch .* got 'abacus'"),
    "device that is not here": ("cuda:99", "that this machine has, got 'cuda:99'"),
    "dtype": ("int8", "`dtype` must be 'auto' or one of .* got 'int8'"),
    "source_languages": ("fr", r"X has no row in \['fr'\]; its languages are \['en', 'zh'\]"),
    "source_languages of another type": (3, "`source_languages` and `target_languages` must be"),
    "target_languages": (["en"], None),
}


@pytest.mark.parametrize("name", [name for name in WRONG_PARAMETERS if name != "target_languages"])
def test_wrong_parameters(name):
    value, message = WRONG_PARAMETERS[name]
    with pytest.raises(ValueError, match=message):
        fit({name.split()[0]: value})


def test_a_language_in_both_roles():
    with pytest.raises(ValueError, match=r"\['en'\] stand in `source_languages` and in"):
        fit({"source_languages": "en", "target_languages": ["en", "zh"]})


ENGLISH_SOURCE = make_pipeline(TfidfVectorizer(), LogisticRegression())
ENGLISH_SOURCE.fit(ENGLISH[0]["text"], ENGLISH[1])
SWAPPED = {"source_languages": "zh", "target_languages": "en"}
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


@pytest.mark.parametrize("source", [None, "linear", LogisticRegression()])
def test_source_languages_without_a_label(source):
    with pytest.raises(ValueError, match=r"No row in the source languages \['zh'\] has a label"):
        fit({"source": source} | SWAPPED, *UNLABELLED)


@pytest.mark.parametrize("transfer", [3, {"labels": 1}, "coral, mmd"])
def test_a_transfer_that_is_no_list_of_terms(transfer):
    with pytest.raises(ValueError, match="`transfer` must be 'auto'"):
        fit({"transfer": transfer})


def test_aligning_a_frozen_source_without_a_hidden_layer():
    own = fit({"trainable": "head"})
    with pytest.raises(ValueError, match="'coral' needs an encoder that is trained, or a source"):
        fit({"trainable": "head", "source": own, "transfer": "coral"})


def test_a_dictionary_needs_one_target_language():
    X, y = FEW_SHOT
    with pytest.raises(ValueError, match=r"there are 2 target languages: \['fr', 'zh'\]"):
        fit({"dictionary": DICTIONARY, "target_languages": ["fr", "zh"]}, X, y)


def test_a_source_of_another_kind():
    own = fit({})
    on_numbers = fit({}, NUMBERS, language=FEW_SHOT[0]["language"])
    language = FEW_SHOT[0]["language"].to_numpy()
    with pytest.raises(ValueError, match="`source` was fitted on texts, but X holds numeric feat"):
        fit({"source": own}, NUMBERS, language=language)
    with pytest.raises(ValueError, match="`source` was fitted on numeric features, but X holds te"):
        fit({"source": on_numbers})
    with pytest.raises(ValueError, match="`source` was fitted on 6 features, but X has 5"):
        fit({"source": on_numbers}, NUMBERS[:, :5], language=language)
    with pytest.raises(ValueError, match="`trainable`: the encoder to start from is trained; use"):
        fit({"source": own, "trainable": "head"})


def test_a_source_of_other_classes():
    X, y = FEW_SHOT
    own = fit({}, X, np.where(y == 1, 2, y))
    with pytest.raises(ValueError, match=r"none of the classes \[0.0, 2.0\]: \[1.0\]"):
        fit({"source": own})
    pipeline = bag_of_words().fit(X["text"], ["a", "b", "c"] * 40)
    with pytest.raises(
        ValueError, match=r"`source` knows the classes \['a', 'b', 'c'\], but y and"
    ):
        fit({"source": pipeline})


def test_a_source_without_probabilities():
    with pytest.raises(TypeError, match="`source`: LinearSVC has no predict_proba, .*Calibrated"):
        fit({"source": LinearSVC()})


def test_a_source_of_ours_that_is_not_fitted():
    with pytest.raises(NotFittedError, match="This TransferClassifier instance is not fitted yet"):
        fit({"source": TransferClassifier()})


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


# The losses, beside an independent computation


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def test_cross_entropy():
    logits, y, weight = draw(9, 3), np.arange(9) % 3, np.array([1.0, 2.0, 5.0])
    log_p = log_softmax(logits, axis=1)[np.arange(9), y]
    arguments = torch.tensor(logits), torch.tensor(y)
    assert losses.cross_entropy(*arguments).item() == pytest.approx(-log_p.mean())
    expected = -(weight[y] * log_p).sum() / weight[y].sum()
    found = losses.cross_entropy(*arguments, torch.tensor(weight).float()).item()
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_distillation(temperature):
    logits, teacher = draw(7, 4), softmax(2 * draw(7, 4) - 1, axis=1)
    softened = teacher ** (1 / temperature)
    softened /= softened.sum(axis=1, keepdims=True)
    student = log_softmax(logits / temperature, axis=1)
    divergence = (softened * (np.log(softened) - student)).sum(axis=1).mean()
    found = losses.distillation(torch.tensor(logits), torch.tensor(teacher), temperature)
    assert found.item() == pytest.approx(temperature**2 * divergence, rel=1e-4)


def test_distillation_of_oneself_is_zero_and_certainty_is_allowed():
    logits = torch.tensor(draw(5, 3))
    assert losses.distillation(logits, logits.softmax(1), 2.0).item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(losses.distillation(logits[:, :2], torch.eye(2)[[0, 1, 0, 1, 1]], 2.0))


def test_coral():
    source, target = draw(12, 5), 2 * draw(9, 5)
    difference = np.cov(source, rowvar=False) - np.cov(target, rowvar=False)
    expected = (difference**2).sum() / (4 * 5**2)
    found = losses.coral(torch.tensor(source), torch.tensor(target)).item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert losses.coral(torch.tensor(source[:1]), torch.tensor(target)).item() == 0


def test_mmd():
    source, target = draw(6, 3), 1 + draw(4, 3)

    def kernel(a, b, width):
        squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return np.mean([np.exp(-squared / (width * 2.0**power)) for power in (-2, -1, 0, 1, 2)])

    rows = np.concatenate([source, target])
    width = ((rows[:, None] - rows[None]) ** 2).sum(axis=2).mean()
    expected = (
        kernel(source, source, width)
        + kernel(target, target, width)
        - 2 * kernel(source, target, width)
    )
    found = losses.mmd(torch.tensor(source), torch.tensor(target)).item()
    assert found == pytest.approx(expected, rel=1e-5)
    same = losses.mmd(torch.tensor(source), torch.tensor(source)).item()
    assert same == pytest.approx(0, abs=1e-6)


def test_mmd_and_coral_of_equal_rows_have_a_gradient():
    rows = torch.zeros(4, 3, requires_grad=True)
    (losses.mmd(rows, rows) + losses.coral(rows, rows)).backward()
    assert torch.isfinite(rows.grad).all()


def test_l2sp():
    now, then = [draw(3, 2), draw(4)], [draw(2, 3).T, draw(4) + 1]
    expected = sum(((a - b) ** 2).sum() for a, b in zip(now, then, strict=True)) / 2
    assert losses.l2sp(map(torch.tensor, now), map(torch.tensor, then)).item() == pytest.approx(
        expected
    )


def test_the_gradient_is_reversed_for_the_rows_and_not_for_the_discriminator():
    torch.manual_seed(0)
    discriminator = nn.Linear(3, 1).double()
    source, target = (torch.tensor(draw(size, 3)) for size in (4, 6))

    def gradients(strength, loss):
        rows = [part.clone().requires_grad_() for part in (source, target)]
        discriminator.zero_grad()
        value = loss(*rows, strength)
        value.backward()
        return value, torch.cat([part.grad for part in rows]), discriminator.weight.grad.clone()

    def plain(source, target, strength):
        logits = discriminator(torch.cat([source, target])).squeeze(1)
        y = torch.tensor([0.0] * 4 + [1.0] * 6)
        return -(y * logits.sigmoid().log() + (1 - y) * (1 - logits.sigmoid()).log()).mean()

    def reversed_(source, target, strength):
        return losses.adversarial(discriminator, source, target, strength)

    for strength in (0.0, 0.3, 1.0):
        value, rows, weights = gradients(strength, reversed_)
        expected, plain_rows, plain_weights = gradients(strength, plain)
        assert value.item() == pytest.approx(expected.item())
        torch.testing.assert_close(rows, -strength * plain_rows)
        torch.testing.assert_close(weights, plain_weights)


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
        TERMS, weight, temperature, torch.tensor(class_weight).float(), n_features=3, start=start
    )
    objective.progress = 0.5
    step = TrainingStep(
        batches, sizes={"source": 80, "labels": 64, "target": 80, "code_switch": 80}
    )
    values = objective(outputs, step, module, True)

    def mean_loss(stream):
        y = batches[stream].y.numpy()
        log_p = log_softmax(outputs[stream].logits.numpy(), axis=1)[np.arange(8), y]
        return -(class_weight[y] * log_p).sum() / class_weight[y].sum()

    teacher = batches["target"].teacher
    source, target = (outputs[name].representation for name in ("source", "target"))
    strength = 2 / (1 + np.exp(-10 * 0.5)) - 1
    terms = {
        "labels": 64 / (64 + 256) * mean_loss("labels"),
        "code_switch": mean_loss("code_switch"),
        "distill": losses.distillation(outputs["target"].logits, teacher, temperature).item(),
        "coral": losses.coral(source, target).item(),
        "mmd": losses.mmd(source, target).item(),
        "adversarial": losses.adversarial(objective.discriminator, source, target, strength).item(),
        "l2sp": 8 / 2,
    }
    assert set(values) == {"source", *TERMS} == {"source", *terms}
    for name, value in terms.items():
        assert values[name].item() == pytest.approx(value, rel=1e-5)
    expected = mean_loss("source") + weight * sum(terms.values())
    assert objective.total(values).item() == pytest.approx(expected, rel=1e-5)
    # Rows held out are judged by their predictions alone.
    held_out = objective(outputs, step, module, False)
    assert set(held_out) == {"source", "labels", "distill", "code_switch"}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_features_of_any_width_and_scale_are_learnt_at_the_same_pace(scale):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200)
    for n_features in (2, 500):
        X = scale * (rng.normal(size=(200, n_features)) + 2 * y[:, None])
        clf = TransferClassifier(verbose=0, random_state=0).fit(X, y)
        assert clf.score(X, y) > 0.9
        assert clf.predict_proba(X).max(axis=1).mean() > 0.75


def test_a_config_and_its_estimator_are_not_changed():
    config = make_config()
    before = config.to_dict()
    make_classifier(encoder=config, layer=1).fit(*ENGLISH)
    assert config.to_dict() == before


@pytest.mark.parametrize("term", ["coral", "mmd", "adversarial"])
def test_aligning_terms_alone_with_too_few_source_rows_to_hold_any_out(term):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(136, 3)), np.r_[np.tile([0.0, 1.0], 8), np.full(120, np.nan)]
    clf = TransferClassifier(target_languages="zh", transfer=term, max_epochs=2, verbose=0)
    clf.fit(X, y, language=["en"] * 16 + ["zh"] * 120)
    assert "valid_loss" not in clf.history_


def test_history_goes_on_in_partial_fit():
    clf = make_learner(max_epochs=2, random_state=0)
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = (X[:, 0] > 0).astype(int)
    clf.fit(X, y).partial_fit(X, y).partial_fit(X, y)
    assert clf.history_["stage"].tolist() == ["source"] * 2 + ["partial_fit"] * 2
    assert clf.history_["epoch"].tolist() == [1, 2, 3, 4]
