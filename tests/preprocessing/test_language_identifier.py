import copy
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marks import requires
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from metaling_sk import LanguageIdentifier, LinearTransferClassifier
from metaling_sk.exceptions import InputWarning

pytestmark = requires("py3langid")

TEXTS = {
    "en": "The room was clean and the people at the desk were friendly.",
    "de": "Das Zimmer war sauber und die Leute am Empfang waren freundlich.",
    "zh": "房间很干净，前台的工作人员也很友好。",
    "sw": "Chumba kilikuwa safi na watu wa mapokezi walikuwa wakarimu.",
    "ha": "Dakin yana da tsabta kuma mutanen wurin suna da kirki sosai.",
}
X = pd.DataFrame({"text": [*TEXTS.values()], "language": [*TEXTS]})
NO_WORDS = ["", " \n", "12:30", "😀😀", "@@ ##", "\ud800"]


def identify(texts, **parameters):
    return LanguageIdentifier(**parameters).fit_transform(texts)["language"].tolist()


def test_texts_get_their_language():
    table = LanguageIdentifier().fit_transform(X["text"].tolist())
    pd.testing.assert_frame_equal(table, X.astype(object))
    assert identify(X["text"].to_numpy(dtype=object)) == [*TEXTS]


def test_a_table_keeps_its_other_columns_and_its_index():
    table = X.drop(columns="language").assign(stars=[1, 2, 3, 4, 5]).set_index(pd.Index([*"abcde"]))
    before = table.copy()
    result = LanguageIdentifier().fit_transform(table)
    assert result["language"].tolist() == [*TEXTS]
    pd.testing.assert_frame_equal(result.drop(columns="language"), table)
    pd.testing.assert_frame_equal(table, before)
    renamed = table.rename(columns={"text": "review"})
    identifier = LanguageIdentifier(text_column="review", language_column="code")
    assert identifier.fit_transform(renamed)["code"].tolist() == [*TEXTS]
    assert LanguageIdentifier().fit_transform(table["text"]).index.tolist() == [*"abcde"]


def test_only_missing_languages_are_filled_in():
    table = X.assign(language=["en", "und", "zh", "und", "ha"])
    assert identify(table) == [*TEXTS]
    assert identify(X.assign(language="?"), unknown="?") == [*TEXTS]
    for missing in (None, np.nan, pd.NA):
        table = X.assign(language=["en", missing, "zh", missing, "ha"])
        before = table.copy()
        assert identify(table) == [*TEXTS]
        pd.testing.assert_frame_equal(table, before)
        assert identify(X.assign(language=missing)) == [*TEXTS]


@pytest.mark.parametrize("languages", [None, ["en", "de"], ["sr", "uz"]])
@pytest.mark.parametrize("min_confidence", [0, 0.5, 1])
def test_texts_without_words_have_no_language(languages, min_confidence):
    parameters = {"languages": languages, "min_confidence": min_confidence}
    assert identify(NO_WORDS, **parameters) == ["und"] * len(NO_WORDS)
    assert identify(NO_WORDS, unknown="none", **parameters) == ["none"] * len(NO_WORDS)


def test_confidence():
    identifier = LanguageIdentifier().fit([""])
    text = "Ini hotel bagus"
    shares = identifier.language_proba([text]).iloc[0]
    assert shares.sum() == pytest.approx(1)
    best, highest = shares.idxmax(), shares.max()
    assert best in ("id", "ms") and 0.3 < highest < 1
    assert identify([text], min_confidence=highest) == [best]
    assert identify([text], min_confidence=np.nextafter(highest, 1)) == ["und"]
    assert identifier.language_proba(NO_WORDS).isna().all(axis=None)


def test_languages_restrict_the_result_and_name_it():
    languages = ["eng_Latn", "deu", "zho_Hans", "swh_Latn", "ha-NG"]
    assert identify(X["text"].tolist(), languages=languages) == languages
    assert set(identify(X["text"].tolist(), languages=["en", "de"], min_confidence=0)) == {
        "en",
        "de",
    }
    proba = LanguageIdentifier(languages=languages).fit([""]).language_proba(X)
    assert proba.columns.tolist() == languages
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_the_language_column_at_fit_names_the_result():
    named = X.assign(language=["eng_Latn", "deu_Latn", "zho_Hans", "swh_Latn", "hau_Latn"])
    identifier = LanguageIdentifier().fit(named)
    texts = [*TEXTS.values(), "La maison était propre et les gens étaient très aimables."]
    assert identifier.transform(texts)["language"].tolist() == [*named["language"], "fr"]
    # Two names of one language: neither is better than the model's.
    ambiguous = X.assign(language=["en", "de", "zho_Hans", "zho_Hant", "ha"])
    identifier = LanguageIdentifier().fit(ambiguous)
    assert identifier.transform([TEXTS["zh"]])["language"].tolist() == ["zh"]


