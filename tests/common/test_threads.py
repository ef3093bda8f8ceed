"""Threads that share an estimator or a process get what one thread gets."""

import copy
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import joblib
import numpy as np
import pytest
import torch
from estimators import VARIANTS, X_TEST, X, Y
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback
from tiny import make_classifier, make_config, make_meta_net

from metaling_sk import EncoderVectorizer, MetaParamSearchCV
from metaling_sk._utils.random_state import seeded

SHARED = {
    "a layer below the top": make_classifier(encoder=make_config(), layer=1),
    "adapters": make_classifier(trainable="adapter"),
    "generated adapters": make_meta_net(trainable="adapter"),
}


@pytest.mark.parametrize("name", SHARED)
def test_eight_threads_predict_what_one_does(name):
    model = clone(SHARED[name]).fit(X, Y)
    parts = [X_TEST.iloc[start::3] for start in range(3)]
    expected = [model.predict_proba(part) for part in parts]

    def predict(number):
        return number % 3, model.predict_proba(parts[number % 3])

    with ThreadPoolExecutor(8) as pool:
        for part, found in pool.map(predict, range(64)):
            np.testing.assert_array_equal(found, expected[part])


@pytest.mark.parametrize("name", ["scratch", "scratch head", "linear teacher", "meta network"])
def test_two_fits_at_once(name):
    alone = clone(VARIANTS[name]).fit(X, Y).predict_proba(X_TEST)
    torch.manual_seed(5)
    state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(clone(VARIANTS[name]).fit, X, Y) for _ in range(4)]
        for each in fits:
            np.testing.assert_array_equal(each.result().predict_proba(X_TEST), alone)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == n_threads and torch.is_grad_enabled()


CHANGES = {
    "adapt": lambda model: model.adapt(NEW, Y_NEW),
    "forget": lambda model: model.forget("new"),
    "register_language": lambda model: model.register_language(NEW),
}
NEW, Y_NEW = X.assign(language="new").iloc[:20], Y[:20]


@pytest.mark.filterwarnings("ignore:There are no statistics")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["generated adapters", "words"])
def test_a_prediction_is_of_one_model(name, change):
    """It goes on with the model that it began with, whatever another thread makes of it."""
    encoder = FunctionTransformer(count_letters)
    model = make_meta_net(encoder=encoder) if name == "words" else clone(SHARED[name])
    model.fit(X, Y)
    if change == "forget":
        model.adapt(NEW, Y_NEW)
    before = model.predict_proba(NEW)

    def parts():
        yield NEW
        CHANGES[change](model)
        yield NEW

    np.testing.assert_array_equal(model.predict_proba(parts()), np.vstack([before, before]))
    assert not np.array_equal(model.predict_proba(NEW), before)


def count_letters(texts):
    for look in LOOKS:
        look()
    return np.array([[len(text), text.count("e"), text.count("不")] for text in texts], dtype=float)


LOOKS = []
"""What is called while `count_letters` computes, or before a step of `Looking`."""


@pytest.mark.filterwarnings("ignore:There are no statistics")
@pytest.mark.parametrize("change", ["adapt", "register_language"])
def test_half_of_a_change_is_not_seen(change):
    model = make_meta_net(encoder=FunctionTransformer(count_letters)).fit(X, Y)
    if change == "register_language":
        model.adapt(NEW, Y_NEW)
    before, seen = model.predict_proba(NEW), []

    def look():
        LOOKS.clear()
        seen.append(model.predict_proba(NEW))
        LOOKS.append(look)

    LOOKS.append(look)
    try:
        CHANGES[change](model)
    finally:
        LOOKS.clear()
    assert seen
    for each in seen:
        np.testing.assert_array_equal(each, before)


class Looking(Callback):
    def on_batch_begin(self, net, **kwargs):
        for look in LOOKS:
            look()


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_half_trained_weights_are_not_seen(trainable):
    model = make_classifier(trainable=trainable, callbacks=[Looking()], max_epochs=1).fit(X, Y)
    before, seen = model.predict_proba(X_TEST), []
    LOOKS.append(lambda: seen.append(model.predict_proba(X_TEST)))
    try:
        model.partial_fit(X, Y, n_epochs=2)
    finally:
        LOOKS.clear()
    assert len(seen) > 2
    for each in seen:
        np.testing.assert_array_equal(each, before)
    assert not np.array_equal(model.predict_proba(X_TEST), before)


@pytest.mark.filterwarnings("ignore:There are no statistics")
def test_changes_of_two_threads_are_both_made():
    model = make_meta_net(encoder=FunctionTransformer(count_letters)).fit(X, Y)
    alone, others = copy.deepcopy(model).register_language(NEW), []
    with ThreadPoolExecutor(1) as pool:

        def look():
            LOOKS.clear()
            others.append(pool.submit(model.register_language, NEW.assign(language="other")))
            wait(others, timeout=0.5)  # It ends before this one does, unless it waits for it.

        LOOKS.append(look)
        model.register_language(NEW)
        others[0].result()
    for language in ("new", "other"):
        found = model.predict_proba(NEW.assign(language=language))
        np.testing.assert_array_equal(found, alone.predict_proba(NEW))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_beside_a_fit():
    """It does not wait for the thread that fits, which it does not have."""
    is_fitting, may_end = threading.Event(), threading.Event()

    def fit():
        with seeded(0):
            is_fitting.set()
            may_end.wait(60)

    thread = threading.Thread(target=fit)
    thread.start()
    is_fitting.wait(60)
    child = multiprocessing.get_context("fork").Process(target=draw)
    child.start()
    child.join(30)
    child.kill()
    may_end.set()
    thread.join()
    assert child.exitcode == 0


def draw():
    with seeded(0):
        pass


HEAD = make_classifier(encoder=TfidfVectorizer(), target_languages="zh", transfer=None)
VOTE = VotingClassifier([("a", HEAD), ("b", HEAD)], voting="soft", n_jobs=2)
VECTORS = EncoderVectorizer(make_config(), verbose=0, random_state=0)


def search(estimator, **parameters):
    return MetaParamSearchCV(estimator, verbose=0, n_iter=1, cv=2, random_state=0, **parameters)


WITH_THREADS = {
    "source": make_classifier(source=VOTE, target_languages="zh"),
    "encoder": clone(HEAD).set_params(encoder=make_union(VECTORS, VECTORS, n_jobs=2)),
    "search": search(VOTE, param_distributions={"b__max_length": [8]}),
    "search of a search": search(
        search(HEAD, param_distributions={"max_length": [8]}, n_jobs=2),
        param_distributions={"estimator__max_length": [8]},
    ),
}


@pytest.mark.parametrize("name", WITH_THREADS)
def test_threads_that_a_fit_starts_do_not_wait_for_it(name):
    labels, fitted = np.arange(len(X)) % 2, []

    def fit():
        with joblib.parallel_config(backend="threading"):
            fitted.append(clone(WITH_THREADS[name]).fit(X, labels))

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    thread.join(60)
    with joblib.parallel_config(backend="sequential"):
        expected = clone(WITH_THREADS[name]).fit(X, labels).predict_proba(X_TEST)
    np.testing.assert_array_equal(fitted[0].predict_proba(X_TEST), expected)
