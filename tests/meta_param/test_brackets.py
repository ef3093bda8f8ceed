"""Successive halving and Hyperband, over epochs and samples."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, uniform
from search_cases import FRAME, KNOWN, Known, X, Y, make_search, numbers
from search_texts import PAIR, PAIR_Y
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tiny import make_classifier

from metaling_sk.meta_param._brackets import cost, freeze_thaw_rungs, serial_cost
from metaling_sk.meta_param._courses import FreezeThaw


def test_halving():
    search = make_search(
        Known(),
        {"en": uniform(0.1, 0.8), "zh": uniform(0.1, 0.8)},
        n_iter=9,
        search="halving",
        resource="epochs",
        max_resources=9,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    assert search.n_candidates_ == [9, 3, 1]
    assert search.n_resources_ == [1, 3, 9]
    assert results["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    assert results["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    assert [params["epochs"] for params in results["params"]] == results["n_resources"].tolist()
    assert "bracket" not in results
    # In each rung those go on that were best in the one before.
    scores = results["mean_test_score"]
    best = np.argsort(-scores[:9], kind="stable")[:3]
    assert results["candidate"][9:12].tolist() == sorted(best.tolist())
    assert search.best_index_ == 12
    assert search.best_estimator_.epochs == 9


def test_freeze_thaw():
    """The best candidate goes on until it gets worse, then the next one, within the budget."""
    search = make_search(
        Known(),
        {"en": [0.11, 0.2, 0.5, 0.9]},
        n_iter=4,
        search="freeze-thaw",
        resource="epochs",
        max_resources=4,
        scoring=peaking,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    course = [(params["en"], params["epochs"]) for params in results["params"]]
    assert sorted(course[:4]) == [(0.11, 1), (0.2, 1), (0.5, 1), (0.9, 1)]
    assert course[4:] == [(0.9, 2), (0.5, 2), (0.5, 4)]
    assert results["iter"].tolist() == [0] * 4 + [1, 1, 2]
    assert results["n_resources"].tolist() == [1] * 4 + [2, 2, 4]
    assert search.n_resources_ == [1, 2, 4] and search.n_candidates_ == [4, 2, 1]
    assert search.best_params_ == {"en": 0.5, "epochs": 2}


def peaking(estimator, X, y):
    """The higher the rate, the sooner the best epoch."""
    return -((estimator.en * estimator.epochs - 1) ** 2)


@pytest.mark.parametrize("resumes", [True, False])
@pytest.mark.parametrize(
    ("n", "factor", "largest"), [(9, 2, 9), (10, 3, 10), (5, 1.5, 7), (1, 2, 4)]
)
def test_freeze_thaw_of_any_curves(n, factor, largest, resumes):
    rungs = freeze_thaw_rungs(n, 1, largest, factor)
    amounts = [rung.n_resources for rung in rungs]
    assert amounts == sorted(set(amounts)) and amounts[-1] == largest
    for seed in range(50):
        curves = np.random.default_rng(seed).normal(size=(n, len(rungs)))
        curves[0] = np.nan
        course, n_spent, reached = FreezeThaw(rungs, resumes), 0, dict.fromkeys(range(n), -1)
        step = course.begin(list(range(n)))
        while step is not None:
            n_spent += len(step.candidates) * cost(rungs, step.level, resumes)
            for candidate in step.candidates:
                # It goes from rung to rung, as long as it improves.
                assert reached[candidate] == step.level - 1
                before = curves[candidate][: step.level]
                assert (np.diff(before) > 0).all() and np.isfinite(before).all()
                reached[candidate] = step.level
            step = course.go_on(
                step, {number: curves[number][step.level] for number in step.candidates}
            )
        assert n_spent <= serial_cost([rungs], 1, 1, resumes)
        assert sum(level > 0 for level in reached.values()) <= -(-n // factor)


def test_min_resources():
    search = make_search(
        Known(),
        {"en": [0.2, 0.3, 0.4, 0.5]},
        n_iter=4,
        search="halving",
        resource="epochs",
        max_resources=20,
        factor=2,
        cv=2,
    )
    assert search.fit(KNOWN, Y).n_resources_ == [5, 10, 20]
    assert search.set_params(min_resources="smallest").fit(KNOWN, Y).n_resources_ == [1, 2, 4]
    assert search.set_params(min_resources=3).fit(KNOWN, Y).n_resources_ == [3, 6, 12]
    search.set_params(max_resources="auto", estimator__epochs=4, min_resources="exhaust")
    assert search.fit(KNOWN, Y).n_resources_ == [1, 2, 4]


def test_the_best_may_be_one_with_fewer_epochs():
    search = make_search(
        Known(),
        {"en": [0.3, 0.6, 0.9]},
        n_iter=3,
        search="halving",
        resource="epochs",
        max_resources=3,
        scoring=fading,
        cv=2,
    ).fit(KNOWN, Y)
    assert search.best_params_ == {"en": 0.9, "epochs": 1}
    assert search.best_index_ == search.cv_results_["mean_test_score"].argmax()


def test_the_best_is_one_that_had_most_samples():
    search = make_search(
        Known(),
        {"en": [0.3, 0.6, 0.9]},
        n_iter=3,
        search="halving",
        resource="n_samples",
        factor=2,
        scoring=lambda estimator, X, y: estimator.en - estimator.n_rows_,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    assert len(search.n_resources_) > 1
    assert results["mean_test_score"].argmax() != search.best_index_
    assert results["n_resources"][search.best_index_] == max(search.n_resources_)


def fading(estimator, X, y):
    return estimator.en - estimator.epochs


def test_hyperband():
    search = make_search(
        Known(),
        {"en": uniform(0.1, 0.8)},
        n_iter=14,
        search="hyperband",
        resource="epochs",
        max_resources=9,
        cv=2,
    ).fit(KNOWN, Y)
    results = search.cv_results_
    frame = pd.DataFrame({name: results[name] for name in ("bracket", "iter", "n_resources")})
    sizes = frame.value_counts(sort=False).reset_index()
    sizes = sizes.sort_values(["bracket", "iter"])
    assert search.n_candidates_ == sizes["count"].tolist()
    assert search.n_resources_ == sizes["n_resources"].tolist()
    assert search.n_resources_ == [1, 3, 9, 3, 9, 9]
    assert results["candidate"].max() == 13
    first = frame["iter"] == 0
    assert first.sum() == 14
    assert search.cv_results_["n_resources"][search.best_index_] == 9
    most = results["n_resources"] == 9
    assert search.best_score_ == results["mean_test_score"][most].max()


def test_samples_keep_every_class_of_every_language():
    seen = []

    def note(X):
        seen.append(X)
        return numbers(X)

    y = np.where(np.arange(60) % 4 == 0, 1, 0)
    search = make_search(
        make_pipeline(FunctionTransformer(note), LogisticRegression()),
        {"logisticregression__C": [0.01, 0.1, 1.0, 9.0]},
        n_iter=4,
        cv=2,
        search="halving",
        resource="n_samples",
        factor=2,
        error_score="raise",
        refit=False,
    ).fit(FRAME, y)
    assert search.n_resources_ == [16, 32]
    sizes = [len(frame) for frame in seen[::2]]
    assert len(sizes) == (4 + 2) * 2
    labels = pd.Series(y)
    for frame, n_resources in zip(seen[::2], [16] * 8 + [32] * 4, strict=True):
        groups = frame.assign(y=labels[frame.index])[["language", "y"]].value_counts()
        assert len(groups) == 4
        assert n_resources / 2 <= len(frame) <= n_resources / 2 + 4
    assert "n_samples" not in search.cv_results_["params"][0]


def test_samples_of_everything_are_everything():
    search = make_search(n_iter=1, search="halving", resource="n_samples").fit(X, Y)
    assert search.n_resources_ == [60]
    C1 = search.cv_results_["params"][0]
    expected = cross_val_score(LogisticRegression(**C1), X, Y, cv=3, scoring="neg_log_loss")
    assert search.best_score_ == pytest.approx(expected.mean())


def test_resource_of_a_step():
    search = make_search(
        make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)),
        {"sgdclassifier__alpha": loguniform(1e-4, 1)},
        search="halving",
        resource="sgdclassifier__max_iter",
        max_resources=9,
        n_iter=3,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the refit, which has not converged
        search.fit(X, Y)
    assert search.n_resources_ == [3, 9]
    assert search.best_params_["sgdclassifier__max_iter"] == 9


def test_epochs_of_a_network():
    """As in the docstring."""
    search = make_search(
        make_classifier(target_languages="zh"),
        {"learning_rate": loguniform(1e-4, 1e-2)},
        n_iter=2,
        search="halving",
        max_resources=2,
        factor=2,
        cv=2,
        select="worst_language",
    ).fit(PAIR, PAIR_Y)
    assert search.n_resources_ == [1, 2] and search.n_candidates_ == [2, 1]
    assert search.best_estimator_.max_epochs == search.best_params_["max_epochs"]
    assert len(search.best_estimator_.history_) == search.best_params_["max_epochs"]
    assert {"mean_test_score_en", "mean_test_score_zh"} <= set(search.cv_results_)
