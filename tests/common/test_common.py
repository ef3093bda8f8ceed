"""What holds for every estimator: sklearn's own suite on numbers, and ours on texts."""

import copy
import json
import pickle
import random
import subprocess
import sys
import time

import datasets
import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state
from sklearn.utils.estimator_checks import parametrize_with_checks
from tiny import DICTIONARY, ODD_TEXTS, make_classifier, make_config, make_meta_net, make_pair

from metaling_sk import (
    DictionaryTranslator,
    LinearTransferClassifier,
    MetaNetClassifier,
    MetaParamSearchCV,
    TransferClassifier,
)
from metaling_sk.metrics import language_report


def make_search(estimator, distributions):
    """A search that takes little longer than its refit."""
    return MetaParamSearchCV(
        estimator, distributions, n_iter=2, cv=2, verbose=0, error_score="raise", random_state=0
    )


@parametrize_with_checks(
    [
        TransferClassifier(verbose=0),
        MetaNetClassifier(max_epochs=5, verbose=0),
        make_search(LogisticRegression(), {"C": [0.1, 1.0]}),
        make_search(Ridge(), {"alpha": [0.1, 1.0]}),
        make_search(make_classifier(), {"learning_rate": [0.01, 0.02]}),
    ]
)
def test_sklearn_contract(estimator, check):
    check(estimator)


TERMS = ["labels", "distill", "coral", "mmd", "adversarial", "l2sp", "code_switch"]
CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
VARIANTS = {
    "scratch": make_classifier(target_languages="zh"),
    "scratch head": make_classifier(target_languages="zh", trainable="head"),
    "every term": make_classifier(target_languages="zh", transfer=TERMS, dictionary=DICTIONARY),
    "characters": make_classifier(target_languages="zh", encoder=CHARACTERS),
    "linear teacher": make_classifier(
        target_languages="zh", source="linear", dictionary=DICTIONARY, self_training=2
    ),
    "self-training": make_classifier(target_languages="zh", self_training=1),
    "linear": LinearTransferClassifier(
        target_languages="zh", dictionary=DICTIONARY, n_topics=1, random_state=0
    ),
    "meta network": make_meta_net(),
    "maml head": make_meta_net(meta_algorithm="maml", inner_steps=2, trainable="head"),
    "reptile characters": make_meta_net(
        meta_algorithm="reptile", inner_steps=2, encoder=CHARACTERS
    ),
    "search": make_search(
        LinearTransferClassifier(
            target_languages="zh", dictionary=DICTIONARY, n_topics=1, random_state=0
        ),
        {"C": [0.1, 2.0]},
    ),
}
X, Y = make_pair(40, 40, n_labelled=20)
X_TEST, Y_TEST = make_pair(10, 10, n_labelled=10, seed=5)
LABELLED = ~np.isnan(Y)
SHUFFLED = np.random.default_rng(0).permutation(np.flatnonzero(LABELLED))
X_LABELLED, Y_LABELLED = X.iloc[SHUFFLED].reset_index(drop=True), Y[SHUFFLED].astype(int)
_FITTED = {}
MODELS = [name for name in VARIANTS if name != "search"]

not_a_search = pytest.mark.parametrize("name", MODELS, indirect=True)
"""For tests of parameters that a search has not, or of predictions with `language`."""


@pytest.fixture(params=VARIANTS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return clone(VARIANTS[name])


@pytest.fixture
def fitted(name):
    """The fitted model; for tests that do not change it."""
    if name not in _FITTED:
        _FITTED[name] = clone(VARIANTS[name]).fit(X, Y)
    return _FITTED[name]


def assert_same_predictions(model, other, X=X_TEST, X_other=None):
    X_other = X if X_other is None else X_other
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X_other))
    np.testing.assert_array_equal(model.predict(X), other.predict(X_other))


def bare(text):
    """A parameter or state without the addresses in its repr."""
    return json.dumps(text, default=lambda value: type(value).__name__, sort_keys=True)


def test_clone_has_the_parameters_and_nothing_fitted(fitted):
    copied = clone(fitted)
    assert bare(copied.get_params()) == bare(fitted.get_params())
    assert not hasattr(copied, "classes_")
    with pytest.raises(NotFittedError):
        copied.predict(X_TEST)


