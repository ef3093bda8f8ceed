import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import confusion_matrix

from metaling_sk import (
    LanguageReportDisplay,
    language_report,
    regression_report,
    translation_report,
)

RNG = np.random.default_rng(0)
LANGUAGE = np.repeat(["en", "sw", "zh", "ar"], 50)
TRUE = RNG.choice(["negative", "neutral", "positive"], 200)
IS_RIGHT = RNG.random(200) < np.repeat([0.9, 0.5, 0.7, 0.6], 50)
PREDICTED = np.where(IS_RIGHT, TRUE, RNG.choice(["negative", "neutral", "positive"], 200))


def draw(**parameters):
    return LanguageReportDisplay.from_predictions(TRUE, PREDICTED, LANGUAGE, **parameters)


def labels_of(labels):
    return [label.get_text() for label in labels]


def test_one_language_is_neither_the_worst_nor_a_mean():
    display = LanguageReportDisplay.from_predictions([0, 1, 1], [0, 1, 0], ["zh"] * 3)
    assert [bar.get_hatch() for bar in display.bars_] == [None]
    assert display.line_ is None
    assert display.ax_.get_legend() is None


def test_equal_languages_have_a_mean_and_no_worst_one():
    display = LanguageReportDisplay.from_predictions([0, 1] * 2, [0, 1] * 2, ["en", "zh"] * 2)
    assert [bar.get_hatch() for bar in display.bars_] == [None, None]
    assert labels_of(display.ax_.get_legend().get_texts()) == ["mean: 1.000"]


@pytest.mark.parametrize("score", ["accuracy", "precision", "recall", "f1"])
def test_bars_are_the_scores_from_the_best_to_the_worst(score):
    display = draw(score=score)
    report = language_report(TRUE, PREDICTED, LANGUAGE, n_bootstraps=1000, random_state=0)
    pd.testing.assert_frame_equal(display.report, report)
    expected = report[score].iloc[:4].sort_values(ascending=False)
    widths = [bar.get_width() for bar in display.bars_]
    assert widths == expected.tolist()
    assert labels_of(display.ax_.get_yticklabels()) == expected.index.tolist()
    assert display.ax_.get_ylim()[0] > display.ax_.get_ylim()[1]  # the first is on top
    assert display.line_.get_xdata() == [report.loc["mean", score]] * 2
    assert f"worst: {expected.index[-1]}" in labels_of(display.ax_.get_legend().get_texts())
    assert [bar.get_hatch() for bar in display.bars_] == [None, None, None, "////"]
    assert (display.bars_.errorbar is None) == (score in ("precision", "recall"))
    if display.bars_.errorbar is not None:
        (lines,) = display.bars_.errorbar.lines[2]
        ends = np.array([segment[:, 0] for segment in lines.get_segments()])
        bounds = report.loc[expected.index, [f"{score}_low", f"{score}_high"]]
        np.testing.assert_allclose(ends, bounds)


def test_without_bootstraps_there_are_no_intervals():
    display = draw(n_bootstraps=0)
    assert display.bars_.errorbar is None
    assert "f1_low" not in display.report


def test_classes():
    display = draw(kind="classes", score="recall")
    expected = language_report(TRUE, PREDICTED, LANGUAGE, by_class=True)["recall"].unstack()
    expected = expected.drop(index=["mean", "worst", "gap"])
    np.testing.assert_array_equal(display.im_.get_array(), expected)
    assert labels_of(display.ax_.get_yticklabels()) == ["ar", "en", "sw", "zh"]
    assert labels_of(display.ax_.get_xticklabels()) == ["negative", "neutral", "positive"]
    assert display.text_[0, 0].get_text() == f"{expected.iloc[0, 0]:.2f}"
    assert display.colorbar_.ax.get_ylabel() == "recall"


def test_a_class_that_a_language_lacks_is_no_zero():
    display = LanguageReportDisplay.from_predictions(
        ["a", "b", "a", "a"], ["a", "b", "a", "a"], ["en", "en", "zh", "zh"], kind="classes"
    )
    assert display.im_.get_array().mask.tolist() == [[False, False], [False, True]]


def test_confusion():
    display = draw(kind="confusion")
    assert [axis.get_title() for axis in display.axes_] == [
        f"{name} (50)" for name in ("ar", "en", "sw", "zh")
    ]
    for axis, name in zip(display.axes_, ["ar", "en", "sw", "zh"], strict=True):
        part = LANGUAGE == name
        expected = confusion_matrix(TRUE[part], PREDICTED[part], normalize="true")
        np.testing.assert_allclose(axis.images[0].get_array(), expected)
        assert axis.texts[0].get_text() == f"{expected[0, 0]:.2f}"
    _, axes = plt.subplots(2, 2)
    assert list(display.plot(axes, kind="confusion").axes_) == list(axes.ravel())
    with pytest.raises(ValueError, match="`ax` must have 4 Axes"):
        display.plot(axes[0], kind="confusion")


