import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from tiny import DICTIONARY, ONLY_TARGET, make_reviews

from metaling_sk import TransferClassifier
from metaling_sk.exceptions import InputWarning
from metaling_sk.linear import LinearTransferClassifier
from metaling_sk.transfer import _linear
from metaling_sk.transfer._self_training import class_shares, pseudo_labels, round_shares


@pytest.fixture(scope="module")
def reviews():
    X_en, y_en = make_reviews(80, "en", seed=0)
    X_zh, _ = make_reviews(120, "zh", seed=1)
    X = pd.concat([X_en, X_zh], ignore_index=True)
    return X, np.concatenate([y_en, np.full(120, np.nan)])


@pytest.fixture
def model():
    return LinearTransferClassifier(dictionary=DICTIONARY, n_topics=1, random_state=0)


def test_labels_cross_the_dictionary(model, reviews):
    X_test, y_test = make_reviews(100, "zh", seed=2)
    model.fit(*reviews)
    assert model.source_languages_ == ["en"] and model.target_languages_ == ["zh"]
    assert model.score(X_test, y_test) > 0.95
    with pytest.warns(InputWarning, match="rows without a language"):  # They count as Chinese.
        assert model.score(X_test["text"].tolist(), y_test) > 0.95
    assert model.score(*make_reviews(50, "en", seed=3)) > 0.95


def test_self_training_learns_words_that_only_the_target_has(model, reviews):
    words = ONLY_TARGET[0] + ONLY_TARGET[1]
    assert model.fit(*reviews).predict(words, language="zh").tolist() == [0, 0, 1, 1]
    model.set_params(self_training=0).fit(*reviews)
    assert np.ptp(model.predict_proba(words, language="zh")[:, 1]) == 0


def test_probabilities_are_in_the_order_of_the_classes(model, reviews):
    X, y = reviews
    named = np.where(np.isnan(y), None, np.where(y == 1, "a-positive", "b-negative"))
    model.fit(X, named)
    assert model.classes_.tolist() == ["a-positive", "b-negative"]
    probabilities = model.predict_proba(["酒店不错推荐"], language="zh")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[0, 0] > 0.5


def test_topics_count_and_the_seed_draws_them():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 4)), np.r_[np.tile([0.0, 1.0], 20), np.full(160, np.nan)]
    first, again, other, fewer = (
        LinearTransferClassifier(n_topics=n_topics, random_state=seed)
        .fit(X, y, language=["en"] * 40 + ["zh"] * 160)
        .predict_proba(X, language="zh")
        for n_topics, seed in ((9, 0), (9, 0), (9, 1), (2, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other) and not np.allclose(first, fewer)


def test_texts_are_predicted_part_by_part(model, reviews, monkeypatch):
    expected = model.fit(*reviews).predict_proba(reviews[0])
    monkeypatch.setattr(_linear, "ROWS_AT_A_TIME", 7)
    np.testing.assert_array_equal(model.predict_proba(reviews[0]), expected)


def test_missing_label_and_language_beside_x(model, reviews):
    X, y = reviews
    y = np.where(np.isnan(y), -1, y).astype(int)
    model.set_params(missing_label=-1).fit(X["text"].tolist(), y, language=X["language"].tolist())
    assert model.classes_.tolist() == [0, 1]
    X_test, y_test = make_reviews(50, "zh", seed=5)
    assert model.score(X_test["text"].tolist(), y_test, language="zh") > 0.95


def test_a_target_without_rows_is_zero_shot(model, reviews):
    X, y = reviews
    english = (X["language"] == "en").to_numpy()
    model.set_params(target_languages="zh").fit(X[english], y[english])
    assert model.score(*make_reviews(50, "zh", seed=6)) > 0.95


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_self_training_on_features(form):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=300)
    language = np.array(["en"] * 100 + ["zh"] * 200, dtype=object)
    X = rng.normal(size=(300, 4)) + 2.0 * y[:, None] * [1, 1, 0, 0]
    X[100:, 2] += 4.0 * y[100:]
    X[100:, :2] *= 0.3
    partly = np.where(language == "en", y.astype(float), np.nan)
    model = LinearTransferClassifier(n_topics=1, random_state=0)
    adapted = model.fit(form(X), partly, language=language).score(form(X[100:]), y[100:])
    model.set_params(self_training=0)
    plain = model.fit(form(X), partly, language=language).score(form(X[100:]), y[100:])
    assert adapted > plain


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 1.0}])
def test_it_is_a_logistic_regression_in_which_target_labels_weigh_more(class_weight):
    rng = np.random.default_rng(0)
    X, y, language = rng.normal(size=(60, 3)), rng.integers(2, size=60), ["en"] * 40 + ["zh"] * 20
    model = LinearTransferClassifier(
        target_languages="zh", C=0.3, target_weight=7.0, class_weight=class_weight
    ).fit(X, y, language=language)
    peer = LogisticRegression(C=0.3, class_weight=class_weight)
    peer.fit(X, y, sample_weight=np.repeat([1.0, 7.0], [40, 20]))
    np.testing.assert_allclose(
        model.predict_proba(X, language=language), peer.predict_proba(X), rtol=1e-3
    )


