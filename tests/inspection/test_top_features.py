"""The features that speak for a class."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from metaling_sk import LinearTransferClassifier, MetaNetClassifier
from metaling_sk.inspection import top_features

TEXTS = ["good hotel", "bad hotel", "buen hotel", "mal hotel"] * 5
LANGUAGE = ["en", "en", "es", "es"] * 5
Y = ["pos", "neg"] * 10


@pytest.fixture(scope="module")
def meta_net():
    clf = MetaNetClassifier(encoder=TfidfVectorizer(), verbose=0, random_state=0)
    return clf.fit(TEXTS, Y, language=LANGUAGE)


def test_each_language_has_words_of_its_own(meta_net):
    table = top_features(meta_net, n_features=1)
    best = table.set_index(["language", "class"])["feature"]
    assert best["en", "pos"], best["es", "pos"] == ("good", "buen")
    assert best["en", "neg"], best["es", "neg"] == ("bad", "mal")
    assert (table["weight"] >= table["meta_weight"]).all()


def test_weights_add_up_to_the_predictions(meta_net):
    table = top_features(meta_net, n_features=5, languages=["es"])
    weights = table.pivot(index="class", columns="feature", values="weight")
    names = meta_net.front_end_.vectorizer.get_feature_names_out()
    features = meta_net.front_end_.vectorizer.transform(TEXTS[2:4])
    intercept = meta_net._linear_model("es").intercept
    logits = features @ weights.loc[meta_net.classes_, names].to_numpy().T + intercept
    found = meta_net.predict_proba(TEXTS[2:4], language="es")
    np.testing.assert_allclose(softmax(logits, axis=1), found, atol=1e-6)


def test_linear_models(meta_net):
    for model in (
        LinearTransferClassifier(ngram_range=(4, 4), min_df=1, self_training=0),
        make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(4, 4)), LogisticRegression()),
    ):
        table = top_features(model.fit(TEXTS, Y), n_features=2)
        assert table["class"].tolist() == ["neg", "neg", "pos", "pos"]
        assert {"good", "buen"} & set(table[table["class"] == "pos"]["feature"])
        assert "meta_weight" not in table


def test_several_classes_and_names():
    X = np.eye(3).repeat(4, axis=0)
    model = LogisticRegression().fit(X, np.arange(3).repeat(4))
    table = top_features(model, n_features=1, feature_names=["a", "b", "c"])
    assert table["feature"].tolist() == ["a", "b", "c"]
    assert top_features(model, n_features=1)["feature"].tolist() == ["x0", "x1", "x2"]


def test_refusals(meta_net):
    with pytest.raises(ValueError, match="'fr' have no model of their own"):
        top_features(meta_net, languages=["fr"])
    with pytest.raises(ValueError, match="has 1 names, but the model has 5"):
        top_features(meta_net, feature_names=["a"])
    with pytest.raises(ValueError, match="no linear model"):
        top_features(KNeighborsClassifier().fit([[0.0], [1.0]], [0, 1]))
    with pytest.raises(ValueError, match="one model for all languages"):
        top_features(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), languages=["en"])
    trained = MetaNetClassifier(max_epochs=1, verbose=0, random_state=0)
    trained.fit(TEXTS, Y, language=LANGUAGE)
    with pytest.raises(ValueError, match="not linear in the features"):
        top_features(trained)
