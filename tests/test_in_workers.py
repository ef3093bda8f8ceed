"""Networks in worker processes: in one file, because workers take most of the time to start."""

import numpy as np
import pytest
from disk_cache_jobs import X, Y, ask, fit_predict
from joblib import Parallel, cpu_count, delayed, parallel_config
from noted_threads import n_threads_of_a_large_network
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from tiny import make_classifier, make_config, make_meta_net

from metaling_sk import EncoderVectorizer, LinearTransferClassifier

LABELLED = np.random.default_rng(0).permutation(np.flatnonzero(~np.isnan(Y)))
X_LABELLED, Y_LABELLED = X.iloc[LABELLED], Y[LABELLED].astype(int)


def of_network():
    return make_classifier(target_languages="zh").fit(X, Y)


def of_meta_net():
    return make_meta_net(trainable="head").fit(X, Y)


def of_characters():
    return TfidfVectorizer(analyzer="char").fit(X["text"])


def of_vectors():
    return EncoderVectorizer(make_config(), verbose=0, random_state=0).fit(X["text"])


def with_encoder(make, encoder):
    return make(encoder=FrozenEstimator(encoder), trainable="head", verbose=1)


MODELS = {
    "network": lambda: make_classifier(target_languages="zh", trainable="head", verbose=1),
    "linear": lambda: LinearTransferClassifier(target_languages="zh", n_topics=1, random_state=0),
    "frozen encoder": lambda: with_encoder(make_classifier, of_network()),
    "frozen encoder of a meta network": lambda: with_encoder(make_meta_net, of_meta_net()),
    "frozen characters": lambda: with_encoder(make_meta_net, of_characters()),
    "frozen union": lambda: with_encoder(
        make_classifier, make_union(of_characters(), of_vectors()).fit(X["text"])
    ),
    "frozen vectors": lambda: make_pipeline(
        EncoderVectorizer(FrozenEstimator(of_vectors()), dtype="float32"), LogisticRegression()
    ),
    "frozen source": lambda: make_classifier(
        source=FrozenEstimator(make_pipeline(of_network())), target_languages="zh", verbose=1
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_cross_validation(name, capfd):
    model, data = MODELS[name](), (X_LABELLED, Y_LABELLED)
    parameters = {"cv": 2, "scoring": "neg_log_loss", "error_score": "raise"}
    alone = cross_val_score(model, *data, **parameters)
    capfd.readouterr()
    together = cross_val_score(model, *data, n_jobs=2, **parameters)
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert "Classifier: " not in capfd.readouterr().err


def test_workers_share_the_cores():
    with parallel_config("loky", n_jobs=2):
        found = Parallel()(delayed(n_threads_of_a_large_network)() for _ in range(2))
    assert max(found) <= max(1, cpu_count() // 2)


# The cache on disk


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_processes_and_threads_compute_each_row_once(tmp_path, backend):
    (tmp_path / "log").mkdir()
    (tmp_path / "store").mkdir()
    tasks = [delayed(ask)(tmp_path, start) for start in (0, 5, 10, 0, 15)]
    assert all(Parallel(n_jobs=2, backend=backend)(tasks))
    computed = [path.name.split("-")[0] for path in (tmp_path / "log").iterdir()]
    assert len(computed) == len(set(computed)) == 35


def test_other_processes_compute_nothing(tmp_path, empty_cache):
    model = make_classifier(trainable="head", target_languages="zh")
    expected = fit_predict(clone(model), tmp_path)
    stored = set(tmp_path.rglob("*.arrays"))
    assert len(stored) == 3  # a tokenizer, tokens and vectors
    tasks = [delayed(fit_predict)(clone(model), tmp_path) for _ in range(2)]
    for probabilities in Parallel(n_jobs=2)(tasks):
        # Training takes the sums of other numbers of threads.
        np.testing.assert_allclose(probabilities, expected, rtol=1e-6)
    assert {path for path in tmp_path.rglob("*") if path.suffix in (".arrays", ".tmp")} == stored
