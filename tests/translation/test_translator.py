"""What a translator from scratch does, in every form of input and inside scikit-learn's tools."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small_callbacks import n_trained_on
from tiny import ODD_TEXTS
from tiny_translators import (
    INDONESIAN,
    JAVANESE,
    SUNDANESE,
    make_bart,
    make_pairs,
    make_quick,
    make_translator,
)

from metaling_sk import MetaParamSearchCV, TransferClassifier, TransferTranslator, load
from metaling_sk.exceptions import InputWarning

X, Y = make_pairs()
TEXTS = X["text"].tolist()


@cache
def javanese():
    """A fitted translator, which no test changes."""
    return make_translator(max_epochs=20).fit(X, Y)


@cache
def both():
    """One translator into two languages."""
    return make_translator(max_epochs=12).fit(*make_pairs(("jav", "sun")))


def test_it_learns_words_and_puts_them_together():
    translator = javanese()
    found = translator.predict(X)
    assert found.dtype == object and found.tolist() == Y
    new = pd.DataFrame({"text": ["jalan kecil"], "language": "ind", "to": "jav"})
    assert translator.predict(new).tolist() == ["dalan cilik"]
    assert translator.score(X, Y) == 1.0


def test_it_begins_as_a_copy():
    translator = make_translator(max_epochs=1, learning_rate=0.0).fit(X, Y)
    assert translator.predict(X).tolist() == TEXTS
    assert 0 < translator.score(X, Y) < 0.6


def test_one_translator_into_two_languages():
    for name, expected in (("jav", JAVANESE), ("sun", SUNDANESE)):
        rows = pd.DataFrame({"text": INDONESIAN, "language": "ind", "to": name})
        assert both().predict(rows).tolist() == expected
    assert both().target_languages_ == ["jav", "sun"]
    # Without the column, the parameter names one of them.
    chosen = copy.copy(both()).set_params(target_language="sun")
    assert chosen.predict(INDONESIAN, language="ind").tolist() == SUNDANESE


def test_a_language_shows_its_own_words_alone():
    confused = copy.deepcopy(both())
    network = confused.net_.module_.backbone
    for table in (network.languages.weight, network.own_changes):
        table.data = table.detach().flip(0)  # It takes Javanese for Sundanese.
    found = confused.predict(pd.DataFrame({"text": INDONESIAN, "language": "ind", "to": "jav"}))
    assert set(" ".join(found).split()) <= set(" ".join([*INDONESIAN, *JAVANESE]).split())


@pytest.mark.parametrize("wrap", [lambda each: each, FrozenEstimator], ids=["plain", "frozen"])
def test_transfer_from_a_related_pair(wrap):
    rows, y = make_pairs(("between",))
    source = wrap(javanese())
    weights = {name: each.clone() for name, each in javanese().net_.module_.state_dict().items()}
    translator = make_translator(source=source).fit(rows, y)
    assert translator.predict(rows).tolist() == y
    assert translator.target_languages_ == ["jav", "between"]
    assert javanese().target_languages_ == ["jav"]
    for name, each in javanese().net_.module_.state_dict().items():
        assert (each == weights[name]).all(), "the source has changed"


def test_a_source_goes_on_into_the_same_language():
    again = make_quick(source=javanese(), learning_rate=0.0).fit(X, Y)
    assert again.predict(X).tolist() == Y and again.target_languages_ == ["jav"]


@pytest.mark.parametrize(
    ("y", "expected"),
    [(["omah gedhe", "omah kecil"], "dalan "), (["omah besar", "omah kecil"], "jalan ")],
    ids=["like the source", "like the text"],
)
def test_transfer_of_words_that_the_new_language_lacks(y, expected):
    translator = make_quick(source=javanese()).fit(X[:2].assign(to="between"), y)
    assert translator.predict(X[2:3].assign(to="between"))[0].startswith(expected)


def test_transfer_to_words_that_the_source_lacks():
    rows, y = make_pairs(("sun",))
    source = javanese().net_.module_.text_tokenizer.tokenizer
    translator = make_translator(source=javanese()).fit(rows, y)
    assert translator.predict(rows).tolist() == y
    tokenizer = translator.net_.module_.text_tokenizer.tokenizer
    assert len(tokenizer.tokenize("leutik")) == 1 < len(source.tokenize("leutik"))
    assert source.get_vocab().items() < tokenizer.get_vocab().items(), "a token has changed"


def test_translations_that_are_too_long_to_learn_from():
    y = ["".join(map(chr, range(200 + row, 230 + row))) for row in range(24)]
    with pytest.warns(InputWarning, match="24 of 24 translations have more than twice as many"):
        make_quick().fit(X.assign(text="a"), y)


@pytest.mark.parametrize("empty", ["", " \n"])
def test_empty_translations(empty):
    y = [empty if row < 3 else text for row, text in enumerate(Y)]
    with pytest.warns(InputWarning, match="3 of 24 translations in y are empty.*missing_label=''"):
        make_quick().fit(X, y)
    blank = X.assign(text=["" if row < 3 else text for row, text in enumerate(TEXTS)])
    make_quick().fit(blank, y)  # of empty texts: no warning
    if not empty:
        translator = make_quick(missing_label="").fit(X, y)
        assert translator.sample_counts_.loc["ind"].tolist() == [21, 3]


def test_classes_are_no_translations():
    texts = [f"{text} {row}" for row, text in enumerate(TEXTS)]
    classes = np.resize(["big", "small"], len(texts))
    with pytest.warns(InputWarning, match="2 translations of 24 texts, as if these were classes"):
        make_quick().fit(X.assign(text=texts), classes)


def test_translations_of_texts_that_are_in_their_target_language():
    rows = pd.concat([X, X[:2].assign(language="jav")], ignore_index=True)
    with pytest.warns(InputWarning, match="2 of 26 texts are in their target language already"):
        make_quick().fit(rows, [*Y, *Y[:2]])
    make_quick().fit(rows, [*Y, *TEXTS[:2]])


def test_target_languages_with_two_names():
    rows = X.assign(to=["jav", "JAV"] * 12)
    with pytest.warns(InputWarning, match="several names of one language.*'JAV', 'jav'"):
        make_quick().fit(rows, Y)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_blank_text_is_its_own_translation(text):
    assert javanese().predict(X[:2].assign(text=[text, TEXTS[0]])).tolist() == [text, Y[0]]


def test_languages_of_the_source_alone_are_warned_of(tmp_path):
    rows, y = make_pairs(("sun",))
    translator = make_quick(source=javanese()).fit(rows, y)
    translator.predict(rows)
    translator.save(tmp_path / "model")
    for each in (translator, load(tmp_path / "model"), make_quick(source=translator).fit(rows, y)):
        with pytest.warns(
            InputWarning, match="no translations into 'jav', which only `source` had"
        ):
            each.predict(X)
        each.predict(X)  # It says so once.
    pooled = make_quick(source=javanese()).fit(*make_pairs(("jav", "sun")))
    pooled.predict(X)


FORMS = {
    "list": lambda: (TEXTS, "ind"),
    "array": lambda: (np.array(TEXTS), "ind"),
    "Series": lambda: (pd.Series(TEXTS), ["ind"] * len(TEXTS)),
    "two columns": lambda: (np.array([TEXTS, ["ind"] * len(TEXTS)], dtype=object).T, None),
    "rows": lambda: ([(text, "ind") for text in TEXTS], None),
    "DataFrame": lambda: (X.drop(columns="to"), None),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_texts(form):
    rows, language = form()
    translator = make_quick(target_language="jav").fit(rows, Y, language=language)
    expected = make_quick().fit(X, Y).predict(X)
    assert translator.predict(rows, language=language).tolist() == expected.tolist()
    changed = translator.transform(rows, language=language)
    if isinstance(rows, pd.DataFrame):
        assert changed["text"].tolist() == expected.tolist()
        assert set(changed["language"]) == {"jav"} and set(rows["language"]) == {"ind"}
    elif np.ndim(rows) == 2:
        assert changed[:, 0].tolist() == expected.tolist() and set(changed[:, 1]) == {"jav"}
    else:
        assert changed.tolist() == expected.tolist()


def test_texts_in_the_target_language_stay():
    rows = pd.concat([X[:3], X[:3].assign(text=JAVANESE, language="jav")], ignore_index=True)
    assert javanese().predict(rows).tolist() == JAVANESE * 2
    assert javanese().transform(rows)["text"].tolist() == JAVANESE * 2


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(text):
    rows = X[:2].assign(text=pd.Series([text, "rumah besar"], dtype=object))
    found = javanese().predict(rows).tolist()
    assert isinstance(found[0], str) and found[1] == "omah gedhe"
    y = np.array([*Y, text, "omah"], dtype=object)
    make_quick().fit(pd.concat([X, rows], ignore_index=True), y)


def test_rows_without_a_translation_train_the_tokenizer_alone():
    more = pd.concat([X, X[:2].assign(text="omahomah omahomah")], ignore_index=True)
    translator = make_quick().fit(more, [*Y, None, np.nan])
    assert translator.sample_counts_.loc["ind"].tolist() == [24, 2]
    marked = make_quick(missing_label="?").fit(more, [*Y, "?", "?"])
    assert marked.predict(X).tolist() == translator.predict(X).tolist()
    with pytest.raises(ValueError, match="y has no label in rows 24, 25, as missing_label='\\?'"):
        marked.score(more, [*Y, "?", "?"])


REFUSED = {
    "numbers as y": (X, range(24), "must be a string.*row 0: int.*TransferClassifier"),
    "some number in y": (X, [*Y[:-1], 3], "row 23"),
    "no translation": (X, [None] * 24, "y has no translation"),
    "no y": (X, None, "requires y to be passed"),
    "another length": (X, Y[:-1], "inconsistent numbers of samples"),
    "numbers as X": (
        np.ones((24, 3)),
        Y,
        "translates texts or.* X holds numbers",
    ),
    "no texts": (X[:0], [], "0 sample"),
    "two languages": (X, np.array([Y, Y]).T, "several target languages put the rows of each below"),
    "no languages": (X.assign(to=Y), Y, "column 'to' of X holds the translations"),
    "a column that is not there": (X.rename(columns={"to": "too"}), Y, "X has no column 'to'"),
    "a language that is no string": (X.assign(to=3), Y, "column 'to' of X"),
}


@pytest.mark.parametrize("rows, y, message", REFUSED.values(), ids=REFUSED)
def test_what_fit_refuses(rows, y, message):
    translator = make_quick()
    with pytest.raises(ValueError, match=message):
        translator.fit(rows, y)
    with pytest.raises(NotFittedError):
        translator.predict(X)


def test_a_table_with_a_column_for_each_language():
    """A column of texts is not one of target languages, though it has the name of one."""
    wide = pd.DataFrame({"ind": TEXTS, "jav": Y})
    translator = make_quick(text_column="ind", target_language="jav")
    with pytest.raises(ValueError, match="Take it out of X; 'jav' is then the language of all"):
        translator.fit(wide, Y)
    translator.fit(wide[["ind"]], Y)
    with pytest.raises(ValueError, match="Take the column 'jav' out of X"):
        translator.predict(wide)


def test_what_predict_refuses():
    with pytest.raises(ValueError, match="no translations to 'sun' in fit, which row 2 of X asks"):
        javanese().predict(X[:3].assign(to=["jav", "jav", "sun"]))
    with pytest.raises(ValueError, match="X has no column 'to'; its columns.*'jav'"):
        javanese().predict(X.drop(columns="to"))
    with pytest.raises(ValueError, match="X has no column 'to'; it is no DataFrame"):
        javanese().predict(TEXTS, language="ind")
    with pytest.raises(ValueError, match="no translation in row 1; leave"):
        javanese().score(X[:2], ["omah gedhe", None])


WRONG = {
    "lora from scratch": ({"trainable": "lora"}, ValueError, "'lora' adapts pretrained weights"),
    "a head": ({"trainable": "head"}, ValueError, "trainable"),
    "no beams": ({"num_beams": 0}, ValueError, "num_beams"),
    "a source of another kind": ({"source": TransferClassifier()}, TypeError, "TransferClassifier"),
    "a source not fitted": ({"source": make_translator()}, NotFittedError, "FrozenEstimator"),
    "an encoder that is none": ({"encoder": 3}, ValueError, "`encoder` must be 'scratch'"),
    "a folder that is none": ({"encoder": "no/such/folder"}, OSError, "needs no files"),
    "a pair that is none": ({"encoder": (3, 4)}, ValueError, "not an encoder-decoder model"),
    "two columns": ({"text_column": ["text", "to"]}, ValueError, "text_column"),
}


@pytest.mark.parametrize("parameters, error, message", WRONG.values(), ids=WRONG)
def test_wrong_parameters(parameters, error, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(error, match=message):
        make_quick(**parameters).fit(X, Y)


def test_the_same_seed_gives_the_same_model():
    one, other = (make_translator(max_epochs=3).fit(X, Y) for _ in range(2))
    assert one.history_.equals(other.history_)
    another = make_translator(max_epochs=3, random_state=1).fit(X, Y)
    assert not one.history_.equals(another.history_)


def test_cloning_pickling_and_saving(tmp_path):
    copied = clone(javanese())
    assert copied.get_params() == javanese().get_params() and not hasattr(copied, "net_")
    javanese().save(tmp_path / "model")
    assert not list((tmp_path / "model").rglob("*.pkl"))
    for other in (pickle.loads(pickle.dumps(javanese())), load(tmp_path / "model")):
        assert other.predict(X).tolist() == Y
        assert other.n_iter_ == 20
        pd.testing.assert_frame_equal(other.history_, javanese().history_)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "translations into jav" in card and "SlotNetwork" in card
    again = make_quick(source=load(tmp_path / "model")).fit(*make_pairs(("between",)))
    assert again.target_languages_ == ["jav", "between"]


def test_threads_get_what_one_gets():
    rows, _ = make_pairs(("jav", "sun"))
    expected = both().predict(rows).tolist()
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(both().predict, [rows] * 8):
            assert found.tolist() == expected


def test_validation_finds_the_best_epoch():
    rows, y = make_pairs(n_times=34)
    translator = make_translator(max_epochs=20, patience=1, learning_rate=0.1)
    translator.set_params(validation_fraction=0.1).fit(rows, y)
    losses = translator.history_["valid_loss"]
    assert len(losses) < 20 and losses.argmin() == len(losses) - 2
    assert n_trained_on(translator) == len(rows) - len(rows) // 10
    assert set(translator.history_) == {"stage", "epoch", "train_loss", "valid_loss"}


@pytest.mark.parametrize(("encoder", "holds_out"), [("scratch", False), (make_bart, True)])
def test_only_a_checkpoint_holds_translations_out(encoder, holds_out):
    rows, y = make_pairs(n_times=34)
    encoder = encoder if isinstance(encoder, str) else encoder()
    translator = make_quick(encoder=encoder, target_language="jav", num_beams=1).fit(rows, y)
    assert ("valid_loss" in translator.history_) is holds_out


def test_scores_and_searches():
    folds = KFold(2, shuffle=True, random_state=0)
    scores = cross_val_score(make_quick(), X, Y, cv=folds, error_score="raise")
    assert scores.shape == (2,) and (scores > 0).all()
    rates = {"learning_rate": [0.0, 0.02]}
    grid = GridSearchCV(make_translator(max_epochs=3), rates, cv=folds, error_score="raise")
    assert grid.fit(X, Y).best_params_ == {"learning_rate": 0.02}
    search = MetaParamSearchCV(
        make_translator(max_epochs=3), rates, n_iter=2, cv=folds, verbose=0, random_state=0
    )
    search.fit(X, Y)
    assert search.best_params_ == {"learning_rate": 0.02}
    assert search.best_score_ == pytest.approx(grid.best_score_)
    frozen = make_quick(source=FrozenEstimator(javanese()))
    assert cross_val_score(frozen, X, Y, cv=folds, error_score="raise").mean() > scores.mean()


def test_before_a_classifier():
    labels = [0, 1, 2] * 8
    texts = FunctionTransformer(lambda rows: rows["text"].to_numpy())
    translate_train = make_pipeline(
        FrozenEstimator(javanese()), texts, TfidfVectorizer(), LogisticRegression()
    ).fit(X, labels)
    in_javanese = X[:3].assign(text=JAVANESE, language="jav")
    assert translate_train.predict(in_javanese).tolist() == [0, 1, 2]


def test_no_sacrebleu(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu.metrics", None)
    with pytest.raises(ImportError, match="metaling_sk\\[translation\\]"):
        javanese().score(X, Y)


def test_a_checkpoint_is_not_trained_in_place():
    model, tokenizer = make_bart()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    TransferTranslator(
        target_language="jav", encoder=(model, tokenizer), max_epochs=1, verbose=0, max_length=16
    ).fit(TEXTS, Y, language="ind")
    assert all((each == before[name]).all() for name, each in model.state_dict().items())


def test_tokens_that_fit_has_not_seen_are_copied():
    found = javanese().predict(X[:2].assign(text=["😀", f"{TEXTS[0]} 🎈"]))
    assert found[0] == "😀" and found[1].endswith("🎈")
