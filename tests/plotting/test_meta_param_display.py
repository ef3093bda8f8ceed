import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, randint
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import f1_score, zero_one_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from metaling_sk import MetaParamDisplay, MetaParamSearchCV, make_language_scorer

X, y = make_classification(90, 6, random_state=0)
SGD = SGDClassifier(loss="log_loss", tol=None, random_state=0)
SPACE = {"alpha": loguniform(1e-5, 1), "penalty": ["l1", "l2"]}
LOSS = "cross-validation log-loss\n(lower is better)"


class Failing(SGDClassifier):
    """Fails where alpha is small."""

    def partial_fit(self, X, y, classes=None):
        if self.alpha < 1e-3:
            raise ValueError("alpha is too small")
        return super().partial_fit(X, y, classes)

    def fit(self, X, y):
        return self.partial_fit(X, y, np.unique(y))


def fit_search(estimator=SGD, space=SPACE, X=X, y=y, **parameters):
    defaults = {"n_iter": 9, "cv": 2, "random_state": 0, "verbose": 0}
    if parameters.get("search") in ("halving", "hyperband", "freeze-thaw"):
        defaults |= {"resource": "max_iter", "max_resources": 9}
    return MetaParamSearchCV(estimator, space, **defaults | parameters).fit(X, y)