def test_the_display_of_an_estimator():
    X = pd.DataFrame({"text": "x", "language": LANGUAGE})
    model = DummyClassifier(strategy="constant", constant="neutral").fit(X, TRUE)
    display = LanguageReportDisplay.from_estimator(model, X, TRUE, score="accuracy")
    expected = language_report(TRUE, ["neutral"] * 200, LANGUAGE)["accuracy"]
    assert [bar.get_width() for bar in display.bars_] == sorted(expected.iloc[:4], reverse=True)
    beside = LanguageReportDisplay.from_estimator(
        model, X[["text"]], TRUE, language=LANGUAGE, score="accuracy"
    )
    pd.testing.assert_frame_equal(beside.report, display.report)


@pytest.mark.parametrize("form", [list, pd.Series, lambda values: np.array(values, dtype=object)])
def test_forms_of_labels(form):
    display = LanguageReportDisplay.from_predictions(
        form(TRUE.tolist()), form(PREDICTED.tolist()), form(LANGUAGE.tolist()), kind="confusion"
    )
    assert sum(counts.to_numpy().sum() for counts in display.confusion.values()) == 200


@pytest.mark.parametrize(
    ("kind", "n_languages"),
    [*itertools.product(["bars", "classes"], [1, 2, 200]), ("confusion", 1), ("confusion", 30)],
)
def test_any_number_of_languages(kind, n_languages):
    language = np.repeat([f"l{number:03}" for number in range(n_languages)], 4)
    y = np.tile([0, 1], 2 * n_languages)
    display = LanguageReportDisplay.from_predictions(y, 1 - y, language, kind=kind, n_bootstraps=9)
    width, height = display.figure_.get_size_inches()
    assert max(width, height) <= 30
    display.figure_.draw_without_rendering()
    if kind != "confusion":
        labels = display.ax_.get_yticklabels()
        assert len(labels) == n_languages
        boxes = [label.get_window_extent() for label in labels]
        starts = np.sort([box.y0 for box in boxes])
        assert n_languages == 1 or np.diff(starts).min() > 0.8 * boxes[0].height


def test_what_it_refuses():
    display = LanguageReportDisplay(language_report(TRUE, PREDICTED, LANGUAGE))
    with pytest.raises(ValueError, match="kind='classes' needs `class_report`"):
        display.plot(kind="classes")
    with pytest.raises(ValueError, match="kind='confusion' needs `confusion`"):
        display.plot(kind="confusion")
    with pytest.raises(ValueError, match="'kind' parameter of LanguageReportDisplay.plot"):
        display.plot(kind="pie")
    with pytest.raises(ValueError, match="`class_report` has no column 'accuracy'"):
        draw(kind="classes", score="accuracy")
    with pytest.raises(ValueError, match="y_true has no label in row 0"):
        LanguageReportDisplay.from_predictions([None, 1], [1, 1], ["en", "en"])


@pytest.mark.parametrize("kind", ["bars", "classes", "confusion"])
def test_names_are_no_formulas(kind):
    y = ["$", r"$\frac$"] * 3
    display = LanguageReportDisplay.from_predictions(y, y, ["$a$", "b"] * 3, kind=kind)
    display.figure_.canvas.draw()


def test_several_labels_are_drawn_as_classes():
    y = RNG.integers(2, size=(2, 200, 3))
    display = LanguageReportDisplay.from_predictions(*y, LANGUAGE, kind="classes", n_bootstraps=0)
    assert display.im_.get_array().shape == (4, 3)
    with pytest.raises(ValueError, match="`confusion`, of one label for each row"):
        display.plot(kind="confusion")


def test_scores_of_numbers():
    rng = np.random.default_rng(0)
    y_true = rng.normal(size=200)
    y_pred = y_true + np.repeat([0.1, 0.3, 0.2, 3.0], 50) * rng.normal(size=200)
    display = LanguageReportDisplay.from_predictions(y_true, y_pred, LANGUAGE, n_bootstraps=50)
    report = regression_report(y_true, y_pred, LANGUAGE, n_bootstraps=50, random_state=0)
    pd.testing.assert_frame_equal(display.report, report)
    assert labels_of(display.ax_.get_yticklabels()) == ["en", "zh", "sw", "ar"]
    assert (display.ax_.get_xlabel(), display.ax_.get_xlim()[0] < -1) == ("R²", True)
    display.plot(score="rmse")
    assert labels_of(display.ax_.get_yticklabels()) == ["en", "zh", "sw", "ar"]
    assert display.bars_[3].get_hatch() and display.bars_[3].get_width() == report["rmse"].iloc[0]
    X = pd.DataFrame({"v": y_pred, "language": LANGUAGE})
    ratings = rng.integers(1, 6, 200)  # would be classes
    display = LanguageReportDisplay.from_estimator(DummyRegressor().fit(X, ratings), X, ratings)
    assert "r2" in display.report
    with pytest.raises(ValueError, match="which numbers do not have"):
        display.plot(kind="classes")


def test_scores_of_any_report():
    report = translation_report(["ab", "cd", "ef"], ["ab", "c", "x"], ["jav", "min", "sun"])
    display = LanguageReportDisplay(report).plot()
    assert labels_of(display.ax_.get_yticklabels()) == ["jav", "min", "sun"]
    assert display.ax_.get_xlabel() == "chrF"
