"""Our suite for recordings: what every estimator that reads texts does with recordings."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from tiny_audio import (
    make_classifier,
    make_config,
    make_meta_net,
    make_meta_regressor,
    make_pair,
    make_recordings,
    make_regressor,
    make_wave_config,
)

from metaling_sk import EncoderVectorizer, MetaParamSearchCV, StratifiedLanguageKFold, load
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.exceptions import InputWarning

X, Y = make_pair(24, 24)
X_TEST, Y_TEST = make_pair(8, 8, 8, seed=5)
LABELLED = ~np.isnan(Y)
X_LABELLED, Y_LABELLED = X[LABELLED].reset_index(drop=True), Y[LABELLED].astype(int)

VARIANTS = {
    "every term": make_classifier(transfer=["labels", "distill", "coral", "mmd", "adversarial"]),
    "self-training": make_classifier(self_training=1, trainable="head"),
    "adapters of waves": make_classifier(encoder=make_wave_config(), trainable="adapter"),
    "low rank": make_classifier(trainable="lora"),
    "checkpointing": make_classifier(gradient_checkpointing=True),
    "teacher": make_classifier(
        source=make_pipeline(
            EncoderVectorizer(make_config(), audio_column="audio", verbose=0, random_state=0),
            LogisticRegression(),
        )
    ),
    "generated adapters": make_meta_net(trainable="adapter"),
    "regressor": make_regressor(),
    "meta regressor": make_meta_regressor(trainable="head"),
}
FITTED = {}


@pytest.fixture(params=VARIANTS)
def name(request):
    return request.param


@pytest.fixture
def fitted(name):
    """The fitted model; for tests that do not change it."""
    if name not in FITTED:
        FITTED[name] = clone(VARIANTS[name]).fit(X, Y)
    return FITTED[name]


def outputs(model, X=X_TEST):
    predict = getattr(model, "predict_proba", model.predict)
    return np.asarray(predict(X))


def test_a_recording_is_predicted_alike_in_any_company(fitted):
    everything = outputs(fitted)
    for rows in (np.arange(len(X_TEST))[::-1], np.array([3])):
        found = outputs(fitted, X_TEST.iloc[rows])
        np.testing.assert_allclose(found, everything[rows], rtol=1e-3, atol=1e-4)


def test_fits_with_one_seed_are_equal(name, fitted):
    np.testing.assert_array_equal(outputs(clone(VARIANTS[name]).fit(X, Y)), outputs(fitted))


def test_copies_predict_the_same(fitted):
    for model in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(outputs(model), outputs(fitted))


def test_a_saved_model_predicts_the_same(name, fitted, tmp_path):
    fitted.save(tmp_path)
    tolerance = 1e-5 if name == "low rank" else 0  # The updates are added to the weights.
    np.testing.assert_allclose(outputs(load(tmp_path)), outputs(fitted), rtol=tolerance)


def test_threads_predict_the_same(fitted):
    expected = outputs(fitted)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: outputs(fitted), range(4)):
            np.testing.assert_array_equal(found, expected)


def test_the_form_of_recordings_means_nothing(fitted, tmp_path):
    paths = [tmp_path / f"{row}.wav" for row in range(len(X_TEST))]
    for recording, path in zip(X_TEST["audio"], paths, strict=True):
        soundfile.write(path, recording["array"], recording["sampling_rate"], subtype="FLOAT")
    language = X_TEST["language"].to_numpy()
    for values in (paths, [path.read_bytes() for path in paths]):
        frame = pd.DataFrame({"audio": values, "language": language})
        np.testing.assert_array_equal(outputs(fitted, frame), outputs(fitted))
    predict = getattr(fitted, "predict_proba", fitted.predict)
    np.testing.assert_array_equal(predict(paths, language=language), outputs(fitted))


def test_recordings_are_not_written_to(name):
    before = X.copy()
    before["audio"] = [dict(recording) for recording in X["audio"]]
    for recording in before["audio"]:
        recording["array"] = recording["array"].copy()
        recording["array"].flags.writeable = False
    model = clone(VARIANTS[name]).fit(before, Y)
    np.testing.assert_array_equal(outputs(model, before), outputs(model, X))


def test_recordings_of_any_length_are_predicted(fitted):
    arrays = [np.full(size, 0.1) for size in (1, 2, 500, 30_000)]
    recordings = [{"array": array, "sampling_rate": 8_000} for array in arrays]
    found = outputs(fitted, pd.DataFrame({"audio": recordings, "language": "en"}))
    assert found.shape[0] == 4 and np.isfinite(found).all()


def test_features_seen(fitted):
    assert fitted.n_features_in_ == 2
    assert fitted.feature_names_in_.tolist() == ["audio", "language"]
    assert fitted.text_encoder_ is None and fitted.image_encoder_ is None
    assert fitted.audio_encoder_ is not None


def test_other_input_is_refused(fitted):
    texts = pd.DataFrame({"text": ["a"], "language": "en"})
    with pytest.raises(ValueError, match="one column 'audio', as `audio_column` says"):
        fitted.predict(texts)
    other = copy.copy(fitted).set_params(audio_column=None)
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


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_a_search(trainable):
    search = MetaParamSearchCV(
        make_classifier(trainable=trainable),
        {"learning_rate": [1e-3, 2e-3]},
        n_iter=2,
        cv=2,
        verbose=0,
        error_score="raise",
        random_state=0,
    ).fit(X_LABELLED, Y_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X_TEST).shape == (len(X_TEST),)


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
