import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metaling_sk._data import language_statistics
from metaling_sk._data.language_statistics import LanguageStatistics
from metaling_sk.exceptions import InputWarning
from metaling_sk.preprocessing import LanguageStandardScaler

LANGUAGE = np.repeat(np.array(["en", "zh", "sw"], dtype=object), [30, 20, 1])


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(51, 4)) * [1, 2, 3, 0] + 5
    X[LANGUAGE == "zh"] += 10
    return X


@pytest.fixture
def frame(X):
    names = ["a", "b", "c", "d"]
    return pd.DataFrame(X, columns=names, index=np.arange(51)[::-1] % 7).assign(language=LANGUAGE)


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_each_language_is_standardised_as_sklearn_does_it(X, with_mean, with_std):
    parameters = {"with_mean": with_mean, "with_std": with_std}
    scaled = LanguageStandardScaler(**parameters).fit_transform(X, language=LANGUAGE)
    for code in ("en", "zh"):
        own = X[LANGUAGE == code]
        expected = StandardScaler(**parameters).fit_transform(own)
        assert_allclose(scaled[LANGUAGE == code], expected, atol=1e-12)


def test_rows_are_standardised_in_parts(X, monkeypatch):
    expected = LanguageStandardScaler().fit_transform(X, language=LANGUAGE)
    monkeypatch.setattr(language_statistics, "VALUES_AT_A_TIME", 4 * 7)
    scaled = LanguageStandardScaler().fit_transform(X, language=LANGUAGE)
    assert_allclose(scaled, expected, atol=1e-12)


def test_attributes_are_the_statistics(X):
    scaler = LanguageStandardScaler().fit(X, language=LANGUAGE)
    assert list(scaler.mean_) == list(scaler.scale_) == ["en", "zh"]
    assert_allclose(scaler.mean_["zh"], X[LANGUAGE == "zh"].mean(axis=0))
    assert_allclose(scaler.scale_["zh"][:3], X[LANGUAGE == "zh"].std(axis=0)[:3])
    assert scaler.scale_["zh"][3] == 1
    assert_allclose(scaler.global_mean_, X.mean(axis=0))
    assert_allclose(scaler.global_scale_, X.std(axis=0))
    assert scaler.n_features_in_ == 4


def test_one_row_and_unseen_languages_take_the_global_statistics(X):
    scaler = LanguageStandardScaler().fit(X, language=LANGUAGE)
    expected = StandardScaler().fit(X).transform(X[-1:])
    assert_allclose(scaler.transform(X[-1:], language="sw"), expected)
    with pytest.warns(InputWarning, match="some rows: 'de'"):
        assert_allclose(scaler.transform(X[-1:], language="de"), expected)


def test_a_row_does_not_depend_on_the_rows_beside_it(X):
    scaler = LanguageStandardScaler().fit(X, language=LANGUAGE)
    together = scaler.transform(X, language=LANGUAGE)
    order = np.random.default_rng(0).permutation(len(X))
    assert_array_equal(scaler.transform(X[order], language=LANGUAGE[order]), together[order])
    for row in (0, 35, 50):
        alone = scaler.transform(X[[row]], language=LANGUAGE[[row]])
        assert_array_equal(alone, together[[row]])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_registering_a_language_changes_nothing_for_the_others(X, form):
    scaler = LanguageStandardScaler().fit(form(X), language=LANGUAGE)
    before = scaler.transform(form(X), language=LANGUAGE)
    german = 3 * X[:20] - 50
    scaler.register_language(form(german), "de")
    after = scaler.transform(form(X), language=LANGUAGE)
    new = scaler.transform(form(german), language="de")
    if form is sparse.csr_array:
        before, after, new = before.toarray(), after.toarray(), new.toarray()
    assert_array_equal(after, before)
    assert_allclose(new, StandardScaler().fit_transform(german), atol=1e-12)
    scaler.register_language(form(german + 1), "de")
    assert_allclose(scaler.mean_["de"], (german + 1).mean(axis=0))
    assert list(scaler.mean_) == ["en", "zh", "de"]


def test_frame_with_a_language_column(X, frame):
    before = frame.copy(deep=True)
    scaler = LanguageStandardScaler().set_output(transform="pandas")
    scaled = scaler.fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert scaled.columns.tolist() == ["a", "b", "c", "d"]
    assert scaler.feature_names_in_.tolist() == scaler.get_feature_names_out().tolist()
    assert scaled.index.equals(frame.index)
    assert_allclose(scaled, LanguageStandardScaler().fit_transform(X, language=LANGUAGE))
    beside = scaler.transform(frame.drop(columns="language"), language=LANGUAGE)
    pd.testing.assert_frame_equal(beside, scaled)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.coo_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_columns_that_are_mostly_zero_stay(X, form, dtype):
    rare = np.zeros((51, 2))
    rare[:20, 0] = np.arange(1, 21)
    rare[50, 1] = 3
    mixed = np.column_stack([rare[:, 0], X, rare[:, 1]]).astype(dtype)
    scaled = LanguageStandardScaler().fit_transform(form(mixed), language=LANGUAGE)
    assert scaled.format == "csr" and scaled.dtype == dtype
    expected = LanguageStandardScaler().fit_transform(mixed[:, 1:5], language=LANGUAGE)
    assert_array_equal(scaled.toarray()[:, [0, 5]], rare.astype(dtype))
    assert_allclose(scaled.toarray()[:, 1:5], expected, atol=1e-5)


