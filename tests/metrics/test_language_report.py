import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from metaling_sk.metrics import language_report

SUMMARY = ["mean", "worst", "gap"]


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2], ["no", "yes"], [False, True]])
def test_each_row_is_what_sklearn_computes(average, classes):
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.choice(classes, (2, 60))
    language = rng.choice(["zh", "en", "sw"], 60)
    report = language_report(y_true, y_pred, language, average=average)
    assert report.index.tolist() == ["en", "sw", "zh", *SUMMARY]
    for name in ("en", "sw", "zh"):
        in_language = language == name
        pair = y_true[in_language], y_pred[in_language]
        expected = [
            accuracy_score(*pair),
            *(score(*pair, average=average) for score in (precision_score, recall_score, f1_score)),
            in_language.sum(),
        ]
        np.testing.assert_allclose(report.loc[name].to_numpy(float), expected)


def test_summary_rows():
    report = language_report([0, 1, 0, 1], [0, 1, 0, 0], ["en", "en", "zh", "zh"])
    assert report["accuracy"].tolist() == [1, 0.5, 0.75, 0.5, 0.5]
    assert report["support"].tolist() == [2, 2, 4, 4, 4]
    assert report.index.name == "language"


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.array,
        lambda values: np.array(values, dtype=object),
        lambda values: pd.Series(values, index=[7] * len(values)),
        lambda values: pd.Series(values, dtype="category"),
        lambda values: pd.Series(values).convert_dtypes(),
    ],
)
@pytest.mark.parametrize("labels", [[0, 1, 1, 0], ["a", "b", "b", "a"], [True, False, False, True]])
def test_forms_of_labels_and_languages(form, labels):
    language = ["en", "zh", "en", "zh"]
    report = language_report(form(labels), form(labels[:2] * 2), form(language))
    expected = language_report(labels, labels[:2] * 2, language)
    pd.testing.assert_frame_equal(report, expected)


def test_one_language_and_a_class_that_is_never_predicted():
    report = language_report([0, 1, 1], [0, 0, 0], ["en"] * 3)
    assert report.loc["gap", "accuracy"] == 0
    assert report.loc["en", "precision"] == pytest.approx(1 / 6)
    report = language_report([0, 1, 1], [0, 0, 0], ["en"] * 3, zero_division=1)
    assert report.loc["en", "precision"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([0, 1], [0, 1], ["en"]), "have 2, 2 and 1 values"),
        (([0, 1], [0], ["en", "zh"]), "have 2, 1 and 2 values"),
        (([0, np.nan, 1, None], [0, 1, 1, 1], ["en"] * 4), "y_true has no label in rows 1, 3"),
        ((["a", None], ["a", "a"], ["en"] * 2), "y_true has no label in row 1"),
        (([0, 1], [0, np.nan], ["en"] * 2), "y_pred has no label in row 1"),
        (([0, "a"], [0, 1], ["en"] * 2), "y_true mixes strings"),
        (([0.5, 0.1], [0, 1], ["en"] * 2), "continuous"),
        (([0, 1], [0, 1], "en"), "only 'en'"),
        (([0, 1], [0, 1], ["en", None]), "`language` holds something else in row 1"),
        (([0, 1], [0, 1], ["en", 3]), "in row 1 .row 1: 3"),
        (([], [], []), "y_true is empty"),
    ],
)
def test_what_it_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        language_report(*arguments)


def test_average_is_named():
    with pytest.raises(ValueError, match="'average' parameter of language_report must be"):
        language_report([0, 1], [0, 1], ["en", "en"], average="binary")


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["en", "zh", "ar"])),
        min_size=1,
    )
)
def test_scores_lie_between_worst_and_worst_plus_gap(rows):
    report = language_report(*map(list, zip(*rows, strict=True)))
    scores = report.drop(columns="support")
    languages = scores.drop(index=SUMMARY)
    assert ((languages >= 0) & (languages <= 1)).all(axis=None)
    best = scores.loc["worst"] + scores.loc["gap"]
    assert (languages >= scores.loc["worst"]).all(axis=None)
    assert (languages <= best + 1e-12).all(axis=None)
    assert report["support"].iloc[-1] == len(rows)
