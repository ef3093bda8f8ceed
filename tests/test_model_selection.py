import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

from metaling_sk import LinearTransferClassifier
from metaling_sk.model_selection import LeaveOneLanguageOut, StratifiedLanguageKFold

rows = st.lists(
    st.tuples(st.sampled_from(["en", "id", "zh"]), st.sampled_from([0, 1, 2, None])),
    min_size=6,
    max_size=60,
).filter(lambda rows: sum(label is not None for _, label in rows) >= 3)


def as_frame(rows):
    language, y = zip(*rows, strict=True)
    X = pd.DataFrame({"text": ["x"] * len(rows), "language": language})
    return X, np.array(y, dtype=object)


@given(rows, st.booleans(), st.booleans())
def test_every_scored_row_is_tested_once_and_every_group_has_its_share(
    rows, shuffle, score_unlabelled
):
    X, y = as_frame(rows)
    splitter = StratifiedLanguageKFold(
        3, shuffle=shuffle, score_unlabelled=score_unlabelled, random_state=0
    )
    splits = list(splitter.split(X, y))
    tested = np.concatenate([test for _, test in splits])
    is_scored = np.array([label is not None or score_unlabelled for label in y])
    assert sorted(tested) == np.flatnonzero(is_scored).tolist()
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(len(y)))
        for language, label in set(rows):
            if label is not None or score_unlabelled:
                group = (X["language"] == language).to_numpy() & (y == label)
                assert abs(group[test].sum() - group.sum() / 3) < 1


def test_the_seed_decides_the_folds():
    X, y = as_frame([("en", 0), ("en", 1), ("zh", 0), ("zh", 1)] * 10)

    def tests(seed):
        splitter = StratifiedLanguageKFold(random_state=seed)
        return [test.tolist() for _, test in splitter.split(X, y)]

    assert tests(0) == tests(0) != tests(1)


@given(rows)
def test_each_language_with_labels_is_left_out_once(rows):
    X, y = as_frame(rows)
    splitter = LeaveOneLanguageOut()
    if X["language"].nunique() < 2:
        with pytest.raises(ValueError, match="two languages"):
            list(splitter.split(X, y))
        return
    splits = list(splitter.split(X, y))
    assert len(splits) == splitter.get_n_splits(X, y)
    left_out = [X["language"].iloc[test].unique().tolist() for _, test in splits]
    labelled = np.array([label is not None for label in y])
    assert left_out == [[name] for name in sorted(X["language"][labelled].unique())]
    for train, test in splits:
        assert labelled[test].all()
        assert sorted([*train, *test]) == list(range(len(y)))


@pytest.mark.parametrize("splitter", [StratifiedLanguageKFold(2), LeaveOneLanguageOut()])
def test_sklearn_tools_take_them(splitter):
    X, y = as_frame([("en", 0), ("en", 1), ("zh", 0), ("zh", 1)] * 4)
    y = y.astype(int)
    model = DummyClassifier()
    assert len(cross_val_score(model, X, y, cv=splitter)) == 2
    assert len(cross_val_predict(model, X, y, cv=splitter)) == len(y)
    search = GridSearchCV(model, {"strategy": ["prior", "uniform"]}, cv=splitter)
    assert len(search.fit(X, y).cv_results_["params"]) == 2


def test_unlabelled_rows_serve_training():
    X, y = as_frame([("en", "good"), ("en", "bad"), ("zh", "good"), ("zh", "bad")] * 4)
    X["text"] = [f"{text} {label}" for text, label in zip(X["text"], y, strict=True)]
    more = pd.DataFrame({"text": ["x good", "x bad"] * 4, "language": "zh"})
    X, y = pd.concat([X, more], ignore_index=True), np.concatenate([y, [None] * 8])
    model = LinearTransferClassifier(n_topics=1, min_df=1, random_state=0)
    scores = cross_val_score(model, X, y, cv=StratifiedLanguageKFold(4, random_state=0))
    assert scores.tolist() == [1.0] * 4


