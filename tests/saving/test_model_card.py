"""The card beside a saved model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard
from saved_cases import LANGUAGE, NUMBERS, Y, fit, fit_meta
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer

from metaling_sk import (
    EncoderVectorizer,
    LinearTransferClassifier,
    TransferClassifier,
    language_report,
    load,
)
from metaling_sk._saving.model_card import CARD, NOTE
from metaling_sk.persistence import save


def test_the_card_tells_what_the_model_is(tmp_path):
    clf = fit()
    report = language_report([0, 1, 1], [0, 1, 0], ["en", "en", "zh"])
    clf.save(tmp_path, report=report)
    text = (tmp_path / CARD).read_text(encoding="utf-8")
    card = ModelCard(text)
    assert card.data.library_name == "metaling_sk"
    assert card.data.language == ["en", "zh"]
    assert "TransferClassifier" in text
    assert "| zh | 15 | 15 |" in text
    assert "| zh | 0.0 | 0.0 | 0.0 | 0.0 | 1 |" in text
    assert "scikit-learn 1." in text


def add_language(X):
    return X.assign(language=LANGUAGE[: len(X)])


def test_the_card_names_no_columns_that_a_step_has_made(tmp_path):
    pytest.importorskip("skops")
    X = pd.DataFrame({"text": ["good", "bad"] * (len(LANGUAGE) // 2)})
    model = LinearTransferClassifier(self_training=0, verbose=0)
    save(
        make_pipeline(FunctionTransformer(add_language), model).fit(X, [1, 0] * (len(X) // 2)),
        tmp_path,
    )
    assert "model.predict(X)\n" in (tmp_path / CARD).read_text(encoding="utf-8")


def test_the_card_names_the_columns_of_x(tmp_path):
    cases = {
        "model.predict(X)  # X: a table with the columns 'text', 'language'": fit(),
        "model.predict(X)  # X: a table with the columns 'a', 'b', 'language'": fit_meta(
            pd.DataFrame(NUMBERS[:, :2], columns=["a", "b"]).assign(language=LANGUAGE)
        ),
        "model.predict(X)\n": fit_meta(NUMBERS, np.nan_to_num(Y), LANGUAGE),
    }
    for number, (line, clf) in enumerate(cases.items()):
        clf.save(tmp_path / str(number))
        assert line in (tmp_path / str(number) / CARD).read_text(encoding="utf-8")


def test_the_card_describes_the_classes(tmp_path):
    descriptions = {1: ["good|fine", "well"], 0: "bad"}
    clf = TransferClassifier(
        class_descriptions=descriptions, encoder=TfidfVectorizer(), verbose=0, random_state=0
    ).fit(["good", "bad", "fine and well"])
    clf.save(tmp_path)
    table = "| class | description |\n| --- | --- |\n| 1 | good\\|fine; well |\n| 0 | bad |\n"
    assert f"## Descriptions of the classes\n\n{table}" in (tmp_path / CARD).read_text()
    fit().save(tmp_path)
    assert "Descriptions" not in (tmp_path / CARD).read_text()


def test_classes_that_are_no_valid_unicode(tmp_path):
    clf = LinearTransferClassifier().fit(["good", "bad"] * 4, ["yes", "\udce9"] * 4)
    clf.save(tmp_path)
    assert "\\udce9" in (tmp_path / CARD).read_text(encoding="utf-8")
    np.testing.assert_array_equal(load(tmp_path).predict(["bad"]), ["\udce9"])


def test_counts_are_those_of_fit_and_are_saved(tmp_path):
    clf = fit_meta()
    clf.save(tmp_path)
    pd.testing.assert_frame_equal(load(tmp_path).sample_counts_, clf.sample_counts_)
    assert clf.sample_counts_.loc["zh"].to_dict() == {"labelled": 15, "unlabelled": 15}
    assert clf.sample_counts_.to_numpy().sum() == len(Y)


def test_languages_that_were_added_are_named(tmp_path):
    language = np.where(LANGUAGE == "zh", "x|y", "en")
    clf = fit_meta(NUMBERS, np.nan_to_num(Y), language)
    clf.adapt(NUMBERS[:20], np.nan_to_num(Y)[:20], language="fr").save(tmp_path)
    text = (tmp_path / CARD).read_text(encoding="utf-8")
    assert "Learnt after the fit: fr." in text
    assert "| x\\|y | 30 | 0 |" in text
    assert ModelCard(text).data.language == ["en", "fr"]


def test_a_report_of_another_kind_is_refused_before_anything_is_written(tmp_path):
    clf = fit()
    with pytest.raises(ValueError, match="`report` must be a table"):
        clf.save(tmp_path, report={"f1": 1})
    assert not list(tmp_path.iterdir())


def test_the_card_names_the_checkpoint(bert, tmp_path):
    pytest.importorskip("skops")
    union = make_union(TfidfVectorizer(), EncoderVectorizer(bert))
    texts = "It reads texts as fixed features of a FeatureUnion of 'NAME'"
    cases = {
        "Its encoder is a BertModel of 'NAME', trainable='head'": {"trainable": "head"},
        "Its encoder is a BertModel, trainable='all'": {"encoder": "scratch"},
        texts: {"encoder": union},
    }
    for text, parameters in cases.items():
        clf = fit(**{"encoder": bert} | parameters)
        for model in (clf, make_pipeline(clf)):
            save(model, tmp_path)
            card = (tmp_path / CARD).read_text(encoding="utf-8")
            assert text.replace("NAME", Path(bert).name) in card
            assert str(bert) not in card


def test_no_classes_of_others(tmp_path):
    class Mine(LinearTransferClassifier):
        pass

    clf = fit()
    clf.save(tmp_path)
    mine = Mine().fit(NUMBERS, np.nan_to_num(Y))
    for other in (mine, make_pipeline(mine), "a model", type(clf)):
        with pytest.raises(TypeError, match="and no (Mine|str|type|ABCMeta)"):
            save(other, tmp_path)
    assert load(tmp_path).classes_.tolist() == clf.classes_.tolist()


@pytest.mark.parametrize("content", [b"mine", b"\xff\xfe"])
def test_a_readme_of_the_user_stays(tmp_path, content):
    (tmp_path / CARD).write_bytes(content)
    clf = fit()
    clf.save(tmp_path)
    assert (tmp_path / CARD).read_bytes() == content
    assert load(tmp_path).sample_counts_.equals(clf.sample_counts_)


def test_a_card_is_replaced_until_its_note_is_deleted(tmp_path):
    clf = fit()
    clf.save(tmp_path)
    first = (tmp_path / CARD).read_text(encoding="utf-8")
    (tmp_path / CARD).write_text(first + "more", encoding="utf-8")
    clf.save(tmp_path)
    assert (tmp_path / CARD).read_text(encoding="utf-8") == first
    edited = first.replace(NOTE, "") + "more"
    (tmp_path / CARD).write_text(edited, encoding="utf-8")
    clf.save(tmp_path)
    assert (tmp_path / CARD).read_text(encoding="utf-8") == edited
