import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from metaling_sk import TransferMatrixDisplay
from metaling_sk.inspection import transfer_matrix


def make_matrix(n_languages, n_groups=2, seed=0):
    """Scores that are high between languages of a group."""
    rng = np.random.default_rng(seed)
    group = rng.integers(n_groups, size=n_languages)
    values = 0.5 + 0.3 * (group[:, None] == group) + rng.normal(0, 0.01, (n_languages,) * 2)
    names = [f"l{number:03}" for number in rng.permutation(n_languages)]
    return pd.DataFrame(values, index=names, columns=names), dict(zip(names, group, strict=True))


def tick_labels(labels):
    return [label.get_text() for label in labels]


def test_cells_and_names_are_those_of_the_matrix():
    matrix = pd.DataFrame({"zh": [0.91, np.nan], "en": [0.7, 0.8]}, index=["zh", "en"])
    display = TransferMatrixDisplay(matrix, score_name="accuracy").plot()
    expected = pd.DataFrame({"en": [0.8, 0.7], "zh": [np.nan, 0.91]}, index=["en", "zh"])
    pd.testing.assert_frame_equal(display.matrix_, expected)
    np.testing.assert_array_equal(display.im_.get_array().filled(np.nan), expected)
    assert display.text_[1, 1].get_text() == "0.91"
    assert display.text_[0, 1] is None
    assert tick_labels(display.ax_.get_xticklabels()) == ["en", "zh"]
    assert tick_labels(display.ax_.get_yticklabels()) == ["en", "zh"]
    assert (display.ax_.get_ylabel(), display.ax_.get_xlabel()) == ("trained on", "tested on")
    assert display.colorbar_.ax.get_ylabel() == "accuracy"
    kept = TransferMatrixDisplay(matrix).plot(order=None, colorbar=False)
    pd.testing.assert_frame_equal(kept.matrix_, matrix)
    assert kept.colorbar_ is None


def test_clustered_languages_of_a_group_are_side_by_side():
    matrix, group = make_matrix(20, n_groups=3)
    matrix.iloc[0, 3] = np.nan
    display = TransferMatrixDisplay(matrix).plot(order="clustered")
    shown = display.matrix_
    assert shown.index.equals(shown.columns)
    pd.testing.assert_frame_equal(shown.loc[matrix.index, matrix.columns], matrix)
    groups = [group[name] for name in shown.index]
    assert sum(first != second for first, second in zip(groups, groups[1:], strict=False)) == 2
    part = TransferMatrixDisplay(matrix.iloc[:2, :7]).plot(order="clustered")
    assert sorted(part.matrix_.columns) == sorted(matrix.columns[:7])


@pytest.mark.parametrize("n_languages", [1, 16, 17, 200])
def test_names_and_numbers_fit(n_languages):
    matrix, _ = make_matrix(n_languages)
    display = TransferMatrixDisplay(matrix).plot()
    assert (display.text_ is not None) == (n_languages <= 16)
    figure = display.figure_
    figure.draw_without_rendering()
    for labels, side in (
        (display.ax_.get_yticklabels(), "y"),
        (display.ax_.get_xticklabels(), "x"),
    ):
        assert len(labels) == n_languages
        boxes = [label.get_window_extent() for label in labels]
        starts = np.sort([getattr(box, f"{side}0") for box in boxes])
        sizes = [getattr(box, "width" if side == "x" else "height") for box in boxes]
        assert n_languages == 1 or np.diff(starts).min() >= 0.8 * max(sizes)
        assert all(figure.bbox.contains(box.x0, box.y0) for box in boxes)


def test_names_are_thinned_out_in_a_small_panel():
    matrix, _ = make_matrix(100)
    _, axis = plt.subplots(figsize=(4, 4))
    display = TransferMatrixDisplay(matrix).plot(axis)
    assert display.ax_ is axis
    assert display.figure_ is axis.figure
    names = tick_labels(axis.get_yticklabels())
    assert 5 < len(names) < 50
    assert names[0] == "l000"
    assert set(names) <= set(matrix.index)


def test_styles_of_the_caller():
    matrix, _ = make_matrix(3)
    display = TransferMatrixDisplay(matrix).plot(
        im_kw={"cmap": "viridis", "vmin": 0, "vmax": 1}, values_format=".0%", text_kw={"size": 5}
    )
    assert display.im_.get_clim() == (0, 1)
    assert display.im_.get_cmap().name == "viridis"
    assert display.text_[0, 0].get_text().endswith("%")
    assert display.text_[0, 0].get_size() == 5


@pytest.mark.parametrize(
    "matrix, message",
    [
        (np.eye(2), "`matrix` must be a DataFrame .* got ndarray"),
        (pd.DataFrame(), "got DataFrame without a cell"),
        (pd.DataFrame({"en": ["high"]}, index=["en"]), "`matrix` must hold scores"),
    ],
)
def test_what_it_refuses(matrix, message):
    with pytest.raises(ValueError, match=message):
        TransferMatrixDisplay(matrix).plot()


def test_an_unknown_order():
    with pytest.raises(ValueError, match="'order' parameter of TransferMatrixDisplay.plot"):
        TransferMatrixDisplay(make_matrix(2)[0]).plot(order="random")


def test_from_an_estimator():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    language = np.repeat(["de", "ja"], 60)
    y = np.where(language == "ja", X[:, 0] < 0, X[:, 0] > 0)
    given = {"language": language, "cv": 3, "random_state": 0, "verbose": 0}
    display = TransferMatrixDisplay.from_estimator(LogisticRegression(), X, y, **given)
    matrix = transfer_matrix(LogisticRegression(), X, y, **given)
    pd.testing.assert_frame_equal(display.matrix, matrix)
    assert display.colorbar_.ax.get_ylabel() == "accuracy"
    assert display.matrix_.loc["de", "ja"] < 0.2


def test_numbers_of_any_size_fit():
    matrix = make_matrix(3)[0] * 1e300
    matrix.iloc[0] = [-123456.789, 1e9, 0.5]
    display = TransferMatrixDisplay(matrix).plot(order=None)
    texts = [text.get_text() for text in display.text_.ravel()]
    assert texts[:3] == ["-1.2e05", "1.0e09", "0.50"]
    assert max(map(len, texts)) <= 8