@not_a_search
def test_parameters_go_round(model):
    parameters = model.get_params(deep=False)
    other = type(model)(**parameters)
    assert other.get_params(deep=False) == parameters
    fresh = type(model)()
    assert fresh.set_params(**parameters) is fresh
    for name, value in fresh.get_params(deep=False).items():
        assert value is parameters[name]


def test_fit_does_not_write_to_the_parameters(model):
    before = pickle.dumps(model.get_params())
    given_ones = model.get_params(deep=False)
    model.fit(X, Y)
    assert all(value is given_ones[name] for name, value in model.get_params(deep=False).items())
    assert pickle.dumps(model.get_params()) == before


def test_unknown_parameter(model):
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        model.set_params(speed=3)


def test_pickling(model, fitted):
    assert_same_predictions(pickle.loads(pickle.dumps(model)).fit(X, Y), fitted)
    assert_same_predictions(pickle.loads(pickle.dumps(fitted)), fitted)
    assert_same_predictions(copy.deepcopy(fitted), fitted)


PREDICT = """
import json, sys
import joblib
X, *paths = map(joblib.load, sys.argv[1:])
print(json.dumps([model.predict_proba(X).tolist() for model in paths]))
"""


def test_joblib_in_another_process(tmp_path):
    models = [_FITTED.get(name) or clone(model).fit(X, Y) for name, model in VARIANTS.items()]
    paths = [str(tmp_path / f"{number}.joblib") for number in range(len(models) + 1)]
    for path, content in zip(paths, [X_TEST, *models], strict=True):
        joblib.dump(content, path)
    command = [sys.executable, "-W", "error", "-c", PREDICT, *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for model, there in zip(models, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(there, model.predict_proba(X_TEST), rtol=1e-6)


SELECTIONS = {
    "permuted": np.random.default_rng(0).permutation(len(X_TEST)),
    "every other": np.arange(0, len(X_TEST), 2),
    "reversed": np.arange(len(X_TEST))[::-1],
    "the longest alone": np.array([X_TEST["text"].str.len().argmax()]),
    "the last alone": np.array([len(X_TEST) - 1]),
    "one row many times": np.zeros(200, dtype=int),
}


@pytest.mark.parametrize("rows", SELECTIONS.values(), ids=SELECTIONS)
def test_a_row_is_predicted_alike_in_any_company(fitted, rows):
    part = X_TEST.iloc[rows]
    everything = fitted.predict_proba(X_TEST)[rows]
    np.testing.assert_allclose(fitted.predict_proba(part), everything, rtol=1e-4)
    np.testing.assert_array_equal(fitted.predict(part), fitted.predict(X_TEST)[rows])


CLASSES = {
    "strings": (["negative", "positive"], object),
    "short and long strings": (["a", "b" * 30], object),
    "numpy strings": (["neg", "pos"], "<U3"),
    "ints": ([-1, 1], int),
    "large ints": ([3, 2**40], int),
    "bools": ([False, True], bool),
    "floats": ([1.0, 2.0], float),
}


@pytest.mark.parametrize(("classes", "dtype"), CLASSES.values(), ids=CLASSES)
def test_classes(model, fitted, classes, dtype):
    y = np.array(classes, dtype=dtype)[np.where(LABELLED, Y, 0).astype(int)].astype(object)
    y[~LABELLED] = None
    model.fit(X, y)
    assert model.classes_.tolist() == classes
    assert model.predict(X_TEST).dtype == model.classes_.dtype
    expected = model.classes_[fitted.predict(X_TEST).astype(int)]
    np.testing.assert_array_equal(model.predict(X_TEST), expected)
    np.testing.assert_array_equal(model.predict_proba(X_TEST), fitted.predict_proba(X_TEST))
    assert model.score(X_TEST, np.array(classes)[Y_TEST.astype(int)]) == fitted.score(
        X_TEST, Y_TEST
    )


@pytest.mark.parametrize("dtype", [int, bool, "<U5", object])
def test_classes_keep_the_type_of_the_labels(model, dtype):
    values = ["no", "yes"] if dtype in ("<U5", object) else [0, 1]
    y = np.array(values, dtype=dtype)[Y_LABELLED]
    model.fit(X_LABELLED, y)
    assert model.classes_.dtype == y.dtype
    assert set(model.predict(X_TEST).tolist()) <= set(y.tolist())


def test_three_classes(model):
    y = pd.Series(["good", "bad", "so-so"] * 20)
    model.fit(X_LABELLED, y)
    assert model.classes_.tolist() == ["bad", "good", "so-so"]
    probabilities = model.predict_proba(X_TEST)
    assert probabilities.shape == (len(X_TEST), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    best = probabilities.argmax(axis=1)
    np.testing.assert_array_equal(model.classes_[best], model.predict(X_TEST))


@not_a_search
def test_features_seen(model):
    model.fit(X, Y)
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["text", "language"]
    columns = X.rename(columns={"text": "review", "language": "lang"}).assign(stars=3)
    model.set_params(text_column="review", language_column="lang").fit(columns, Y)
    assert model.feature_names_in_.tolist() == ["review", "lang"]
    model.fit(X["text"].tolist(), Y, language=X["language"].tolist())
    assert model.n_features_in_ == 1
    assert not hasattr(model, "feature_names_in_")


def test_read_only_arrays(model, fitted):
    arrays = X["text"].to_numpy(), Y.copy(), X["language"].to_numpy()
    for array in arrays:
        array.flags.writeable = False
    texts, y, language = arrays
    model.fit(texts, y, language=language)
    assert_same_predictions(model, fitted)


ODD_INDEXES = {
    "duplicates": np.zeros(len(X), dtype=int),
    "reversed": np.arange(len(X))[::-1],
    "strings": [f"row {number}" for number in range(len(X))],
    "dates": pd.date_range("2020-01-01", periods=len(X)),
    "levels": pd.MultiIndex.from_arrays([X["language"], np.arange(len(X))]),
}


@pytest.mark.parametrize("index", ODD_INDEXES.values(), ids=ODD_INDEXES)
def test_indexes_mean_nothing(model, fitted, index):
    model.fit(X.set_axis(index), pd.Series(Y))
    assert_same_predictions(model, fitted)
    assert_same_predictions(fitted, fitted, X, X.set_axis(index))


@not_a_search
def test_predicting_changes_nothing(fitted):
    before = pickle.dumps(fitted)
    fitted.predict(X_TEST)
    fitted.predict_proba(X_TEST["text"].tolist(), language="fr")
    fitted.score(X_TEST, Y_TEST)
    assert pickle.dumps(fitted) == before


def test_the_same_seed_gives_the_same_bits(model, fitted):
    assert_same_predictions(model.fit(X, Y), fitted)
    # Whatever was fitted before, and whatever state the global generators are in.
    torch.rand(3)
    check_random_state(None).random_sample()
    assert_same_predictions(model.fit(X, Y), fitted)
    other = clone(model).set_params(random_state=np.random.RandomState(0)).fit(X, Y)
    again = clone(model).set_params(random_state=np.random.RandomState(0)).fit(X, Y)
    assert_same_predictions(other, again)


def test_fit_forgets_the_last_fit(model, fitted):
    model.fit(X_LABELLED[::-1], 2 * Y_LABELLED + 1).fit(X, Y)
    assert_same_predictions(model, fitted)


def test_global_random_states_are_left_alone(model):
    def states():
        _, numbers, position, *_ = check_random_state(None).get_state()
        return torch.get_rng_state().tolist(), numbers.tolist(), position, random.getstate()

    before = states()
    model.fit(X, Y).predict(X_TEST)
    assert states() == before


def test_inputs_are_not_written_to(model):
    X_before, y = X.copy(deep=True), Y.copy()
    model.fit(X_before, y).predict_proba(X_before)
    pd.testing.assert_frame_equal(X_before, X)
    np.testing.assert_array_equal(y, Y)


FORMS = {
    "list": lambda X: (X["text"].tolist(), X["language"].tolist()),
    "tuple": lambda X: (tuple(X["text"]), tuple(X["language"])),
    "array": lambda X: (X["text"].to_numpy(), X["language"].to_numpy()),
    "Series": lambda X: (X["text"], X["language"]),
    "two columns": lambda X: (X[["text", "language"]].to_numpy(), None),
    "pairs": lambda X: (list(X[["text", "language"]].itertuples(index=False, name=None)), None),
    "Dataset": lambda X: (datasets.Dataset.from_pandas(X, preserve_index=False), None),
    "frame with text alone": lambda X: (X[["text"]], X["language"]),
    "string dtype": lambda X: (X.astype("string"), None),
}


@not_a_search
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_x_is_learnt_from_alike(model, fitted, form):
    texts, language = form(X)
    model.fit(texts, Y, language=language)
    texts, language = form(X_TEST)
    np.testing.assert_array_equal(
        model.predict_proba(texts, language=language), fitted.predict_proba(X_TEST)
    )
    assert model.score(texts, Y_TEST, language=language) == fitted.score(X_TEST, Y_TEST)


@not_a_search
def test_one_language_for_all_rows(fitted):
    chinese = X_TEST[X_TEST["language"] == "zh"]
    alone = fitted.predict_proba(chinese["text"].tolist(), language="zh")
    np.testing.assert_array_equal(alone, fitted.predict_proba(chinese))


@not_a_search
def test_cross_validation(model):
    scores = cross_val_score(model, X_LABELLED, Y_LABELLED, cv=2, error_score="raise")
    assert scores.shape == (2,) and np.isfinite(scores).all()
    probabilities = cross_val_predict(model, X_LABELLED, Y_LABELLED, cv=2, method="predict_proba")
    assert probabilities.shape == (len(Y_LABELLED), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    found = cross_validate(
        model,
        X_LABELLED,
        Y_LABELLED,
        cv=2,
        scoring=["accuracy", "neg_log_loss", "roc_auc"],
        error_score="raise",
    )
    np.testing.assert_array_equal(found["test_accuracy"], scores)


@pytest.mark.parametrize("name", ["scratch head", "linear"], indirect=True)
def test_cross_validation_in_workers(name, model):
    alone = cross_val_score(model, X_LABELLED, Y_LABELLED, cv=2, scoring="neg_log_loss")
    together = cross_val_score(
        model, X_LABELLED, Y_LABELLED, cv=2, scoring="neg_log_loss", n_jobs=2, error_score="raise"
    )
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@not_a_search
def test_the_language_survives_cross_validation(model):
    """Folds predict what the same model predicts that is fitted on the other rows by hand."""
    folds = [(np.arange(0, 60, 2), np.arange(1, 60, 2))]
    found = cross_validate(
        model, X_LABELLED, Y_LABELLED, cv=folds, scoring="neg_log_loss", return_estimator=True
    )
    (estimator,) = found["estimator"]
    by_hand = model.fit(X_LABELLED[::2], Y_LABELLED[::2])
    assert_same_predictions(estimator, by_hand, X_LABELLED[1::2])
    if not isinstance(estimator, MetaNetClassifier):
        assert estimator.target_languages_ == ["zh"]


GRIDS = {"linear": {"C": [0.1, 2.0]}}


@not_a_search
def test_grid_search(name, model):
    grid = GRIDS.get(name, {"learning_rate": [1e-4, 1e-2]})
    search = GridSearchCV(model, grid, cv=2, error_score="raise", scoring="neg_log_loss")
    search.fit(X_LABELLED, Y_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = clone(model).set_params(**search.best_params_).fit(X_LABELLED, Y_LABELLED)
    assert_same_predictions(search, best)


@not_a_search
def test_scores_of_each_language_in_a_grid_search(name, model):
    def language_accuracies(estimator, X, y):
        report = language_report(y, estimator.predict(X), X["language"])
        return {code: report.loc[code, "accuracy"] for code in ("en", "zh")}

    grid = GRIDS.get(name, {"max_epochs": [1, 2]})
    search = GridSearchCV(
        model, grid, cv=2, scoring=language_accuracies, refit="zh", error_score="raise"
    ).fit(X_LABELLED, Y_LABELLED)
    assert np.isfinite(search.cv_results_["mean_test_zh"]).all()
    assert np.isfinite(search.cv_results_["mean_test_en"]).all()


@not_a_search
def test_pipeline_behind_a_dictionary_translator(model):
    translator = DictionaryTranslator(
        DICTIONARY, target_language="zh", min_length=2, random_state=0
    )
    if "dictionary" in model.get_params():
        model.set_params(dictionary=None)
    if model.get_params().get("transfer") == TERMS:
        model.set_params(transfer=TERMS[:-1])
    pipeline = make_pipeline(translator, model).fit(X, Y)
    translated = translator.transform(X)
    assert_same_predictions(pipeline, clone(model).fit(translated, Y), X, translated)
    assert pipeline[:-1].transform(X_TEST)["language"].tolist() == X_TEST["language"].tolist()


def lower(X):
    return X.assign(text=X["text"].str.lower())


def test_pipeline_behind_a_function(model, fitted):
    pipeline = Pipeline([("lower", FunctionTransformer(lower)), ("model", model)])
    shouted = X.assign(text=X["text"].str.upper())
    pipeline.fit(shouted, Y)
    assert_same_predictions(pipeline, fitted)
    assert pipeline.score(X_TEST, Y_TEST) == fitted.score(X_TEST, Y_TEST)
    assert pipeline.classes_.tolist() == [0, 1]


def test_frozen(fitted):
    frozen = FrozenEstimator(fitted).fit(X, Y)
    assert_same_predictions(frozen, fitted)
    assert clone(frozen).estimator is fitted


def test_calibration(model, fitted):
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X_LABELLED, Y_LABELLED)
    np.testing.assert_allclose(calibrated.predict_proba(X_TEST).sum(axis=1), 1)
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X_LABELLED, Y_LABELLED)
    assert calibrated.predict(X_TEST).shape == (len(X_TEST),)


def test_voting(fitted, model):
    vote = VotingClassifier([("a", model), ("b", clone(model))], voting="soft")
    vote.fit(X_LABELLED, Y_LABELLED)
    np.testing.assert_allclose(
        vote.predict_proba(X_TEST), model.fit(X_LABELLED, Y_LABELLED).predict_proba(X_TEST)
    )


@not_a_search
def test_language_is_routed(model):
    texts = X_LABELLED["text"].tolist()
    language = X_LABELLED["language"].to_numpy()
    in_frame = cross_val_score(model, X_LABELLED, Y_LABELLED, cv=2, error_score="raise")
    with config_context(enable_metadata_routing=True):
        asking = clone(model).set_fit_request(language=True).set_score_request(language=True)
        routed = cross_val_score(
            asking, texts, Y_LABELLED, cv=2, params={"language": language}, error_score="raise"
        )
        np.testing.assert_array_equal(routed, in_frame)
        asking.set_predict_request(language=True).set_predict_proba_request(language=True)
        pipeline = make_pipeline(FunctionTransformer(None), asking)
        pipeline.fit(texts, Y_LABELLED, language=language)
        model.fit(X_LABELLED, Y_LABELLED)
        np.testing.assert_array_equal(
            pipeline.predict_proba(texts, language=language), model.predict_proba(X_LABELLED)
        )
        assert pipeline.score(texts, Y_LABELLED, language=language) == model.score(
            X_LABELLED, Y_LABELLED
        )
        search = GridSearchCV(asking, {"class_weight": [None, "balanced"]}, cv=2)
        search.fit(texts, Y_LABELLED, language=language)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@not_a_search
def test_scores_are_weighted(fitted):
    right = fitted.predict(X_TEST) == Y_TEST
    weights = np.where(right, 1.0, 3.0)
    expected = accuracy_score(Y_TEST, fitted.predict(X_TEST), sample_weight=weights)
    assert fitted.score(X_TEST, Y_TEST, sample_weight=weights) == expected
    assert make_scorer(accuracy_score)(fitted, X_TEST, Y_TEST) == fitted.score(X_TEST, Y_TEST)


@not_a_search
@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(fitted, text):
    alone = fitted.predict_proba(pd.DataFrame({"text": [text], "language": "en"}, dtype=object))
    assert np.isfinite(alone).all()
    among = fitted.predict_proba(["good hotel", text], language="en")
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-4)


def test_odd_texts_are_learnt_from(model):
    odd = pd.DataFrame({"text": [*ODD_TEXTS.values()] * 2, "language": "en"}, dtype=object)
    odd.loc[odd.index[10:], "language"] = "zh"
    model.fit(odd, [0, 1] * 10)
    assert np.isfinite(model.predict_proba(odd)).all()


def test_only_empty_texts_to_predict(fitted):
    assert np.isfinite(fitted.predict_proba(["", "", ""])).all()


@not_a_search
@pytest.mark.parametrize("text", ["good hotel " * 100_000, "好" * 1_000_000, "a" * 1_000_000])
def test_a_megabyte_of_text_takes_no_time(fitted, text):
    start = time.perf_counter()
    assert np.isfinite(fitted.predict_proba([text], language="en")).all()
    assert time.perf_counter() - start < 10


@not_a_search
def test_any_text(fitted):
    @given(st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=4))
    def check(texts):
        probabilities = fitted.predict_proba(texts, language="zh")
        assert probabilities.shape == (len(texts), 2)
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)

    check()


