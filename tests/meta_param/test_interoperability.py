"""The search among the other tools of scikit-learn."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from search_cases import (
    FRAME,
    LANGUAGE,
    NUMERIC_C,
    C,
    Semisupervised,
    X,
    Y,
    assert_same_results,
    make_numeric,
    make_search,
    numbers,
)
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC


def test_inside_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), make_search()).fit(X, Y)
    assert pipeline.classes_.tolist() == [0, 1]
    expected = make_search().fit(StandardScaler().fit_transform(X), Y)
    np.testing.assert_array_equal(
        pipeline.predict_proba(X), expected.predict_proba(StandardScaler().fit_transform(X))
    )


def test_around_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    distributions = {
        "logisticregression__C": [0.1, 1.0],
        "standardscaler": [None, StandardScaler()],
    }
    search = make_search(pipeline, distributions, n_iter=4).fit(X, Y)
    assert search.cv_results_["param_standardscaler"].shape == (4,)
    assert search.best_estimator_[-1].C == search.best_params_["logisticregression__C"]
    # Estimators among the parameters are cloned, not fitted.
    scaler = next(
        params["standardscaler"]
        for params in search.cv_results_["params"]
        if params["standardscaler"] is not None
    )
    assert not hasattr(scaler, "mean_")


def test_texts_in_a_list():
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    texts = ["good hotel", "bad hotel", "good food", "bad food"] * 4
    y = ["yes", "no"] * 8
    search = make_search(model, {"logisticregression__C": [0.1, 1.0]}, n_iter=2).fit(texts, y)
    assert search.predict(["good", "bad"]).tolist() == ["yes", "no"]
    assert search.classes_.tolist() == ["no", "yes"]


def test_nested_cross_validation():
    search = make_search(n_iter=2)
    scores = cross_val_score(search, X, Y, cv=3, error_score="raise")
    expected = [
        clone(search).fit(X[train], Y[train]).score(X[test], Y[test])
        for train, test in StratifiedKFold(3).split(X, Y)
    ]
    np.testing.assert_array_equal(scores, expected)


def test_around_a_search():
    inner = make_search(n_iter=2, cv=2)
    search = make_search(inner, {"random_state": [0, 1]}, n_iter=2, cv=2).fit(X, Y)
    assert search.best_estimator_.best_params_["C"] in C["C"]


def test_frozen_and_calibrated():
    search = make_search().fit(X, Y)
    frozen = FrozenEstimator(search).fit(X, Y)
    np.testing.assert_array_equal(frozen.predict(X), search.predict(X))
    calibrated = CalibratedClassifierCV(FrozenEstimator(search)).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    calibrated = CalibratedClassifierCV(make_search(n_iter=1), cv=2).fit(X, Y)
    assert calibrated.predict(X).shape == (60,)


def test_html():
    search = make_search()
    assert "MetaParamSearchCV" in search._repr_html_()
    html = search.fit(X, Y)._repr_html_()
    assert "best_estimator_: LogisticRegression" in html
    assert "MetaParamSearchCV(" in repr(search)


def test_pickling_and_cloning(tmp_path):
    search = make_search()
    with pytest.raises(NotFittedError):
        search.predict(X)
    assert pickle.loads(pickle.dumps(search)).get_params()["n_iter"] == 3
    search.fit(X, Y)
    joblib.dump(search, tmp_path / "search.joblib")
    for other in (
        pickle.loads(pickle.dumps(search)),
        copy.deepcopy(search),
        joblib.load(tmp_path / "search.joblib"),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), search.predict_proba(X))
        assert other.score(X, Y) == search.score(X, Y)
        assert other.best_params_ == search.best_params_
    copied = clone(search)
    assert not hasattr(copied, "cv_results_")
    assert copied.get_params()["estimator__C"] == 1.0
    search.set_params(estimator__fit_intercept=False, n_iter=1)
    assert search.fit(X, Y).best_estimator_.intercept_ == 0
    assert len(search.cv_results_["params"]) == 1


def test_fit_forgets_the_last_fit():
    search = make_search(
        make_numeric(), NUMERIC_C, search="halving", resource="n_samples", min_resources=20
    ).fit(FRAME, Y)
    assert hasattr(search, "n_resources_") and hasattr(search, "feature_names_in_")
    search.set_params(estimator=LogisticRegression(), param_distributions=C, search="random")
    search.fit(X, Y)
    assert not hasattr(search, "n_resources_") and not hasattr(search, "feature_names_in_")
    search.set_params(refit=False).fit(X, Y)
    assert not hasattr(search, "best_estimator_")


def test_features_and_classes():
    search = make_search(estimator=LogisticRegression()).fit(FRAME[["a", "b", "c"]], Y)
    assert search.n_features_in_ == 3
    assert search.feature_names_in_.tolist() == ["a", "b", "c"]
    assert search.classes_.tolist() == [0, 1]
    assert not hasattr(make_search(Ridge(), {"alpha": [1.0]}, n_iter=1).fit(X, Y), "classes_")
    for name in ("n_features_in_", "classes_"):
        assert not hasattr(make_search(), name)


FORMS = {
    "sparse matrix": sparse.csr_matrix(X),
    "sparse array": sparse.csr_array(X),
    "list": X.tolist(),
    "tuple": tuple(X.tolist()),
    "odd index": pd.DataFrame(X, index=[f"row {number % 7}" for number in range(60)]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_x(form):
    names = isinstance(form, pd.DataFrame)
    y = pd.Series(Y, index=np.arange(60)[::-1]) if names else Y.tolist()
    search = make_search().fit(form.rename(columns=str) if names else form, y)
    expected = make_search().fit(X, Y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_kernels():
    kernel = X @ X.T
    search = make_search(
        SVC(kernel="precomputed"), C, return_train_score=True, error_score="raise"
    ).fit(kernel, Y)
    expected = RandomizedSearchCV(
        SVC(kernel="precomputed"), C, n_iter=3, cv=3, random_state=0, return_train_score=True
    ).fit(kernel, Y)
    assert_same_results(search.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("search", ["random", "halving"])
def test_inputs_are_not_written_to(search):
    frame, y, language = FRAME.drop(columns="language"), Y.astype(object), LANGUAGE.copy()
    y[0] = None
    before = frame.copy(deep=True), y.copy(), language.copy()
    make_search(
        make_pipeline(FunctionTransformer(numbers), Semisupervised()),
        {"semisupervised__n_neighbors": [2, 3]},
        n_iter=2,
        search=search,
        resource="n_samples",
        min_resources=30,
    ).fit(frame, y)
    pd.testing.assert_frame_equal(frame, before[0])
    assert y.tolist() == before[1].tolist()
    assert language.tolist() == before[2].tolist()
    arrays = X.copy(), Y.copy()
    for array in arrays:
        array.flags.writeable = False
    make_search(search=search, resource="n_samples", min_resources=30).fit(*arrays)


def test_global_random_states_are_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    make_search(SGDClassifier(loss="log_loss"), {"alpha": [0.1, 1]}, n_iter=2).fit(X, Y)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_estimators_without_a_seed_are_repeatable():
    search = make_search(SGDClassifier(loss="log_loss"), {"alpha": [1e-4, 1]}, n_iter=2)
    first, again = search.fit(X, Y).predict_proba(X), search.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(first, again)


def test_silence(capfd):
    make_search().fit(X, Y)
    make_search(verbose=1).fit(X, Y)  # too short for a bar to be shown
    assert capfd.readouterr() == ("", "")
