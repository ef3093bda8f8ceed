import numpy as np
import pandas as pd
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from metaling_sk.preprocessing._dictionary_translator import DictionaryTranslator

DICTIONARY = {
    "good": ["不错", "优良"],
    "not good": ["糟糕"],
    "hotel": ["酒店"],
    "the room": ["房间"],
}


@pytest.fixture
def X():
    return pd.DataFrame(
        {
            "text": ["Good hotel!", "not good", "酒店不错,不错", "The room is GOOD"],
            "language": ["en", "en", "zh", "en"],
        },
        index=[3, 1, 4, 1],
    )


@pytest.fixture
def translator():
    return DictionaryTranslator(DICTIONARY, target_language="zh", random_state=0)


def test_frame_keeps_its_form_and_its_target_rows(translator, X):
    before = X.copy(deep=True)
    translated = translator.fit_transform(X)
    pd.testing.assert_frame_equal(X, before)
    assert translated.index.equals(X.index) and translated.columns.equals(X.columns)
    assert translated["text"].tolist() == ["不错酒店", "", "酒店不错,不错", "不错"]


def test_without_target_text_every_candidate_is_used_and_the_longest_phrase_wins(translator):
    texts = ["good hotel", "not good", "the room"] + ["good"] * 3
    translated = translator.fit(texts).transform(texts)
    assert translated.dtype == object and translated.shape == (6,)
    assert translated[1] == "糟糕" and translated[2] == "房间"
    assert translated[0] in ("不错酒店", "优良酒店")
    assert len(set(translated[3:])) == 1
    many = translator.transform([f"good {number}" for number in range(50)])
    assert set(many) == {"不错", "优良"}


def test_candidates_are_drawn_in_proportion_to_their_frequency(translator):
    texts = ["不错"] * 30 + ["优良"] * 10
    translator.fit(["x", *texts], language=["en"] + ["zh"] * 40)
    drawn = translator.transform([f"good {number}" for number in range(2000)], language="en")
    assert np.mean(drawn == "不错") == pytest.approx(0.75, abs=0.04)


def test_a_text_is_translated_alike_whichever_rows_are_beside_it(translator):
    texts = [f"good {number}" for number in range(20)]
    together = translator.fit(texts).transform(texts)
    assert together.tolist() == [translator.transform([text])[0] for text in texts]
    assert together.tolist() == clone(translator).fit(texts).transform(texts).tolist()
    translator.set_params(random_state=1).fit(texts)
    assert together.tolist() != translator.transform(texts).tolist()


def test_fit_transform_knows_the_language_beside_the_texts(translator):
    translated = translator.fit_transform(["hotel", "hotel"], language=["en", "zh"])
    assert translated.tolist() == ["", "hotel"]


def test_unknown_words_are_kept_when_asked_for(translator):
    translator.set_params(unknown="keep").fit(["a hotel"])
    assert translator.transform(["a quiet hotel"])[0] == "aquiet酒店"


def test_spaced_target_languages_keep_their_spaces():
    translator = DictionaryTranslator({"酒店": ["hotel"], "不错": ["not bad"]}).fit(["酒店"])
    assert translator.transform(["酒店不错"]).tolist() == ["hotel not bad"]


def test_only_the_source_language_is_translated(translator):
    translator.set_params(source_language="en").fit(["hotel", "hotel"], language=["en", "de"])
    translated = translator.transform(["hotel", "hotel"], language=["en", "de"])
    assert translated.tolist() == ["酒店", "hotel"]


def test_short_candidates_are_left_out():
    translator = DictionaryTranslator({"good": ["好", "不错"]}, min_length=2).fit(["good"])
    assert translator.transform(["good"]).tolist() == ["不错"]


def test_every_form_keeps_its_languages(translator):
    rows = [("hotel", "en"), ("酒店", "zh")]
    frame = pd.DataFrame(rows, columns=["text", "language"], dtype=object)
    for X in (rows, frame.to_numpy()):
        assert translator.fit_transform(X).tolist() == [["酒店", "en"], ["酒店", "zh"]]
        assert X[0][0] == "hotel"
    for X in (frame, Dataset.from_pandas(frame)):
        assert translator.fit_transform(X).to_numpy().tolist() == [["酒店", "en"], ["酒店", "zh"]]
    translator.set_params(text_column=0, language_column=1)
    assert translator.fit_transform(pd.DataFrame(rows))[0].tolist() == ["酒店", "酒店"]