@not_a_search
@pytest.mark.parametrize("language", ["fr", "", "und", "💬", "en-GB"])
def test_a_language_not_seen_at_fit(fitted, language):
    alone = fitted.predict_proba(["good hotel"], language=language)
    assert np.isfinite(alone).all()
    among = fitted.predict_proba(["酒店", "good hotel"], language=["zh", language])
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-4)


@not_a_search
@pytest.mark.parametrize("missing", [-1, "?", "", np.nan])
def test_missing_label(model, fitted, missing):
    y = Y if missing is np.nan else np.where(LABELLED, Y, 0).astype(int).astype(object)
    if missing is not np.nan:
        y[~LABELLED] = missing
    model.set_params(missing_label=missing).fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert_same_predictions(model, fitted)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "linear"], indirect=True)
@pytest.mark.parametrize("known", [False, True], ids=["a new language", "a known language"])
def test_register_language(name, fitted, known):
    model = copy.deepcopy(fitted)
    code = "zh" if known else "fr"
    others = X_TEST[X_TEST["language"] != code]
    before = model.predict_proba(others)
    unseen = model.predict_proba(["bon hotel"], language="de")
    french, _ = make_pair(5, 5, seed=9)
    assert model.register_language(french["text"].tolist(), language=code) is model
    np.testing.assert_array_equal(model.predict_proba(others), before)
    np.testing.assert_array_equal(model.predict_proba(["bon hotel"], language="de"), unseen)
    assert np.isfinite(model.predict_proba(french["text"].tolist(), language=code)).all()
    assert code in model.languages_
    if not name.endswith("characters"):  # Which are sparse: mostly zero, and not scaled.
        after, unregistered = (
            each.predict_proba(french["text"].tolist(), language=code) for each in (model, fitted)
        )
        assert not np.array_equal(after, unregistered)
    assert_same_predictions(pickle.loads(pickle.dumps(model)), model)
    with pytest.raises(ValueError, match="needs at least two rows of 'it', got 1"):
        model.register_language(["ciao", "salut", "bon hotel"], language=["it", "el", "el"])
    assert "el" not in model.languages_