def test_sparse_columns_of_tfidf_stay_also_where_every_text_has_the_word(X):
    texts = [f"the {word}" for word in ("good", "bad", "long") for _ in range(17)]
    words = TfidfVectorizer().fit_transform(texts)
    found = LanguageStandardScaler().fit_transform(
        sparse.csr_array(sparse.hstack([words, X])), language=LANGUAGE
    )
    assert_array_equal(found[:, : words.shape[1]].toarray(), words.toarray())
    scaled = LanguageStandardScaler().fit_transform(X, language=LANGUAGE)
    assert_allclose(found[:, words.shape[1] :].toarray(), scaled)


def test_input_is_not_written_to(X):
    for matrix in (X, sparse.csr_array(X)):
        before = matrix.copy()
        values = matrix if matrix is X else matrix.data
        values.flags.writeable = False
        LanguageStandardScaler().fit(matrix, language=LANGUAGE).transform(matrix, LANGUAGE)
        assert abs(matrix - before).max() == 0


def test_single_precision_is_kept_and_accurate():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(2000, 3)) * 0.01 + 1000).astype(np.float32)
    for matrix in (X, sparse.csr_array(X)):
        scaled = LanguageStandardScaler().fit_transform(matrix, language="en")
        scaled = scaled if matrix is X else scaled.toarray()
        assert scaled.dtype == np.float32
        assert_allclose(scaled.mean(axis=0, dtype=float), 0, atol=0.01)
        assert_allclose(scaled.std(axis=0, dtype=float), 1, atol=1e-3)


def test_pickling(X):
    scaler = LanguageStandardScaler().fit(X, language=LANGUAGE)
    again = pickle.loads(pickle.dumps(scaler))
    assert_array_equal(again.transform(X, LANGUAGE), scaler.transform(X, LANGUAGE))


def test_before_a_classifier(frame):
    y = np.arange(51) % 2
    model = make_pipeline(LanguageStandardScaler(), LogisticRegression()).fit(frame, y)
    assert model.predict(frame).shape == (51,)


@config_context(enable_metadata_routing=True)
def test_language_is_routed(X):
    y = np.arange(51) % 2
    scaler = LanguageStandardScaler()
    scaler.set_fit_request(language=True).set_transform_request(language=True)
    model = make_pipeline(scaler, LogisticRegression()).fit(X, y, language=LANGUAGE)
    assert list(model[0].mean_) == ["en", "zh"]
    assert model.predict(X, language=LANGUAGE).shape == (51,)


def test_what_it_refuses(X, frame):
    scaler = LanguageStandardScaler()
    with pytest.raises(NotFittedError):
        scaler.register_language(X, "en")
    with pytest.raises(ValueError, match="takes numbers, but these columns of X hold text: \\['t"):
        scaler.fit(frame.assign(text="a"))
    with pytest.raises(ValueError, match="takes numbers, but X holds text"):
        scaler.fit(["a", "b"])
    with pytest.raises(ValueError, match="X holds values so extreme"):
        scaler.fit(X * 1e200, language=LANGUAGE)
    scaler.fit(frame)
    with pytest.raises(ValueError, match="X holds values so extreme"):
        scaler.register_language(frame.iloc[:, :4] * 1e200, "de")
    with pytest.raises(ValueError, match="'de' need at least 2 rows of X, got 1"):
        scaler.register_language(frame.iloc[:1, :4], "de")
    with pytest.raises(ValueError, match="`language` must be one string"):
        scaler.register_language(frame, ["de"])
    with pytest.raises(ValueError, match="disagree in rows 30, 31"):
        scaler.register_language(frame, "en")


@given(
    st.lists(
        st.tuples(st.sampled_from(["en", "zh", "ar"]), st.floats(-1e6, 1e6, width=32)),
        min_size=1,
        max_size=30,
    )
)
def test_any_numbers_stay_finite_and_bounded(rows):
    language, values = zip(*rows, strict=True)
    X = np.array(values)[:, None]
    scaled = LanguageStandardScaler().fit_transform(X, language=list(language))
    assert np.isfinite(scaled).all()
    assert np.abs(scaled[np.array(language) == "en"]).max(initial=0) <= 1e6 + np.abs(X).max()


def test_statistics_survive_their_arrays(X):
    statistics = LanguageStatistics.fit(X, LANGUAGE)
    again = LanguageStatistics.from_state(statistics.get_state())
    assert again.languages == statistics.languages
    assert_array_equal(again.apply(X, LANGUAGE), statistics.apply(X, LANGUAGE))
