import numpy as np
import pandas as pd
import pytest
from scorer_cases import make_numbers
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from metaling_sk import FewShotCurveDisplay

X, Y = make_numbers(n_rows=60)
TEST, Y_TEST = make_numbers(n_rows=20, seed=1)
TEST, Y_TEST = TEST[TEST["language"] == "zh"], Y_TEST[TEST["language"] == "zh"]
FITS: list = []


class Recording(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted on."""

    def fit(self, X, y):
        FITS.append((X, y))
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def draw(estimator, y=Y, **parameters):
    FITS.clear()
    defaults = {"target_language": "zh", "X_test": TEST, "y_test": Y_TEST, "ks": (0, 4, 16)}
    return FewShotCurveDisplay.from_estimator(estimator, X, y, **defaults | parameters)


def make_results():
    return pd.DataFrame(
        [
            (k, score + offset + error, model, repeat)
            for model, offset in (("linear", 0.0), ("network", 0.1))
            for k, score in ((0, 0.5), (16, 0.6), (256, 0.7))
            for repeat, error in enumerate((-0.01, 0.01))
        ],
        columns=["k", "score", "model", "repeat"],
    )


def test_lines_are_means_and_bands_standard_deviations():
    display = FewShotCurveDisplay(
        make_results(), score_name="accuracy", baseline=0.55, baseline_name="English"
    ).plot()
    assert list(display.lines_) == ["linear", "network"]
    np.testing.assert_array_equal(display.lines_["network"].get_xdata(), [0, 16, 256])
    np.testing.assert_allclose(display.lines_["network"].get_ydata(), [0.6, 0.7, 0.8])
    edges = display.bands_["linear"].get_paths()[0].vertices
    std = np.std([-0.01, 0.01], ddof=1)
    assert edges[:, 1].min() == pytest.approx(0.5 - std)
    assert edges[:, 1].max() == pytest.approx(0.7 + std)
    assert display.baseline_.get_ydata() == [0.55, 0.55]
    assert display.baseline_.get_linestyle() == "--"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["linear", "network", "English"]
    styles = {(line.get_color(), line.get_marker()) for line in display.lines_.values()}
    assert len(styles) == 2
    assert display.ax_.get_ylabel() == "accuracy"


def test_a_baseline_never_lies_on_the_frame():
    frame = FewShotCurveDisplay(make_results()).plot().ax_.get_ylim()
    for edge in frame:
        low, high = FewShotCurveDisplay(make_results(), baseline=edge).plot().ax_.get_ylim()
        assert low < edge < high


def test_zero_labels_are_on_the_axis():
    display = FewShotCurveDisplay(make_results()).plot()
    display.figure_.draw_without_rendering()
    assert display.ax_.get_xscale() == "symlog"
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["0", "16", "256"]
    boxes = [label.get_window_extent() for label in display.ax_.get_xticklabels()]
    assert boxes[0].x0 >= display.ax_.bbox.x0 - 5
    assert boxes[0].x1 < boxes[1].x0 < boxes[2].x0


def test_one_model_without_repeats():
    results = pd.DataFrame({"k": [0], "score": [0.5]})
    display = FewShotCurveDisplay(results).plot()
    display.figure_.draw_without_rendering()
    assert display.bands_ == {}
    assert display.ax_.get_legend() is None


def test_k_labels_of_the_target_language_are_kept():
    display = draw(Recording(), n_repeats=3)
    counts = display.results.groupby("k").size().to_dict()
    assert counts == {0: 1, 4: 3, 16: 3}
    assert len(FITS) == 7
    for (_, y), k in zip(FITS, display.results["k"], strict=True):
        is_target = X["language"].to_numpy() == "zh"
        np.testing.assert_array_equal(y[~is_target], Y[~is_target])
        kept = ~np.isnan(y[is_target])
        assert kept.sum() == k
        np.testing.assert_array_equal(y[is_target][kept], Y[is_target][kept])
    few, many = (~np.isnan(FITS[number][1]) for number in (1, 2))
    assert (few <= many).all()
    other = ~np.isnan(FITS[4][1])
    assert (other != many).any()
    assert display.ax_.get_xlabel() == "labelled rows of zh"
    assert (display.results["score"] == (Y_TEST == 0).mean()).all()


def test_all_models_are_given_the_same_rows():
    draw({"a": Recording(), "b": Recording()}, n_repeats=2)
    for (_, first), (_, second) in zip(FITS[::2], FITS[1::2], strict=True):
        np.testing.assert_array_equal(first, second)


def test_unlabelled_rows_are_left_out_for_classifiers_of_sklearn():
    model = make_pipeline(
        make_column_transformer(("passthrough", ["v0", "v1", "v2", "v3"])), LogisticRegression()
    )
    labels = np.array(["no", "yes"])
    display = draw(
        {"logistic": model},
        y=labels[Y],
        y_test=labels[Y_TEST],
        keep_unlabelled=False,
        scoring="balanced_accuracy",
    )
    scores = display.results.groupby("k")["score"].mean()
    assert scores[16] > 0.8
    assert display.ax_.get_ylabel() == "balanced_accuracy"
    draw(Recording(), keep_unlabelled=False)
    assert [len(y) for _, y in FITS[:3]] == [60, 64, 76]
    assert all(len(frame) == len(y) for frame, y in FITS)


def test_rows_without_a_label_stay_without():
    y = Y.astype(float)
    y[-40:] = np.nan
    draw(Recording(), y=y, ks=(0, 20), n_repeats=2)
    assert len(FITS) == 2  # there is one draw of none and of all
    np.testing.assert_array_equal(FITS[1][1], y)


def test_several_labels():
    labels = np.column_stack([Y, 1 - Y, np.arange(len(Y)) % 3 == 0]).astype(float)
    labels[3] = labels[-1, 0] = np.nan
    draw(Recording(), labels, y_test=np.column_stack([Y_TEST] * 3), scoring=lambda *_: 0.5)
    rows = X["language"] == "zh"
    n_known = [(~np.isnan(y[rows]).all(axis=1)).sum() for _, y in FITS]
    assert sorted(set(n_known)) == [0, 4, 16]
    known = ~np.isnan(FITS[-1][1])
    np.testing.assert_array_equal(FITS[-1][1][known], labels[known])


def test_the_score_of_a_regressor_is_no_accuracy():
    display = draw(DummyRegressor(), Y + 0.5, y_test=Y_TEST + 0.5, keep_unlabelled=False)
    assert display.ax_.get_ylabel() == "R²"


def test_what_it_refuses():
    with pytest.raises(ValueError, match="`ks` asks for 61 labels of 'zh', but X and y have 60"):
        draw(Recording(), ks=(0, 61))
    with pytest.raises(ValueError, match="have 0"):
        draw(Recording(), target_language="sw")
    with pytest.raises(ValueError, match="`ks` must be numbers of labels"):
        draw(Recording(), ks=(0.5,))
    with pytest.raises(ValueError, match="'n_repeats' parameter of FewShotCurveDisplay"):
        draw(Recording(), n_repeats=0)
    with pytest.raises(ValueError, match="found no language"):
        draw(Recording(), language_column="code")
    with pytest.raises(ValueError, match="columns 'k' and 'score', got 1 rows"):
        FewShotCurveDisplay(pd.DataFrame({"k": [0]})).plot()
    with pytest.raises(ValueError, match="negative number of labels"):
        FewShotCurveDisplay(pd.DataFrame({"k": [-1], "score": [1.0]})).plot()