def labels_of(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def crosses(axis):
    """The x of the failed candidates."""
    lines = [line for line in axis.lines if line.get_marker() == "x"]
    return np.concatenate([line.get_xdata() for line in lines]) if lines else np.array([])


def last_rows(search):
    return pd.DataFrame(search.cv_results_).groupby("candidate").tail(1)


@pytest.fixture(scope="module")
def halving():
    return fit_search(search="halving")


def test_each_candidate_of_halving_is_a_line_that_ends_where_it_was_stopped(halving):
    display = MetaParamDisplay.from_estimator(halving)
    assert len(display.lines_) == 9
    assert sorted(len(line.get_xdata()) for line in display.lines_) == [1] * 6 + [2, 2, 3]
    results = pd.DataFrame(halving.cv_results_)
    for number, line in enumerate(display.lines_):
        own = results[results["candidate"] == number]
        np.testing.assert_array_equal(line.get_xdata(), own["n_resources"])
        np.testing.assert_array_equal(line.get_ydata(), -own["mean_test_score"])
    first = display.axes_[0]
    assert first.get_xlabel() == "max_iter"
    assert first.get_xscale() == "log"
    assert [label.get_text() for label in first.get_xticklabels()] == ["1", "3", "9"]
    assert first.get_ylabel() == LOSS
    assert labels_of(first) == ["stopped", "best ± std of the splits"]


def test_the_best_stands_out(halving):
    display = MetaParamDisplay.from_estimator(halving)
    best = halving.cv_results_["candidate"][halving.best_index_]
    widths = [line.get_linewidth() for line in display.lines_]
    assert np.argmax(widths) == best
    loss = -halving.best_score_
    for axis in display.axes_:
        (star,) = [line for line in axis.lines if line.get_marker() == "*"]
        assert star.get_ydata() == [loss]
    (star,) = [line for line in display.axes_[1].lines if line.get_marker() == "*"]
    assert star.get_xdata() == [halving.best_params_["alpha"]]


def test_each_parameter_has_a_panel_with_the_last_score_of_each_candidate(halving):
    display = MetaParamDisplay.from_estimator(halving)
    _, alpha, penalty = display.axes_
    assert display.figure_.axes[:3] == list(display.axes_)
    assert (alpha.get_xlabel(), penalty.get_xlabel()) == ("alpha", "penalty")
    assert (alpha.get_xscale(), penalty.get_xscale()) == ("log", "linear")
    last = last_rows(halving)
    expected = np.column_stack([last["param_alpha"].astype(float), -last["mean_test_score"]])
    found = np.asarray(display.points_[0].get_offsets())
    np.testing.assert_allclose(sorted(found.tolist()), sorted(expected.tolist()))
    assert [label.get_text() for label in penalty.get_xticklabels()] == ["l1", "l2"]
    places = np.asarray(display.points_[1].get_offsets())[:, 0].round().tolist()
    assert places.count(0) == (last["param_penalty"] == "l1").sum()
    assert sorted(display.points_[0].get_array()) == sorted(last["n_resources"])
    assert display.colorbar_.ax.get_ylabel() == "max_iter"
    ticks = [label.get_text() for label in display.colorbar_.ax.get_yticklabels()]
    assert ticks == ["1", "3", "9"]


def test_brackets_of_hyperband_have_colours():
    search = fit_search(search="hyperband", n_iter=12)
    display = MetaParamDisplay.from_estimator(search, params=[])
    rows = pd.DataFrame(search.cv_results_)
    bracket = rows.groupby("candidate")["bracket"].first()
    best = rows["candidate"][search.best_index_]
    assert len(display.lines_) == 12
    colors = {}
    for number, line in enumerate(display.lines_):
        if number != best:
            colors.setdefault(bracket[number], set()).add(line.get_color())
    assert all(len(found) == 1 for found in colors.values())
    assert len(set.union(*colors.values())) == len(colors)
    assert display.lines_[best].get_color() not in set.union(*colors.values())
    assert [label for label in labels_of(display.axes_[0]) if "bracket" in label] == [
        f"bracket {number}" for number in colors
    ]


@pytest.mark.parametrize("scoring, sign", [(None, -1), ("accuracy", 1)])
def test_without_resources_the_first_panel_is_the_best_so_far(scoring, sign):
    search = fit_search(scoring=scoring)
    display = MetaParamDisplay.from_estimator(search)
    assert [axis.get_xlabel() for axis in display.axes_] == ["candidate", "alpha", "penalty"]
    (line,) = display.lines_
    scores = search.cv_results_["mean_test_score"]
    expected = sign * np.maximum.accumulate(scores)
    np.testing.assert_array_equal(line.get_ydata(), [*expected, expected[-1]])
    assert line.get_xdata().tolist() == [*range(9), 8]
    assert labels_of(display.axes_[0])[:2] == ["candidate", "best so far"]
    assert sorted(display.points_[0].get_array()) == list(range(9))
    assert display.colorbar_.ax.get_ylabel() == "candidate"
    name = LOSS if scoring is None else "cross-validation accuracy\n(higher is better)"
    assert {axis.get_ylabel() for axis in display.axes_} == {name}


@pytest.mark.filterwarnings("ignore:.*fits failed", "ignore:.*scores are non-finite")
@pytest.mark.parametrize("scoring, edge", [(None, 0.97), ("accuracy", 0.03)])
@pytest.mark.parametrize("error_score", [np.nan, -5.0])
@pytest.mark.parametrize("search", ["halving", "random"])
def test_failed_candidates_are_at_the_edge(search, error_score, scoring, edge):
    estimator = Failing(loss="log_loss", random_state=0)
    search = fit_search(estimator, search=search, error_score=error_score, scoring=scoring)
    display = MetaParamDisplay.from_estimator(search)
    failed = search.cv_results_["failure"] != None  # noqa: E711
    alphas = np.asarray(search.cv_results_["param_alpha"], dtype=float)
    assert 0 < failed.sum() < len(failed)
    np.testing.assert_array_equal(crosses(display.axes_[1]), alphas[failed])
    assert crosses(display.axes_[0]).size == crosses(display.axes_[2]).size == failed.sum()
    assert f"failed ({failed.sum()})" in labels_of(display.axes_[0])
    (line,) = [line for line in display.axes_[1].lines if line.get_marker() == "x"]
    assert set(line.get_ydata()) == {edge}
    shown = np.asarray(display.points_[0].get_offsets())[:, 0]
    assert set(shown).isdisjoint(alphas[failed])
    assert 5 not in np.abs(np.asarray(display.points_[0].get_offsets())[:, 1])


@pytest.mark.parametrize("negate_score", [True, False])
def test_a_search_in_which_all_have_failed(negate_score):
    display = MetaParamDisplay(
        candidate=[0, 1],
        score=[np.nan, np.nan],
        params={"C": [1.0, 2.0]},
        n_resources=[1, 1],
        negate_score=negate_score,
    ).plot()
    display.figure_.canvas.draw()
    assert display.lines_ == []
    assert crosses(display.axes_[1]).tolist() == [1.0, 2.0]


def test_a_line_goes_on_until_the_candidate_fails():
    display = MetaParamDisplay(
        candidate=[0, 1, 0, 1, 0],
        score=[0.5, 0.6, 0.7, np.nan, 0.8],
        params={},
        n_resources=[1, 1, 3, 3, 9],
        best_index=4,
        resource="epochs",
    ).plot()
    assert [line.get_xdata().tolist() for line in display.lines_] == [[1, 3, 9], [1]]
    assert crosses(display.axes_[0]).tolist() == [3]
    assert labels_of(display.axes_[0]) == ["stopped", "failed (1)", "best"]


@pytest.mark.parametrize(
    "values, scale, ticks",
    [
        ([1e-4, 1e-3, 1.0], "log", None),
        ([1.0, 50.0, 99.0], "linear", None),
        ([0, 1e-4, 0.1], "symlog", None),
        ([2, 4, 64], "linear", ["2", "4", "64"]),
        ([1, 10, 1000], "log", ["1", "10", "1000"]),
        ([None, 2, 10], "linear", ["None", "2", "10"]),
        ([True, False], "linear", ["False", "True"]),
        (np.array([True, False]), "linear", ["False", "True"]),
        ([("labels", "mmd"), "labels"], "linear", ["('labels', 'mmd')", "labels"]),
        ([Ridge(), LinearRegression()], "linear", ["LinearRegression()", "Ridge()"]),
        (["a" * 50, "b"], "linear", ["a" * 21 + "...", "b"]),
    ],
)
def test_axes_suit_the_values(values, scale, ticks):
    column = np.ma.masked_all(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    rows = range(len(values))
    display = MetaParamDisplay(candidate=rows, score=rows, params={"p": column}).plot()
    display.figure_.canvas.draw()
    axis = display.axes_[1]
    assert axis.get_xscale() == scale
    if ticks is not None:
        assert [label.get_text() for label in axis.get_xticklabels()] == ticks
    assert len(display.points_[0].get_offsets()) == len(values)


def test_a_candidate_without_a_parameter_is_not_in_its_panel():
    space = [{"C": [0.1, 1.0, 10.0]}, {"fit_intercept": [True, False]}]
    search = fit_search(LogisticRegression(), space, n_iter=5)
    display = MetaParamDisplay.from_estimator(search)
    counts = {
        axis.get_xlabel(): len(points.get_offsets())
        for axis, points in zip(display.axes_[1:], display.points_, strict=True)
    }
    assert counts == {"C": 3, "fit_intercept": 2}


SEVERAL = ["accuracy", "neg_log_loss"]


@pytest.mark.parametrize(
    "scoring, metric, label",
    [
        ("neg_log_loss", None, "log-loss\n(lower is better)"),
        ("neg_brier_score", None, "brier score loss\n(lower is better)"),
        ("roc_auc", None, "roc auc\n(higher is better)"),
        (lambda e, X, y: e.score(X, y), None, "score\n(higher is better)"),
        (lambda e, X, y: {"my_f1": 1.0, "loss": -1.0}, "my_f1", "my_f1\n(higher is better)"),
        (SEVERAL, None, "log-loss\n(lower is better)"),
        (SEVERAL, "accuracy", "accuracy\n(higher is better)"),
        ({"a": "accuracy", "b": "neg_log_loss"}, "b", "log-loss\n(lower is better)"),
    ],
)
def test_the_label_says_what_is_shown(scoring, metric, label):
    refit = "neg_log_loss" if scoring is SEVERAL else False
    search = fit_search(scoring=scoring, n_iter=2, refit=refit)
    display = MetaParamDisplay.from_estimator(search, metric=metric, params=[])
    assert display.axes_[0].get_ylabel() == f"cross-validation {label}"


def test_an_estimator_without_probabilities_is_scored_by_itself():
    search = fit_search(LinearSVC(), {"C": [0.1, 1.0]}, n_iter=2)
    display = MetaParamDisplay.from_estimator(search)
    assert display.axes_[0].get_ylabel() == "cross-validation score\n(higher is better)"


def make_languages():
    return pd.DataFrame(X).add_prefix("v").assign(language=["en", "zh"] * 45)


class Numbers(SGDClassifier):
    """Leaves the language out."""

    def fit(self, X, y):
        return super().fit(X.drop(columns="language"), y)

    def predict_proba(self, X):
        return SGDClassifier.predict_proba.__get__(self)(X.drop(columns="language"))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.parametrize(
    "select, metric, column, where",
    [
        ("mean", None, "mean_test_score", ""),
        ("mean", "score_zh", "mean_test_score_zh", " in zh"),
        ("worst_language", None, "worst_test_score", " in the worst language"),
        ("worst_language", "score", "mean_test_score", ""),
    ],
)
def test_languages(select, metric, column, where):
    search = fit_search(
        Numbers(loss="log_loss", random_state=0), X=make_languages(), select=select, n_iter=4
    )
    display = MetaParamDisplay.from_estimator(search, metric=metric)
    expected = np.minimum.accumulate(-search.cv_results_[column])
    np.testing.assert_array_equal(display.lines_[0].get_ydata()[:-1], expected)
    assert display.axes_[0].get_ylabel() == f"cross-validation log-loss{where}\n(lower is better)"


def test_losses_that_lie_far_apart_have_a_log_axis():
    def axis_of(scores, **parameters):
        display = MetaParamDisplay(candidate=[0, 1], score=scores, params={}, **parameters).plot()
        display.figure_.canvas.draw()
        return display.axes_[0]

    assert axis_of([-0.4, -0.5], negate_score=True).get_yscale() == "linear"
    assert axis_of([-0.4, -8], negate_score=True).get_yscale() == "log"
    assert axis_of([-0.4, -800], negate_score=True).get_yscale() == "log"
    assert axis_of([0.1, 0.9]).get_yscale() == "linear"


def test_axes_and_styles_of_the_caller(halving):
    figure, axes = plt.subplots(1, 2)
    display = MetaParamDisplay.from_estimator(
        halving, params=["alpha"], ax=axes, line_kw={"color": "green"}, scatter_kw={"s": 99}
    )
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)
    assert {line.get_color() for line in display.lines_} == {"green"}
    assert display.points_[0].get_sizes().tolist() == [99]
    _, axis = plt.subplots()
    alone = MetaParamDisplay.from_estimator(halving, params=[], ax=axis)
    assert alone.axes_.tolist() == [axis]
    assert alone.colorbar_ is None
    with pytest.raises(ValueError, match="`ax` must have 3 Axes"):
        MetaParamDisplay.from_estimator(halving, ax=axis)


@pytest.mark.parametrize("n_params", range(7))
def test_all_panels_are_drawn(n_params):
    params = {f"p{number}": [1.0, 2.0] for number in range(n_params)}
    display = MetaParamDisplay(candidate=[0, 1], score=[0.5, 0.6], params=params).plot()
    display.figure_.canvas.draw()
    assert len(display.axes_) == 1 + n_params
    assert len(display.figure_.axes) == 1 + n_params + (n_params > 0)


def test_an_interrupted_search_shows_what_was_finished():
    class Interrupted(SGDClassifier):
        n_fits = 0

        def fit(self, X, y):
            Interrupted.n_fits += 1
            if Interrupted.n_fits > 6:
                raise KeyboardInterrupt
            return super().fit(X, y)

    search = MetaParamSearchCV(
        Interrupted(loss="log_loss", random_state=0), SPACE, cv=2, random_state=0, verbose=0
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    display = MetaParamDisplay.from_estimator(search)
    assert display.axes_[0].get_ylabel() == LOSS
    assert len(display.points_[0].get_offsets()) == 3
    assert not [line for line in display.axes_[0].lines if line.get_marker() == "*"]


def test_errors(halving):
    with pytest.raises(NotFittedError):
        MetaParamDisplay.from_estimator(MetaParamSearchCV(SGD, SPACE))
    with pytest.raises(ValueError, match="`metric` must be one of .'score'., got 'f1'"):
        MetaParamDisplay.from_estimator(halving, metric="f1")
    with pytest.raises(ValueError, match=r"`params` must be among .*'alpha'.*got \['max_iter'\]"):
        MetaParamDisplay.from_estimator(halving, params=["max_iter"])
    grid = GridSearchCV(SGD, {"alpha": [0.1]}, cv=2).fit(X, y)
    with pytest.raises(
        ValueError, match="`search` must be a MetaParamSearchCV, got a GridSearchCV"
    ):
        MetaParamDisplay.from_estimator(grid)
    several = fit_search(scoring=["accuracy", "f1"], refit=False, n_iter=2)
    with pytest.raises(ValueError, match=r"`metric` must name one .*'accuracy', 'f1'"):
        MetaParamDisplay.from_estimator(several)


def test_n_samples_is_a_resource():
    search = fit_search(
        LogisticRegression(),
        {"C": loguniform(0.01, 10), "max_iter": randint(50, 90)},
        search="halving",
        resource="n_samples",
        max_resources="auto",
    )
    display = MetaParamDisplay.from_estimator(search)
    assert [axis.get_xlabel() for axis in display.axes_] == ["n_samples", "C", "max_iter"]
    assert max(line.get_xdata().max() for line in display.lines_) == 90


def test_a_loguniform_parameter_has_a_log_axis_and_nested_names_are_short():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    space = {
        "logisticregression__C": loguniform(0.5, 5),
        "standardscaler__with_mean": [True, False],
    }
    search = fit_search(model, space, n_iter=4)
    display = MetaParamDisplay.from_estimator(search)
    assert [axis.get_xlabel() for axis in display.axes_[1:]] == ["C", "with_mean"]
    assert display.axes_[1].get_xscale() == "log"
    display = MetaParamDisplay.from_estimator(fit_search(model, [space], n_iter=4))
    assert display.axes_[1].get_xscale() == "log"


@pytest.mark.parametrize(
    "names, labels",
    [
        (["svc__C", "alpha"], ["C", "alpha"]),
        (["svc__C", "svr__C"], ["svc__C", "svr__C"]),
        (["a__svc__C", "a__svr__C", "a__svc__tol"], ["svc__C", "svr__C", "tol"]),
        (["C", "svc__C"], ["C", "svc__C"]),
    ],
)
def test_names_are_shortened_as_far_as_they_stay_different(names, labels):
    params = {name: [1.0, 2.0] for name in names}
    display = MetaParamDisplay(candidate=[0, 1], score=[0.5, 0.6], params=params).plot()
    assert [axis.get_xlabel() for axis in display.axes_[1:]] == labels


def test_the_best_is_shown_where_it_is_not_the_last_score_of_its_candidate():
    display = MetaParamDisplay(
        candidate=[0, 1, 0],
        score=[0.9, 0.6, 0.8],
        params={"C": [1.0, 2.0, 1.0]},
        n_resources=[1, 1, 3],
        best_index=0,
    ).plot()
    (star,) = [line for line in display.axes_[1].lines if line.get_marker() == "*"]
    assert (star.get_xdata(), star.get_ydata()) == ([1.0], [0.9])


@pytest.mark.parametrize(
    "metric, aggregate, sign, label",
    [
        (f1_score, "min", 1, "f1 in the worst language\n(higher is better)"),
        (f1_score, "mean", 1, "f1 averaged over languages\n(higher is better)"),
        (f1_score, "gap", -1, "f1 gap between languages\n(lower is better)"),
        (zero_one_loss, "min", -1, "zero one loss in the worst language\n(lower is better)"),
    ],
)
def test_scores_of_language_scorers(metric, aggregate, sign, label):
    scorer = make_language_scorer(metric, aggregate=aggregate, greater_is_better=metric is f1_score)
    search = fit_search(
        Numbers(loss="log_loss", random_state=0), X=make_languages(), n_iter=2, scoring=scorer
    )
    display = MetaParamDisplay.from_estimator(search, params=[])
    assert display.axes_[0].get_ylabel() == f"cross-validation {label}"
    shown = display.lines_[0].get_ydata()[0]
    assert shown == sign * search.cv_results_["mean_test_score"][0]
    assert shown > 0
