"""Our suite: searches in threads, and their copies, for every kind of input and of output."""

import pickle

import joblib
import numpy as np
import pytest
import text_pairs
import tiny
import tiny_audio
import tiny_images
import tiny_speech
import tiny_translators
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from metaling_sk import MetaParamSearchCV, load


def of_texts(make):
    X, y = tiny.make_pair(20, 20, n_labelled=20)
    return X, make(y.astype(int))


def several_labels(y):
    return np.stack([y, np.arange(len(y)) // 2 % 2], axis=1)


CASES = {
    "several labels": lambda: (tiny.make_classifier(), *of_texts(several_labels)),
    "several labels, meta": lambda: (tiny.make_meta_net(), *of_texts(several_labels)),
    "numbers": lambda: (tiny.make_regressor(), *of_texts(tiny.as_stars)),
    "numbers, meta": lambda: (tiny.make_meta_regressor(), *of_texts(tiny.as_stars)),
    "pairs": lambda: (
        tiny.make_classifier(text_column=text_pairs.COLUMNS),
        text_pairs.X_TEST,
        text_pairs.Y_TEST,
    ),
    "images": lambda: (tiny_images.make_classifier(), *tiny_images.make_pair(12, 12, 12)),
    "images, meta": lambda: (tiny_images.make_meta_net(), *tiny_images.make_pair(12, 12, 12)),
    "audio": lambda: (tiny_audio.make_classifier(), *tiny_audio.make_pair(8, 8, 8)),
    "audio, meta": lambda: (tiny_audio.make_meta_net(), *tiny_audio.make_pair(8, 8, 8)),
    "translation": lambda: (tiny_translators.make_quick(), *tiny_translators.make_pairs()),
    "characters": lambda: (tiny_speech.make_recognizer(), *tiny_speech.make_spoken(12)),
    "Whisper": lambda: (tiny_speech.make_whisperer(), *tiny_speech.make_spoken(12)),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_searches_in_threads_and_their_copies(make, tmp_path):
    model, X, y = make()
    settings = {"cv": KFold(2, shuffle=True, random_state=0), "error_score": "raise"}
    alone = cross_val_score(model, X, y, **settings)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        beside = cross_val_score(model, X, y, **settings)
        grid = GridSearchCV(model, {"random_state": [0]}, **settings).fit(X, y)
        search = MetaParamSearchCV(model, {"random_state": [0]}, n_iter=1, verbose=0, **settings)
        search.fit(X, y)
    np.testing.assert_array_equal(beside, alone)
    assert grid.best_score_ == alone.mean()
    expected = grid.predict(X)
    search.save(tmp_path / "search")
    grid.best_estimator_.save(tmp_path / "best")
    copies = [
        search,
        pickle.loads(pickle.dumps(search)),
        load(tmp_path / "search"),
        load(tmp_path / "best"),
    ]
    for each in copies:
        np.testing.assert_array_equal(each.predict(X), expected)
