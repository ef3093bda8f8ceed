"""Tables and columns of pyarrow and polars, vectors in columns, and the output of transformers."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
import torch
from datasets import Dataset, DatasetDict
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from tiny import make_classifier, make_config, make_pair

from metaling_sk import EncoderVectorizer, LinearTransferClassifier, MetaParamSearchCV
from metaling_sk.preprocessing import LanguageStandardScaler

X, Y = make_pair(20, 20, n_labelled=10)
TEXTS, LANGUAGE = X["text"].tolist(), X["language"].tolist()
TRUTH = [0, 1] * 20
LABELS = [None if np.isnan(label) else int(label) for label in Y]


def fit(*arguments, **keywords):
    return make_classifier(target_languages="zh").fit(*arguments, **keywords)


@pytest.fixture(scope="module")
def expected():
    return fit(X, Y).predict_proba(X)


def test_tables_and_columns_of_pyarrow(expected):
    table = pa.table({"text": TEXTS, "language": LANGUAGE})
    model = fit(table, pa.array(LABELS))
    np.testing.assert_array_equal(model.predict_proba(table), expected)
    assert model.classes_.tolist() == [0, 1]
    for make in (pa.array, lambda values: pa.chunked_array([values])):
        model = fit(make(TEXTS), make(LABELS), language=make(LANGUAGE))
        probabilities = model.predict_proba(make(TEXTS), language=make(LANGUAGE))
        np.testing.assert_array_equal(probabilities, expected)


def test_frames_and_series_of_polars(expected):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"text": TEXTS, "language": LANGUAGE})
    model = fit(frame, pl.Series(LABELS))
    np.testing.assert_array_equal(model.predict_proba(frame), expected)
    model = fit(frame["text"], pl.Series(LABELS), language=frame["language"])
    np.testing.assert_array_equal(model.predict_proba(frame), expected)
    with pytest.raises(ValueError, match=r"LazyFrame; pass X.collect\(\)"):
        fit(frame.lazy(), LABELS)


def search(X, y, **parameters):
    return MetaParamSearchCV(
        LinearTransferClassifier(target_languages="zh", random_state=0),
        {"C": [0.1, 1.0]},
        n_iter=2,
        cv=2,
        random_state=0,
        verbose=0,
        return_train_score=True,
        **parameters,
    ).fit(X, y)


def make_table(form):
    """X, its labels, some of which are missing, and labels of all rows."""
    columns = {"text": TEXTS, "language": LANGUAGE}
    if form == "datasets":
        table = Dataset.from_dict(columns | {"label": LABELS, "truth": TRUTH})
        return table.select_columns(list(columns)), table["label"], table["truth"]
    if form == "pyarrow":
        return pa.table(columns), pa.array(LABELS), pa.chunked_array([TRUTH])
    pl = pytest.importorskip("polars")
    return pl.DataFrame(columns), pl.Series(LABELS), pl.Series(TRUTH)


@pytest.mark.parametrize("form", ["datasets", "polars", "pyarrow"])
def test_a_search_reads_every_table_as_it_does_a_dataframe(form, tmp_path):
    """Its languages, too."""
    expected = search(X, Y)
    table, labels, truth = make_table(form)
    found = search(table, labels, checkpoint=tmp_path)
    assert "mean_test_score_zh" in found.cv_results_
    for name, column in expected.cv_results_.items():
        if not name.endswith("time"):
            np.testing.assert_array_equal(found.cv_results_[name], column, name)
    np.testing.assert_array_equal(found.predict(table), expected.predict(X))
    np.testing.assert_array_equal(found.predict_proba(table), expected.predict_proba(X))
    assert found.score(table, truth) == expected.score(X, TRUTH)
    # Made again, the table is the same.
    same = search(*make_table(form)[:2], checkpoint=tmp_path)
    assert same.best_score_ == found.best_score_
    with pytest.raises(ValueError, match="X was"):
        search(X.assign(text=TEXTS[::-1]), labels, checkpoint=tmp_path)


@pytest.mark.parametrize("form", ["polars", "pyarrow"])
def test_a_search_gives_estimators_the_table_as_it_is(form):
    table, _, truth = make_table(form)

    def characters(part):
        assert type(part) is type(table)
        return TfidfVectorizer(analyzer="char").fit_transform(map(str, part["text"]))[:, :10]

    clf = make_pipeline(FunctionTransformer(characters), LogisticRegression())
    settings = {"n_iter": 1, "cv": 2, "verbose": 0, "error_score": "raise"}
    found = MetaParamSearchCV(clf, {"logisticregression__C": [1.0]}, **settings)
    assert found.fit(table, truth).predict(table).shape == (40,)


def test_a_search_refuses_tables_that_are_no_table():
    pl = pytest.importorskip("polars")
    dataset = Dataset.from_dict({"text": TEXTS, "language": LANGUAGE})
    for table, match in [
        (pl.LazyFrame({"text": TEXTS}), r"pass X.collect\(\)"),
        (DatasetDict({"train": dataset}), r"such as X\['train'\]"),
        (dataset.to_iterable_dataset(), "with all its rows at hand"),
    ]:
        with pytest.raises(ValueError, match=match):
            search(table, LABELS)


def test_a_table_of_numbers():
    numbers = np.random.default_rng(0).normal(size=(40, 3))
    table = pa.table({f"x{column}": numbers[:, column] for column in range(3)})
    expected = fit(numbers, Y, language=LANGUAGE).predict_proba(numbers, language=LANGUAGE)
    model = fit(table, Y, language=LANGUAGE)
    np.testing.assert_array_equal(model.predict_proba(table, language=LANGUAGE), expected)


def test_tensors():
    vectors = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    labels = (vectors[:, 0] > 0).astype(int)
    X, y = torch.tensor(vectors), torch.tensor(labels)
    model = make_classifier().fit(X, y, language="en")
    expected = make_classifier().fit(vectors, labels, language="en").predict(vectors)
    np.testing.assert_array_equal(model.predict(X), expected)
    assert model.classes_.tolist() == [0, 1] and model.score(X, y) > 0.5
    assert LanguageStandardScaler().fit(X).transform(X).shape == (20, 3)


def test_a_column_of_vectors_is_explained():
    vectors = [np.arange(3.0)] * 4
    for samples in (pd.DataFrame({"vector": vectors}), pd.Series(vectors)):
        with pytest.raises(ValueError, match=r"X=numpy.stack\(column\)"):
            make_classifier().fit(samples, [0, 1, 0, 1])


def test_columns_of_records_and_of_images_are_explained():
    records = pd.DataFrame([{"message": {"body": "good", "lang": "en"}}] * 4)
    images = pd.DataFrame({"picture": [np.zeros((2, 2), np.uint8)] * 4})
    for samples, match in [(records, "'message'.*json_normalize"), (images, "image_column")]:
        with pytest.raises(ValueError, match=match):
            make_classifier().fit(samples, [0, 1, 0, 1])


def test_entries_of_one_place_are_summed():
    place = np.array([0, 0, 1, 2, 3, 3]), np.array([0, 0, 1, 0, 1, 1])
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, -5.0])
    offsets = np.array([0, 2, 3, 4, 6])
    twice = sparse.csr_array((values, place[1], offsets), shape=(4, 2))
    once = sparse.csr_array(twice.toarray())
    language = ["en", "en", "zh", "zh"]
    scaled = LanguageStandardScaler().fit_transform(twice, language=language)
    same = LanguageStandardScaler().fit_transform(once, language=language)
    np.testing.assert_array_equal(scaled.toarray(), same.toarray())
    assert twice.nnz == 6


@pytest.mark.parametrize(
    "labels",
    [
        pd.array([0, 1, pd.NA, -1] * 5, dtype="Int64"),
        pd.Series([0, 1, None, -1] * 5, dtype="int64[pyarrow]"),
        pa.array([0, 1, None, -1] * 5),
    ],
    ids=["nullable", "arrow", "pyarrow"],
)
def test_missing_labels_beside_another_value_for_them(labels):
    model = make_classifier(missing_label=-1, transfer=None).fit(X[:20], labels)
    assert model.classes_.tolist() == [0, 1]
    assert model.classes_.dtype.kind == "i"


def test_score_takes_what_fit_takes():
    labels = Y[:20].astype(int)
    model = make_classifier().fit(X[:20], labels)
    expected = model.score(X[:20], labels)
    for given in (labels.astype(object), pd.array(labels, dtype="Int64"), pa.array(labels)):
        assert model.score(X[:20], given) == expected


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_the_output_of_transformers_is_no_matter(output):
    pytest.importorskip(output)
    characters = TfidfVectorizer(analyzer="char")
    vectors = EncoderVectorizer(make_config(), device="cpu", verbose=0, random_state=0)
    model = make_classifier(encoder=make_union(characters, vectors), target_languages="zh")
    expected = model.fit(X, Y).predict_proba(X)
    table = pd.DataFrame({"a": [1.0, 3.0, 10.0, 14.0], "language": ["en", "en", "zh", "zh"]})
    with sklearn.config_context(transform_output=output):
        np.testing.assert_array_equal(model.fit(X, Y).predict_proba(X), expected)
        columns = make_column_transformer((LanguageStandardScaler(), ["a", "language"]))
        scaled = columns.fit_transform(table)
    assert list(scaled.columns) == ["languagestandardscaler__a"]
    np.testing.assert_array_equal(np.asarray(scaled).ravel(), [-1, 1, -1, 1])
