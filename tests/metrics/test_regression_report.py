"""Errors of numbers by language."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from metaling_sk.metrics import (
    language_report_from_estimator,
    regression_report,
    translation_report,
    worst_languages,
)

RNG = np.random.default_rng(0)
LANGUAGE = np.repeat(["en", "zh"], 40)
TRUE = RNG.normal(3.0, 2.0, 80)
PREDICTED = TRUE + np.where(LANGUAGE == "en", 0.5, 1.5) * RNG.normal(size=80)


def test_each_row_is_what_sklearn_computes():
    report = regression_report(TRUE, PREDICTED, LANGUAGE)
    for name in ("en", "zh"):
        pair = TRUE[LANGUAGE == name], PREDICTED[LANGUAGE == name]
        scores = [score(*pair) for score in (r2_score, root_mean_squared_error)]
        np.testing.assert_allclose(report.loc[name], [*scores, mean_absolute_error(*pair), 40])
    assert report.loc["worst", "r2"] == report.loc["zh", "r2"]
    assert report.loc["worst", "rmse"] == report.loc["zh", "rmse"]
    np.testing.assert_allclose(report.loc["mean"].iloc[:3], report.iloc[:2, :3].mean())
    assert (report.loc["gap"].iloc[:3] > 0).all()
    assert report["support"].tolist() == [40, 40, 80, 80, 80]


def test_intervals_are_those_of_resampled_rows():
    report = regression_report(TRUE, PREDICTED, LANGUAGE, n_bootstraps=500, random_state=0)
    pair = TRUE[LANGUAGE == "zh"], PREDICTED[LANGUAGE == "zh"]
    draws = [RNG.integers(40, size=40) for _ in range(500)]
    for name, score in (("r2", r2_score), ("rmse", root_mean_squared_error)):
        expected = np.quantile([score(*(y[rows] for y in pair)) for rows in draws], [0.025, 0.975])
        found = report.loc["zh", [f"{name}_low", f"{name}_high"]]
        np.testing.assert_allclose(found.to_numpy(float), expected, atol=0.1)
        assert report.loc["mean", f"{name}_low"] < report.loc["mean", name]
        assert report.loc["worst", [f"{name}_low", f"{name}_high"]].isna().all()
    again = regression_report(TRUE, PREDICTED, LANGUAGE, n_bootstraps=500, random_state=0)
    pd.testing.assert_frame_equal(report, again)


def test_numbers_that_are_all_the_same_have_no_interval_of_r2():
    report = regression_report([0.1] * 9, RNG.normal(size=9), ["en"] * 9, n_bootstraps=20)
    assert report.loc["en", ["r2_low", "r2_high"]].isna().all()
    assert report.loc["en", ["rmse_low", "mae_high"]].notna().all()
    assert regression_report([1], [2.0], ["en"]).loc["en"].isna().tolist() == [True] + [False] * 3


def test_the_worst_language_has_the_largest_error():
    report = regression_report(TRUE, PREDICTED, LANGUAGE, n_bootstraps=10)
    assert worst_languages(report).to_dict() == {"r2": "zh", "rmse": "zh", "mae": "zh"}
    assert worst_languages(translation_report(["ab"] * 2, ["ab", "a"], ["x", "y"]))["chrf"] == "y"


def test_the_report_of_a_regressor():
    X = pd.DataFrame({"v": PREDICTED, "language": LANGUAGE})
    mean = DummyRegressor().fit(X, TRUE)
    expected = regression_report(TRUE, np.full(80, TRUE.mean()), LANGUAGE)
    pd.testing.assert_frame_equal(language_report_from_estimator(mean, X, TRUE), expected)
    numbers = PREDICTED[:, None]
    line = LinearRegression().fit(numbers, TRUE)
    report = language_report_from_estimator(line, numbers, TRUE, language=LANGUAGE)
    assert report.loc["en", "r2"] > 0.5
    with pytest.raises(ValueError, match="`by_class` is for classes, and this DummyRegressor"):
        language_report_from_estimator(mean, X, TRUE, by_class=True)


@pytest.mark.parametrize(
    "y_true, y_pred, language, message",
    [
        ([1.0, np.nan], [1, 2], ["en", "zh"], "y_true has no number in row 1"),
        ([1, 2], [1, np.inf], ["en", "zh"], "y_pred is infinite in row 1"),
        ([1, "2"], [1, 2], ["en", "zh"], "y_true holds '2' in row 1, which is no number"),
        ([], [], [], "y_true is empty"),
        ([1, 2], [1], ["en", "zh"], "one value per row, but they have 2, 1 and 2"),
        ([1, 2], [1, 2], ["en", "mean"], "must not be called like a row of the summary"),
    ],
)
def test_what_it_refuses(y_true, y_pred, language, message):
    with pytest.raises(ValueError, match=message):
        regression_report(y_true, y_pred, language)
