"""Predictions of X in parts: iterators of tables, and datasets that are larger than the memory."""

import tracemalloc

import datasets
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from tiny import make_classifier, make_config, make_meta_net, make_pair, make_reviews

from metaling_sk import EncoderVectorizer, LinearTransferClassifier
from metaling_sk._data import parts

METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function", "transform"]
MODELS = {
    "trained": make_classifier,
    "meta network on n-grams": lambda: make_meta_net(encoder=TfidfVectorizer()),
    "linear": lambda: LinearTransferClassifier(n_topics=1, random_state=0),
}
ROWS_AT_A_TIME = 200
N_ROWS = ROWS_AT_A_TIME + 5


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "ROWS_AT_A_TIME", ROWS_AT_A_TIME)


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    X, y = make_pair(n_labelled=20)
    return MODELS[request.param]().fit(X, y)


@pytest.fixture(scope="module")
def table():
    parts = [make_reviews(N_ROWS // 2, "en", 5)[0], make_reviews(-(-N_ROWS // 2), "zh", 6)[0]]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def dataset(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    datasets.Dataset.from_pandas(table, preserve_index=False).save_to_disk(folder)
    return datasets.load_from_disk(folder)


def assert_same(found, expected):
    if hasattr(found, "toarray"):
        found, expected = found.toarray(), expected.toarray()
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, atol=1e-5)
    else:
        assert (found == expected).mean() > 0.999


@pytest.mark.parametrize("method", METHODS)
def test_parts_give_what_the_whole_gives(model, method, table, dataset):
    if not hasattr(model, method):
        pytest.skip("the linear recipe transforms nothing")
    call = getattr(model, method)
    expected = call(table)
    assert expected.shape[0] == N_ROWS
    assert_same(call(dataset), expected)
    assert_same(call(table[start : start + 80] for start in range(0, N_ROWS, 80)), expected)
    texts, language = dataset.select_columns("text"), table["language"]
    assert_same(call(texts, language=language), expected)
    assert_same(call(texts, language=language.tolist()), expected)


def test_an_encoder_reads_parts(table, dataset):
    vectorizer = EncoderVectorizer(make_config(), verbose=0, random_state=0).fit(table)
    expected = vectorizer.transform(table)
    assert_same(vectorizer.transform(dataset), expected)
    assert_same(vectorizer.transform(iter([table[:80], table[80:]])), expected)


def test_scores_of_a_dataset(model, table, dataset):
    y = model.predict(table)
    assert model.score(dataset, y) > 0.999


def test_an_iterator_of_lists_has_one_language(model):
    X, _ = make_reviews(6, "zh", 7)
    texts = X["text"].tolist()
    assert_same(
        model.predict_proba(iter([texts[:4], texts[4:]]), language="zh"), model.predict_proba(X)
    )


def test_a_dataset_is_not_read_as_a_whole(tmp_path):
    n_rows, n_characters = 10 * ROWS_AT_A_TIME, 10_000
    X, y = make_pair(n_labelled=20)
    model = make_classifier(max_length=2).fit(X, y)
    texts = [f"{row} good hotel " + "x" * n_characters for row in range(n_rows)]
    datasets.Dataset.from_dict({"text": texts, "language": ["en"] * n_rows}).save_to_disk(tmp_path)
    del texts
    dataset = datasets.load_from_disk(tmp_path)
    tracemalloc.start()
    try:
        assert len(model.predict(dataset)) == n_rows
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.7 * n_rows * n_characters


def test_an_iterator_is_read_part_by_part(model, table):
    n_read = []

    def tables():
        for start in range(0, 12, 3):
            n_read.append(start)
            yield table[start : start + 3]

    class Stop(Exception):
        pass

    def failing():
        yield from tables()
        raise Stop

    with pytest.raises(Stop):
        model.predict(failing())
    assert n_read == [0, 3, 6, 9]


def test_errors_say_where_the_part_begins(model, table):
    bad = table[:4].assign(text=["good", "bad", None, "clean"])
    with pytest.raises(ValueError, match=r"begins at row 3: .* something else in row 2 "):
        model.predict(iter([table[:3], bad]))
    with pytest.raises(ValueError, match="^Every text must be a string"):
        model.predict(iter([bad]))
    with pytest.raises(ValueError, match=r"generator of single texts; pass list\(X\)"):
        model.predict(text for text in ["good", "bad"])
    with pytest.raises(ValueError, match="iterator that yields nothing"):
        model.predict(iter([]))
    with pytest.raises(ValueError, match="beside an iterator must be one string"):
        model.predict(iter([table[:2]]), language=["en", "en"])


def test_languages_of_another_number_are_refused(model, dataset):
    with pytest.raises(ValueError, match=f"X has {N_ROWS} rows, `language` has 3"):
        model.predict(dataset.select_columns("text"), language=["en"] * 3)
