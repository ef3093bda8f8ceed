"""Input that looks like a mistake is warned of, and what looks like it but is none is not."""

import warnings

import datasets
import numpy as np
import pandas as pd
import pytest
import sample_cases
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.multiclass import OneVsRestClassifier

from metaling_sk import LinearTransferClassifier
from metaling_sk._data.samples import check_samples
from metaling_sk.exceptions import InputWarning


class Reader(sample_cases.Reader):
    """An estimator that treats the languages given to its fit differently."""

    def fit(self, X, y=None, language=None):
        samples = check_samples(self, X, y, language, reset=True, needs_y=False)
        self._known_languages = sorted(set(samples.language))
        return self

    def predict(self, X, language=None):
        return check_samples(self, X, language=language, reset=False)


def texts(n_rows):
    return [f"text {number}" for number in range(n_rows)]


def fit_languages(*languages, reader=None):
    return (reader or Reader()).fit(texts(len(languages)), language=list(languages))


def table(column, values=("en", "zh")):
    return pd.DataFrame({"text": texts(len(values)), column: values})


# Columns

LOOK_ALIKES = [
    "lang",
    "Lang",
    "LANG",
    "langs",
    "Language",
    "LANGUAGE",
    "languages",
    "lang_code",
    "langCode",
    "language-code",
    "language_id",
    "lang id",
    "locale",
    "Locale",
    "iso639_1",
    "text_language",
    "source_lang",
    "detected_language",
    " language",
]


@pytest.mark.parametrize("column", LOOK_ALIKES)
def test_a_column_that_looks_like_the_language(column):
    with pytest.warns(InputWarning, match=f"pass language_column={column!r}"):
        Reader().fit(table(column))
    reader = fit_languages("und")
    with pytest.warns(InputWarning, match=f"pass language_column={column!r}"):
        reader.predict(table(column))
    assert Reader(language_column=column).fit(table(column))._known_languages == ["en", "zh"]


def test_a_table_without_the_column_that_was_named():
    numbers = pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]})
    for X in (numbers, table("code")):
        with pytest.warns(InputWarning, match="X has no column 'tongue', which `language_column`"):
            Reader(language_column="tongue").fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader = Reader(language_column="tongue").fit(numbers, language="en")
        reader.predict(numbers, language="en")
        Reader().fit(numbers)
        Reader(language_column="tongue").fit(texts(2), language="en")


@pytest.mark.parametrize("form", [datasets.Dataset.from_pandas, lambda X: X])
def test_a_look_alike_in_other_tables(form):
    with pytest.warns(InputWarning, match="language_column='lang'"):
        Reader().fit(form(table("lang")))


OTHER_COLUMNS = ["rating", "slang", "clang", "langdetect", "country", "text_id", "iso", 3, ("a", 1)]


@pytest.mark.parametrize("column", OTHER_COLUMNS)
def test_other_columns(column):
    Reader().fit(table(column))


def test_columns_that_cannot_be_meant():
    Reader().fit(table("lang", [1, 2]))  # Languages are strings.
    Reader().fit(table("lang").assign(language="en"))
    Reader().fit(table("lang"), language=["en", "zh"])
    Reader().fit(pd.DataFrame({"lang": [0.5, 1.0]}))


# Names

PAIRS = [
    ("EN", "en"),
    ("zh", "zh-CN"),
    ("zh", "zh_Hans"),
    ("ZH", "zh-TW"),
    ("zh-CN", "zh_cn"),
    ("zh", "zh-Hant-HK"),
    ("zh-Hant", "zh-Hant-HK"),
    ("English", "english"),
    ("en", "en "),
    ("ｅｎ", "en"),
    ("zh", "zho"),
    ("en", "eng_Latn"),
    ("cmn", "zho_Hans"),
    ("ar", "arb_Arab"),
    ("de-AT", "ger"),
    ("en-US", "eng_Latn"),
    ("es-419", "spa_Latn"),
    ("en-US", "eng_Latn_US"),
    ("German", "de"),
    ("chinese", "zho_Hans"),
]
DIFFERENT = [
    ("zho_Hans", "zho_Hant"),
    ("ace_Arab", "ace_Latn"),
    ("pt-BR", "pt-PT"),
    ("en-US", "eng-GB"),
    ("eng_Latn_US", "eng-GB"),
    ("task_data", "task_ab"),
    ("yue", "zh"),
    ("nb", "nn"),
    ("en", "e"),
    ("zh", "zhCN"),
    ("und", "und-Latn"),
    ("", "en"),
    ("en", "zh"),
    ("German", "en"),
]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("order", [1, -1])
def test_two_names_of_one_language(pair, order):
    first, second = sorted(pair)
    message = f"several names of one language, .*: {first!r}, {second!r}. Give each"
    with pytest.warns(InputWarning, match=message):
        fit_languages(*pair[::order], "fr")
    one, other = pair[::order]
    reader = fit_languages(one, "fr")
    with pytest.warns(InputWarning, match=message):
        reader.predict(["text"], language=other)


