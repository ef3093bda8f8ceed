"""Our suite: what is particular to images, over every estimator that reads them."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from input_kinds import KINDS, outputs
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from tiny_images import (
    make_classifier,
    make_config,
    make_images,
    make_meta_net,
    make_pair,
)

from metaling_sk import EncoderVectorizer, MetaParamSearchCV, StratifiedLanguageKFold
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.exceptions import InputWarning

KIND = KINDS["images"]
X, Y, X_TEST, Y_TEST = KIND.X, KIND.y, KIND.X_test, KIND.y_test
X_LABELLED, Y_LABELLED = KIND.labelled()


@pytest.fixture
def kind():
    return KIND


@pytest.fixture(params=KIND.models)
def name(request):
    return request.param


def test_images_of_any_size_are_resized(fitted):
    """They all look the same then: nothing but one grey."""
    found = outputs(fitted, KIND.odd)
    np.testing.assert_allclose(found, found[[0] * 4], rtol=1e-4)


def test_the_encoder_is_one_of_images(fitted):
    model = getattr(fitted, "best_estimator_", fitted)
    assert model.text_encoder_ is None
    assert model.image_encoder_ is not None


def test_other_input_is_refused(fitted):
    texts = pd.DataFrame({"text": ["a"], "language": "en"})
    with pytest.raises(ValueError, match="one column 'image', as `image_column` says"):
        fitted.predict(texts)
    model = getattr(fitted, "best_estimator_", fitted)
    other = copy.copy(model).set_params(image_column=None)
    with pytest.raises(ValueError, match="was fitted on images, but X holds text"):
        other.predict(texts)


def test_partial_fit_goes_on():
    model = make_classifier()
    for _ in range(2):
        model.partial_fit(X, Y, classes=[0, 1])
    assert len(model.history_) == 2
    with pytest.raises(ValueError, match="in row 0 of the column 'image' of X cannot be read"):
        model.partial_fit(pd.DataFrame({"image": [b"no image"], "language": "en"}), [0])
    assert len(model.history_) == 2


def test_a_fitted_model_is_the_encoder_of_another_one():
    first = make_classifier().fit(X, Y)
    second = make_classifier(encoder=first, trainable="head").fit(X, Y)
    third = make_classifier(source=first).fit(X, Y)
    assert second.image_encoder_.fingerprint == first.image_encoder_.fingerprint
    assert third.source_model_ is first
    with pytest.raises(TypeError, match="a fitted estimator of metaling_sk with a text encoder"):
        make_classifier(encoder=first, image_column=None).fit(["a", "b"], [0, 1])


def test_a_new_language_is_learnt_and_forgotten():
    model = make_meta_net(trainable="head").fit(X, Y)
    X_new, y_new = make_images(20, "yy", 9)
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
    grid = GridSearchCV(model, {"pooling": ["mean", "cls"]}, cv=cv).fit(X_LABELLED, Y_LABELLED)
    assert grid.best_estimator_.image_encoder_.pooling == grid.best_params_["pooling"]
    assert np.isfinite(get_scorer("accuracy")(grid, X_TEST, Y_TEST))


def test_a_search():
    search = MetaParamSearchCV(
        make_classifier(),
        {"learning_rate": [1e-3, 2e-3]},
        n_iter=2,
        cv=2,
        verbose=0,
        error_score="raise",
        random_state=0,
    ).fit(X_LABELLED, Y_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X_TEST).shape == (len(X_TEST),)


def test_the_linear_recipe_is_refused():
    with pytest.raises(ValueError, match="`source`='linear' reads texts and numbers, but `image_"):
        make_classifier(source="linear").fit(X, Y)


def test_code_switch_is_refused():
    with pytest.raises(ValueError, match="'code_switch' needs texts and a `dictionary`"):
        make_classifier(transfer="code_switch").fit(X, Y)


def test_bars_are_learnt():
    """More than chance: bars of two directions, with labels in both languages."""
    X_train, y_train = make_pair(100, 100, 100)
    X_new, y_new = make_pair(50, 50, 50, seed=7)
    model = make_classifier(max_epochs=20, learning_rate=0.01).fit(X_train, y_train)
    assert model.score(X_new, y_new) > 0.8


def test_each_image_is_encoded_once(monkeypatch):
    vectorizer = EncoderVectorizer(make_config(), image_column="image", verbose=0, random_state=0)
    vectorizer.fit(X)
    encoder, sizes = vectorizer.image_encoder_, []
    encode = type(encoder).encode
    monkeypatch.setattr(
        type(encoder),
        "encode",
        lambda self, pixels, adapt=None: sizes.append(len(pixels)) or encode(self, pixels, adapt),
    )
    CACHE.clear()
    vectors = vectorizer.transform(X)
    assert sum(sizes) == len({image.tobytes() for image in X["image"]})
    np.testing.assert_array_equal(vectorizer.transform(X), vectors)
    assert sum(sizes) <= len(X)
    assert torch.is_grad_enabled()