def test_the_vocabulary_is_that_of_the_target(reviews):
    X, y = reviews
    X, y = pd.concat([X, X[-1:].assign(text="罕见")], ignore_index=True), np.r_[y, np.nan]
    model = LinearTransferClassifier(n_topics=1, ngram_range=(1, 1), min_df=2)
    letters = set(model.fit(X, y).vectorizer_.vocabulary_)
    assert {"酒", "店"} < letters and not {"罕", "a", "e", "o"} & letters
    # Without target text to learn from it is that of all.
    model.set_params(min_df=1, target_languages="zh").fit(X[:80], y[:80])
    assert {"a", "e", "o"} < set(model.vectorizer_.vocabulary_)


def test_three_classes():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    X = 5 * np.eye(3)[y] + rng.normal(size=(120, 3))
    partly = np.where(np.arange(120) % 2, np.nan, y)
    assert LinearTransferClassifier(random_state=0).fit(X, partly).score(X, y) > 0.95


def test_pseudo_labels_take_the_same_share_of_each_topic():
    positive = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    topics = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    rows, labels = pseudo_labels(np.c_[1 - positive, positive], topics, np.array([0.25, 0.25]))
    assert rows.tolist() == [0, 3, 4, 7]
    assert labels.tolist() == [0, 1, 0, 1]


def test_a_sample_among_the_surest_of_two_classes_gets_no_pseudo_label():
    rows, labels = pseudo_labels(
        np.array([[0.6, 0.4], [0.9, 0.1]]), np.zeros(2), np.array([1, 0.5])
    )
    assert (rows.tolist(), labels.tolist()) == ([1], [0])


def test_each_round_takes_more_pseudo_labels():
    assert np.diff(round_shares(4)).min() > 0


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"source_languages": "fr"}, "`source_languages`: X has no row in \\['fr'\\]"),
        ({"source_languages": "en", "target_languages": ["en", "zh"]}, "name each language once"),
        ({"source_languages": ["en", "zh"]}, "0 target languages"),
        ({"self_training": -1}, "'self_training' parameter of LinearTransferClassifier must be"),
        ({"n_topics": 0}, "'n_topics' parameter of LinearTransferClassifier must be"),
    ],
)
def test_wrong_parameters_are_named(model, reviews, parameters, message):
    with pytest.raises(ValueError, match=message):
        model.set_params(**parameters).fit(*reviews)


def test_dictionary_needs_text(model):
    with pytest.raises(ValueError, match="`dictionary`"):
        model.fit(np.eye(4), [0, 1, 0, 1])


def test_few_labels_say_little_about_the_shares_of_the_classes():
    assert class_shares(np.zeros(4, dtype=int), 2).max() < 0.6
    assert class_shares(np.zeros(4000, dtype=int), 2).max() > 0.99
    np.testing.assert_allclose(class_shares(np.array([], dtype=int), 4), 0.25)


@pytest.mark.parametrize("target", [["", ""], ["a", "b"]], ids=["empty", "single characters"])
def test_texts_without_an_n_gram(target):
    texts, language = ["good", "bad", *target], ["en", "en", "zh", "zh"]
    model = LinearTransferClassifier(random_state=0, verbose=0)
    with pytest.raises(ValueError, match="target languages has no n-gram to count.*`ngram_range`"):
        model.fit(texts, [1, 0, None, None], language=language)
    with pytest.raises(ValueError, match="X has no n-gram to count"):
        model.fit(target, [1, 0])
    model.set_params(ngram_range=(1, 1)).fit(["a", "b", *target], [1, 0, 1, 0], language=language)


def test_self_training_on_empty_texts():
    texts, y, language = ["good", "bad", *[""] * 30], [1, 0, *[None] * 30], ["en"] * 2 + ["zh"] * 30
    model = TransferClassifier(encoder=TfidfVectorizer(analyzer="char"), verbose=0, random_state=0)
    model.set_params(self_training=1, max_epochs=1)
    with pytest.warns(InputWarning, match="no pseudo-label"):  # None of them is surer than others.
        model.fit(texts, y, language=language)
    assert len(set(model.predict(texts[2:], language="zh"))) == 1
