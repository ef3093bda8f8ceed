"""Our suite: what is particular to recordings, over every estimator that reads them."""

import copy

import numpy as np
import pandas as pd
import pytest
from input_kinds import KINDS, outputs
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from tiny_audio import make_classifier, make_config, make_meta_net, make_pair, make_recordings

from metaling_sk import EncoderVectorizer, StratifiedLanguageKFold
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.exceptions import InputWarning

KIND = KINDS["audio"]
X, Y, X_TEST, Y_TEST = KIND.X, KIND.y, KIND.X_test, KIND.y_test
X_LABELLED, Y_LABELLED = KIND.labelled()


@pytest.fixture
def kind():
    return KIND


@pytest.fixture(params=KIND.models)
def name(request):
    return request.param


def test_the_encoder_is_one_of_recordings(fitted):
    model = getattr(fitted, "best_estimator_", fitted)
    assert model.text_encoder_ is None and model.image_encoder_ is None
    assert model.audio_encoder_ is not None


def test_other_input_is_refused(fitted):
    texts = pd.DataFrame({"text": ["a"], "language": "en"})
    with pytest.raises(ValueError, match="one column 'audio', as `audio_column` says"):
        fitted.predict(texts)
    model = getattr(fitted, "best_estimator_", fitted)
    other = copy.copy(model).set_params(audio_column=None)
    with pytest.raises(ValueError, match="was fitted on recordings, but X holds text"):
        other.predict(texts)


def test_partial_fit_goes_on():
    model = make_classifier()
    for _ in range(2):
        model.partial_fit(X, Y, classes=[0, 1])
    assert len(model.history_) == 2
    with pytest.raises(ValueError, match="in row 0 of the column 'audio' of X cannot be read"):
        model.partial_fit(pd.DataFrame({"audio": [b"no sound"], "language": "en"}), [0])
    assert len(model.history_) == 2


def test_a_fitted_model_is_the_encoder_of_another_one():
    first = make_classifier().fit(X, Y)
    second = make_classifier(encoder=first, trainable="head").fit(X, Y)
    third = make_classifier(source=first).fit(X, Y)
    assert second.audio_encoder_.fingerprint == first.audio_encoder_.fingerprint
    assert third.source_model_ is first
    with pytest.raises(TypeError, match="a fitted estimator of metaling_sk with a text encoder"):
        make_classifier(encoder=first, audio_column=None).fit(["a", "b"], [0, 1])


def test_a_new_language_is_learnt_and_forgotten():
    model = make_meta_net(trainable="head").fit(X, Y)
    X_new, y_new = make_recordings(20, "yy", 9)
    with pytest.warns(InputWarning, match="no statistics of the language of some rows: 'yy'"):
        before = outputs(model, X_new)
    model.adapt(X_new[:12], y_new[:12]).adapt(X_new[12:], y_new[12:])
    apart = outputs(model, X_new)
    assert not np.array_equal(apart, before)
    model.forget("yy").adapt(X_new, y_new)
    np.testing.assert_allclose(outputs(model, X_new), apart, rtol=1e-5)
    model.register_language(X_new)


def test_tools_of_scikit_learn():
    model = make_classifier(trainable="head")
    cv = StratifiedLanguageKFold(2, random_state=0)
    scores = cross_val_score(model, X_LABELLED, Y_LABELLED, cv=cv, scoring="neg_log_loss")
    assert np.isfinite(scores).all()
    grid = GridSearchCV(model, {"max_seconds": [0.1, 0.2]}, cv=cv).fit(X_LABELLED, Y_LABELLED)
    reader = grid.best_estimator_.audio_encoder_.reader
    assert reader.max_seconds == grid.best_params_["max_seconds"]
    assert np.isfinite(get_scorer("accuracy")(grid, X_TEST, Y_TEST))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"source": "linear"}, "`source`='linear' reads texts and numbers, but `audio_column`"),
        ({"transfer": "code_switch"}, "'code_switch' needs texts and a `dictionary`"),
        ({"image_column": "image"}, "`image_column` and `audio_column` are both set"),
        ({"audio_column": None, "max_seconds": 5}, "`max_seconds` is about recordings"),
        ({"max_length": 64}, "`max_length` is about texts, but `audio_column` is 'audio'"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters, reason):
    with pytest.raises(ValueError, match=reason):
        make_classifier(**parameters).fit(X, Y)


def test_tones_are_learnt():
    """More than chance: tones of two directions, with labels in both languages."""
    X_train, y_train = make_pair(100, 100, 100)
    X_new, y_new = make_pair(50, 50, 50, seed=7)
    model = make_classifier(max_epochs=10, learning_rate=0.02).fit(X_train, y_train)
    assert model.score(X_new, y_new) > 0.8


def test_each_recording_is_encoded_once(monkeypatch):
    vectorizer = EncoderVectorizer(make_config(), audio_column="audio", verbose=0, random_state=0)
    vectorizer.fit(X)
    encoder, sizes = vectorizer.audio_encoder_, []
    encode = type(encoder).encode

    def counted(self, sounds, attention_mask, adapt=None):
        sizes.append(len(sounds))
        return encode(self, sounds, attention_mask, adapt)

    monkeypatch.setattr(type(encoder), "encode", counted)
    CACHE.clear()
    vectors = vectorizer.transform(X)
    assert sum(sizes) == len(X)
    np.testing.assert_array_equal(vectorizer.transform(X), vectors)
    assert sum(sizes) == len(X)