@pytest.mark.parametrize("pair", DIFFERENT)
def test_names_of_two_languages(pair):
    fit_languages(*pair, "fr")
    fit_languages(pair[0], "fr").predict(["text"], language=pair[1])


def test_many_names():
    names = [f"{letter}{end}" for letter in "abcdefg" for end in ("", "-X")]
    with pytest.warns(InputWarning, match=r": 'a', 'a-X', 'b', 'b-X', 'c', ... \(14 in all\)"):
        fit_languages(*names)
    FLORES = [f"{a}{b}{c}_Latn" for a in "abcdef" for b in "abcdef" for c in "abcdef"]
    fit_languages(*FLORES)


# Texts and languages that have changed places


def test_texts_in_the_place_of_languages():
    pairs = np.array([[f"a long text, number {number}", "en"] for number in range(12)], object)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Reader().fit(pairs)
        Reader().fit(pairs[:, ::-1][:5])  # Too few to tell.
        fit_languages(*(f"language {number}" for number in range(40)))
    with pytest.warns(InputWarning, match="12 languages, such as 'a long.*changed places"):
        Reader().fit(pairs[:, ::-1])


# Rows without a language


def test_rows_without_a_language():
    reader = fit_languages("en", "zh")
    message = "rows without a language, but the model treats languages differently: 'en', 'zh'."
    with pytest.warns(InputWarning, match=message):
        reader.predict(["text"])
    with pytest.warns(InputWarning, match=message):
        clone(reader).fit(texts(2), language=["en", "zh"]).predict(texts(2), ["en", "und"])


@pytest.mark.parametrize("known", [("en",), ("und",), ("en", "zh", "und")])
def test_rows_without_a_language_that_mean_nothing(known):
    fit_languages(*known).predict(["text"])


# Labels

EN_ZH = ["en"] * 6 + ["zh"] * 6
MARKED = {
    "one language": ([0, 1] * 3 + [-1] * 6, EN_ZH),
    "most of one language": ([0, 1] * 3 + [-1, -1, -1, -1, 0, 1], EN_ZH),
    "other classes": ([3, 7] * 3 + [-1] * 6, EN_ZH),
    "one other class": ([1] * 6 + [-1] * 6, EN_ZH),
    "floats": ([0.0, 1.0] * 3 + [-1.0] * 6, EN_ZH),
    "objects": (np.array([0, 1] * 3 + [-1] * 6, dtype=object), EN_ZH),
    "three classes": ([0, 1, 2, -1] * 3, ["en"] * 12),
    "three classes without 0": ([1, 2, 3, -1] * 3, EN_ZH),
}


MISSING_STRINGS = {
    "": ["a", "b", ""] * 4,
    "nan": ["a", "b", "nan"] * 4,
    "<NA>": ["a", "b", "<NA>"] * 4,
    "None": ["a", "b"] * 3 + ["None"] * 6,
}


@pytest.mark.parametrize(("marker", "y"), MISSING_STRINGS.items())
def test_a_string_that_was_a_missing_label(marker, y):
    with pytest.warns(InputWarning, match=f"y holds '{marker}', .* missing_label='{marker}'"):
        Reader().fit(texts(12), y, EN_ZH)
    Reader(missing_label=marker).fit(texts(12), y, EN_ZH)


@pytest.mark.parametrize(("y", "language"), MARKED.values(), ids=MARKED)
def test_a_label_that_looks_like_the_marker(y, language):
    with pytest.warns(InputWarning, match="y holds -1, .* pass missing_label=-1"):
        Reader().fit(texts(12), y, language)
    Reader(missing_label=-1).fit(texts(12), y, language)


def test_a_marker_of_another_type():
    with pytest.warns(InputWarning, match="y holds -1, .* pass missing_label=-1"):
        Reader(missing_label="-1").fit(texts(12), [0, 1] * 3 + [-1] * 6, EN_ZH)


