"""Our suite for images: what every estimator that reads texts does with images."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from tiny_images import (
    make_classifier,
    make_config,
    make_images,
    make_meta_net,
    make_meta_regressor,
    make_pair,
    make_regressor,
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
    "adapters": make_classifier(trainable="adapter"),
    "low rank": make_classifier(trainable="lora"),
    "layer": make_classifier(encoder=make_config(num_hidden_layers=2), layer=1, pooling="cls"),
    "checkpointing": make_classifier(gradient_checkpointing=True),
    "teacher": make_classifier(
        source=make_pipeline(
            EncoderVectorizer(make_config(), image_column="image", verbose=0, random_state=0),
            LogisticRegression(),
        )
    ),
    "meta network": make_meta_net(),
    "meta head": make_meta_net(trainable="head"),
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


def test_an_image_is_predicted_alike_in_any_company(fitted):
    everything = outputs(fitted)
    for rows in (np.arange(len(X_TEST))[::-1], np.array([3]), np.zeros(70, dtype=int)):
        np.testing.assert_allclose(outputs(fitted, X_TEST.iloc[rows]), everything[rows], rtol=1e-4)


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
        for found in pool.map(lambda _: outputs(fitted), range(8)):
            np.testing.assert_array_equal(found, expected)


def test_the_form_of_images_means_nothing(fitted, tmp_path):
    paths = [tmp_path / f"{row}.png" for row in range(len(X_TEST))]
    images = [Image.fromarray(image) for image in X_TEST["image"]]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    language = X_TEST["language"].to_numpy()
    for values in (paths, [str(path) for path in paths], images):
        frame = pd.DataFrame({"image": values, "language": language})
        np.testing.assert_array_equal(outputs(fitted, frame), outputs(fitted))
    predict = getattr(fitted, "predict_proba", fitted.predict)
    for values in (paths, images, np.stack(X_TEST["image"])):
        np.testing.assert_array_equal(predict(values, language=language), outputs(fitted))


def test_images_are_not_written_to(name):
    before = X.copy()
    before["image"] = [image.copy() for image in X["image"]]
    for image in before["image"]:
        image.flags.writeable = False
    clone(VARIANTS[name]).fit(before, Y)
    for image, expected in zip(before["image"], X["image"], strict=True):
        np.testing.assert_array_equal(image, expected)


def test_images_of_any_size_are_predicted(fitted):
    sizes = [(1, 1), (1, 40), (33, 2), (300, 200, 3)]
    images = [np.full(size, 200, dtype=np.uint8) for size in sizes]
    found = outputs(fitted, pd.DataFrame({"image": images, "language": "en"}))
    assert found.shape[0] == 4 and np.isfinite(found).all()
    # They all look the same: nothing but one grey.
    np.testing.assert_allclose(found, found[[0] * 4], rtol=1e-4)


def test_features_seen(fitted):
    assert fitted.n_features_in_ == 2
    assert fitted.feature_names_in_.tolist() == ["image", "language"]
    assert fitted.text_encoder_ is None
    assert fitted.image_encoder_ is not None


def test_other_input_is_refused(fitted):
    texts = pd.DataFrame({"text": ["a"], "language": "en"})
    with pytest.raises(ValueError, match="one column 'image', as `image_column` says"):
        fitted.predict(texts)
    other = copy.copy(fitted).set_params(image_column=None)
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