LABELS = {
    "numbers": [0.5, 1.25, -3.0, None],
    "whole numbers": [1.0, 2.0, 3.0, np.nan],
    "translations": ["one", "another one", "a third one", None],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_that_are_no_classes(labels):
    X, y = as_frame([(name, label) for name in ("en", "zh") for label in labels * 4])
    splits = list(StratifiedLanguageKFold(2, random_state=0).split(X, y))
    assert (
        sorted(np.concatenate([test for _, test in splits])) == np.flatnonzero(~pd.isna(y)).tolist()
    )
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(32))
        assert X["language"].iloc[test].value_counts().tolist() == [6, 6]
    left_out = [test.tolist() for _, test in LeaveOneLanguageOut().split(X, y)]
    assert left_out == [
        [i for i in range(16) if i % 4 < 3],
        [i for i in range(16, 32) if i % 4 < 3],
    ]


def test_numbers_of_which_none_is_there():
    X, y = as_frame([("en", None), ("zh", None)] * 4)
    with pytest.raises(ValueError, match="y has no label: every row is missing"):
        next(StratifiedLanguageKFold(2).split(X, y))


def test_languages_as_groups_and_missing_label():
    y = [0, 1, -1, 0, 1, -1]
    groups = ["en"] * 3 + ["zh"] * 3
    splits = list(LeaveOneLanguageOut(missing_label=-1).split(np.eye(6), y, groups))
    assert [test.tolist() for _, test in splits] == [[0, 1], [3, 4]]
    splitter = StratifiedLanguageKFold(2, shuffle=False, missing_label=-1)
    assert [test.tolist() for _, test in splitter.split(np.eye(6), y, groups)] == [[0, 3], [1, 4]]


@pytest.mark.parametrize("make_table", [pl.DataFrame, pa.table, datasets.Dataset.from_dict])
@pytest.mark.parametrize(
    "splitter", [StratifiedLanguageKFold(2, shuffle=False), LeaveOneLanguageOut()]
)
def test_the_language_is_read_from_any_table(splitter, make_table):
    X, y = as_frame([("en", 0), ("zh", 1), ("en", 1), ("zh", 0)])
    splits = splitter.split(make_table(X.to_dict("list")), y)
    for (_, test), (_, expected) in zip(splits, splitter.split(X, y), strict=True):
        np.testing.assert_array_equal(test, expected)


def test_numbers_are_split_by_language():
    X, _ = as_frame([("en", 0), ("zh", 0), ("zh", 0), ("en", 0), ("en", 0), ("zh", 0)])
    y = [0.5, 1.25, 2.5, 0.1, None, 0.3]
    splits = list(StratifiedLanguageKFold(2, random_state=0).split(X, y))
    assert sorted(np.concatenate([test for _, test in splits])) == [0, 1, 2, 3, 5]
    assert [(X["language"][test] == "en").sum() for _, test in splits] == [1, 1]
    assert [test.tolist() for _, test in LeaveOneLanguageOut().split(X, y)] == [[0, 3], [1, 2, 5]]


@pytest.mark.parametrize("splitter", [StratifiedLanguageKFold(2), LeaveOneLanguageOut()])
def test_refusals(splitter):
    with pytest.raises(ValueError, match="no column 'language'"):
        list(splitter.split(np.eye(4), [0, 1, 0, 1]))
    with pytest.raises(ValueError, match="must be a string"):
        list(splitter.split(np.eye(4), [0, 1, 0, 1], groups=[1, 1, 2, 2]))
    with pytest.raises(ValueError, match="X has 2 rows, `groups` has 4"):
        list(splitter.split(np.eye(2), [0, 1, 0, 1], groups=list("1122")))
    X, y = as_frame([("en", 0), ("zh", 1), ("en", 0), ("zh", 1)])
    with pytest.raises(ValueError, match="X has 2 columns named 'language'"):
        list(splitter.split(pd.concat([X, X], axis=1), y))
    with pytest.raises(ValueError, match="labelled rows"):
        list(StratifiedLanguageKFold(9).split(X, y))
    assert list(splitter.split(X, y, groups=X["language"]))
    for groups, message in [(list("1122"), "disagree"), ([1, 1, 2, 2], "holds something else")]:
        with pytest.raises(ValueError, match=f"`groups` {message} .*StratifiedGroupKFold"):
            list(splitter.split(X, y, groups=groups))
