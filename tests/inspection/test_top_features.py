"""The features that speak for a class."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logit, softmax
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from metaling_sk import LinearTransferClassifier, MetaNetClassifier, TransferClassifier
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
    assert (best["en", "pos"], best["es", "pos"]) == ("good", "buen")
    assert (best["en", "neg"], best["es", "neg"]) == ("bad", "mal")
    assert (table["weight"] >= table["meta_weight"]).all()


def test_weights_add_up_to_the_predictions(meta_net):
    table = top_features(meta_net, n_features=5, languages="es")
    weights = table.pivot(index="class", columns="feature", values="weight")
    names = meta_net.front_end_.vectorizer.get_feature_names_out()
    features = meta_net.front_end_.vectorizer.transform(TEXTS[2:4])
    intercept = meta_net._linear_model("es").intercept
    logits = features @ weights.loc[meta_net.classes_, names].to_numpy().T + intercept
    found = meta_net.predict_proba(TEXTS[2:4], language="es")
    np.testing.assert_allclose(softmax(logits, axis=1), found, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"max_epochs": 2, "learning_rate": 0.1}])
def test_the_head_of_a_transfer_classifier(options):
    clf = TransferClassifier(
        encoder=TfidfVectorizer(), source_languages="en", verbose=0, random_state=0, **options
    ).fit(TEXTS, Y, language=LANGUAGE)
    table = top_features(clf, n_features=5)
    weights = table.pivot(index="class", columns="feature", values="weight")
    assert weights.loc["pos", "good"] > 0 > weights.loc["pos", "bad"]
    vectorizer = clf.front_end_.vectorizer
    coef = weights.loc[clf.classes_, vectorizer.get_feature_names_out()].to_numpy()
    logits = vectorizer.transform(TEXTS[2:4]) @ coef.T + clf.net_.module_.head.bias.numpy(
        force=True
    )
    found = clf.predict_proba(TEXTS[2:4], language="es")
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


def test_weights_of_standardised_columns_are_comparable():
    """Counts that are mostly filled are standardised, and then scaled beside sparse columns."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.poisson(2, 600), rng.random((600, 2)) < 0.3].astype(float)
    language = np.tile(["en", "zh"], 300)
    y = (0.5 * X[:, 0] + 2 * X[:, 1] + rng.logistic(size=600) * 0.5 > 1.6).astype(int)
    clf = MetaNetClassifier(verbose=0, random_state=0)
    clf.fit(sparse.csr_array(X), y, language=language)
    table = top_features(clf, languages=["en"], n_features=3).query("`class` == 1")
    weights = table.set_index("feature")["weight"]
    points = np.zeros((3, 3))
    points[1, 0], points[2, 1] = X[language == "en", 0].std(), 1
    decisions = clf.decision_function(sparse.csr_array(points), language="en")
    assert decisions[1] - decisions[0] == pytest.approx(2 * weights["x0"], rel=1e-3)
    assert decisions[2] - decisions[0] == pytest.approx(2 * weights["x1"], rel=1e-3)


def test_pipelines():
    X, y = np.eye(3).repeat(4, axis=0), np.arange(3).repeat(4)
    doubled = make_pipeline(FunctionTransformer(lambda X: 2 * X), LogisticRegression()).fit(X, y)
    assert top_features(doubled, n_features=1)["feature"].tolist() == ["x0", "x1", "x2"]
    named = top_features(doubled, n_features=1, feature_names=list("abc"))
    assert named["feature"].tolist() == ["a", "b", "c"]
    assert len(top_features(make_pipeline(LogisticRegression()).fit(X, y), n_features=1)) == 3
    words = make_pipeline(TfidfVectorizer(), MetaNetClassifier(verbose=0, random_state=0))
    table = top_features(words.fit(TEXTS, Y), n_features=1)
    assert set(table["feature"]) <= {"good", "bad", "buen", "mal", "hotel"}


def test_searches():
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    for model, name in ((pipeline, "logisticregression__C"), (pipeline[-1], "C")):
        X = TEXTS if model is pipeline else TfidfVectorizer().fit_transform(TEXTS)
        search = GridSearchCV(model, {name: [1.0, 10.0]}, cv=2).fit(X, Y)
        expected = top_features(search.best_estimator_, n_features=2)
        pd.testing.assert_frame_equal(top_features(search, n_features=2), expected)


