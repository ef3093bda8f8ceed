"""Candidates that are promoted go on from where they were."""

import tempfile
from collections import Counter

import numpy as np
import pytest
from scipy.stats import loguniform
from searches import X, make_search, y
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import make_classifier, make_pair

from metaling_sk import MetaParamSearchCV
from metaling_sk.meta_param._fit_spec import Fit
from metaling_sk.meta_param._states import States


def test_promoted_candidate_is_trained_only_further(tmp_path):
    log = tmp_path / "log"
    search = make_search(log=str(log)).fit(X, y)
    epochs = Counter(line.split()[1] for line in log.read_text().splitlines() if "epoch" in line)
    results = search.cv_results_
    assert results["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    best = results["params"][-1]["alpha"]
    # 9 epochs in each of 3 splits, and none twice.
    refitted = search.best_params_["max_epochs"]
    is_best = search.best_params_["alpha"] == best
    assert epochs[repr(best)] == 3 * 9 + refitted * is_best
    assert sum(epochs.values()) == 3 * (6 * 1 + 2 * 3 + 1 * 9) + refitted
    assert "fit" not in log.read_text()


@pytest.mark.parametrize(
    ("estimator", "resource"),
    [
        (SGDClassifier(loss="log_loss", max_iter=4), "max_iter"),
        (MLPClassifier(hidden_layer_sizes=4, max_iter=4), "max_iter"),
        (
            make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", max_iter=4)),
            "sgdclassifier__max_iter",
        ),
    ],
)
def test_resumed_training_is_that_of_one_go(estimator, resource):
    """Whether a candidate stopped on the way to its last epoch does not change it."""
    name = resource.replace("max_iter", "alpha")
    settings = {"cv": 3, "random_state": 0, "verbose": 0, "resource": resource, "refit": False}
    stopping = MetaParamSearchCV(
        estimator, {name: [1e-4, 1e-2]}, search="halving", n_iter=2, factor=2, **settings
    ).fit(X, y)
    assert stopping.n_resources_ == [2, 4]
    at_once = MetaParamSearchCV(
        estimator, {name: [1e-4, 1e-2]}, search="halving", n_iter=2, min_resources=4, **settings
    ).fit(X, y)
    found = stopping.cv_results_
    last = found["n_resources"].argmax()
    same = at_once.cv_results_["candidate"].tolist().index(found["candidate"][last])
    for split in range(3):
        column = f"split{split}_test_score"
        assert found[column][last] == at_once.cv_results_[column][same]


def test_skorch_net_resumes():
    from skorch import NeuralNetClassifier
    from torch import nn

    net = NeuralNetClassifier(
        nn.Linear,
        module__in_features=4,
        module__out_features=2,
        criterion=nn.CrossEntropyLoss,
        max_epochs=4,
        train_split=None,
        verbose=0,
    )
    search = MetaParamSearchCV(
        net,
        {"lr": [0.01, 0.1, 1.0]},
        search="halving",
        n_iter=3,
        factor=2,
        cv=2,
        scoring="accuracy",
        random_state=0,
        verbose=0,
    ).fit(X.astype(np.float32), y)
    assert search.n_resources_ == [2, 4]
    assert len(search.best_estimator_.history) == search.best_params_["max_epochs"]
    assert search.best_score_ > 0.6


def test_text_classifier_resumes_on_a_schedule_over_all_rungs():
    X, y = make_pair(24, 24, n_labelled=12)
    search = MetaParamSearchCV(
        make_classifier(source_languages="en", max_epochs=4),
        {"learning_rate": loguniform(1e-4, 1e-2)},
        search="halving",
        n_iter=4,
        factor=2,
        cv=2,
        random_state=0,
        verbose=0,
    ).fit(X, y)
    assert search.n_resources_ == [1, 2, 4]
    results = search.cv_results_
    last = results["n_resources"].argmax()
    clf = make_classifier(source_languages="en").set_params(**results["params"][last])
    from metaling_sk.metrics import log_loss_scorer
    from metaling_sk.model_selection import StratifiedLanguageKFold

    train, test = next(StratifiedLanguageKFold(2, random_state=0).split(X, y))
    clf.partial_fit(X.iloc[train], y[train], classes=[0.0, 1.0], n_epochs=4, planned_epochs=4)
    score = log_loss_scorer([0.0, 1.0])(clf, X.iloc[test], y[test])
    assert results["split0_test_score"][last] == pytest.approx(score, abs=1e-6)


def test_estimators_without_partial_fit_are_fitted_anew():
    search = MetaParamSearchCV(
        LogisticRegression(),
        {"C": loguniform(1e-3, 1e3)},
        search="halving",
        resource="max_iter",
        max_resources=400,
        n_iter=4,
        factor=2,
        random_state=0,
        verbose=0,
    ).fit(X, y)
    results = search.cv_results_
    assert results["n_resources"].max() == 400
    assert [params["max_iter"] for params in results["params"]] == results["n_resources"].tolist()
    assert search.best_estimator_.max_iter == search.best_params_["max_iter"]


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make_search().fit(X, y)
    with pytest.raises(ValueError, match="All the"):
        make_search().fit(np.full_like(X, np.nan), y)
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_state_is_kept(tmp_path):
    states, rows = States(tmp_path, seed=0), np.arange(2)
    fits = [
        Fit(candidate=0, params={}, split=0, n_resources=n, train=rows, test=rows) for n in (1, 2)
    ]
    for fit in fits:
        states.save(fit, f"after {fit.n_resources}")
    assert [path.name for path in tmp_path.glob("*/*")] == ["2.state"]
    assert states.load(fits[1], 4) == (2, "after 2")
    assert states.load(fits[0], 1) == (0, None)  # That state has had more.
    with pytest.warns(UserWarning, match="check sum is wrong"):
        assert States(tmp_path, seed=1).load(fits[1], 4) == (0, None)
