"""Our suite, over every estimator that takes pairs of texts: the twin of what one text is asked."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from estimators import ESTIMATORS, PAIR_MODELS
from hypothesis import given
from hypothesis import strategies as st
from saved_cases import forge
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from text_pairs import COLUMNS, LABELLED, X_TEST, X, Y, make_text_pairs
from tiny import DICTIONARY, ODD_TEXTS, make_classifier, make_learner, make_meta_net

from metaling_sk import (
    DictionaryTranslator,
    EncoderVectorizer,
    LanguageIdentifier,
    LinearTransferClassifier,
    MetaParamSearchCV,
    load,
)

FITTED = {}
NETWORKS = [name for name in PAIR_MODELS if name not in ESTIMATORS[MetaParamSearchCV].on_pairs]
not_a_search = pytest.mark.parametrize("name", NETWORKS, indirect=True)


@pytest.fixture(params=PAIR_MODELS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return clone(PAIR_MODELS[name])


@pytest.fixture
def fitted(name):
    """The fitted model; for tests that do not change it."""
    if name not in FITTED:
        FITTED[name] = clone(PAIR_MODELS[name]).fit(X, Y)
    return FITTED[name]


def outputs(model, X=X_TEST, **language):
    """The probabilities of a classifier, or the numbers of a regressor."""
    method = model.predict_proba if is_classifier(model) else model.predict
    return method(X, **language)


SELECTIONS = {
    "permuted": np.random.default_rng(0).permutation(len(X_TEST)),
    "reversed": np.arange(len(X_TEST))[::-1],
    "the last alone": np.array([len(X_TEST) - 1]),
    "one row many times": np.zeros(200, dtype=int),
}


@pytest.mark.parametrize("rows", SELECTIONS.values(), ids=SELECTIONS)
def test_a_row_is_predicted_alike_in_any_company(fitted, rows):
    alone = outputs(fitted, X_TEST.iloc[rows])
    np.testing.assert_allclose(alone, outputs(fitted)[rows], rtol=1e-4)


def test_both_texts_and_their_order_are_read(fitted):
    before = outputs(fitted)
    for column in COLUMNS:
        changed = X_TEST.assign(**{column: X_TEST[column].to_numpy()[::-1]})
        assert not np.allclose(outputs(fitted, changed), before, rtol=1e-6)
    exchanged = X_TEST.assign(first=X_TEST["second"], second=X_TEST["first"])
    assert not np.allclose(outputs(fitted, exchanged), before, rtol=1e-6)


FORMS = {
    "list of pairs": lambda X: (list(map(tuple, X[COLUMNS].to_numpy())), X["language"].tolist()),
    "list of triples": lambda X: (X.to_numpy().tolist(), None),
    "two columns": lambda X: (X[COLUMNS].to_numpy(), X["language"].to_numpy()),
    "three columns": lambda X: (X.to_numpy(), None),
    "columns in another order": lambda X: (X[["language", "second", "first"]].assign(n=1), None),
    "string dtype": lambda X: (X.astype("string"), None),
    "polars": lambda X: (pl.DataFrame(X.to_dict("list")), None),
    "pyarrow": lambda X: (pa.table(X.to_dict("list")), None),
    "Dataset": lambda X: (datasets.Dataset.from_pandas(X, preserve_index=False), None),
}


@not_a_search
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_x_is_learnt_from_alike(model, fitted, form):
    pairs, language = form(X)
    model.fit(pairs, Y, language=language)
    pairs, language = form(X_TEST)
    np.testing.assert_array_equal(outputs(model, pairs, language=language), outputs(fitted))


@not_a_search
def test_an_iterator_of_parts(fitted):
    parts = (X_TEST[start : start + 7] for start in range(0, len(X_TEST), 7))
    np.testing.assert_allclose(outputs(fitted, parts), outputs(fitted), rtol=1e-4)


@not_a_search
def test_columns_seen(model):
    model.fit(X.assign(other=1), Y)
    assert model.n_features_in_ == 3
    assert model.feature_names_in_.tolist() == ["first", "second", "language"]
    if isinstance(model.encoder, ColumnTransformer):
        return  # It takes the columns by their names.
    renamed = X.set_axis(["premise", "hypothesis", "lang"], axis=1)
    names = {"text_column": ["premise", "hypothesis"], "language_column": "lang"}
    again = clone(model).set_params(**names).fit(renamed, Y)
    assert again.feature_names_in_.tolist() == ["premise", "hypothesis", "lang"]
    X_test = X_TEST.set_axis(renamed.columns, axis=1)
    np.testing.assert_array_equal(outputs(again, X_test), outputs(model))


def test_copies(model, fitted, tmp_path):
    expected = outputs(fitted)
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(outputs(copied), expected)
    assert model.get_params().keys() == clone(model).get_params().keys()
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(outputs(loaded), expected)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "Each row is a pair of texts, in the columns 'first' and 'second'." in card
    with pytest.raises(ValueError, match="X has no column 'second'"):
        loaded.predict(X_TEST.drop(columns="second"))


def test_inputs_are_not_written_to(model):
    X_before, y = X.copy(deep=True), Y.copy()
    outputs(model.fit(X_before, y), X_before)
    pd.testing.assert_frame_equal(X_before, X)
    np.testing.assert_array_equal(y, Y)


def test_representations(fitted):
    if hasattr(fitted, "get_feature_names_out"):
        representations = fitted.transform(X_TEST)
        assert representations.shape == (len(X_TEST), len(fitted.get_feature_names_out()))


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(fitted, text):
    rows = [(text, "good hotel"), ("good hotel", text), (text, text)]
    odd = pd.DataFrame(rows, columns=COLUMNS, dtype=object).assign(language="en")
    assert np.isfinite(outputs(fitted, odd)).all()


@not_a_search
def test_any_text(fitted):
    text = st.text(st.characters(), max_size=40)

    @given(st.lists(st.tuples(text, text), min_size=1, max_size=4))
    def check(pairs):
        found = outputs(fitted, pairs, language="zh")
        assert len(found) == len(pairs)
        assert np.isfinite(found).all()

    check()


def test_what_is_no_pair(model, fitted):
    with pytest.raises(ValueError, match="X has no column 'second'; its columns are"):
        model.fit(X.drop(columns="second"), Y)
    missing = X.copy()
    missing.loc[[3, 5], "second"] = None
    with pytest.raises(ValueError, match=r"column 'second' of X holds something else in row"):
        model.fit(missing, Y)
    with pytest.raises(ValueError, match="column 'first' of X holds something else in row 0"):
        fitted.predict(X_TEST.assign(first=[None, *X_TEST["first"][1:]]))
    with pytest.raises(ValueError, match="X holds one text in each row"):
        fitted.predict(["good hotel"])


@not_a_search
def test_wrong_names(model):
    for names in (["first"], ["first", "second", "third"], ["first", "first"]):
        with pytest.raises(ValueError, match="`text_column`"):
            clone(model).set_params(text_column=names).fit(X, Y)


@not_a_search
def test_a_new_language(fitted):
    model = copy.deepcopy(fitted)
    before = outputs(model)
    french, _ = make_text_pairs(5, 5, seed=9)
    model.register_language(french.assign(language="fr"))
    np.testing.assert_array_equal(outputs(model), before)
    assert "fr" in model.languages_


def test_tools_of_scikit_learn(model):
    X_known, y_known = X[LABELLED].sample(frac=1, random_state=0), Y[LABELLED].astype(int)
    y_known = y_known[np.argsort(np.random.default_rng(0).permutation(len(y_known)))]
    assert len(cross_val_predict(model, X_known, y_known, cv=2)) == len(X_known)
    if hasattr(model, "max_length"):
        search = GridSearchCV(model, {"max_length": [20, 30]}, cv=2, error_score="raise")
        assert search.fit(X_known, y_known).predict(X_TEST).shape == (len(X_TEST),)


@not_a_search
def test_threads(fitted):
    expected = outputs(fitted)
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(lambda _: outputs(fitted), range(8))
        assert all(np.array_equal(each, expected) for each in found)


# What is learnt


def test_the_second_text_is_learnt_from():
    X, y = make_text_pairs(200, 2, n_labelled=2)
    model = make_learner(text_column=COLUMNS, source=None).fit(X[:200], y[:200])
    X_test, y_test = make_text_pairs(100, 2, seed=5)
    assert model.score(X_test[:100], y_test[:100]) > 0.9
    exchanged = X_test.assign(first=X_test["second"], second=X_test["first"])
    assert model.score(exchanged[:100], y_test[:100]) < 0.75


def test_code_switched_pairs():
    model = make_classifier(
        text_column=COLUMNS, transfer="code_switch", dictionary=DICTIONARY, target_languages="zh"
    )
    model.fit(X, Y)
    assert model.history_["code_switch"].notna().any()
    assert model.translator_.text_column == COLUMNS
    again = clone(model).set_params(dictionary={"good": ["不错"]}).fit(X, Y)
    assert not np.array_equal(again.predict_proba(X_TEST), model.predict_proba(X_TEST))


def test_a_source_classifier_gets_a_table_of_both():
    of_both = make_column_transformer(*((TfidfVectorizer(), column) for column in COLUMNS))
    source = make_pipeline(of_both, LogisticRegression(C=100))
    model = make_classifier(
        text_column=COLUMNS, source=source, dictionary=DICTIONARY, target_languages="zh"
    )
    model.fit(X, Y)
    assert list(model.source_model_.feature_names_in_) == COLUMNS
    translated = model.translator_.transform(X_TEST[X_TEST["language"] == "en"])
    assert model.source_model_.predict(translated[COLUMNS]).shape == (10,)


def test_vectors_of_one_column_and_of_both():
    first, both = EncoderVectorizer(verbose=0), EncoderVectorizer(verbose=0, text_column=COLUMNS)
    first.set_params(text_column="first")
    encoder = make_column_transformer((first, ["first"]), (both, COLUMNS))
    model = make_classifier(text_column=COLUMNS, encoder=encoder, target_languages="zh")
    assert model.fit(X, Y).transform(X_TEST).shape == (20, 256)


# Who takes no pairs


def test_who_takes_one_text():
    with pytest.raises(ValueError, match=r"LinearTransferClassifier takes one text .*Join both in"):
        LinearTransferClassifier(text_column=COLUMNS).fit(X, Y)
    with pytest.raises(ValueError, match="`source`='linear' reads one text in each row"):
        make_classifier(text_column=COLUMNS, source="linear").fit(X, Y)
    with pytest.raises(ValueError, match="LanguageIdentifier takes one text .* Name the one"):
        LanguageIdentifier(text_column=COLUMNS).fit(X)
    described = make_classifier(text_column=COLUMNS, class_descriptions={0: "bad", 1: "good"})
    with pytest.raises(ValueError, match="`class_descriptions` are compared with one text"):
        described.fit(X, Y)
    with pytest.raises(ValueError, match="TfidfVectorizer makes 2 rows of 80 pairs .*'second'"):
        make_meta_net(text_column=COLUMNS, encoder=TfidfVectorizer()).fit(X, Y)
    with pytest.raises(ValueError, match="X has no column 'text'; its columns are"):
        make_meta_net(text_column=COLUMNS, encoder=EncoderVectorizer(verbose=0)).fit(X, Y)


def test_a_dictionary_translates_both_texts():
    translator = DictionaryTranslator(DICTIONARY, target_language="zh", text_column=COLUMNS)
    translated = translator.fit_transform(X).astype(object)
    english = X["language"] == "en"
    pd.testing.assert_frame_equal(translated[~english], X[~english])
    one = DictionaryTranslator(DICTIONARY, target_language="zh", text_column="second")
    assert translated["second"].equals(one.fit_transform(X)["second"].astype(object))
    assert not translated.loc[english, "first"].equals(X.loc[english, "first"])
    as_array = translator.transform(X.to_numpy())
    np.testing.assert_array_equal(as_array, translated.to_numpy())
    pairs = translator.transform(X[COLUMNS].to_numpy(), language=X["language"])
    np.testing.assert_array_equal(pairs, translated[COLUMNS].to_numpy())
    switched = translator.code_switch(X)
    assert switched.shape == (80, 2)
    assert (switched[english] != X.loc[english, COLUMNS].to_numpy()).any(axis=0).all()


def test_a_file_of_an_older_version(tmp_path):
    """Files that do not say whether tokens have types are of single texts."""
    texts = X.rename(columns={"first": "text"})
    model = make_classifier(target_languages="zh").fit(texts, Y)
    model.save(tmp_path)

    def edit(content):
        del content["fitted"]["front_end"]["encoder"]["typed"]

    forge(tmp_path, edit)
    X_test = X_TEST.rename(columns={"first": "text"})
    np.testing.assert_array_equal(load(tmp_path).predict_proba(X_test), model.predict_proba(X_test))
