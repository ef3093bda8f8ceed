import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import make_classifier, make_config, make_pair

from metaling_sk import EmbeddingDisplay, EncoderVectorizer, LanguageStandardScaler

RNG = np.random.default_rng(0)
LANGUAGE = np.repeat(["en", "zh", "sw"], 30)
Y = np.tile([0, 1], 45).astype(float)
X = RNG.normal(size=(90, 6)) + 5 * np.repeat(RNG.normal(size=(3, 6)), 30, axis=0) + Y[:, None]


def draw(*arguments, **parameters):
    return EmbeddingDisplay.from_representations(*arguments, **parameters)


def test_points_are_principal_components_before_and_after_language_norm():
    display = draw(X, LANGUAGE, Y)
    assert display.axes_.shape == (2, 2)
    normed = LanguageStandardScaler().fit_transform(X, language=LANGUAGE)
    for row, values in enumerate((X, normed)):
        expected = PCA(2).fit_transform(values)
        for name in ("en", "zh"):
            points = display.points_[row, 0][name].get_offsets()
            np.testing.assert_allclose(np.abs(points), np.abs(expected[LANGUAGE == name]))
        for label in ("0.0", "1.0"):
            points = display.points_[row, 1][label].get_offsets()
            np.testing.assert_allclose(np.abs(points), np.abs(expected[float(label) == Y]))
    assert display.ax_ is display.axes_[0, 0]


@pytest.mark.parametrize("kind", ["classifier", "sparse classifier", "vectorizer", "pipeline"])
def test_what_an_estimator_makes_of_samples_is_drawn(kind):
    table, y = make_pair(20, 20)
    estimator = {
        "classifier": make_classifier(max_epochs=1, transfer=None),
        "sparse classifier": make_classifier(encoder=TfidfVectorizer(), transfer=None),
        "vectorizer": EncoderVectorizer(make_config(), verbose=0, random_state=0),
        "pipeline": make_pipeline(make_column_transformer((CountVectorizer(), "text"))),
    }[kind].fit(table, y)
    display = EmbeddingDisplay.from_estimator(estimator, table, y)
    vectors = estimator.transform(table)
    vectors = vectors.toarray() if hasattr(vectors, "toarray") else vectors
    expected = draw(vectors, table["language"], y, language_norm="classifier" not in kind)
    assert display.axes_.shape == expected.axes_.shape
    for name in ("en", "zh"):
        np.testing.assert_allclose(
            display.points_[0, 0][name].get_offsets(), expected.points_[0, 0][name].get_offsets()
        )
    beside = EmbeddingDisplay.from_estimator(
        estimator, table.drop(columns="language"), y, language=table["language"]
    )
    assert beside.axes_.shape == expected.axes_.shape
    with pytest.raises(ValueError, match="EmbeddingDisplay.from_estimator found no language"):
        EmbeddingDisplay.from_estimator(estimator, table.drop(columns="language"), y)


@pytest.mark.parametrize("kind", ["scaler", "pipeline", "search"])
def test_what_a_scaler_has_normalised_is_drawn_once(kind):
    table = pd.DataFrame(X, columns=list("abcdef")).assign(language=LANGUAGE)
    scaler = LanguageStandardScaler()
    pipeline = make_pipeline(FunctionTransformer(), scaler)
    search = GridSearchCV(pipeline, {}, scoring=lambda *_: 0.0)
    estimator = {"scaler": scaler, "pipeline": pipeline, "search": search}[kind].fit(table)
    assert EmbeddingDisplay.from_estimator(estimator, table).axes_.shape == (1, 1)


def test_samples_without_a_label_are_grey():
    y = np.where(np.arange(90) < 10, None, np.where(Y == 0, "no", "yes"))
    display = draw(X, LANGUAGE, y, language_norm=False)
    points = display.points_[0, 1]
    assert set(points) == {None, "no", "yes"}
    assert len(points[None].get_offsets()) == 10
    texts = [text.get_text() for text in display.axes_[0, 1].get_legend().get_texts()]
    assert texts == ["no label", "no", "yes"]


def test_the_largest_of_many_languages_have_colours():
    sizes = np.r_[np.arange(2, 32), 60]
    language = np.repeat([f"l{number:02}" for number in range(31)], sizes)
    numbers = RNG.normal(size=(len(language), 4))
    display = draw(numbers, language, max_samples=None)
    points = display.points_[0, 0]
    assert set(points) == {None, *[f"l{number}" for number in range(19, 31)]}
    assert sum(len(each.get_offsets()) for each in points.values()) == len(language)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[0] == "19 others"
    looks = {
        (tuple(each.get_facecolor()[0]), each.get_paths()[0].vertices.tobytes())
        for name, each in points.items()
    }
    assert len(looks) == 13


def test_only_some_samples_are_drawn():
    display = draw(X, LANGUAGE, Y, max_samples=50, random_state=3)
    assert len(display.language) == len(display.y) == 50
    assert all(len(points) == 50 for points in display.coordinates.values())
    again = draw(X, LANGUAGE, Y, max_samples=50, random_state=3)
    np.testing.assert_array_equal(again.coordinates[""], display.coordinates[""])


def test_tsne_and_axes_of_the_caller():
    _, axes = plt.subplots(2)
    display = draw(X[:40], "en", method="tsne", ax=axes, scatter_kw={"s": 3})
    assert list(display.axes_.ravel()) == list(axes)
    assert display.points_[0, 0]["en"].get_sizes().tolist() == [3]
    assert display.coordinates[""].shape == (40, 2)
    with pytest.raises(ValueError, match="`ax` must have 4 Axes"):
        display = draw(X, LANGUAGE, Y, ax=axes)


def test_equal_representations_are_one_point():
    display = EmbeddingDisplay.from_representations(np.ones((6, 3)), ["en", "zh"] * 3)
    for coordinates in display.coordinates.values():
        np.testing.assert_array_equal(coordinates, 0)


def test_what_it_refuses():
    with pytest.raises(ValueError, match="X has 90 rows, `language` has 2"):
        draw(X, ["en", "zh"])
    with pytest.raises(ValueError, match="X has 90 rows, but y has 2 values"):
        draw(X, LANGUAGE, [0, 1])
    with pytest.raises(ValueError, match="'method' parameter of EmbeddingDisplay.from_rep"):
        draw(X, LANGUAGE, method="umap")
    with pytest.raises(ValueError, match="NaN"):
        draw(np.full((4, 2), np.nan), "en")
    with pytest.raises(ValueError, match=r"1 feature\(s\)"):
        draw(X[:, :1], LANGUAGE)