def test_conflicts():
    wrong = X.assign(language=["en", "en", "zh", "sw", "de"])
    with pytest.warns(InputWarning, match=r"disagree in rows 1, 4 \(row 1: 'en', .* like 'de'\)"):
        result = LanguageIdentifier().fit_transform(wrong)
    pd.testing.assert_frame_equal(result, wrong, check_dtype=False)
    with pytest.raises(ValueError, match="disagree in rows 1, 4"):
        LanguageIdentifier(on_conflict="raise").fit_transform(wrong)
    assert identify(wrong, on_conflict="ignore") == wrong["language"].tolist()


@pytest.mark.parametrize(
    "names",
    [
        ["eng_Latn", "deu", "zh-CN", "swh", "hau"],
        # Languages that the model does not know, and names that are no codes.
        ["en", "ban", "elvish", "xx", "a language"],
    ],
)
def test_no_conflict(names):
    assert identify(X.assign(language=names), on_conflict="raise") == names


def test_unclear_texts_are_in_no_conflict():
    table = pd.DataFrame({"text": ["lol", "12:30"], "language": "de"})
    assert identify(table, on_conflict="raise") == ["de", "de"]


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        (["en", "ban", "bjn"], "the model does not know 'ban', 'bjn'. It knows .*: ace, af"),
        (["english"], "does not know 'english'. It knows codes of languages, such as 'en'"),
        (["zho_Hans", "zho_Hant"], "cannot tell 'zho_Hans' and 'zho_Hant' apart"),
        ([], "`languages` is empty"),
        ("en", "'languages' parameter"),
    ],
)
def test_languages_that_cannot_be_identified(languages, message):
    with pytest.raises(ValueError, match=message):
        LanguageIdentifier(languages=languages).fit([""])


def test_numbers_are_refused():
    with pytest.raises(ValueError, match="identifies texts, but X holds numbers"):
        LanguageIdentifier().fit([[1.0, 2.0]])


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text(texts):
    identifier = LanguageIdentifier(min_confidence=0).fit(texts)
    language = identifier.transform(texts)["language"]
    assert set(language) <= {*identifier.languages_, "und"}
    for text, alone in zip(texts, language, strict=True):
        assert identifier.transform([text])["language"].tolist() == [alone]


def test_copies():
    identifier = LanguageIdentifier(languages=["en", "de"]).fit(X)
    expected = identifier.transform(X["text"].tolist())
    assert len(pickle.dumps(identifier)) < 2000
    for other in (pickle.loads(pickle.dumps(identifier)), copy.deepcopy(identifier)):
        pd.testing.assert_frame_equal(other.transform(X["text"].tolist()), expected)
    assert not hasattr(clone(identifier), "languages_")


def test_before_a_classifier():
    rng = np.random.default_rng(0)
    reviews = {
        "en": ["a very good hotel with friendly people", "a very bad hotel with rude people"],
        "de": ["ein sehr gutes Hotel mit netten Leuten", "ein sehr schlechtes Hotel mit Lärm"],
    }
    rows = [
        (f"{reviews[language][label]} {rng.integers(99)}", 1 - label)
        for language in reviews
        for label in (0, 1)
        for _ in range(20)
    ]
    texts, y = [text for text, _ in rows], [label for _, label in rows]
    model = make_pipeline(
        LanguageIdentifier(languages=["en", "de"]),
        LinearTransferClassifier(source_languages="en", target_languages="de", random_state=0),
    )
    assert model.fit(texts, y).score(texts, y) == 1


def test_a_missing_package_names_the_command(monkeypatch):
    from metaling_sk.preprocessing import _language_model

    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    for function in ("_load_model", "model_labels", "_labels_by_code"):
        getattr(_language_model, function).cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r'`pip install "metaling_sk\[langid\]"`'):
        LanguageIdentifier().fit([""])
