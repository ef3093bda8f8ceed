"""The transfer matrix: who helps whom."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from tiny import make_classifier

from metaling_sk import (
    LinearTransferClassifier,
    MetaNetClassifier,
    MetaParamSearchCV,
    TransferClassifier,
)
from metaling_sk.inspection import transfer_matrix

LANGUAGE = np.repeat(["de", "nl", "ja"], 60)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(180, 3))
Y = np.where(LANGUAGE == "ja", X[:, 0] < 0, X[:, 0] > 0)
SETTINGS = {"language": LANGUAGE, "random_state": 0, "verbose": 0}


def test_languages_that_agree_help_each_other():
    matrix = transfer_matrix(LogisticRegression(), X, Y, **SETTINGS)
    assert matrix.index.tolist() == matrix.columns.tolist() == ["de", "ja", "nl"]
    assert (matrix.index.name, matrix.columns.name) == ("trained on", "tested on")
    assert matrix.loc["de", ["de", "nl"]].min() > 0.9
    assert matrix.loc["de", "ja"] < 0.1
    assert matrix.loc["ja", "ja"] > 0.9


def test_sources_may_have_several_languages_and_keep_their_order():
    sources = {"west": ["nl", "de"], "east": "ja"}
    matrix = transfer_matrix(LogisticRegression(), X, Y, sources=sources, **SETTINGS)
    assert matrix.index.tolist() == ["west", "east"]
    alone = transfer_matrix(LogisticRegression(), X, Y, sources=["ja"], **SETTINGS)
    pd.testing.assert_series_equal(alone.loc["ja"], matrix.loc["east"], check_names=False)


def test_each_row_is_a_cross_validation_by_hand():
    folds = GroupKFold(3)
    groups = np.tile(np.arange(60), 3)
    matrix = transfer_matrix(LogisticRegression(), X, Y, groups=groups, cv=folds, **SETTINGS)
    scores = []
    for train, test in folds.split(X, Y, groups):
        source, target = train[LANGUAGE[train] == "nl"], test[LANGUAGE[test] == "ja"]
        scores.append(LogisticRegression().fit(X[source], Y[source]).score(X[target], Y[target]))
    assert matrix.loc["nl", "ja"] == pytest.approx(np.mean(scores))


def test_groups_with_missing_labels():
    y = Y.astype(object)
    y[::5] = None
    groups = np.tile(np.arange(60), 3)
    matrix = transfer_matrix(LogisticRegression(), X, y, groups=groups, cv=3, **SETTINGS)
    assert matrix.loc["nl", "de"] > 0.8


def test_languages_that_no_fold_tests_on_are_left_out():
    folds = [(np.arange(180), np.flatnonzero(LANGUAGE != "ja"))]
    matrix = transfer_matrix(LogisticRegression(), X, Y, cv=folds, **SETTINGS)
    assert (matrix.index.tolist(), matrix.columns.tolist()) == (["de", "ja", "nl"], ["de", "nl"])


def test_groups_are_kept_together():
    # Copies of the same samples in two languages: without groups the labels would be remembered.
    rng = np.random.default_rng(1)
    once = rng.normal(size=(60, 200))
    labels = rng.permutation(np.arange(60) % 2)
    matrix = transfer_matrix(
        LogisticRegression(C=1e4),
        np.vstack([once, once]),
        np.r_[labels, labels],
        language=np.repeat(["a", "b"], 60),
        groups=np.tile(np.arange(60), 2),
        random_state=0,
        verbose=0,
    )
    assert matrix.loc["a", "b"] < 0.75
    assert matrix.loc["a", "b"] == matrix.loc["a", "a"]


def test_a_table_of_texts_and_any_scorer():
    table = pd.DataFrame(
        {"text": ["good hotel", "bad hotel", "buen hotel", "mal hotel"] * 6, "language": "en"}
    )
    table.loc[table["text"].isin(["buen hotel", "mal hotel"]), "language"] = "es"
    y = ["pos", "neg"] * 12
    scoring = make_scorer(recall_score, pos_label="pos")
    matrix = transfer_matrix(
        make_classifier(max_epochs=8), table, y, cv=2, scoring=scoring, random_state=0, verbose=0
    )
    assert matrix.shape == (2, 2)
    assert matrix.loc["en", "en"] == 1


@pytest.mark.parametrize("groups", [None, np.tile(np.arange(60), 3)])
def test_regressors(groups):
    y = np.where(LANGUAGE == "ja", -X[:, 0], X[:, 0])
    matrix = transfer_matrix(Ridge(), X, y, groups=groups, scoring="r2", **SETTINGS)
    assert matrix.loc["de", "nl"] > 0.9
    assert matrix.loc["de", "ja"] < 0


def test_rows_of_texts_and_languages():
    rows = [("good", "en"), ("bad", "en"), ("buen", "es"), ("mal", "es")] * 6
    model = LinearTransferClassifier(n_topics=1, self_training=0)
    matrix = transfer_matrix(model, rows, [1, 0] * 12, cv=2, random_state=0, verbose=0)
    assert matrix.loc["en", "en"] == matrix.loc["es", "es"] == 1


def test_text_without_labels_can_stay():
    kept = transfer_matrix(
        MetaNetClassifier(random_state=0, verbose=0), X * 3 + 1, Y, keep_text=True, **SETTINGS
    )
    assert kept.loc["de", "nl"] > 0.9
    transfer = TransferClassifier(random_state=0, verbose=0, transfer=None, max_epochs=2)
    kept = transfer_matrix(transfer, X, Y, keep_text=True, cv=2, **SETTINGS)
    assert np.isfinite(kept.to_numpy()).all()


def test_the_language_goes_through_pipelines_with_routing():
    shifted = X + np.where(LANGUAGE == "nl", 5.0, 0.0)[:, None]
    given = SETTINGS | {"keep_text": True, "cv": 3}
    plain = MetaNetClassifier(random_state=0, verbose=0)
    expected = transfer_matrix(plain, shifted, Y, **given)
    with config_context(enable_metadata_routing=True):
        asking = clone(plain).set_fit_request(language=True).set_predict_request(language=True)
        found = transfer_matrix(make_pipeline("passthrough", asking), shifted, Y, **given)
    pd.testing.assert_frame_equal(found, expected)


def test_samples_without_a_label_are_left_out():
    y = np.where(np.arange(180) % 5 == 0, np.nan, Y)
    matrix = transfer_matrix(LogisticRegression(), X, y, **SETTINGS)
    assert matrix.loc["de", "nl"] > 0.8


def test_it_goes_on_where_it_was_stopped(tmp_path):
    class Stops(LogisticRegression):
        def fit(self, X, y):
            if len(FITS) == 7:
                raise KeyboardInterrupt
            FITS.append(1)
            return super().fit(X, y)

    FITS: list[int] = []
    settings = SETTINGS | {"checkpoint": tmp_path / "matrix"}
    with pytest.raises(KeyboardInterrupt):
        transfer_matrix(Stops(), X, Y, **settings)
    FITS[:] = [1] * 8
    matrix = transfer_matrix(Stops(), X, Y, **settings)
    assert len(FITS) == 8 + 15 - 7
    pd.testing.assert_frame_equal(matrix, transfer_matrix(LogisticRegression(), X, Y, **SETTINGS))


def test_a_language_with_one_class_has_no_score():
    y = np.where(LANGUAGE == "ja", True, Y)
    fails = pytest.warns(FitFailedWarning, match="5 of 15 fits failed")
    with fails as record, pytest.warns(UserWarning, match="non-finite"):
        matrix = transfer_matrix(LogisticRegression(), X, y, **SETTINGS)
    assert record[0].filename == __file__
    assert matrix.loc["ja"].isna().all()
    assert matrix.loc["de", "nl"] > 0.9


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"language": "de"}, "at least two languages"),
        ({"language": None}, "at least two languages"),
        ({"sources": ["fr"]}, "'fr' have none"),
        ({"sources": {}}, "`sources` must name"),
        ({"sources": {"none": []}}, "`sources` must name"),
        ({"sources": {1: ["de"]}}, "named by strings"),
        ({"sources": [["de"]]}, "named by strings"),
        ({"cv": "five"}, "'cv' parameter"),
    ],
)
def test_refusals(changed, message):
    with pytest.raises(ValueError, match=message):
        transfer_matrix(LogisticRegression(), X, Y, **SETTINGS | changed)


@pytest.mark.filterwarnings("ignore:There are no statistics")
def test_the_languages_reach_the_fits_of_a_search():
    """Without them there would be one statistic for both."""
    shifted = X + 100 * (LANGUAGE == "nl")[:, None]
    model = MetaNetClassifier(verbose=0, random_state=0)
    search = MetaParamSearchCV(model, {"meta_weight": [0.1]}, n_iter=1, cv=2, verbose=0)
    sources = {"both": ["de", "nl"]}
    matrix = transfer_matrix(search, shifted, Y, sources=sources, cv=2, **SETTINGS)
    assert matrix.loc["both", ["de", "nl"]].min() > 0.9