def test_dictionary_from_a_file(tmp_path):
    path = tmp_path / "en-zh.tsv"
    path.write_text("hotel\t酒店\n\nGood\t不错\n", encoding="utf-8")
    translator = DictionaryTranslator(path).fit(["good hotel"])
    assert translator.transform(["good hotel"]).tolist() == ["不错酒店"]
    path.write_text("hotel\t酒店\nbroken\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        DictionaryTranslator(str(path)).fit(["good"])
    path.write_text("hotel\t酒店\n", encoding="gbk")
    with pytest.raises(ValueError, match="`dictionary`: .*en-zh.tsv is not in UTF-8"):
        DictionaryTranslator(path).fit(["good"])
    with pytest.raises(FileNotFoundError, match="`dictionary`: there is no file 'words.tsv'"):
        DictionaryTranslator("words.tsv").fit(["good"])


def test_a_dictionary_of_windows_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    lines = "good\t不错\r\nhotel\t酒店\u2028\r\n"
    (tmp_path / "en-zh.tsv").write_text(lines, encoding="utf-8-sig", newline="")
    translator = DictionaryTranslator("~/en-zh.tsv").fit(["good hotel"])
    assert translator.transform(["good hotel"]).tolist() == ["不错酒店"]


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"unknown": "guess"}, ValueError, "'unknown' parameter"),
        ({"dictionary": 3}, TypeError, "'dictionary' parameter"),
        ({"dictionary": {}}, ValueError, "no usable entry"),
        ({"dictionary": {1: ["a"]}}, ValueError, r"map each word.* holds 1: \['a'\]"),
        ({"dictionary": {"good": [None]}}, ValueError, r"holds 'good': \[None\]"),
        ({"dictionary": {"good": np.nan}}, ValueError, "holds 'good': nan"),
        ({"min_length": 9}, ValueError, "min_length=9"),
    ],
)
def test_wrong_parameters_are_named(translator, parameters, error, message):
    with pytest.raises(error, match=message):
        translator.set_params(**parameters).fit(["good"])


def test_numbers_are_refused(translator):
    with pytest.raises(ValueError, match="numbers"):
        translator.fit(np.eye(3))


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_is_translated_to_text(texts):
    translator = DictionaryTranslator(DICTIONARY, unknown="keep", random_state=0).fit(texts)
    translated = translator.transform(texts)
    assert len(translated) == len(texts)
    assert all(isinstance(text, str) for text in translated)


def test_unpaired_surrogates_and_empty_texts_pass(translator):
    translated = translator.fit(["hotel \ud800", ""]).transform(["hotel \ud800", ""])
    assert translated.tolist() == ["酒店", ""]


@pytest.mark.parametrize(
    "entries, text, expected",
    [
        ({"दिन": ["day"], "दान": ["gift"]}, "दान दिन", "gift day"),
        ({"কাল": ["time"], "কল": ["tap"], "কিল": ["punch"]}, "কিল কাল কল", "punch time tap"),
        ({"שָׁלוֹם": ["peace"], "שלום": ["hello"]}, "שלום שָׁלוֹם", "hello peace"),
        ({"كَتَبَ": ["wrote"], "كُتُب": ["books"]}, "كُتُب كَتَبَ", "books wrote"),
        ({"cafe\u0301": ["coffee"], "cafe": ["bar"]}, "CAFÉ cafe Cafe\u0301", "coffee bar coffee"),
        ({"İstanbul": ["city"]}, "İSTANBUL istanbul I\u0307stanbul", "city city city"),
        ({"می‌خواهم": ["want"]}, "می‌خواهم\u200f", "want"),
        ({"cooperate": ["help"]}, "co\u00adoperate", "help"),
        ({"l'été": ["summer"]}, "L'e\u0301te\u0301!", "summer"),
        ({"한국": ["Korea"]}, "\u1112\u1161\u11ab\u1100\u116e\u11a8", "Korea"),
        ({"酒店": ["hotel"], "店": ["shop"]}, "店酒店", "shop hotel"),
        ({"ガ": ["ga"], "カ": ["ka"]}, "カ\u3099カ", "ga ka"),
        ({"ดี": ["good"]}, "ดีดี", "good good"),
    ],
)
def test_words_are_those_of_unicode(entries, text, expected):
    translator = DictionaryTranslator(entries, unknown="keep").fit([text])
    assert translator.transform([text]).tolist() == [expected]


def test_code_switching_keeps_letters_and_marks_together():
    translator = DictionaryTranslator({"दान": ["gift"], "café": ["bar"]}).fit(["x"])
    texts = ["यह दिन, दान!", "ce cafe\u0301."]
    assert translator.code_switch(texts, share=1.0).tolist() == ["यह दिन, gift!", "ce bar."]


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_code_switching_replaces_a_share_of_the_source_words(share, translator):
    translator.fit(["good"], language="en")
    text, target = translator.code_switch(["hotel " * 2000] * 2, ["en", "zh"], share=share)
    assert text.split().count("酒店") == pytest.approx(2000 * share, abs=80)
    assert target == "hotel " * 2000


def test_candidates_that_consist_of_the_same_words_stay():
    dictionary = {"a": ["Berlin"], "b": ["berlin", "ber-lin"], "c": ["cafe\u0301", "café"]}
    texts = ["x", "Berlin", "berlin", "caf\u00e9"]
    translator = DictionaryTranslator(dictionary, target_language="de")
    translator.fit(texts, language=["en", "de", "de", "de"])
    assert translator.candidates_["a",] == (("Berlin",), (2,))
    assert translator.candidates_["b",] == (("berlin",), (2,))
    assert translator.candidates_["c",] == (("café",), (1,))


def test_marks_without_a_letter_and_long_texts_pass():
    text = "\u0301 " + "e" + "\u0301" * 3000 + " good " * 1000
    translator = DictionaryTranslator(DICTIONARY).fit([text])
    assert len(translator.transform([text])[0]) == 2000
