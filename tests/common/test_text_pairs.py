"""Our suite: what is particular to pairs of texts, over every estimator that takes them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from input_kinds import KINDS, outputs
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from text_pairs import COLUMNS, X_TEST, X, Y, make_text_pairs
from tiny import DICTIONARY, make_classifier, make_learner, make_meta_net

from metaling_sk import (
    DictionaryTranslator,
    EncoderVectorizer,
    LanguageIdentifier,
    LinearTransferClassifier,
    load,
)

KIND = KINDS["pairs"]
NETWORKS = [name for name in KIND.models if name != "search"]
not_a_search = pytest.mark.parametrize("name", NETWORKS, indirect=True)


@pytest.fixture(params=KIND.models)
def name(request):
    return request.param


def test_both_texts_and_their_order_are_read(fitted):
    before = outputs(fitted, X_TEST)
    for column in COLUMNS:
        changed = X_TEST.assign(**{column: X_TEST[column].to_numpy()[::-1]})
        assert not np.allclose(outputs(fitted, changed), before, rtol=1e-6)
    exchanged = X_TEST.assign(first=X_TEST["second"], second=X_TEST["first"])
    assert not np.allclose(outputs(fitted, exchanged), before, rtol=1e-6)


@pytest.mark.parametrize("name", KIND.quick, indirect=True)
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
    np.testing.assert_array_equal(outputs(again, X_test), outputs(model, X_TEST))


def test_a_saved_model_names_the_columns(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "Each row is a pair of texts, in the columns 'first' and 'second'." in card
    with pytest.raises(ValueError, match="X has no column 'second'"):
        load(tmp_path / "model").predict(X_TEST.drop(columns="second"))


@pytest.mark.parametrize("name", ["scratch", "characters"], indirect=True)
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
