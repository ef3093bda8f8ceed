"""Every kind of `source`."""

import copy
import pickle

import numpy as np
import pytest
import torch
from marks import predicts_unseen_languages
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from tiny import DICTIONARY, make_classifier, make_config, make_learner, make_meta_net, make_reviews
from transfer_cases import CHINESE, FEW_SHOT, NUMBERS, UNLABELLED, features, fit

from metaling_sk import EncoderVectorizer, TransferClassifier, load
from metaling_sk.exceptions import InputWarning

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
@predicts_unseen_languages
def test_a_meta_network_as_source_gives_its_meta_model(kind, tmp_path):
    meta, X, y, language = make_meta_pair(kind)
    expected = meta.predict_proba(X, language="fr")
    assert np.ptp(expected[:, 0]) > 0.01
    before = pickle.dumps(meta)
    parameters = {"encoder": meta.encoder, "trainable": meta.trainable, "learning_rate": 0.0}
    model = make_classifier(source=meta, target_languages="zh", **parameters)
    model.fit(X, y, language=language)
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


def test_an_encoder_that_a_source_of_another_kind_leaves_unused():
    meta, X, y, language = make_meta_pair("characters")
    make_classifier(source=meta, encoder="scratch").fit(X, y, language=language)
    with pytest.warns(InputWarning, match="`encoder` is not used: .* `source` in a Pipeline"):
        make_classifier(source=meta).fit(X, y, language=language)


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
        assert {group["initial_lr"] for group in groups} == {2e-3, 2e-5}


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


def test_an_estimator_in_a_pipeline_teaches():
    own = make_learner(target_languages="zh").fit(*FEW_SHOT)
    pipeline = make_pipeline(own)
    model = make_learner(source=pipeline).fit(*UNLABELLED)
    assert model.transfer_ == ["distill"]
    assert model.score(*CHINESE) > 0.9
    assert model.source_model_ is pipeline


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


# Refusals


def test_a_source_of_another_kind():
    own = fit({})
    on_numbers = fit({}, NUMBERS, language=FEW_SHOT[0]["language"])
    language = FEW_SHOT[0]["language"].to_numpy()
    with pytest.raises(ValueError, match="`source` was fitted on texts, but X holds numeric feat"):
        fit({"source": own}, NUMBERS, language=language)
    with pytest.raises(
        ValueError, match="`source` was fitted on numeric features, but X holds text"
    ):
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
    message = r"`source`: this TransferClassifier is not fitted. .*source=sklearn.frozen.FrozenEst"
    for source in (TransferClassifier(), FrozenEstimator(TransferClassifier())):
        with pytest.raises(NotFittedError, match=message):
            fit({"source": source})


def test_a_frozen_classifier_that_is_not_fitted():
    with pytest.raises(NotFittedError, match="`source`: this LogisticRegression is not fitted"):
        fit({"source": FrozenEstimator(LogisticRegression())})
