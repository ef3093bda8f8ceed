"""Work that the fits of a search share."""

import numpy as np
import pytest
from search_cases import FRAME, LANGUAGE, X, Y, make_search
from sklearn.base import BaseEstimator, ClassifierMixin
from tiny import make_classifier, make_pair

from metaling_sk import MetaParamSearchCV


class Sharing(ClassifierMixin, BaseEstimator):
    """Writes a line for each call to a file."""

    def __init__(self, log=None, model="small", C=1.0):
        self.log, self.model, self.C = log, model, C

    def warm_cache(self, X, **metadata):
        self._write(f"warm {self.model} {len(X)} {sorted(metadata)}")
        if self.model == "broken":
            raise ValueError("no such model")

    def fit(self, X, y, language=None):
        self._write("fit")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X, language=None):
        return np.full(len(X), self.classes_[0])

    def _write(self, line):
        with open(self.log, "a") as file:
            file.write(f"{line}\n")


class Keyed(Sharing):
    """Names what the shared work depends on."""

    def warm_cache_key(self):
        return {"model": self.model}


def warmed(log):
    return [line for line in log.read_text().splitlines() if line.startswith("warm")]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_candidates_with_equal_keys_share_the_work(n_jobs, tmp_path):
    log = tmp_path / "log"
    distributions = {"model": ["small", "large"], "C": [0.1, 1.0, 10.0]}
    make_search(Keyed(str(log)), distributions, n_iter=6, n_jobs=n_jobs).fit(X, Y)
    assert sorted(warmed(log)) == ["warm large 60 []", "warm small 60 []"]
    assert all(line.startswith("warm") for line in log.read_text().splitlines()[:2])


def test_without_a_key_each_candidate_is_called(tmp_path):
    log = tmp_path / "log"
    make_search(Sharing(str(log)), {"C": [0.1, 1.0, 10.0]}).fit(X, Y)
    assert warmed(log) == ["warm small 60 []"] * 3


def test_work_is_shared_by_all_rungs(tmp_path):
    log = tmp_path / "log"
    make_search(
        Keyed(str(log)), {"C": [0.1, 1.0, 10.0]}, search="halving", resource="n_samples"
    ).fit(X, Y)
    assert warmed(log) == ["warm small 60 []"]


def test_language_is_passed_if_it_is_metadata(tmp_path):
    log = tmp_path / "log"
    search = make_search(Sharing(str(log)), {"C": [1.0]}, n_iter=1)
    search.fit(X, Y, language=LANGUAGE)
    search.fit(FRAME, Y)
    assert warmed(log) == ["warm small 60 ['language']", "warm small 60 []"]


def test_an_error_is_left_to_the_fits(tmp_path):
    log = tmp_path / "log"
    search = make_search(Keyed(str(log)), {"model": ["broken"]}, n_iter=1).fit(X, Y)
    assert warmed(log) == ["warm broken 60 []"]
    assert search.cv_results_["failure"].tolist() == [None]


def test_finished_fits_need_no_work(tmp_path):
    log = tmp_path / "log"
    for _ in range(2):
        make_search(Keyed(str(log)), {"C": [0.1, 1.0]}, n_iter=2, checkpoint=tmp_path).fit(X, Y)
    assert warmed(log) == ["warm small 60 []"]


def test_our_classifiers_name_what_decides_a_vector():
    clf = make_classifier()
    assert clf.warm_cache_key() == make_classifier(learning_rate=0.5).warm_cache_key()
    for change in ({"layer": 1}, {"max_length": 3}, {"trainable": "head"}, {"text_column": "t"}):
        assert clf.warm_cache_key() != make_classifier(**change).warm_cache_key()


def test_trained_encoders_share_nothing():
    X, y = make_pair(10, 10)
    clf = make_classifier(source_languages="en", transfer=None)
    clf.warm_cache(X)
    assert not hasattr(clf, "n_features_in_")
    MetaParamSearchCV(clf, {"batch_size": [4]}, n_iter=1, cv=2, verbose=0).fit(X, y)
