"""Our suite: what every classifier warns of, and where scikit-learn loses the language."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import X_LABELLED, X_TEST, Y_LABELLED, X, Y
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import make_classifier, make_meta_net

from metaling_sk import (
    DictionaryTranslator,
    LanguageStandardScaler,
    LeaveOneLanguageOut,
    LinearTransferClassifier,
    MetaParamSearchCV,
)
from metaling_sk.exceptions import InputWarning

TEXTS, LANGUAGE = X_LABELLED["text"].tolist(), X_LABELLED["language"].to_numpy()
NO_LANGUAGE = "rows without a language, but the model treats languages differently: 'en', 'zh'"
UNSEEN = "no statistics of the language of some rows: 'fr'.* Give text of the language to reg"
FRENCH = ["bon hotel", "salle"]
NUMBERS = np.random.default_rng(0).normal(size=(len(X), 4))

TREATS_LANGUAGES = pytest.mark.parametrize(
    "name", ["scratch", "scratch head", "linear", "meta network"], indirect=True
)

# A language that `fit` has not seen

WITH_STATISTICS = {
    "frozen": lambda: make_classifier(trainable="head"),
    "trained": make_classifier,
    "meta network": make_meta_net,
    "frozen meta network": lambda: make_meta_net(trainable="head"),
}
WITHOUT_STATISTICS = {
    "without a norm": lambda: make_classifier(language_norm=False),
    "frozen without a norm": lambda: make_classifier(trainable="head", language_norm=False),
    "meta network without a norm": lambda: make_meta_net(language_norm=False),
    "linear": lambda: LinearTransferClassifier(n_topics=1, random_state=0),
}


@pytest.mark.parametrize("make", WITH_STATISTICS.values(), ids=WITH_STATISTICS)
def test_an_unseen_language_until_it_is_registered(make):
    model = make().fit(X_LABELLED, Y_LABELLED)
    model.predict(X)
    before = pickle.dumps(model)
    with pytest.warns(InputWarning, match=UNSEEN) as caught:
        model.predict(FRENCH, language="fr")
    assert [caught[0].filename, len(caught)] == [__file__, 1]
    assert pickle.dumps(model) == before
    model.predict(FRENCH, language="fr")
    copied = copy.deepcopy(model)
    with pytest.warns(InputWarning, match=UNSEEN):
        copied.score(FRENCH, [0, 1], language="fr")
    copied = copy.deepcopy(model)
    copied.register_language(FRENCH, language="fr").predict(FRENCH, language="fr")


@pytest.mark.parametrize("make", WITHOUT_STATISTICS.values(), ids=WITHOUT_STATISTICS)
def test_an_unseen_language_that_is_treated_like_all(make):
    make().fit(X_LABELLED, Y_LABELLED).predict(FRENCH, language="fr")


def test_an_adapted_language():
    model = make_meta_net(trainable="head").fit(X, Y)
    with pytest.warns(InputWarning, match="or labelled rows to adapt, first"):
        model.predict(FRENCH, language="fr")
    model = copy.deepcopy(model).adapt(FRENCH, [1, 0], language="fr")
    model.predict(FRENCH, language="fr")


def test_zero_shot_from_one_language():
    english = X["language"] == "en"
    make_classifier().fit(X[english], Y[english]).predict(X_TEST)  # It has no statistics at all.
    frozen = make_classifier(trainable="head").fit(X[english], Y[english])
    with pytest.warns(InputWarning, match="rows: 'zh'"):
        frozen.predict(X_TEST)
    frozen.predict(X_TEST["text"].tolist())  # English and no language are the same here.


def test_numbers_in_an_unseen_language():
    model = make_classifier().fit(NUMBERS, Y, language=X["language"])
    with pytest.warns(InputWarning, match=UNSEEN):
        model.predict(NUMBERS[:2], language="fr")
    with pytest.warns(InputWarning, match=NO_LANGUAGE):
        model.predict(NUMBERS)
    make_classifier().fit(NUMBERS[:40], Y[:40]).predict(NUMBERS)


def test_the_scaler_of_languages():
    scaler = LanguageStandardScaler().fit(NUMBERS, language=X["language"])
    with pytest.warns(InputWarning, match=UNSEEN):
        scaler.transform(NUMBERS, language="fr")
    with pytest.warns(InputWarning, match=NO_LANGUAGE):
        scaler.transform(NUMBERS)
    with pytest.warns(InputWarning, match="'EN', 'en'"):
        scaler.transform(NUMBERS, language="EN")
    scaler.register_language(NUMBERS, "fr").transform(NUMBERS, language="fr")
    alone = make_pipeline(LanguageStandardScaler(), LogisticRegression())
    alone.fit(NUMBERS[:40], Y[:40]).predict(NUMBERS)


def test_every_fold_of_leave_one_language_out_is_zero_shot():
    model = make_classifier(trainable="head")
    with pytest.warns(InputWarning, match="no statistics of the language") as caught:
        cross_val_score(model, X_LABELLED, Y_LABELLED, cv=LeaveOneLanguageOut())
    assert {each.filename for each in caught} == {__file__}
    assert len(caught) == 2


# Names and columns


@TREATS_LANGUAGES
def test_another_name_of_a_language(model):
    shouted = X_LABELLED["language"].str.upper()
    renamed = X_LABELLED.assign(language=shouted.where(X_LABELLED.index % 2 == 0, LANGUAGE))
    with pytest.warns(InputWarning, match="'EN', 'en', 'ZH', 'zh'"):
        model.fit(renamed, Y_LABELLED)


@pytest.mark.parametrize(
    "make", [make_classifier, lambda **own: LinearTransferClassifier(n_topics=1, **own)]
)
def test_a_target_under_another_name(make):
    with pytest.warns(InputWarning, match="'zh', 'zh-CN'"):
        make(target_languages="zh-CN").fit(X_LABELLED, Y_LABELLED)


def test_a_translator_under_another_name():
    translator = DictionaryTranslator({"good": ["不错"]}, target_language="zh-CN")
    with pytest.warns(InputWarning, match="'zh', 'zh-CN'"):
        translator.fit(X)


@TREATS_LANGUAGES
def test_a_column_that_looks_like_the_language(model):
    with pytest.warns(InputWarning, match="pass language_column='lang'"):
        model.fit(X_LABELLED.rename(columns={"language": "lang"}), Y_LABELLED)


@TREATS_LANGUAGES
def test_labels_that_look_like_the_marker(model):
    y = np.where(LANGUAGE == "zh", -1, Y_LABELLED)
    with pytest.warns(InputWarning, match="y holds -1, .* of most rows in 'zh', and of "):
        model.fit(X_LABELLED, y)


# Where scikit-learn loses the language


@TREATS_LANGUAGES
def test_cross_validation_without_routing(model):
    """`params` reach fit alone."""
    with pytest.warns(InputWarning, match=NO_LANGUAGE) as caught:
        cross_val_score(model, TEXTS, Y_LABELLED, cv=2, params={"language": LANGUAGE})
    assert {each.filename for each in caught} == {__file__}


@TREATS_LANGUAGES
def test_a_grid_search_without_routing(model):
    search = GridSearchCV(model, {"missing_label": [None]}, cv=2)
    with pytest.warns(InputWarning, match=NO_LANGUAGE):
        search.fit(TEXTS, Y_LABELLED, language=LANGUAGE)
    with pytest.warns(InputWarning, match=NO_LANGUAGE):
        search.predict(TEXTS)


@TREATS_LANGUAGES
def test_a_pipeline_without_routing(model):
    pipeline = make_pipeline(FunctionTransformer(), model)
    name = pipeline.steps[-1][0]
    pipeline.fit(TEXTS, Y_LABELLED, **{f"{name}__language": LANGUAGE})
    with pytest.warns(InputWarning, match=NO_LANGUAGE):
        pipeline.predict(TEXTS)
    pipeline.predict(TEXTS, language=LANGUAGE)


@TREATS_LANGUAGES
def test_a_search_of_ours_without_routing(model):
    search = MetaParamSearchCV(
        model, {"missing_label": [None]}, n_iter=1, cv=2, verbose=0, random_state=0
    ).fit(TEXTS, Y_LABELLED, language=LANGUAGE)
    with pytest.warns(InputWarning, match=NO_LANGUAGE):
        search.predict(TEXTS)


@TREATS_LANGUAGES
def test_routing_that_is_not_asked_for_is_an_error_of_sklearn(model):
    routed = {"params": {"language": LANGUAGE}}
    with config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError, match="language"):
            cross_val_score(model, TEXTS, Y_LABELLED, cv=2, error_score="raise", **routed)
        with pytest.raises(UnsetMetadataPassedError, match="language"):
            GridSearchCV(model, {"missing_label": [None]}, cv=2).fit(
                TEXTS, Y_LABELLED, language=LANGUAGE
            )
        with pytest.raises(UnsetMetadataPassedError, match="language"):
            make_pipeline(FunctionTransformer(), model).fit(TEXTS, Y_LABELLED, language=LANGUAGE)
        half = clone(model).set_fit_request(language=True)
        with pytest.raises(UnsetMetadataPassedError, match="score"):
            cross_val_score(half, TEXTS, Y_LABELLED, cv=2, error_score="raise", **routed)


@TREATS_LANGUAGES
def test_what_routing_does_not_reach(model):
    """The predictions of cross_val_predict get no metadata."""
    with config_context(enable_metadata_routing=True):
        asking = model.set_fit_request(language=True)
        with pytest.warns(InputWarning, match=NO_LANGUAGE):
            cross_val_predict(asking, TEXTS, Y_LABELLED, cv=2, params={"language": LANGUAGE})


@TREATS_LANGUAGES
def test_a_frame_keeps_the_language(model):
    cross_val_score(model, X_LABELLED, Y_LABELLED, cv=2, error_score="raise")
    in_one_form = pd.DataFrame({"text": TEXTS, "language": LANGUAGE}, dtype=object)
    cross_val_predict(model, in_one_form, Y_LABELLED, cv=2)
