"""Our suite: what is asked alike of images and recordings, which are cells of a column."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import tiny_audio
import tiny_images
from input_kinds import KINDS, outputs
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score

from metaling_sk import EncoderVectorizer, StratifiedLanguageKFold
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.exceptions import InputWarning

TINY = {"images": tiny_images, "audio": tiny_audio}
SAMPLES = {"images": "images", "audio": "recordings"}
SEARCHED = {"images": ("pooling", ["mean", "cls"]), "audio": ("max_seconds", [0.1, 0.2])}
ENOUGH = {
    "images": {"max_epochs": 20, "learning_rate": 0.01},
    "audio": {"max_epochs": 10, "learning_rate": 0.02},
}
REFUSED = [
    ({"source": "linear"}, "`source`='linear' reads texts and numbers, but `{}_column`"),
    ({"transfer": "code_switch"}, "'code_switch' needs texts and a `dictionary`"),
    ({"max_length": 64}, "`max_length` is about texts, but `{0}_column` is '{0}'"),
    (
        {"image_column": "image", "audio_column": "audio"},
        "`image_column` and `audio_column` are both set",
    ),
]
CASES = [(of, name) for of in TINY for name in KINDS[of].models]
every_model = pytest.mark.parametrize(("of", "name"), CASES)


@pytest.fixture(params=TINY)
def of(request):
    return request.param


@pytest.fixture
def kind(of):
    return KINDS[of]


@pytest.fixture
def tiny(of):
    return TINY[of]


@pytest.fixture
def column(kind):
    return kind.columns[0]


def encoder_of(model, column):
    return getattr(getattr(model, "best_estimator_", model), f"{column}_encoder_")


@every_model
def test_the_encoder_is_one_of_the_column(fitted, column):
    assert encoder_of(fitted, column) is not None
    for other in {"text", "image", "audio"} - {column}:
        assert encoder_of(fitted, other) is None


@every_model
def test_other_input_is_refused(of, fitted, column):
    texts = pd.DataFrame({"text": ["a"], "language": "en"})
    with pytest.raises(ValueError, match=f"one column '{column}', as `{column}_column` says"):
        fitted.predict(texts)
    model = copy.copy(getattr(fitted, "best_estimator_", fitted))
    model.set_params(**{f"{column}_column": None})
    with pytest.raises(ValueError, match=f"was fitted on {SAMPLES[of]}, but X holds text"):
        model.predict(texts)


@pytest.mark.parametrize(("parameters", "reason"), REFUSED)
def test_what_makes_no_sense_is_refused(kind, tiny, column, parameters, reason):
    with pytest.raises(ValueError, match=reason.format(column)):
        tiny.make_classifier(**parameters).fit(kind.X, kind.y)


def test_partial_fit_goes_on(kind, tiny, column):
    model = tiny.make_classifier()
    for _ in range(2):
        model.partial_fit(kind.X, kind.y, classes=[0, 1])
    assert len(model.history_) == 2
    damaged = pd.DataFrame({column: [b"damaged"], "language": "en"})
    with pytest.raises(ValueError, match=f"in row 0 of the column '{column}' of X cannot be read"):
        model.partial_fit(damaged, [0])
    assert len(model.history_) == 2


def test_a_fitted_model_is_the_encoder_of_another_one(kind, tiny, column):
    first = tiny.make_classifier().fit(kind.X, kind.y)
    second = tiny.make_classifier(encoder=first, trainable="head").fit(kind.X, kind.y)
    third = tiny.make_classifier(source=first).fit(kind.X, kind.y)
    assert encoder_of(second, column).fingerprint == encoder_of(first, column).fingerprint
    assert third.source_model_ is first
    of_texts = tiny.make_classifier(encoder=first, **{f"{column}_column": None})
    with pytest.raises(TypeError, match="a fitted estimator of metaling_sk with a text encoder"):
        of_texts.fit(["a", "b"], [0, 1])


def test_a_new_language_is_learnt_and_forgotten(kind, tiny):
    model = tiny.make_meta_net(trainable="head").fit(kind.X, kind.y)
    X_new, y_new = tiny.make_pair(20, 0, seed=9)
    X_new["language"] = "yy"
    with pytest.warns(InputWarning, match="no statistics of the language of some rows: 'yy'"):
        before = outputs(model, X_new)
    model.adapt(X_new[:12], y_new[:12]).adapt(X_new[12:], y_new[12:])
    apart = outputs(model, X_new)
    assert not np.array_equal(apart, before)
    model.forget("yy").adapt(X_new, y_new)
    np.testing.assert_allclose(outputs(model, X_new), apart, rtol=1e-5)
    model.register_language(X_new)


def test_tools_of_scikit_learn(of, kind, tiny):
    model = tiny.make_classifier(trainable="head")
    X, y = kind.labelled()
    cv = StratifiedLanguageKFold(2, random_state=0)
    scores = cross_val_score(model, X, y, cv=cv, scoring="neg_log_loss")
    assert np.isfinite(scores).all()
    parameter, values = SEARCHED[of]
    grid = GridSearchCV(model, {parameter: values}, cv=cv).fit(X, y)
    assert getattr(grid.best_estimator_, parameter) == grid.best_params_[parameter]
    assert np.isfinite(get_scorer("accuracy")(grid, kind.X_test, kind.y_test))


def test_what_they_show_is_learnt(of, tiny):
    """More than chance, with labels in both languages."""
    X_train, y_train = tiny.make_pair(100, 100, 100)
    X_new, y_new = tiny.make_pair(50, 50, 50, seed=7)
    model = tiny.make_classifier(**ENOUGH[of]).fit(X_train, y_train)
    assert model.score(X_new, y_new) > 0.8


def test_each_is_encoded_once(kind, tiny, column, monkeypatch):
    vectorizer = EncoderVectorizer(
        tiny.make_config(), **{f"{column}_column": column}, verbose=0, random_state=0
    )
    vectorizer.fit(kind.X)
    encoder, sizes = encoder_of(vectorizer, column), []
    encode = type(encoder).encode

    def counted(self, **inputs):
        sizes.append(len(next(iter(inputs.values()))))
        return encode(self, **inputs)

    monkeypatch.setattr(type(encoder), "encode", counted)
    CACHE.clear()
    vectors = vectorizer.transform(kind.X)
    assert sum(sizes) == len({pickle.dumps(cell) for cell in kind.X[column]})
    np.testing.assert_array_equal(vectorizer.transform(kind.X), vectors)
    assert sum(sizes) <= len(kind.X)


@pytest.mark.parametrize("n_at_once", [64, 100])
def test_a_trained_encoder_has_few_samples_in_memory_to_predict(kind, column, n_at_once):
    """The default is 256 images or 64 recordings, of which each may take megabytes."""
    model = copy.copy(kind.fitted("every term"))
    X = pd.concat([kind.X] * 6, ignore_index=True)
    assert len(X) > 130
    expected = outputs(model, X[:130])
    reader, sizes = encoder_of(model, column).reader, []

    class Noted:
        def __getattr__(self, name):
            return getattr(reader, name)

        def __call__(self, samples):
            sizes.append(len(samples))
            return reader(samples)

    noted = Noted()
    noted.n_at_once = n_at_once
    model.front_end_ = copy.copy(model.front_end_)
    model.front_end_.reader = noted
    np.testing.assert_allclose(outputs(model, X[:130]), expected, rtol=1e-4, atol=1e-6)
    assert sizes == [n_at_once] * (130 // n_at_once) + [130 % n_at_once]
