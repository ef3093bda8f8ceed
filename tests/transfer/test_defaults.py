"""What a fit does with target text where the user names neither a source nor terms."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from tiny import DICTIONARY, make_classifier, make_learner
from transfer_cases import CHINESE, ENGLISH, UNLABELLED, features

from metaling_sk import LinearTransferClassifier
from metaling_sk.exceptions import InputWarning

X, Y = UNLABELLED
IS_CHINESE = (X["language"] == "zh").to_numpy()


@pytest.fixture(scope="module")
def pretrained():
    """A module and a tokenizer, taken from a fitted encoder."""
    encoder = make_classifier(transfer=None).fit(X, Y).text_encoder_
    return encoder.backbone, encoder.tokenizer


def test_a_dictionary_makes_the_linear_recipe_the_source():
    model = make_learner(dictionary=DICTIONARY, self_training=0).fit(X, Y)
    assert isinstance(model.source_model_, LinearTransferClassifier)
    assert model.score(*CHINESE) > 0.9


@pytest.mark.parametrize(
    "parameters",
    [{"source": None}, {"transfer": "code_switch"}, {"transfer": None}, {"encoder": "pretrained"}],
    ids=str,
)
def test_where_the_user_says_otherwise_it_does_not(parameters, pretrained):
    if "encoder" in parameters:
        parameters = {"encoder": pretrained}
    model = make_classifier(dictionary=DICTIONARY, **parameters).fit(X, Y)
    assert not isinstance(model.source_model_, LinearTransferClassifier)


@pytest.mark.parametrize("encoder", ["scratch", TfidfVectorizer()], ids=str)
def test_text_from_which_nothing_learns_is_warned_of(encoder):
    with pytest.warns(InputWarning, match=r"60 rows without labels in 'zh', from which nothing"):
        make_classifier(encoder=encoder).fit(X, Y)


def test_sparse_numbers_from_which_nothing_learns_are_warned_of():
    counts = TfidfVectorizer().fit_transform(X["text"])
    with pytest.warns(InputWarning, match="from which nothing learns"):
        make_classifier().fit(counts, Y, language=X["language"])


@pytest.mark.parametrize(
    "parameters",
    [
        {"encoder": TfidfVectorizer(), "transfer": "mmd"},
        {"encoder": TfidfVectorizer(), "self_training": 1, "n_topics": 1},
        {"transfer": None},
        {"transfer": "mmd"},
        {"self_training": 1},
        {"dictionary": DICTIONARY},
        {"source": "linear"},
    ],
    ids=str,
)
def test_text_that_is_used_or_meant_to_be_unused_is_not(parameters):
    make_classifier(**parameters).fit(X, Y)


def test_numbers_use_it_for_the_statistics():
    model = make_classifier().fit(features(X), Y, language=X["language"])
    assert np.isfinite(model.predict_proba(features(X), language=X["language"])).all()
    with pytest.warns(InputWarning, match="from which nothing learns"):
        make_classifier(language_norm=False).fit(features(X), Y, language=X["language"])


def test_a_pretrained_encoder_gets_the_statistics_of_the_target(pretrained):
    model = make_classifier(encoder=pretrained).fit(X, Y)
    english, chinese = (model.predict_proba(part) for part, _ in (ENGLISH, CHINESE))
    model.register_language(X[IS_CHINESE])
    np.testing.assert_allclose(model.predict_proba(CHINESE[0]), chinese, atol=1e-6)
    np.testing.assert_array_equal(model.predict_proba(ENGLISH[0]), english)
    model.register_language(ENGLISH[0].assign(language="zh"))
    assert not np.allclose(model.predict_proba(CHINESE[0]), chinese)


def test_few_rows_have_no_statistics(pretrained):
    (X_en, y_en), (X_zh, _) = ENGLISH, CHINESE
    X_few = pd.concat([X_en, X_zh[:1]], ignore_index=True)
    model = make_classifier(encoder=pretrained, target_languages="zh").fit(X_few, [*y_en, None])
    with pytest.warns(InputWarning, match="no statistics"):
        model.predict(X_zh[:3])
