import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scorer_cases import make_numbers
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    f1_score,
    precision_score,
    recall_score,
)
from sklearn.pipeline import make_pipeline
from tiny import make_meta_net

from metaling_sk import (
    LanguageReportDisplay,
    LinearTransferClassifier,
    MetaNetClassifier,
    MetaParamSearchCV,
)
from metaling_sk.exceptions import InputWarning
from metaling_sk.metrics import (
    language_report,
    language_report_from_estimator,
    log_loss_scorer,
    make_language_scorer,
    regression_report,
    translation_report,
    worst_languages,
)

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
        (([0.5, 0.1], [0, 1], ["en"] * 2), "y_true holds continuous numbers, .* regression_report"),
        (([0, 1], [0, 1], "en"), "only 'en'"),
        (([0, 1], [0, 1], ["en", None]), "`language` holds something else in row 1"),
        (([0, 1], [0, 1], ["en", 3]), "in row 1 .row 1: 3"),
        (
            ([0, 1], [0, 1], [["en"], ["en", "zh"]]),
            "something else in rows 0, 1 .row 0: \\['en'\\]",
        ),
        (([], [], []), "y_true is empty"),
        (([0, 1], [0, 1], ["en", "gap"]), "called like a row of the summary, got 'gap'"),
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


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["en", "zh", "ar"])),
    min_size=1,
)


@settings(max_examples=30)
@given(ROWS)
def test_classes_are_what_sklearn_reports(rows):
    y_true, y_pred, language = map(np.array, zip(*rows, strict=True))
    report = language_report(y_true, y_pred, language, by_class=True)
    assert report.index.names == ["language", "class"]
    for name in set(language):
        part = language == name
        expected = classification_report(
            y_true[part], y_pred[part], output_dict=True, zero_division=0
        )
        classes = np.union1d(y_true[part], y_pred[part])
        assert report.loc[name].index.tolist() == classes.tolist()
        for label in classes:
            found = report.loc[(name, label)].rename({"f1": "f1-score"}).to_dict()
            assert found == pytest.approx(expected[str(label)])
    for label, part in report.drop(index=SUMMARY, level=0).groupby("class"):
        for row, value in {"mean": part.mean(), "worst": part.min()}.items():
            expected = value[["precision", "recall", "f1"]].to_list()
            found = report.loc[(row, label), ["precision", "recall", "f1"]].to_list()
            assert found == pytest.approx(expected)
        assert report.loc[("gap", label), "support"] == (y_true == label).sum()


@settings(max_examples=30)
@given(ROWS, st.sampled_from(["macro", "micro", "weighted"]), st.booleans())
def test_intervals_are_ordered_and_all_have_a_width(rows, average, by_class):
    y_true, y_pred, language = map(np.array, zip(*rows, strict=True))
    report = language_report(
        y_true, y_pred, language, average=average, by_class=by_class, n_bootstraps=20
    )
    plain = language_report(y_true, y_pred, language, average=average, by_class=by_class)
    pd.testing.assert_frame_equal(report[plain.columns], plain)
    intervals = report.drop(columns=plain.columns)
    assert intervals.loc[["worst", "gap"]].isna().all(axis=None)
    languages = intervals[~intervals.index.get_level_values(0).isin(SUMMARY)]
    assert ((languages.isna()) | ((languages >= 0) & (languages <= 1))).all(axis=None)
    assert not (languages["f1_low"] > languages["f1_high"]).any()
    if not by_class:
        assert languages.notna().all(axis=None)
        for score in ("accuracy", "f1"):
            is_extreme = report[score].isin([0, 1]) & intervals[f"{score}_low"].notna()
            assert (intervals[f"{score}_low"] < intervals[f"{score}_high"])[is_extreme].all()


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_of_languages_without_an_error_are_those_of_clopper_and_pearson(
    by_class, confidence
):
    y_true = np.array([0, 1] * 15)
    language = np.repeat(["en", "zh"], [10, 20])
    report = language_report(
        y_true,
        np.where(language == "en", y_true, 1 - y_true),
        language,
        by_class=by_class,
        n_bootstraps=50,
        confidence=confidence,
        random_state=0,
    )
    for score in ["f1"] if by_class else ["accuracy", "f1"]:
        for name, is_right in {"en": True, "zh": False}.items():
            row = report.loc[(name, 1) if by_class else name]
            n = int(row["support"])
            exact = binomtest(n * is_right, n).proportion_ci(confidence, method="exact")
            assert row[f"{score}_low"] == pytest.approx(exact.low)
            assert row[f"{score}_high"] == pytest.approx(exact.high)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_intervals_are_those_of_resampled_rows(average):
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=80)
    y_pred = np.where(rng.random(80) < 0.6, y_true, rng.integers(3, size=80))
    report = language_report(
        y_true, y_pred, ["en"] * 80, average=average, n_bootstraps=4000, random_state=0
    )
    draws = rng.integers(80, size=(1000, 80))
    f1 = [f1_score(y_true[rows], y_pred[rows], average=average) for rows in draws]
    accuracy = (y_true == y_pred)[draws].mean(axis=1)
    for name, values in {"f1": f1, "accuracy": accuracy}.items():
        expected = np.quantile(values, [0.025, 0.975])
        found = report.loc["en", [f"{name}_low", f"{name}_high"]]
        np.testing.assert_allclose(found, expected, atol=0.015)
        np.testing.assert_allclose(report.loc["mean", found.index], found)