def test_silence(model, capfd):
    model.fit(X, Y).predict(X_TEST)
    model.predict_proba(X_TEST)
    assert capfd.readouterr() == ("", "")


def test_one_class(model):
    with pytest.raises(ValueError, match="at least two classes, but y holds 1 class"):
        model.fit(X, np.where(np.isnan(Y), np.nan, 1.0))


def test_numbers_after_texts(fitted):
    with pytest.raises(ValueError, match="was fitted on text, but X holds numeric features"):
        fitted.predict(np.eye(2))


@not_a_search
def test_the_reviews_can_be_learnt(name):
    """So that "alike" above does not mean "constant"."""
    X, y = make_pair(80, 80, n_labelled=40, joiner=" ")
    parameters = {"encoder": make_config(), "max_epochs": 30, "learning_rate": 0.01}
    model = clone(VARIANTS[name])
    if name.endswith("characters"):
        parameters["encoder"] = CHARACTERS
    if isinstance(model, MetaNetClassifier):
        parameters["max_epochs"] = 10
    if name != "linear":
        model.set_params(**parameters, batch_size=16, patience=30)
    X_test, y_test = make_pair(50, 50, n_labelled=50, seed=5, joiner=" ")
    model.fit(X, y)
    assert len(set(model.predict(X_test))) == 2
    # All terms at once pull against each other: what they reach on so few rows is luck.
    assert name == "every term" or model.score(X_test, y_test) > 0.8