@pytest.mark.parametrize("kind", [MetaNetClassifier, TransferClassifier])
def test_several_labels(kind):
    labels = pd.DataFrame({"pos": [1, 0] * 10, "hotel": 1, "spanish": [0, 0, 1, 1] * 5})
    texts = pd.Series(TEXTS).str.replace("hotel", "")
    clf = kind(encoder=TfidfVectorizer(), verbose=0, random_state=0)
    table = top_features(clf.fit(texts, labels, language=LANGUAGE), n_features=4)
    table = table[table["language"] == table["language"].iloc[-1]]
    assert list(table["class"].unique()) == list(labels)
    weights = table.pivot(index="class", columns="feature", values="weight")
    vectorizer = clf.front_end_.vectorizer
    features = vectorizer.transform(texts[2:4])
    effects = features @ weights.loc[list(labels), vectorizer.get_feature_names_out()].T.to_numpy()
    logits = logit(clf.predict_proba(texts[2:4], language="es"))
    np.testing.assert_allclose(np.diff(effects, axis=0), np.diff(logits, axis=0), atol=1e-4)


def test_names_of_columns():
    numbers = pd.DataFrame(np.eye(3).repeat(4, axis=0), columns=["a", "b", "c"])
    X, y = numbers.assign(language="en", shop="web"), np.arange(3).repeat(4)
    keep = make_column_transformer(
        (StandardScaler(), ["a", "b", "c"]),
        ("passthrough", ["language"]),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    for model in (
        MetaNetClassifier(verbose=0, random_state=0),
        LinearTransferClassifier(self_training=0),
        LogisticRegression(),
    ):
        only_numbers = isinstance(model, LogisticRegression)
        table = numbers if only_numbers else X.drop(columns="shop")
        found = top_features(model.fit(table, y), n_features=1)["feature"]
        assert found.tolist() == ["a", "b", "c"]
        if not only_numbers:
            pipeline = make_pipeline(keep, model).fit(X, y)
            assert top_features(pipeline, n_features=1)["feature"].tolist() == ["a", "b", "c"]


def test_the_vectorizer_of_the_last_step_names_the_features():
    X = pd.DataFrame({"text": TEXTS, "language": LANGUAGE})
    for last in (
        MetaNetClassifier(encoder=TfidfVectorizer(), verbose=0, random_state=0),
        LinearTransferClassifier(ngram_range=(4, 4), min_df=1, self_training=0),
    ):
        pipeline = make_pipeline(FunctionTransformer(), last).fit(X, Y)
        assert {"good", "buen"} & set(top_features(pipeline, n_features=2)["feature"])


def test_the_dimensions_of_an_encoder_have_numbers():
    X = pd.DataFrame({"text": TEXTS, "language": LANGUAGE})
    clf = MetaNetClassifier(trainable="head", verbose=0, random_state=0).fit(X, Y)
    assert top_features(clf, n_features=1)["feature"].str.match(r"x\d+$").all()


@pytest.mark.parametrize(
    "model", [SVC(kernel="linear"), LinearRegression(), KNeighborsClassifier(), RidgeClassifier()]
)
def test_models_without_a_row_for_each_class(model):
    X, y = np.eye(3).repeat(4, axis=0), np.arange(3).repeat(4)
    y = np.c_[y > 0, y > 1] if isinstance(model, RidgeClassifier) else y
    model = model.fit(X, y)
    with pytest.raises(ValueError, match="no linear classifier of one label"):
        top_features(model)


def test_refusals(meta_net):
    for languages in ([], [1, "x"]):
        with pytest.raises(ValueError, match="have no model of their own"):
            top_features(meta_net, languages=languages)
    with pytest.raises(ValueError, match="'fr' have no model of their own"):
        top_features(meta_net, languages=["fr"])
    with pytest.raises(ValueError, match="has 1 names, but the model has 5"):
        top_features(meta_net, feature_names=["a"])
    with pytest.raises(ValueError, match="one model for all languages"):
        top_features(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), languages=["en"])
    trained = MetaNetClassifier(max_epochs=1, verbose=0, random_state=0)
    trained.fit(TEXTS, Y, language=LANGUAGE)
    with pytest.raises(ValueError, match="not linear in the features"):
        top_features(trained)
    trained = TransferClassifier(max_epochs=1, transfer=None, verbose=0, random_state=0)
    with pytest.raises(ValueError, match="no linear classifier: an encoder"):
        top_features(trained.fit(TEXTS, Y, language=LANGUAGE))
