"""Searches that cannot run are refused before their first fit; pipelines that resample are not
resumed."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from search_cases import make_search
from searches import X, y
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import check_random_state
from tiny import make_classifier, make_pair
from transformers import AutoModel, AutoTokenizer

from metaling_sk import MetaParamSearchCV


class Unfitted(LogisticRegression):
    """May not be fitted."""

    def fit(self, X, y):
        raise AssertionError("it was fitted")


@pytest.mark.parametrize("search", ["random", "halving", "tpe"])
@pytest.mark.parametrize("name", ["c", "clf__C", "C__x"])
def test_unknown_names_are_refused_before_any_fit(search, name):
    distributions = {"C": [1.0, 2.0], name: [1, 2]}
    with pytest.raises(ValueError, match=rf"`param_distributions`.*{name.partition('__')[0]}"):
        make_search(
            Unfitted(), distributions, search=search, resource="max_iter", max_resources=9
        ).fit(X, y)


def test_names_of_searched_steps_are_known():
    distributions = {"clf": [SVC(), LogisticRegression()], "clf__C": [0.1, 1.0]}
    search = make_search(Pipeline([("clf", SVC())]), distributions, scoring="accuracy")
    assert search.fit(X, y).best_score_ > 0.5
    only_one_has_it = distributions | {"clf__gamma": [1.0]}
    assert make_search(Pipeline([("clf", SVC())]), only_one_has_it, scoring="accuracy")


def test_checkpoint_without_a_name_is_refused():
    with pytest.raises(ValueError, match="`checkpoint` must name a folder"):
        make_search(checkpoint="").fit(X, y)


def test_checkpoint_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    make_search(checkpoint="~/run").fit(X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    make_search(checkpoint=Path("~/run"), prior="~/run").set_params(checkpoint=None).fit(X, y)


def test_checkpoint_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match="`checkpoint`.*file"):
            make_search(checkpoint=path).fit(X, y)


@pytest.mark.parametrize("part", [".", "journal.jsonl"])
def test_checkpoint_that_cannot_be_written(tmp_path, monkeypatch, part):
    real = os.open

    def refuse(path, flags, *args, **kwargs):
        if flags & os.O_CREAT and Path(path).parent == tmp_path and part in (".", Path(path).name):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ValueError, match="`checkpoint`: .* cannot be used.*Permission denied"):
        make_search(checkpoint=tmp_path).fit(X, y)


@pytest.mark.parametrize("part", ["states", "running"])
def test_a_file_in_the_place_of_a_folder_of_the_checkpoint(tmp_path, part):
    (tmp_path / part).touch()
    with pytest.raises(ValueError, match="`checkpoint`: .* cannot be used"):
        make_search(checkpoint=tmp_path).fit(X, y)


def test_no_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match="`checkpoint`: .* TMPDIR .* or name one"):
        make_search().fit(X, y)
    make_search(checkpoint=tmp_path / "run").fit(X, y)


def test_prior_that_is_no_folder_of_a_search(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(ValueError, match="`prior`: .* no search has begun|cannot be read"):
            make_search(prior=path).fit(X, y)


class Sampler(BaseEstimator):
    """Leaves out the second class, as its y says, in the manner of imbalanced-learn."""

    def fit_resample(self, X, y):
        chosen = np.concatenate([np.flatnonzero(y == label)[:20] for label in (0, 1)])
        return X[chosen], y[chosen]


class SamplingPipeline(Pipeline):
    """Like that of imbalanced-learn: samplers take part in fit alone."""

    def _validate_steps(self):
        pass

    def _validate_names(self, names):
        pass

    def fit(self, X, y=None, **params):
        for _, step in self.steps[:-1]:
            X, y = step.fit_resample(X, y)
        self.seen_ = len(X)
        self.steps[-1][1].fit(X, y)
        return self

    def predict(self, X):
        return self.steps[-1][1].predict(X)

    def predict_proba(self, X):
        return self.steps[-1][1].predict_proba(X)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "seen_")


def test_pipelines_that_resample_are_fitted_anew():
    pipeline = SamplingPipeline([("sampler", Sampler()), ("sgd", SGDClassifier(loss="log_loss"))])
    search = make_search(
        pipeline,
        {"sgd__alpha": [1e-4, 1e-3, 1e-2]},
        search="halving",
        resource="sgd__max_iter",
        min_resources=100,
        max_resources=1000,
        factor=2,
        scoring="accuracy",
    ).fit(X, y)
    assert search.best_estimator_.seen_ == 40
    assert search.best_score_ > 0.6


def test_a_module_with_a_tokenizer_goes_on(tmp_path, bert):
    """As a parameter and as a choice."""
    X, y = make_pair(16, 16, n_labelled=8)

    def load():
        return AutoModel.from_pretrained(bert), AutoTokenizer.from_pretrained(bert)

    def fit(pair):
        return MetaParamSearchCV(
            make_classifier(encoder=pair, trainable="head", source_languages="en", max_epochs=1),
            {"encoder": [pair], "layer": [0.5, 1.0]},
            n_iter=2,
            cv=2,
            random_state=0,
            verbose=0,
            checkpoint=tmp_path,
        ).fit(X, y)

    pair = load()
    first = fit(pair).cv_results_["mean_test_score"].tolist()
    # The tokenizer of the first has been used.
    for again in (pair, load()):
        assert fit(again).cv_results_["mean_test_score"].tolist() == first
    other, tokenizer = load()
    next(other.parameters()).data += 0.1
    with pytest.raises(ValueError, match="holds a different search"):
        fit((other, tokenizer))


def test_steps_before_the_last_do_not_depend_on_where_it_stopped():
    """Steps without a random state of their own draw the same numbers in each rung."""

    class Jittering(StandardScaler):
        def fit_transform(self, X, y=None, **params):
            X = super().fit_transform(X, y, **params)
            return X + check_random_state(None).normal(size=X.shape)

    def find(**limits):
        return make_search(
            make_pipeline(Jittering(), SGDClassifier(loss="log_loss", max_iter=4)),
            {"sgdclassifier__alpha": [1e-4, 1e-2]},
            search="halving",
            n_iter=2,
            factor=2,
            resource="sgdclassifier__max_iter",
            refit=False,
            **limits,
        ).fit(X, y)

    stopping, at_once = find(), find(min_resources=4)
    last = stopping.cv_results_["n_resources"].argmax()
    assert stopping.cv_results_["n_resources"][last] == 4
    same = at_once.cv_results_["candidate"].tolist().index(stopping.cv_results_["candidate"][last])
    for split in range(3):
        column = f"split{split}_test_score"
        assert stopping.cv_results_[column][last] == at_once.cv_results_[column][same]