def test_intervals_of_the_mean_and_of_less_confidence_are_narrower():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(2, size=(2, 400))
    language = np.repeat(["en", "id", "sw", "zh"], 100)

    def width(**parameters):
        report = language_report(
            y_true, y_pred, language, n_bootstraps=500, random_state=0, **parameters
        )
        return report["accuracy_high"] - report["accuracy_low"]

    usual = width()
    assert 0.15 < usual["zh"] < 0.25
    assert usual["mean"] < 0.7 * usual["zh"]
    assert (width(confidence=0.5) < usual)[:-2].all()
    pd.testing.assert_series_equal(width(), usual)


def test_the_worst_languages_are_named():
    report = language_report(
        [0, 0, 1, 1, 0, 1], [0, 0, 1, 0, 0, 0], ["en", "en", "sw", "sw", "zh", "zh"]
    )
    worst = worst_languages(report)
    assert worst.to_dict() == {
        "accuracy": "sw",  # the first of two
        "precision": "zh",
        "recall": "sw",
        "f1": "sw" if report.loc["sw", "f1"] <= report.loc["zh", "f1"] else "zh",
    }
    report = language_report([0, 1, 1], [0, 0, 1], ["en", "zh", "en"], by_class=True)
    assert worst_languages(report).loc[1].tolist() == ["zh"] * 3


def test_the_report_of_an_estimator():
    X = pd.DataFrame({"number": [0.0, 1, 0, 1, 0, 1], "language": ["en"] * 4 + ["zh"] * 2})
    y = [0, 1, 0, 1, 0, 0]
    model = DummyClassifier(strategy="constant", constant=0).fit(X, y)
    expected = language_report(y, [0] * 6, X["language"], n_bootstraps=9, random_state=0)
    report = language_report_from_estimator(model, X, y, n_bootstraps=9, random_state=0)
    pd.testing.assert_frame_equal(report, expected)
    numbers = X[["number"]].to_numpy()
    beside = language_report_from_estimator(
        LogisticRegression(C=100).fit(numbers, y), numbers, y, language=X["language"]
    )
    assert beside["accuracy"].tolist()[:2] == [1, 0.5]
    renamed = X.rename(columns={"language": "code"})
    report = language_report_from_estimator(
        model, renamed, y, language_column="code", n_bootstraps=9, random_state=0
    )
    pd.testing.assert_frame_equal(report, expected)
    texts = X[["language"]].assign(text="a b").loc[:, ["text", "language"]]
    linear = LinearTransferClassifier(n_topics=1, target_languages="zh").fit(texts, y)
    pd.testing.assert_frame_equal(
        language_report_from_estimator(linear, texts.to_numpy(), y),
        language_report_from_estimator(linear, texts, y),
    )
    with pytest.raises(ValueError, match="language_report_from_estimator found no language"):
        language_report_from_estimator(model, numbers, y)
    with pytest.raises(ValueError, match="y has no label in row 1; leave"):
        language_report_from_estimator(model, X, [0, None, 0, 1, 0, 0])


def test_the_report_of_a_search_with_languages_beside_numbers():
    """`predict` of a search takes X alone."""
    rng = np.random.default_rng(0)
    X, language = rng.normal(size=(80, 2)), np.array(["en", "zh"] * 40)
    y = (X[:, 0] > 0).astype(int)
    X[language == "zh"] += 100
    model = MetaNetClassifier(verbose=0, random_state=0)
    search = MetaParamSearchCV(model, {"meta_weight": [0.1]}, n_iter=1, cv=2, verbose=0)
    search.fit(X, y, language=language)
    best = language_report_from_estimator(search.best_estimator_, X, y, language=language)
    assert best.loc["worst", "accuracy"] > 0.9
    report = language_report_from_estimator(search, X, y, language=language)
    pd.testing.assert_frame_equal(report, best)