CLASSES = {
    "binary": ([-1, 1] * 6, EN_ZH),
    "sentiment": ([-1, 0, 1] * 4, EN_ZH),
    "sentiment in one language": ([-1, 0, 1] * 4, ["en"] * 12),
    "mostly negative": ([-1, -1, -1, -1, 0, 1] * 2, EN_ZH),
    "a language without a negative label": ([-1, 0, 1] * 3 + [0, 1, 0], ["en"] * 9 + ["zh"] * 3),
    "five stars around 0": ([-2, -1, 0, 1, 2, 0] * 2, EN_ZH),
    "NaN is the marker": ([-1.0, 0.0, 1.0] * 2 + [np.nan] * 6, EN_ZH),
    "strings": (["-1", "0"] * 3 + ["-1"] * 6, EN_ZH),
    "a class of that name": (["a", "b", "none"] * 4, EN_ZH),
    "bools": ([True, False] * 6, EN_ZH),
    "no -1": ([0, 1, 2] * 4, EN_ZH),
}


@pytest.mark.parametrize(("y", "language"), CLASSES.values(), ids=CLASSES)
def test_labels_that_are_classes(y, language):
    Reader().fit(texts(12), y, language)


WRAPPERS = {
    "a vote": (lambda model: VotingClassifier([("model", model)]), -1, [0, 1, -1] * 4),
    "a stack": (
        lambda model: StackingClassifier([("model", model)], cv=2),
        "?",
        ["a", "b", "?"] * 4,
    ),
    "one for each class": (OneVsRestClassifier, -1, [0, 1, -1] * 4),
}


@pytest.mark.parametrize(("wrap", "marker", "y"), WRAPPERS.values(), ids=WRAPPERS)
def test_the_mark_becomes_a_class_where_labels_are_numbered(wrap, marker, y):
    model = LinearTransferClassifier(self_training=0, missing_label=marker)
    X = pd.DataFrame({"text": texts(12), "language": "en"})
    with pytest.warns(InputWarning, match="the labels are 0 to [12], as VotingClassifier"):
        wrap(model).fit(X, y)


@pytest.mark.parametrize("y", [[0, 1, 2] * 3 + [-1] * 3, [1, 2, 3] * 4, ["0", "1", "2"] * 4])
def test_the_mark_is_no_class(y):
    Reader(missing_label=-1).fit(texts(12), y, EN_ZH)


SHUFFLED = np.r_[5:12, 0:5]


@pytest.mark.parametrize(("name", "values"), [("y", [0, 1] * 6), ("language", EN_ZH)])
def test_rows_in_another_order(name, values):
    X, given = table("other", texts(12)), pd.Series(values)
    with pytest.warns(InputWarning, match=f"index of {name} is that of X in another order, but"):
        Reader().fit(X, **{name: given[SHUFFLED]})
    with pytest.warns(InputWarning, match=rf"Pass {name}.loc\[X.index\], or {name}.to_numpy"):
        Reader().fit(X["text"], **{name: given[SHUFFLED]})


def test_rows_that_may_have_one_order():
    X, y = table("other", texts(12)), pd.Series([0, 1] * 6)
    Reader().fit(X.loc[SHUFFLED], y.loc[SHUFFLED])
    Reader().fit(X.reset_index(drop=True), y.set_axis(range(1, 13)))
    Reader().fit(X, y.set_axis([0, *range(11)]))  # as after a concatenation
    Reader().fit(X, y.loc[SHUFFLED].to_numpy())
    Reader().fit(datasets.Dataset.from_pandas(X), y.loc[SHUFFLED])  # has no index


def test_classes_that_differ_in_case_or_blanks():
    with pytest.warns(InputWarning, match="case or blanks alone: 'Good', 'good', 'good '"):
        Reader().fit(texts(5), ["good", "Good", "good ", "bad", None])


# When and where


def messages_of(call):
    """What a call warns of if nobody filters it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(each.message) for each in caught]


def test_an_estimator_says_the_same_once_after_a_fit():
    reader = fit_languages("en", "zh")
    assert len(messages_of(lambda: reader.predict(["text"]))) == 1
    assert messages_of(lambda: reader.predict(["text"])) == []
    assert len(messages_of(lambda: reader.predict(["text"], language="EN"))) == 1
    fit_languages("en", "zh", reader=reader)
    assert len(messages_of(lambda: reader.predict(["text"]))) == 1
    other = fit_languages("en", "zh")
    assert len(messages_of(lambda: other.predict(["text"]))) == 1


def test_a_warning_that_is_an_error_is_one_every_time():
    reader = fit_languages("en", "zh")
    for _ in range(2):
        with pytest.raises(InputWarning):
            reader.predict(["text"])


def test_the_warning_is_of_the_line_of_the_user():
    with pytest.warns(InputWarning) as caught:
        Reader().fit(table("lang"))
    assert caught[0].filename == __file__
