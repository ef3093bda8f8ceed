"""Searches in a saved folder."""

import shutil

import numpy as np
import pytest
from saved_cases import X, Y, forge
from scipy.stats import loguniform, randint
from search_cases import C, make_search
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY, make_classifier, make_meta_net

from metaling_sk import LinearTransferClassifier, load
from metaling_sk._saving.reading import record_file
from metaling_sk.exceptions import InputWarning
from metaling_sk.meta_param._prior_results import read_priors
from metaling_sk.metrics import make_language_scorer

RATES = {"learning_rate": loguniform(1e-4, 1e-2), "batch_size": [8, 16]}
EPOCHS = {"search": "halving", "max_resources": 2, "factor": 2, "n_iter": 2}


def fit(estimator=None, distributions=RATES, X=X, y=Y, **parameters):
    if estimator is None:
        estimator = make_classifier(max_epochs=1, target_languages="zh")
    return make_search(estimator, distributions, **{"n_iter": 2, "cv": 2} | parameters).fit(X, y)


WORDS = make_pipeline(TfidfVectorizer(), LogisticRegression())
LINEAR = LinearTransferClassifier(dictionary=DICTIONARY, self_training=0)
SEARCHES = {
    "random": lambda: fit(),
    "halving": lambda: fit(**EPOCHS),
    "hyperband": lambda: fit(search="hyperband", max_resources=3, n_iter=3),
    "worst language": lambda: fit(select="worst_language"),
    "meta network": lambda: fit(make_meta_net(), {"learning_rate": [1e-3, 1e-2]}),
    "linear recipe": lambda: fit(LINEAR, {"C": loguniform(1e-2, 1)}),
    "several grids": lambda: fit(
        distributions=[{"batch_size": randint(4, 9)}, {"max_epochs": [1]}]
    ),
    "several metrics": lambda: fit(scoring=["accuracy", "f1_macro"], refit="f1_macro"),
    "best index": lambda: fit(refit=lambda results: 1),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_loaded_is_the_search(name, tmp_path):
    search = SEARCHES[name]()
    search.save(tmp_path)
    loaded = load(tmp_path)
    assert vars(loaded).keys() - {"_not_kept"} == vars(search).keys()
    assert is_classifier(loaded)
    np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
    np.testing.assert_array_equal(loaded.classes_, search.classes_)
    labelled = ~np.isnan(Y)
    assert loaded.score(X[labelled], Y[labelled]) == search.score(X[labelled], Y[labelled])
    assert loaded.best_params_ == search.best_params_
    assert loaded.best_index_ == search.best_index_
    assert getattr(loaded, "best_score_", None) == getattr(search, "best_score_", None)
    assert {*map(str, loaded.best_params_.values())} == {*map(str, search.best_params_.values())}
    assert loaded.cv_results_.keys() == search.cv_results_.keys()
    for column, values in search.cv_results_.items():
        restored = loaded.cv_results_[column]
        assert type(restored) is type(values)
        if column != "params":
            assert restored.dtype == values.dtype
            np.testing.assert_array_equal(
                np.ma.getmaskarray(restored), np.ma.getmaskarray(values), err_msg=column
            )
        np.testing.assert_equal(restored, values)
    for restored, kept in zip(read_priors(loaded), read_priors(search), strict=True):
        assert restored.equals(kept)


def test_a_loaded_search_searches_again_and_is_a_prior(tmp_path):
    search = fit(make_classifier(encoder="scratch", target_languages="zh"), **EPOCHS)
    search.save(tmp_path)
    loaded = load(tmp_path)
    again = load(tmp_path).fit(X, Y)
    np.testing.assert_array_equal(
        again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )
    first, second = (fit(prior=prior, n_iter=3) for prior in (search, loaded))
    assert first.cv_results_["params"] == second.cv_results_["params"]


def test_scores_that_are_missing_are_kept(tmp_path):
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        search = fit(distributions={"learning_rate": [1e-3, -1.0]}, n_iter=2)
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() == 1
    search.save(tmp_path)
    results = load(tmp_path).cv_results_
    np.testing.assert_equal(results["mean_test_score"], search.cv_results_["mean_test_score"])
    assert results["failure"].tolist() == search.cv_results_["failure"].tolist()


def test_objects_to_choose_from_are_kept_as_text(tmp_path):
    encoders = [TfidfVectorizer(), TfidfVectorizer(analyzer="char")]
    search = fit(distributions={"encoder": encoders, "transfer": [None, ["coral"]]}, n_iter=4)
    search.save(tmp_path)
    loaded = load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
    expected = [
        params | {"encoder": repr(params["encoder"])} for params in search.cv_results_["params"]
    ]
    assert loaded.cv_results_["params"] == expected
    assert loaded.best_params_ == expected[search.best_index_]
    for name in ("encoder", "transfer"):
        column = [params[name] for params in expected]
        assert loaded.cv_results_[f"param_{name}"].tolist() == column
    assert search.best_params_["encoder"] in encoders  # The search itself is not changed.


def test_what_is_not_saved(tmp_path):
    scorer = make_language_scorer(accuracy_score, aggregate="min")
    prior, folder = fit(), tmp_path / "checkpoint"
    search = fit(scoring=scorer, prior=prior.cv_results_, checkpoint=folder)
    search.save(tmp_path / "saved")
    loaded = load(tmp_path / "saved")
    assert (loaded.scoring, loaded.prior, loaded.checkpoint) == (None, None, None)
    with pytest.raises(ValueError, match="`scoring` of this search was a function"):
        loaded.score(X, Y)
    for name in ("checkpoint", "prior", "scoring"):
        with pytest.raises(InputWarning, match=f"^`{name}` was not saved .*: {name}=None. Before"):
            loaded.fit(X, Y)
        loaded.set_params(**{name: "any"})
    assert repr(loaded.estimator) == repr(search.estimator)
    with pytest.raises(NotFittedError):
        loaded.estimator.predict(X)


def test_the_best_estimator_is_a_saved_model_inside(tmp_path):
    search = fit()
    search.save(tmp_path)
    inside = load(tmp_path / "best_estimator_")
    np.testing.assert_array_equal(inside.predict_proba(X), search.predict_proba(X))
    assert "the best of 2 candidates" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert not (tmp_path / "best_estimator_" / "README.md").exists()


def test_the_device_is_that_of_the_best_estimator(tmp_path):
    fit().save(tmp_path)
    assert load(tmp_path, device="cpu").best_estimator_.device == "cpu"

    def on_gpu(content):
        content["parameters"]["device"] = "cuda:77"

    forge(tmp_path / "best_estimator_", on_gpu)
    forge(tmp_path, record_again(tmp_path))
    with pytest.warns(UserWarning, match=f"{tmp_path.name}.* was saved with device='cuda:77'"):
        assert load(tmp_path).best_estimator_.device == "auto"


def record_again(folder):
    def edit(content):
        name = "best_estimator_/estimator.json"
        content["files"][name] = record_file(folder / name)

    return edit


# Refusals


class Mine(LinearTransferClassifier):
    """A class that `load` does not know."""


UNSAVEABLE = {
    "another library": (
        lambda: make_search(Mine(), C).fit(np.eye(20), [0, 1] * 10),
        TypeError,
        "of metaling_sk and of scikit-learn, and no Mine; use joblib.dump",
    ),
    "no refit": (lambda: fit(refit=False), ValueError, "no `best_estimator_` to save.*refit=True"),
    "not fitted": (lambda: make_search(make_classifier(), RATES), NotFittedError, "not fitted"),
}


@pytest.mark.parametrize("name", UNSAVEABLE)
def test_a_search_that_cannot_be_saved_leaves_the_folder(name, tmp_path):
    make, error, message = UNSAVEABLE[name]
    search = make()
    with pytest.raises(error, match=message):
        search.save(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a search, which tests copy."""
    folder = tmp_path_factory.mktemp("whole")
    fit().save(folder)
    return folder


@pytest.mark.parametrize("name", ["weights.safetensors", "estimator.json", "encoder/config.json"])
def test_damage_inside_is_refused_by_name(name, whole, tmp_path):
    for number, damage in enumerate([lambda data: data[:-1], lambda data: b"x" + data[1:]]):
        folder = shutil.copytree(whole, tmp_path / str(number))
        path = folder / "best_estimator_" / name
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(ValueError, match=f"does not hold .*best_estimator_/{name}"):
            load(folder)


FORGERIES = {
    "results of different lengths": lambda fitted: fitted["cv_results_"]["candidate"].update(
        values={"$objects": [1]}
    ),
    "a best candidate that is none": lambda fitted: fitted.update(best_index_=7),
    "no results": lambda fitted: fitted.update(cv_results_={}),
    "a method": lambda fitted: fitted["cv_results_"].update(x={"$distribution": ["os", [], {}]}),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_results_are_refused(name, whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "forged")
    forge(folder, lambda content: FORGERIES[name](content["fitted"]))
    with pytest.raises(ValueError, match="does not hold a complete estimator"):
        load(folder)


def test_save_again_replaces_in_one_step(tmp_path):
    first, second = fit(), fit(random_state=3)
    (tmp_path / "notes.txt").write_text("mine")
    for search in (first, second):
        search.save(tmp_path)
        np.testing.assert_array_equal(load(tmp_path).predict_proba(X), search.predict_proba(X))
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"
