"""The corpora that are downloaded, where a copy of them is at hand."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from http_folder import serve
from sklearn.model_selection import GroupKFold

from metaling_sk.datasets import fetch_afrisenti, fetch_nusax, fetch_sib200
from metaling_sk.datasets._afrisenti import AFRISENTI
from metaling_sk.datasets._nusax import NUSAX
from metaling_sk.datasets._sib200 import SIB200

COPIES = Path(
    os.environ.get("METALING_SK_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")
)
FETCH = {"nusax": fetch_nusax, "sib200": fetch_sib200, "afrisenti": fetch_afrisenti}


@pytest.fixture
def fetch(request):
    """The function that loads a copy of a corpus: by name, or of all three."""
    name = request.param
    copy = COPIES / name
    if not copy.is_dir():
        pytest.skip(f"needs a copy of {name}; METALING_SK_TEST_DATA names the folder of copies")
    return lambda **parameters: FETCH[name](mirror=copy, **parameters)


def of(*names):
    return pytest.mark.parametrize("fetch", names, indirect=True)


@of("nusax")
def test_nusax_is_parallel(fetch):
    data = fetch(subset="all")
    assert data.data.shape == (12000, 2)
    assert data.data["language"].nunique() == 12
    assert {len(rows) for _, rows in data.data.groupby("language")} == {1000}
    assert pd.Series(data.subset).value_counts().to_dict() == {
        "train": 6000,
        "validation": 1200,
        "test": 4800,
    }
    classes = pd.Series(data.target).groupby(data.groups)
    assert (classes.nunique() == 1).all() and (classes.size() == 12).all()
    assert data.target_names == ["negative", "neutral", "positive"]
    english = data.data[data.data["language"] == "eng"]["text"]
    assert english.str.contains("hotel", case=False).any()


@of("sib200")
def test_sib200_is_parallel(fetch):
    data = fetch(languages=["eng_Latn", "swh_Latn", "zho_Hans"], subset="all")
    assert data.data["language"].value_counts().to_dict() == dict.fromkeys(
        ["eng_Latn", "swh_Latn", "zho_Hans"], 1004
    )
    assert (pd.Series(data.target).groupby(data.groups).nunique() == 1).all()
    assert len(data.target_names) == 7 and data.target.max() == 6
    assert len(fetch(subset="validation").data) == 205 * 99


@of("sib200")
def test_quotation_marks_of_the_files_are_no_part_of_the_texts(fetch):
    text = fetch(languages="eng_Latn", subset="all").data["text"]
    assert text.str.contains('"').any()
    assert not text.str.contains('""').any()


WORDS = {
    "nusax": ("eng", {"disappointed": "negative", "delicious": "positive"}),
    "sib200": ("eng_Latn", {"disease": "health", "president": "politics"}),
    "afrisenti": ("pcm", {"wicked|hate": "negative", "happy": "positive"}),
}


@pytest.mark.parametrize(("fetch", "name"), [(name, name) for name in WORDS], indirect=["fetch"])
def test_names_of_the_classes_are_those_of_the_texts(fetch, name):
    language, class_of = WORDS[name]
    data = fetch(languages=language, subset="all")
    labels = pd.Series(np.array(data.target_names)[data.target])
    for word, expected in class_of.items():
        (most_frequent,) = labels[data.data["text"].str.contains(word, case=False)].mode()
        assert most_frequent == expected


@of("nusax")
def test_folds_by_group_keep_translations_together(fetch):
    data = fetch(languages=["eng", "jav"])
    for train, test in GroupKFold(3).split(data.data, data.target, data.groups):
        assert not set(data.groups[train]) & set(data.groups[test])
        assert set(data.data["language"].iloc[test]) == {"eng", "jav"}


@of("afrisenti")
def test_afrisenti_marks_samples_that_repeat_earlier_ones(fetch):
    data = fetch(subset="all")
    marks = pd.DataFrame(
        {
            "language": data.data["language"],
            "subset": data.subset,
            "train": data.repeats_train,
            "validation": data.repeats_validation,
        }
    )
    counts = marks.groupby(["subset", "language"]).sum()
    assert counts.loc["test", "pcm"].tolist() == [926, 256]
    assert counts.loc["test", "twi"].tolist() == [195, 24]
    assert counts.loc["test", "orm"].tolist() == [0, 241]
    assert counts.loc["validation"].sum().tolist() == [949, 0]
    assert counts.loc["train"].to_numpy().sum() == 0
    test = fetch(languages=["orm", "pcm"], subset="test")
    alone = marks[(marks["subset"] == "test") & marks["language"].isin(["orm", "pcm"])]
    np.testing.assert_array_equal(test.repeats_train, alone["train"])
    np.testing.assert_array_equal(test.repeats_validation, alone["validation"])
    assert not fetch(languages="orm", subset="validation").repeats_train.any()


@of("afrisenti")
def test_afrisenti_without_training_samples(fetch):
    assert {"orm", "tir"}.isdisjoint(fetch().data["language"])
    assert {"orm", "tir"} <= set(fetch(subset="test").data["language"])
    with pytest.raises(ValueError, match="no samples with subset='train' of 'tir'"):
        fetch(languages=["amh", "tir"])


@of("nusax", "sib200", "afrisenti")
def test_what_every_corpus_returns(fetch):
    data = fetch(subset="test")
    X, y = fetch(subset="test", return_X_y=True)
    pd.testing.assert_frame_equal(X, data.data)
    np.testing.assert_array_equal(y, data.target)
    assert X.columns.tolist() == ["text", "language"]
    assert all(isinstance(text, str) and text.strip() for text in X["text"])
    assert y.dtype == np.int64 and set(y) == set(range(len(data.target_names)))
    assert (data.subset == "test").all()
    assert "Licence" in data.DESCR
    languages = [*X["language"].unique()[:2]][::-1]
    some, _ = fetch(languages=languages, subset="test", return_X_y=True)
    assert [*some["language"].unique()] == languages


@of("nusax")
def test_nusax_over_http(fetch, tmp_path):
    path = "datasets/sentiment/acehnese/valid.csv"
    files = {path: (COPIES / "nusax" / path).read_bytes()}
    expected, _ = fetch(languages="ace", subset="validation", return_X_y=True)
    with serve(files) as (mirror, _):
        X, _ = fetch_nusax(
            languages="ace", subset="validation", data_home=tmp_path, mirror=mirror, return_X_y=True
        )
    pd.testing.assert_frame_equal(X, expected)


@pytest.mark.parametrize(
    ("corpus", "n_languages", "n_files"), [(NUSAX, 12, 36), (SIB200, 205, 615), (AFRISENTI, 14, 40)]
)
def test_every_file_has_a_digest(corpus, n_languages, n_files):
    languages = corpus.languages("all")
    assert len(languages) == n_languages
    assert len(corpus.repository.digests) == n_files
    assert all(len(bytes.fromhex(digest)) == 32 for digest in corpus.repository.digests.values())
    files = {
        corpus._file(language, name) for language in languages for name in ("train", "validation")
    }
    assert len(files & set(corpus.repository.digests)) == n_files - n_languages


def test_texts_that_look_like_missing_values_are_texts():
    texts = ["null", "NA", "nan", "None", "1.0"]
    content = "\n".join(["id,text,label", *(f"7,{text},neutral" for text in texts)]).encode()
    assert NUSAX._parse(content)["text"].tolist() == texts


def test_a_tweet_may_begin_with_a_mark_that_is_not_closed():
    content = b'tweet\tlabel\n"Ese se\tneutral\n""Amakuru"" cyane\tpositive\n'
    assert AFRISENTI._parse(content)["text"].tolist() == ['"Ese se', '""Amakuru"" cyane']


@pytest.mark.parametrize("fetch", FETCH.values())
def test_unknown_languages_and_subsets_are_named(fetch):
    with pytest.raises(ValueError, match=r"None or some .* got 'xx'\. Its languages are \["):
        fetch(languages=["xx"])
    with pytest.raises(ValueError, match=r"None or some .* got \[\]\. Its languages"):
        fetch(languages=[])
    with pytest.raises(ValueError, match="'subset' parameter of fetch_"):
        fetch(subset="dev")
    with pytest.raises(TypeError):
        fetch("eng")
