"""TransferClassifier with several labels for each sample."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit, log_expit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY, make_classifier, make_pair

from metaling_sk import (
    LinearTransferClassifier,
    MetaParamSearchCV,
    StratifiedLanguageKFold,
    TransferClassifier,
    load,
)
from metaling_sk._data.labels import MISSING
from metaling_sk._data.samples import check_samples
from metaling_sk._network.outputs.indicators import Indicators
from metaling_sk.metrics import log_loss_scorer

TERMS = ["labels", "distill", "coral", "mmd", "adversarial", "l2sp", "code_switch"]
NAMES = ["positive", "room", "long"]
X, OPINION = make_pair(60, 60, n_labelled=60, joiner=" ")
LANGUAGE = X["language"].to_numpy()
IS_CHINESE = LANGUAGE == "zh"
HAS_ROOM = X["text"].str.contains("room|房间").to_numpy()
IS_LONG = (X["text"].str.len() > 30).to_numpy()
TRUTH = np.stack([OPINION == 1, HAS_ROOM, IS_LONG], axis=1).astype(int)
Y = pd.DataFrame(TRUTH.astype(float), columns=NAMES)
Y.loc[90:] = np.nan  # rows without any label
Y.loc[5:15, "room"] = np.nan  # labels that are not known

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(300, 6))
LABELS = (NUMBERS[:, :3] + 0.3 * RNG.normal(size=(300, 3)) > [0, 0.5, -0.5]).astype(int)


def on_texts(**parameters):
    return make_classifier(**{"target_languages": "zh"} | parameters)


def on_numbers(**parameters):
    return TransferClassifier(**{"verbose": 0, "random_state": 0} | parameters)


@pytest.fixture(scope="module")
def fitted():
    return on_texts().fit(X, Y)


@pytest.fixture(scope="module")
def of_numbers():
    return on_numbers().fit(NUMBERS, LABELS)


# Predictions


def test_what_is_predicted_is_what_sklearn_predicts(of_numbers):
    theirs = MLPClassifier((), max_iter=2, early_stopping=False, random_state=0)
    with pytest.warns(UserWarning, match="converge"):
        theirs.fit(NUMBERS, LABELS)
    assert of_numbers.classes_.tolist() == theirs.classes_.tolist() == [0, 1, 2]
    for method in ("predict", "predict_proba", "predict_log_proba"):
        ours, other = (getattr(model, method)(NUMBERS) for model in (of_numbers, theirs))
        assert ours.shape == other.shape and ours.dtype == other.dtype
    logits = of_numbers.decision_function(NUMBERS)
    probabilities = of_numbers.predict_proba(NUMBERS)
    np.testing.assert_array_equal(probabilities, expit(logits))
    np.testing.assert_array_equal(of_numbers.predict_log_proba(NUMBERS), log_expit(logits))
    np.testing.assert_array_equal(of_numbers.predict(NUMBERS), probabilities > 0.5)


def test_labels_are_learnt_each_for_itself(of_numbers):
    predicted = of_numbers.predict(NUMBERS)
    expected = OneVsRestClassifier(LogisticRegression()).fit(NUMBERS, LABELS).predict(NUMBERS)
    assert f1_score(LABELS, predicted, average="macro") > 0.8
    assert (predicted == expected).mean() > 0.9
    assert of_numbers.score(NUMBERS, LABELS) == (predicted == LABELS).all(axis=1).mean()


def test_two_labels_are_not_two_classes():
    model = on_numbers(max_epochs=1).fit(NUMBERS, LABELS[:, :2])
    assert model.decision_function(NUMBERS).shape == model.predict(NUMBERS).shape == (300, 2)
    assert set(model.predict(NUMBERS).sum(axis=1)) == {0, 1, 2}


def test_names_of_labels(fitted, of_numbers):
    assert fitted.label_names_.tolist() == NAMES
    assert of_numbers.label_names_.tolist() == [0, 1, 2]
    assert on_numbers(max_epochs=1).fit(NUMBERS, LABELS[:, 0]).label_names_ is None
    with pytest.raises(ValueError, match="The columns of y are .*'long', 'room'.* but the labels"):
        fitted.score(X[:60], Y[["positive", "long", "room"]][:60].fillna(0))
    with pytest.raises(ValueError, match="y has 2 columns, but the fit was on 3 labels"):
        fitted.score(X[:60], TRUTH[:60, :2])
    with pytest.raises(ValueError, match="y has one value for each row, but 3 labels"):
        fitted.score(X[:60], TRUTH[:60, 0])
    with pytest.raises(ValueError, match="y lacks labels in rows 5, 6, 7"):
        fitted.score(X[:60], Y[:60])


def test_every_form_of_y_gives_the_same_bits(fitted):
    expected = fitted.predict_proba(X)
    marked = Y.fillna(-1).astype(int)
    forms = [
        (Y.to_numpy(), None),
        (Y.astype(object).where(Y.notna(), None).to_numpy(), None),
        (marked, -1),
        (sparse.csr_array(Y.to_numpy()), None),
        (Y.astype("boolean"), None),
    ]
    for y, missing_label in forms:
        model = on_texts(missing_label=missing_label).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_the_language_roles_and_counts_come_from_rows_without_any_label():
    model = make_classifier(transfer=None).fit(X, np.where(IS_CHINESE[:, None], np.nan, TRUTH))
    assert (model.source_languages_, model.target_languages_) == (["en"], ["zh"])
    assert model.sample_counts_.loc["en"].tolist() == [60, 0]
    assert model.sample_counts_.loc["zh"].tolist() == [0, 60]


# What is minimised


def test_labels_that_are_not_known_are_left_out_of_the_loss():
    def fit(y):
        return on_numbers(max_epochs=2, validation_fraction=0).fit(NUMBERS, y)

    partly = LABELS.astype(float)
    partly[::2, 1] = np.nan
    other = LABELS.copy()
    other[::2, 1] = 1 - other[::2, 1]
    before, without, wrong = (fit(y).predict_proba(NUMBERS) for y in (LABELS, partly, other))
    assert f1_score(LABELS[:, 1], without[:, 1] > 0.5) > f1_score(LABELS[:, 1], wrong[:, 1] > 0.5)
    assert not np.array_equal(before[:, 1], without[:, 1])


@pytest.mark.parametrize("terms", [TERMS, "distill"], ids=["all", "distill"])
def test_the_objective_is_the_sum_of_its_terms(terms):
    model = on_texts(transfer=terms, transfer_weight=0.3, dictionary=DICTIONARY).fit(X, Y)
    names = [terms] if isinstance(terms, str) else terms
    assert model.transfer_ == names
    target = model.history_[model.history_["stage"] == "target"]
    total = target["source"] + 0.3 * target[names].sum(axis=1)
    np.testing.assert_allclose(target["train_loss"], total, rtol=1e-5)
    assert (target[names] >= -1e-6).all(axis=None)


def test_the_first_loss_is_that_of_even_chances():
    model = on_numbers(learning_rate=0.0, max_epochs=1).fit(NUMBERS, LABELS)
    assert model.history_["train_loss"].item() == pytest.approx(np.log(2))


def test_weights_of_classes_by_label():
    weights = [{0: 1, 1: 1}, {0: 1, 1: 30}, {0: 30, 1: 1}]
    plain = on_numbers().fit(NUMBERS, LABELS).predict(NUMBERS).mean(axis=0)
    weighted = on_numbers(class_weight=weights).fit(NUMBERS, LABELS).predict(NUMBERS).mean(axis=0)
    assert weighted[1] > plain[1] + 0.1 and weighted[2] < plain[2] - 0.1
    y = np.array([[1, 0, MISSING], [0, 0, 1], [0, 0, 1], [0, 0, 0]])
    balanced = Indicators(np.arange(3)).class_weights("balanced", y)
    np.testing.assert_allclose(balanced, [[4 / 6, 1, 3 / 2], [2, 1, 3 / 4]])
    for refused in ({0: 1, 1: 5}, weights[:2]):
        with pytest.raises(ValueError, match="`class_weight` of 3 labels must be 'balanced' or a"):
            on_numbers(class_weight=refused).fit(NUMBERS, LABELS)
    with pytest.raises(ValueError, match="`class_weight` is a list, which weights several labels"):
        on_numbers(class_weight=weights).fit(NUMBERS, LABELS[:, 0])


# Labels that cannot be learnt


def test_a_label_of_all_or_no_rows_is_predicted_so():
    y = np.c_[LABELS[:, 0], np.zeros(300, int), np.ones(300, int)]
    predicted = on_numbers().fit(NUMBERS, y).predict(NUMBERS)
    assert not predicted[:, 1].any() and predicted[:, 2].all()


def test_labels_that_are_refused(fitted):
    unknown = Y.copy()
    unknown["room"] = np.nan
    with pytest.raises(ValueError, match=r"y has no label in the columns 'room'"):
        on_texts().fit(X, unknown)
    with pytest.raises(ValueError, match="each column has only one value, as if .* one class"):
        on_numbers().fit(NUMBERS, np.tile([0, 1], (300, 1)))
    with pytest.raises(ValueError, match=r"holds 2 in row 0, column .*MultiOutputClassifier"):
        on_numbers().fit(NUMBERS, 2 * LABELS)
    for y in (OPINION, TRUTH[:, :2], Y[NAMES[::-1]]):
        with pytest.raises(ValueError, match="the fit was on 3 labels|but the labels of the fit"):
            on_texts(source=fitted).fit(X, y)
        with pytest.raises(ValueError, match="the fit was on 3 labels|but the labels of the fit"):
            pickle.loads(pickle.dumps(fitted)).partial_fit(X, y)
    with pytest.raises(ValueError, match="y has 3 columns, but the fit was on one class"):
        on_texts(source=on_texts().fit(X, OPINION)).fit(X, Y)


def test_the_linear_recipe_names_the_way_out():
    with pytest.raises(ValueError, match=r"y has shape \(120, 3\).*MultiOutputClassifier"):
        LinearTransferClassifier().fit(X, TRUTH)


def test_the_way_out_for_the_linear_recipe():
    linear = LinearTransferClassifier(
        target_languages="zh", dictionary=DICTIONARY, n_topics=1, missing_label=-1, random_state=0
    )
    model = MultiOutputClassifier(linear).fit(X, Y.fillna(-1).astype(int))
    assert f1_score(TRUTH[:, :2], model.predict(X)[:, :2], average="macro") > 0.8


# Sources


TEXTS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
TEACHERS = {
    "an array": make_pipeline(TEXTS, OneVsRestClassifier(LogisticRegression(C=10))),
    "a list": make_pipeline(TEXTS, RandomForestClassifier(20, random_state=0)),
    "a list of ours": MultiOutputClassifier(LinearTransferClassifier(random_state=0)),
}


@pytest.mark.parametrize("teacher", TEACHERS.values(), ids=TEACHERS)
def test_classifiers_of_several_labels_teach(teacher):
    y = Y.copy()
    y.loc[:59] = TRUTH[:60]  # The teacher is fitted on complete rows.
    model = on_texts(source=teacher, dictionary=DICTIONARY).fit(X, y)
    assert model.transfer_ == ["labels", "distill"]
    assert model.source_model_ is not teacher
    assert np.isfinite(model.history_["distill"]).all()


def test_a_student_comes_close_to_its_teacher():
    teacher = OneVsRestClassifier(LogisticRegression()).fit(NUMBERS, LABELS)
    language = np.repeat(["en", "zh"], 150)
    y = np.where((language == "en")[:, None], LABELS, np.nan)
    model = on_numbers(source=teacher, max_epochs=40, learning_rate=0.05).fit(
        NUMBERS, y, language=language
    )
    assert model.transfer_ == ["distill"]
    difference = model.predict_proba(NUMBERS, language="zh") - teacher.predict_proba(NUMBERS)
    assert abs(difference).mean() < 0.1


def test_descriptions_of_classes_are_refused(bert):
    described = {"room": "rooms", "staff": "people"}
    with pytest.raises(ValueError, match="tell the one class of a row, but y has several labels"):
        on_texts(encoder=bert, class_descriptions=described).fit(X, Y)


def test_sources_that_are_refused():
    with pytest.raises(ValueError, match="`source`='linear' predicts one class for each row"):
        on_texts(source="linear", dictionary=DICTIONARY).fit(X, Y)
    with pytest.raises(ValueError, match="y lacks some of their labels. Pass a fitted classifier"):
        on_texts(source=TEACHERS["an array"]).fit(X, Y)
    other = OneVsRestClassifier(LogisticRegression()).fit(NUMBERS, LABELS[:, :2])
    y = np.where((np.arange(300) < 150)[:, None], LABELS, np.nan)
    with pytest.raises(ValueError, match="predict_proba has shape .*, but y has 3 labels"):
        on_numbers(source=other).fit(NUMBERS, y, language=np.repeat(["en", "zh"], 150))


def test_a_dictionary_alone_does_not_choose_the_linear_recipe():
    model = on_texts(dictionary=DICTIONARY).fit(X, Y)
    assert isinstance(model.source_model_, TransferClassifier)


def test_going_on_from_a_network(fitted):
    again = on_texts(source=fitted, transfer=["labels", "l2sp"], max_epochs=1).fit(X, Y)
    assert again.source_model_ is fitted and again.label_names_.tolist() == NAMES
    warm = on_texts(warm_start=True).fit(X, Y).fit(X, Y)
    assert warm.predict(X).shape == TRUTH.shape


# Self-training


def test_pseudo_labels_are_given_label_by_label():
    model = on_texts(self_training=2).fit(X, Y)
    stages = model.history_["stage"].unique().tolist()
    assert stages[-2:] == ["self-training 1", "self-training 2"]
    language = np.repeat(["en", "zh"], 150)
    y = np.where((language == "en")[:, None], LABELS, np.nan)
    model = on_numbers(self_training=2, n_topics=1).fit(NUMBERS, y, language=language)
    is_chinese = language == "zh"
    assert model.score(NUMBERS[is_chinese], LABELS[is_chinese], language="zh") > 0.5


# In parts


def test_partial_fit_makes_the_epochs_of_fit():
    def model():
        return on_numbers(max_epochs=1, validation_fraction=0)

    once = model().partial_fit(NUMBERS, LABELS, n_epochs=2)
    twice = model().partial_fit(NUMBERS, LABELS).partial_fit(NUMBERS, LABELS)
    np.testing.assert_array_equal(once.predict_proba(NUMBERS), twice.predict_proba(NUMBERS))


def test_the_first_part_need_not_have_every_label():
    part = LABELS[:40].astype(float)
    part[:, 2] = np.nan
    with pytest.raises(ValueError, match="y has no label in the columns 2"):
        on_numbers().partial_fit(NUMBERS[:40], part)
    with pytest.raises(ValueError, match=r"`classes` of 3 labels must be numpy.arange\(3\), got"):
        on_numbers().partial_fit(NUMBERS[:40], part, classes=[0, 1])
    model = on_numbers(class_weight="balanced")
    model.partial_fit(NUMBERS[:40], part, classes=np.arange(3)).partial_fit(NUMBERS, LABELS)
    assert model.predict(NUMBERS).shape == LABELS.shape


# Copies and tools


def test_copies_predict_the_same(fitted, of_numbers, tmp_path):
    for number, (model, rows, y) in enumerate([(fitted, X, Y), (of_numbers, NUMBERS, LABELS)]):
        expected = model.predict_proba(rows)
        for copied in (pickle.loads(pickle.dumps(model)), clone(model).fit(rows, y)):
            np.testing.assert_array_equal(copied.predict_proba(rows), expected)
        model.save(tmp_path / str(number))
        loaded = load(tmp_path / str(number))
        np.testing.assert_array_equal(loaded.predict_proba(rows), expected)
        np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
        assert loaded.label_names_.tolist() == model.label_names_.tolist()
    card = (tmp_path / "0" / "README.md").read_text(encoding="utf-8")
    assert "for each of 3 labels whether it applies: `positive`, `room`, `long`" in card


def test_threads_predict_what_one_does(fitted):
    parts = [X[start::3] for start in range(3)]
    expected = [fitted.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: fitted.predict_proba(parts[number % 3]), range(24)))
    for number, each in enumerate(found):
        np.testing.assert_array_equal(each, expected[number % 3])


def test_sklearn_tools_take_it():
    model = on_numbers(max_epochs=2)
    f1_samples = make_scorer(f1_score, average="samples", zero_division=0)
    for scoring in ("f1_macro", f1_samples, "roc_auc", "average_precision"):
        scores = cross_val_score(model, NUMBERS, LABELS, cv=2, scoring=scoring, error_score="raise")
        assert (scores > 0.5).all()
    for method, shape in {"predict": (300, 3), "predict_proba": (300, 3)}.items():
        found = cross_val_predict(model, NUMBERS, LABELS, cv=2, method=method)
        assert found.shape == shape
    search = GridSearchCV(
        model, {"learning_rate": [0.001, 0.05]}, scoring="f1_macro", cv=2, error_score="raise"
    )
    assert search.fit(NUMBERS, LABELS).best_params_ == {"learning_rate": 0.05}
    assert search.predict(NUMBERS).shape == LABELS.shape


def test_folds_by_language_score_complete_rows(fitted):
    folds = StratifiedLanguageKFold(2, random_state=0)
    for train, test in folds.split(X, Y):
        assert Y.iloc[test].notna().all(axis=None)
        assert set(np.flatnonzero(Y.isna().any(axis=1))) <= set(train)
        assert {"en", "zh"} == set(LANGUAGE[test])
    scores = cross_val_score(on_texts(), X, Y, cv=folds, scoring="f1_macro", error_score="raise")
    assert scores.shape == (2,)


def test_the_held_out_rows_have_every_label():
    model = on_numbers()
    samples = check_samples(model, NUMBERS, LABELS, reset=True)
    groups = Indicators(samples.classes).strata(samples)
    assert set(groups) == {0, 1, 2, 3}


@pytest.mark.parametrize("search", ["random", "halving"])
def test_a_search_minimises_the_log_loss_of_the_labels(search):
    y = np.array(Y.astype(object).where(Y.notna(), None))
    tuned = MetaParamSearchCV(
        on_texts(), {"learning_rate": [0.01, 0.02]}, n_iter=2, cv=2, search=search, verbose=0,
        error_score="raise", random_state=0,
    )  # fmt: skip
    tuned.fit(X, y)
    score = log_loss_scorer([0, 1, 2])(tuned.best_estimator_, X[60:90], TRUTH[60:90])
    assert tuned.score(X[60:90], TRUTH[60:90]) == score
    proba = tuned.predict_proba(X[60:90])
    expected = np.log(np.where(TRUTH[60:90] == 1, proba, 1 - proba)).mean()
    assert score == pytest.approx(expected)
    assert tuned.cv_results_["mean_test_score_zh"].shape == (2,)