def test_the_worst_language_where_a_class_has_no_value():
    report = language_report(
        ["a", "b", "c"], ["a", "b", "b"], ["en", "en", "zh"], by_class=True, zero_division=np.nan
    )
    worst = worst_languages(report)
    assert pd.isna(worst.loc["c", "precision"])
    assert worst.loc["c", "recall"] == "zh"
    with pytest.raises(ValueError, match="`report` must be a table"):
        worst_languages(pd.DataFrame({"f1": [1.0]}))


def several_labels(n_samples=80):
    rng = np.random.default_rng(0)
    y_true = rng.integers(2, size=(n_samples, 4))
    y_true[:, 3] = 0
    y_pred = np.where(rng.random(y_true.shape) < 0.8, y_true, 0)
    return y_true, y_pred, np.repeat(["en", "zh"], n_samples // 2)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_several_labels_count_as_classes(average):
    y_true, y_pred, language = several_labels()
    report = language_report(pd.DataFrame(y_true), y_pred, language, average=average)
    for name in ("en", "zh"):
        pair = y_true[language == name], y_pred[language == name]
        assert report.loc[name, "accuracy"] == accuracy_score(*pair)
        # The last label occurs nowhere.
        expected = f1_score(*pair, average=average, labels=[0, 1, 2])
        assert report.loc[name, "f1"] == pytest.approx(expected)
    by_class = language_report(y_true, y_pred, language, by_class=True)
    assert by_class.loc["zh"].index.tolist() == [0, 1, 2]
    assert by_class.loc[("zh", 1), "support"] == y_true[language == "zh", 1].sum()


def test_the_columns_of_a_table_name_several_labels():
    y_true, y_pred, language = several_labels()
    names = ["staff", "price", "room", "none"]
    options = {"by_class": True, "n_bootstraps": 5, "random_state": 0}
    table = pd.DataFrame(y_true, columns=names)
    report = language_report(table, y_pred, language, **options)
    assert report.loc["zh"].index.tolist() == names[:3]
    assert report.loc["worst"].index.tolist() == names[:3]
    plain = language_report(y_true, y_pred, language, **options)
    np.testing.assert_array_equal(report, plain)
    assert set(worst_languages(report).index) == set(names[:3])
    X = pd.DataFrame({"text": "a", "language": language})
    model = DummyClassifier().fit(X, y_true)
    found = language_report_from_estimator(model, X, table, by_class=True)
    assert set(found.index.get_level_values("class")) <= set(names)
    assert (
        LanguageReportDisplay.from_predictions(
            table, y_pred, language, kind="classes", n_bootstraps=0
        )
        .class_report.index.get_level_values("class")
        .isin(names)
        .all()
    )


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_intervals_of_several_labels(average):
    y_true, y_pred, _ = several_labels()
    report = language_report(
        y_true, y_pred, ["en"] * 80, average=average, n_bootstraps=4000, random_state=0
    )
    draws = np.random.default_rng(0).integers(80, size=(1000, 80))
    f1 = [f1_score(y_true[rows], y_pred[rows], average=average, labels=[0, 1, 2]) for rows in draws]
    accuracy = (y_true == y_pred).all(axis=1)[draws].mean(axis=1)
    for name, values in {"f1": f1, "accuracy": accuracy}.items():
        found = report.loc["en", [f"{name}_low", f"{name}_high"]]
        np.testing.assert_allclose(found, np.quantile(values, [0.025, 0.975]), atol=0.015)


def test_rows_without_a_label_have_no_f1_of_their_own():
    y = np.array([[0, 0], [0, 0], [1, 0]])
    report = language_report(y, y, ["en", "en", "zh"], n_bootstraps=5, random_state=0)
    assert report.loc["en", "accuracy"] == 1 and report.loc["en", "f1"] == 0
    assert np.isnan(report.loc["en", "f1_low"])


def test_columns_in_another_order_are_refused():
    y_true, y_pred, language = several_labels()
    names = [f"label {position}" for position in range(y_true.shape[1])]
    true, predicted = (pd.DataFrame(y, columns=names) for y in (y_true, y_pred))
    language_report(true, y_pred, language)
    with pytest.raises(ValueError, match="pass the same columns in the same order"):
        language_report(true, predicted[names[::-1]], language)
    X = np.random.default_rng(0).normal(size=(len(true), 2))
    model = make_meta_net().fit(X, true, language=language)
    for make in (language_report_from_estimator, LanguageReportDisplay.from_estimator):
        with pytest.raises(ValueError, match="pass the same columns in the same order"):
            make(model, X, true[names[::-1]], language=language)


def test_labels_of_other_shapes_are_refused():
    y_true, y_pred, language = several_labels()
    with pytest.raises(ValueError, match="must have the same columns"):
        language_report(y_true, y_pred[:, 0], language)
    with pytest.raises(ValueError, match="y_pred has shape .* holds 0.5 in row 0"):
        language_report(y_true, y_pred / 2, language)
    with pytest.raises(ValueError, match="y_true has no label in row 3; leave"):
        language_report(np.where(np.arange(80)[:, None] == 3, np.nan, y_true), y_pred, language)


@pytest.mark.parametrize(
    "score",
    [
        language_report_from_estimator,
        LanguageReportDisplay.from_estimator,
        make_language_scorer(accuracy_score),
        log_loss_scorer([-1, 0, 1]),
    ],
)
def test_what_stands_for_a_missing_label_counts_as_no_label(score):
    X, y = make_numbers(10)
    y[3:5] = -1
    model = make_pipeline(LinearTransferClassifier(self_training=0, missing_label=-1)).fit(X, y)
    with pytest.raises(ValueError, match="y has no label in rows 3, 4, as missing_label=-1 says"):
        score(model, X, y)


DATES = pd.to_datetime(["2020-01-01", "2021-01-01"] * 6)
COMPARED = {
    "strings": (["a", "b"] * 6, "strings such as 'a'"),
    "a column of strings": ([["a"], ["b"]] * 6, "strings such as 'a'"),
    "numpy's strings": (np.array(["a", "b"] * 6), "strings such as 'a'"),
    "categories": (pd.Categorical(["a", "b"] * 6), "strings such as 'a'"),
    "dates": (DATES, "dates such as 2020-01-01"),
    "durations": (DATES - DATES[0], "durations such as 0"),
}


def score_of_a_search(y_true, y_pred, language):
    X = pd.DataFrame({"number": np.arange(12.0), "language": language})
    model = DummyClassifier(strategy="most_frequent").fit(X, y_pred)
    return make_language_scorer("accuracy")(model, X, y_true)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("score", [language_report, score_of_a_search])
@pytest.mark.parametrize("y, held", COMPARED.values(), ids=COMPARED)
def test_types_that_are_never_equal_are_refused(score, y, held):
    numbers, language = [0, 1] * 6, ["en", "en", "zh"] * 4
    score(y, y, language)
    with pytest.raises(ValueError, match=f"holds {held}.* but .* holds numbers such as 0; pass"):
        score(y, numbers, language)
    with pytest.raises(ValueError, match=f"holds numbers such as 0, but .* holds {held}"):
        score(numbers, y, language)
    if score is score_of_a_search:
        X = np.arange(12.0)[:, None]
        model = LinearTransferClassifier(verbose=0).fit(X, numbers)
        with pytest.raises(ValueError, match=f"y holds {held}.*, but `classes_` holds numbers"):
            model.score(X, y)


ARGUMENTS = {
    "shape": (np.zeros((4, 2, 2)), "{} (has shape|is no matrix)"),
    "a row": ([[1.0, 2.0, 3.0, 4.0]], "{} (has shape .1, 4|.* column)"),
    "none": ([None] * 4, "{} has no"),
}


@pytest.mark.parametrize("report", [language_report, regression_report, translation_report])
@pytest.mark.parametrize("wrong, message", ARGUMENTS.values(), ids=ARGUMENTS)
def test_the_argument_that_is_wrong_is_named(report, wrong, message):
    right = {language_report: [0, 1, 0, 1], regression_report: [0.5, 1, 2, 3]}
    y, language = right.get(report, list("abcd")), ["en", "en", "zh", "zh"]
    with pytest.raises(ValueError, match=message.format("y_true")):
        report(wrong, y, language)
    with pytest.raises(ValueError, match=message.format("y_pred")):
        report(y, wrong, language)


REPORTS = {
    "classes": lambda model, X, y: language_report(y, model.predict(X), X["language"]),
    "numbers": lambda model, X, y: regression_report(y, model.predict(X), X["language"]),
    "texts": lambda model, X, y: translation_report(y.astype(str), ["0"] * 12, X["language"]),
    "an estimator": language_report_from_estimator,
    "a scorer": make_language_scorer("accuracy"),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_rows_in_another_order_are_warned_of(report):
    X = pd.DataFrame({"number": np.arange(12.0), "language": ["en", "en", "zh"] * 4})
    y = pd.Series([0, 1] * 6)
    model = DummyClassifier(strategy="most_frequent").fit(X, y)
    report(model, X, y)
    with pytest.warns(InputWarning, match="another order, but rows are matched by position"):
        report(model, X, y.iloc[::-1])
