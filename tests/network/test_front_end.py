"""The kinds of front ends, and a new one that is added from outside."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from marks import predicts_unseen_languages
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import FunctionTransformer
from tiny import make_classifier, make_meta_net, make_pair

from metaling_sk import load
from metaling_sk._data.language_statistics import LanguageStatistics
from metaling_sk._network.fixed_front_ends import FixedFrontEnd
from metaling_sk._network.front_ends import FRONT_ENDS

X, Y = make_pair(40, 40, n_labelled=20, joiner=" ")
NUMBERS = np.random.default_rng(0).normal(size=(80, 3))
KINDS = {
    "numbers": ({}, NUMBERS),
    "numbers, whatever the encoder is": ({"encoder": "scratch", "trainable": "head"}, NUMBERS),
    "vectorizer": ({"encoder": TfidfVectorizer()}, X),
    "vectorizer, whatever is trainable": (
        {"encoder": TfidfVectorizer(), "trainable": "head"},
        X,
    ),
    "frozen": ({"trainable": "head"}, X),
    "trained": ({}, X),
    "trained, adapters": ({"trainable": "adapter"}, X),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
def test_the_kind_for_an_encoder_and_samples(make, name):
    parameters, X = KINDS[name]
    language = None if X is not NUMBERS else ["en", "zh"] * 40
    model = make(**parameters).fit(X, Y, language=language)
    assert model.front_end_.kind == name.partition(",")[0]


def test_an_encoder_that_makes_no_numbers():
    encoder = FunctionTransformer(lambda texts: np.log([[text.count("o")] for text in texts]))
    wrong = [text for text in X["text"] if "o" not in text]
    message = (
        rf"`encoder`: FunctionTransformer makes NaN or infinity of {len(wrong)} texts, such as"
    )
    with pytest.raises(ValueError, match=f"{message} '{wrong[0]}'"), np.errstate(divide="ignore"):
        make_classifier(encoder=encoder, transfer=None).fit(X, Y)


WORDS = ["good", "clean", "不错", "干净"]


class WordCounts(FixedFrontEnd):
    """How often some words occur."""

    kind = "word counts"
    input_name = "texts"

    @classmethod
    def accepts(cls, parameters, samples):
        return samples.is_text and parameters.encoder == "word counts"

    @classmethod
    def fit(cls, parameters, samples, execution):
        return cls(parameters.language_norm)

    def inputs(self, samples, execution):
        return np.array([[text.count(word) for word in WORDS] for text in samples.texts], float)


@pytest.fixture
def word_counts(monkeypatch):
    monkeypatch.setitem(FRONT_ENDS, WordCounts.kind, WordCounts)
    return WordCounts.kind


@pytest.mark.parametrize("make", [make_classifier, make_meta_net])
def test_a_new_kind_serves_every_part(make, word_counts, tmp_path):
    model = make(encoder=word_counts, max_epochs=20).fit(X, Y)
    assert isinstance(model.front_end_, WordCounts)
    assert model.text_encoder_ is None
    english = X["language"] == "en"
    assert model.score(X[english], Y[english]) > 0.8
    expected = model.predict_proba(X)
    assert np.ptp(expected[:, 0]) > 0.1

    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict_proba(X), expected)
    model.save(tmp_path)
    loaded = load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    loaded.register_language(["bon hotel", "good good hotel"], language="fr")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)

    target = make_classifier(source=model, encoder=word_counts, target_languages="zh").fit(X, Y)
    assert isinstance(target.front_end_, WordCounts)


def test_a_new_kind_is_standardised_by_language(word_counts):
    model = make_classifier(encoder=word_counts).fit(X, Y)
    counts = WordCounts(True).inputs(SimpleNamespace(texts=X["text"].to_numpy()), None)
    language = X["language"].to_numpy(dtype=object)
    statistics = LanguageStatistics.fit(counts, language, has_prior=True)
    prepared = model.front_end_.prepare(counts, language)
    np.testing.assert_allclose(prepared, statistics.apply(counts, language))


def test_adapting_a_new_kind(word_counts):
    model = make_meta_net(encoder=word_counts, max_epochs=5).fit(X, Y)
    before = model.predict_proba(X)
    few = ["good hotel", "clean room", "bad hotel", "rude staff"] * 5
    model.adapt(few, [1, 1, 0, 0] * 5, language="sv")
    assert model.score(few, [1, 1, 0, 0] * 5, language="sv") == 1
    np.testing.assert_array_equal(model.predict_proba(X), before)


@predicts_unseen_languages
def test_registering_a_language_leaves_the_source_model_alone():
    """Front ends do not change: two models that share one do not meet in it."""
    model = make_classifier(trainable="head", transfer="labels", target_languages="zh").fit(X, Y)
    before = model.source_model_.predict_proba(["bon hotel"], language="fr")
    model.register_language(["bon hotel", "mal hotel"], language="fr")
    assert "fr" in model.front_end_.statistics.languages
    assert "fr" not in model.source_model_.front_end_.statistics.languages
    after = model.source_model_.predict_proba(["bon hotel"], language="fr")
    np.testing.assert_array_equal(after, before)
