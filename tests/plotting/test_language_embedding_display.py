import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from metaling_sk import LanguageEmbeddingDisplay, MetaNetClassifier


def make_embeddings(n_languages, n_dimensions=5):
    values = np.random.default_rng(0).normal(size=(n_languages, n_dimensions))
    return pd.DataFrame(values, index=[f"l{number:03}" for number in range(n_languages)])


def test_points_are_principal_components_with_names():
    embeddings = make_embeddings(12)
    display = LanguageEmbeddingDisplay(embeddings).plot()
    expected = PCA(2).fit_transform(embeddings)
    np.testing.assert_allclose(np.abs(display.coordinates_), np.abs(expected))
    np.testing.assert_array_equal(display.points_.get_offsets(), display.coordinates_)
    assert {text.get_text() for text in display.texts_} == set(embeddings.index)
    for text in display.texts_:
        np.testing.assert_array_equal(text.xy, display.coordinates_.loc[text.get_text()])


def test_names_of_many_languages_do_not_overlap():
    display = LanguageEmbeddingDisplay(make_embeddings(200)).plot()
    boxes = [text.get_window_extent() for text in display.texts_]
    assert len(boxes) > 100
    assert not any(
        first.overlaps(second) for number, first in enumerate(boxes) for second in boxes[:number]
    )


def test_embeddings_of_one_dimension():
    embeddings = pd.DataFrame([[0.0], [1.0], [3.0]], index=["en", "id", "zh"])
    display = LanguageEmbeddingDisplay(embeddings).plot()
    assert (display.coordinates_[1] == 0).all()
    assert np.ptp(display.coordinates_[0]) == 3
    assert display.ax_.get_ylabel() == ""


@pytest.mark.parametrize(
    "embeddings",
    [
        pd.DataFrame(np.zeros((3, 4)), index=["en", "id", "zh"]),
        pd.DataFrame(np.ones((3, 1)), index=["en", "id", "zh"]),
        pd.DataFrame(index=["en", "id", "zh"]),
        pd.DataFrame([[1.0, 2.0]], index=["en"]),
    ],
)
def test_embeddings_that_tell_nothing_are_refused(embeddings):
    with pytest.raises(ValueError, match="has learnt nothing that tells them apart"):
        LanguageEmbeddingDisplay(embeddings).plot()


def make_languages(turn):
    """Classes that lie in other directions in each language if `turn` is not 0."""
    rng = np.random.default_rng(0)
    frames, labels = [], []
    for number, language in enumerate(["en", "id", "sw", "zh"]):
        y = np.tile([0, 1], 40)
        values = rng.normal(size=(80, 3))
        angle = turn * number
        values[:, :2] += 2 * np.outer(2 * y - 1, [np.cos(angle), np.sin(angle)])
        frames.append(pd.DataFrame(values).add_prefix("v").assign(language=language))
        labels.append(y)
    return pd.concat(frames, ignore_index=True), np.concatenate(labels)


def test_the_languages_of_a_meta_network():
    model = MetaNetClassifier(random_state=0, verbose=0).fit(*make_languages(turn=0.8))
    display = LanguageEmbeddingDisplay.from_estimator(model)
    assert [text.get_text() for text in display.texts_] == model.languages_
    assert display.coordinates_.index.tolist() == model.languages_


def test_a_meta_network_that_has_learnt_nothing_about_languages():
    model = MetaNetClassifier(random_state=0, verbose=0).fit(*make_languages(turn=0))
    with pytest.raises(ValueError, match="the same for all languages"):
        LanguageEmbeddingDisplay.from_estimator(model)


def test_other_estimators():
    with pytest.raises(NotFittedError):
        LanguageEmbeddingDisplay.from_estimator(MetaNetClassifier())
    model = LogisticRegression().fit([[0], [1]], [0, 1])
    with pytest.raises(ValueError, match="A LogisticRegression has no embeddings of languages"):
        LanguageEmbeddingDisplay.from_estimator(model)
