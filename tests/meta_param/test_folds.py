"""The folds of the search, and subsets of their training parts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_cases import (
    FRAME,
    LANGUAGE,
    NUMERIC_C,
    C,
    X,
    Y,
    assert_same_results,
    failing,
    folds_of,
    make_numeric,
    make_search,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from tiny import make_regressor

from metaling_sk import LeaveOneLanguageOut, StratifiedLanguageKFold, TransferTranslator
from metaling_sk.meta_param._folds import nested_subset, read_data, split


@pytest.mark.parametrize("as_metadata", [False, True])
def test_default_folds_are_stratified_by_language_and_class(as_metadata):
    language = np.array(["en"] * 40 + ["zh"] * 20, dtype=object)
    y = np.where(np.arange(60) % 4 == 0, 1, 0)
    X_frame = FRAME.assign(language=language)
    texts = X_frame.drop(columns="language") if as_metadata else X_frame
    _, folds = folds_of(make_numeric(), texts, y, None, language if as_metadata else None)
    assert len(folds) == 5
    for train, test in folds:
        assert len(train) + len(test) == 60
        frame = pd.DataFrame({"language": language[test], "y": y[test]})
        assert frame.value_counts().to_dict() == {
            ("en", 0): 6,
            ("en", 1): 2,
            ("zh", 0): 3,
            ("zh", 1): 1,
        }
    assert len(set(np.concatenate([test for _, test in folds]))) == 60
    search = make_search(make_numeric(), NUMERIC_C, cv=None).fit(X_frame, y)
    assert search.n_splits_ == 5


def test_rows_without_a_label_only_train():
    y = Y.astype(object)
    y[:15] = None
    _, folds = folds_of(LogisticRegression(), X, y, 3)
    for train, test in folds:
        assert set(range(15)) <= set(train)
        assert np.mean(y[test].astype(int)) == pytest.approx(0.5, abs=0.1)
    _, folds = folds_of(LogisticRegression(), X, y, KFold(3))
    assert [len(test) for _, test in folds] == [5, 20, 20]
    with failing("`cv`: the test part of split 0 has no row with a label"):
        folds_of(LogisticRegression(), X, y, KFold(4))


@pytest.mark.parametrize("estimator", [Ridge(), TransferTranslator(target_language="jav")])
@pytest.mark.parametrize("missing", [True, False])
def test_folds_of_labels_that_are_no_classes(estimator, missing):
    y = np.arange(60) / 7
    if not isinstance(estimator, Ridge):
        y = np.array([f"omah {number}" for number in y], dtype=object)
    if missing:
        y[::4] = None
    frame = FRAME.assign(language=["id", "ms"] * 30)
    data, folds = folds_of(estimator, frame, y, 3)
    assert data.classes is None
    for train, test in folds:
        assert len(train) + len(test) == 60
        assert not missing or not set(test) & set(range(0, 60, 4))
        n_indonesian = 5 if missing else 10
        counts = frame["language"].iloc[test].value_counts()
        assert counts.to_dict() == {"id": n_indonesian, "ms": 10}
    _, folds = folds_of(estimator, frame, y, KFold(3))
    assert [len(test) for _, test in folds] == [15 if missing else 20] * 3
    groups = np.arange(60) // 2
    _, folds = folds_of(estimator, frame, y, 3, groups=groups)
    assert all(not set(groups[train]) & set(groups[test]) for train, test in folds)


def test_folds_without_language_and_missing_labels_are_those_of_sklearn():
    _, folds = folds_of(LogisticRegression(), X, Y, None)
    for (_, test), (_, expected) in zip(folds, StratifiedKFold(5).split(X, Y), strict=True):
        np.testing.assert_array_equal(test, expected)
    numeric = FRAME.assign(language=np.arange(60))
    data, folds = folds_of(LogisticRegression(), numeric, Y, None)
    assert data.language is None  # a column of numbers is a feature
    assert folds[0][1].tolist() == next(StratifiedKFold(5).split(X, Y))[1].tolist()


CVS = {
    "int": (4, 4),
    "splitter": (StratifiedKFold(2), 2),
    "iterable": ([(np.arange(30), np.arange(30, 60))], 1),
    "masks": ([(np.arange(60) < 30, np.arange(60) >= 30)], 1),
    "lists": ([(list(range(30)), list(range(30, 60)))], 1),
    "generator": (lambda: ((np.arange(30), np.arange(30, 60)) for _ in range(2)), 2),
    "language": (LeaveOneLanguageOut(), 2),
    "stratified": (StratifiedLanguageKFold(3, random_state=0), 3),
}


@pytest.mark.parametrize(("cv", "n_splits"), CVS.values(), ids=CVS)
def test_forms_of_cv(cv, n_splits):
    cv = cv() if callable(cv) else cv
    search = make_search(make_numeric(), NUMERIC_C, cv=cv).fit(FRAME, Y)
    assert search.n_splits_ == n_splits
    assert f"split{n_splits - 1}_test_score" in search.cv_results_
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("cv", [LeaveOneLanguageOut(), StratifiedLanguageKFold(2)])
def test_language_splitters_get_the_language_that_is_passed(cv):
    _, folds = folds_of(LogisticRegression(), X, Y, cv, LANGUAGE)
    assert len(folds) == 2
    if isinstance(cv, LeaveOneLanguageOut):
        assert [set(LANGUAGE[test]) for _, test in folds] == [{"en"}, {"zh"}]


def test_groups():
    groups = np.arange(60) // 10
    search = make_search(cv=GroupKFold(3)).fit(X, Y, groups=groups)
    expected = RandomizedSearchCV(
        LogisticRegression(), C, n_iter=3, cv=GroupKFold(3), random_state=0, scoring="neg_log_loss"
    ).fit(X, Y, groups=groups)
    assert_same_results(search.cv_results_, expected.cv_results_)
    with failing("'groups' parameter should not be None"):
        make_search(cv=GroupKFold(3)).fit(X, Y)


@pytest.mark.parametrize("cv", [None, StratifiedGroupKFold(5)])
def test_groups_stay_together_in_folds_by_language(cv):
    groups = np.arange(60) % 20
    y = Y.astype(object)
    y[:15] = None
    search = make_search(make_numeric(), NUMERIC_C, cv=cv)
    data = read_data(search.estimator, FRAME, y, None)
    folds = split(search.estimator, data, cv, {"groups": groups}, 0)
    assert len(folds) == 5
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(15, 60))


def test_language_splitters_refuse_other_groups():
    groups = [str(number % 20) for number in range(60)]
    with failing("`groups` disagree"):
        make_search(cv=StratifiedLanguageKFold(2)).fit(X, Y, groups=groups, language=LANGUAGE)


@pytest.mark.parametrize(
    "splitter",
    [
        StratifiedKFold(3),
        StratifiedShuffleSplit(3, random_state=0),
        RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=0),
    ],
)
def test_stratified_folds_with_missing_labels(splitter):
    y = Y.astype(object)
    y[:15] = None
    _, folds = folds_of(LogisticRegression(), X, y, splitter)
    assert len(folds) == 3
    for _, test in folds:
        assert set(test) <= set(range(15, 60))
        assert np.mean(y[test].astype(int)) == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("as_metadata", [False, True])
def test_numbers_are_split_by_language(as_metadata):
    y = np.where(np.arange(60) % 4 == 0, np.nan, np.arange(60) / 7)
    X_given, language = (X, LANGUAGE) if as_metadata else (FRAME, None)
    _, folds = folds_of(make_regressor(), X_given, y, 3, language)
    assert sorted(np.concatenate([test for _, test in folds])) == np.flatnonzero(y == y).tolist()
    for train, test in folds:
        assert set(np.flatnonzero(y != y)) <= set(train)
        assert abs(np.mean(LANGUAGE[test] == "en") - np.mean(LANGUAGE[y == y] == "en")) < 0.1


@pytest.mark.parametrize(
    "y", [np.zeros((60, 2)), [[0.5, 1.5]] * 60, np.zeros((60, 1)), np.zeros(60, dtype="f8,?")]
)
def test_other_targets_of_regressors_are_left_to_them(y):
    _, folds = folds_of(LinearRegression(), X, y, 3)
    assert [test.tolist() for _, test in folds] == [test.tolist() for _, test in KFold(3).split(X)]


@given(
    strata=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    fractions=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    seed=st.integers(0, 5),
)
def test_subsets_are_nested_and_have_all_strata(strata, fractions, seed):
    strata = np.array(strata)
    rows = np.flatnonzero(np.arange(len(strata)) % 4 != 1)
    small, large = (nested_subset(rows, strata, part, seed) for part in sorted(fractions))
    assert set(small) <= set(large) <= set(rows)
    assert set(strata[small]) == set(strata[rows])
    for part, subset in zip(sorted(fractions), (small, large), strict=True):
        assert (np.diff(subset) > 0).all()
        for stratum, size in zip(*np.unique(strata[rows], return_counts=True), strict=True):
            own = (strata[subset] == stratum).sum()
            assert own == max(1, np.ceil(np.round(part * size, 6)))
    np.testing.assert_array_equal(nested_subset(rows, strata, 1.0, seed), rows)


def test_a_subset_has_the_share_asked_for():
    assert len(nested_subset(np.arange(100), np.zeros(100), 7 / 100, 0)) == 7


@pytest.mark.parametrize("cv", [3, StratifiedLanguageKFold(3, score_unlabelled=True)])
def test_rows_without_a_label_are_tested_for_scorers_that_need_none(cv):
    y = np.where(LANGUAGE == "zh", np.nan, Y)
    data = read_data(make_numeric(), FRAME, y, None)
    folds = split(make_numeric(), data, cv, {}, 0, score_unlabelled=True)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(60))
    for train, test in folds:
        assert not set(train) & set(test)
        assert np.isnan(y[test]).mean() == pytest.approx(2 / 3, abs=0.1)
