"""One table of small instances of every public estimator, which the common tests go through."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from text_pairs import COLUMNS
from tiny import (
    DICTIONARY,
    as_stars,
    make_classifier,
    make_meta_net,
    make_meta_regressor,
    make_pair,
    make_regressor,
)

from metaling_sk import (
    CircularValidation,
    DictionaryTranslator,
    EncoderVectorizer,
    ImportanceWeightedScorer,
    LanguageIdentifier,
    LanguageStandardScaler,
    LinearTransferClassifier,
    MetaNetClassifier,
    MetaNetRegressor,
    MetaParamSearchCV,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
    TransferClassifier,
    TransferRegressor,
    TransferTranslator,
)

TERMS = ["labels", "distill", "coral", "mmd", "adversarial", "l2sp", "code_switch"]
CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
CHARACTERS_OF_BOTH = make_column_transformer(*((CHARACTERS, column) for column in COLUMNS))


def make_linear():
    """A linear classifier that translates, which is fitted in a moment."""
    return LinearTransferClassifier(
        target_languages="zh", dictionary=DICTIONARY, n_topics=1, random_state=0
    )


def make_search(estimator, distributions):
    """A search that takes little longer than its refit."""
    return MetaParamSearchCV(
        estimator, distributions, n_iter=2, cv=2, verbose=0, error_score="raise", random_state=0
    )


class Instances(NamedTuple):
    """Small instances of one estimator."""

    on_numbers: Sequence = ()
    """For scikit-learn's suite."""
    on_texts: dict = {}
    """For our suite, which is one of classifiers, by name."""
    of_numbers_on_texts: dict = {}
    """For our suite of regressors, by name."""
    on_pairs: dict = {}
    """For our suite of pairs of texts, classifiers and regressors by name."""
    without_data: Sequence = ()
    """For those checks of scikit-learn's suite that need no data, where the others do not apply."""
    left_out: str = ""
    """Why they do not apply."""


ONE_EPOCH = {"max_epochs": 1, "target_languages": "zh"}

ESTIMATORS = {
    TransferClassifier: Instances(
        on_numbers=[TransferClassifier(verbose=0)],
        on_texts={
            "scratch": make_classifier(**ONE_EPOCH),
            "scratch head": make_classifier(**ONE_EPOCH, trainable="head"),
            "every term": make_classifier(**ONE_EPOCH, transfer=TERMS, dictionary=DICTIONARY),
            "characters": make_classifier(**ONE_EPOCH, encoder=CHARACTERS),
            "linear teacher": make_classifier(
                **ONE_EPOCH, source="linear", dictionary=DICTIONARY, self_training=2
            ),
        },
        on_pairs={
            "scratch": make_classifier(**ONE_EPOCH, text_column=COLUMNS),
            "scratch head": make_classifier(**ONE_EPOCH, text_column=COLUMNS, trainable="head"),
            "every term": make_classifier(
                **ONE_EPOCH, text_column=COLUMNS, transfer=TERMS, dictionary=DICTIONARY
            ),
            "self-training": make_classifier(**ONE_EPOCH, text_column=COLUMNS, self_training=1),
            "characters": make_classifier(
                **ONE_EPOCH, text_column=COLUMNS, encoder=CHARACTERS_OF_BOTH
            ),
        },
    ),
    LinearTransferClassifier: Instances(
        on_numbers=[
            LinearTransferClassifier(),
            LinearTransferClassifier(self_training=0, n_topics=1),
        ],
        on_texts={"linear": make_linear()},
    ),
    MetaNetClassifier: Instances(
        on_numbers=[MetaNetClassifier(max_epochs=5, verbose=0)],
        on_texts={
            "meta network": make_meta_net(),
            "maml head": make_meta_net(meta_algorithm="maml", inner_steps=2, trainable="head"),
            "reptile characters": make_meta_net(
                meta_algorithm="reptile", inner_steps=2, encoder=CHARACTERS
            ),
        },
        on_pairs={
            "meta network": make_meta_net(text_column=COLUMNS),
            "meta head": make_meta_net(text_column=COLUMNS, trainable="head"),
        },
    ),
    TransferRegressor: Instances(
        on_numbers=[TransferRegressor(verbose=0)],
        of_numbers_on_texts={
            "scratch": make_regressor(**ONE_EPOCH),
            "characters": make_regressor(
                **ONE_EPOCH, encoder=CHARACTERS, loss="huber", target_norm=True
            ),
            "ridge teacher": make_regressor(
                **ONE_EPOCH,
                source=make_pipeline(CHARACTERS, Ridge()),
                dictionary=DICTIONARY,
            ),
        },
        on_pairs={"regressor": make_regressor(**ONE_EPOCH, text_column=COLUMNS)},
    ),
    MetaNetRegressor: Instances(
        on_numbers=[MetaNetRegressor(verbose=0)],
        of_numbers_on_texts={
            "meta network": make_meta_regressor(),
            "meta characters": make_meta_regressor(encoder=CHARACTERS, target_norm=True),
        },
        on_pairs={"meta regressor": make_meta_regressor(text_column=COLUMNS)},
    ),
    MetaParamSearchCV: Instances(
        on_numbers=[
            make_search(LogisticRegression(), {"C": [0.1, 1.0]}),
            make_search(Ridge(), {"alpha": [0.1, 1.0]}),
        ],
        on_texts={"search": make_search(make_linear(), {"C": [0.1, 2.0]})},
        on_pairs={
            "search": make_search(
                make_classifier(**ONE_EPOCH, text_column=COLUMNS, trainable="head"),
                {"learning_rate": [0.1, 0.01]},
            )
        },
    ),
    LanguageStandardScaler: Instances(
        on_numbers=[
            LanguageStandardScaler(),
            LanguageStandardScaler(with_mean=False),
            LanguageStandardScaler(with_std=False),
        ]
    ),
    EncoderVectorizer: Instances(
        without_data=[EncoderVectorizer(), EncoderVectorizer(text_column=COLUMNS)],
        left_out="It takes texts, and the suite gives numbers.",
    ),
    LanguageIdentifier: Instances(
        without_data=[LanguageIdentifier()], left_out="It takes texts, and the suite gives numbers."
    ),
    TransferTranslator: Instances(
        without_data=[TransferTranslator(target_language="zh")],
        left_out="It takes texts and translations, and the suite gives numbers and classes.",
    ),
    DictionaryTranslator: Instances(
        without_data=[DictionaryTranslator(DICTIONARY)],
        left_out="It takes texts, and the suite gives numbers.",
    ),
    **{
        scorer: Instances(without_data=[scorer()], left_out="It scores, and is not fitted.")
        for scorer in (
            CircularValidation,
            ImportanceWeightedScorer,
            PredictionEntropyScorer,
            SoftNeighborhoodDensity,
        )
    },
}
VARIANTS = {
    name: estimator
    for instances in ESTIMATORS.values()
    for name, estimator in instances.on_texts.items()
}
REGRESSORS = {
    name: estimator
    for instances in ESTIMATORS.values()
    for name, estimator in instances.of_numbers_on_texts.items()
}
PAIR_MODELS = {
    name: estimator
    for instances in ESTIMATORS.values()
    for name, estimator in instances.on_pairs.items()
}
MODELS = [name for name in VARIANTS if name not in ESTIMATORS[MetaParamSearchCV].on_texts]
not_a_search = pytest.mark.parametrize("name", MODELS, indirect=True)
"""For tests of parameters that a search has not, or of predictions with `language`."""

X, Y = make_pair(40, 40, n_labelled=20)
X_TEST, Y_TEST = make_pair(10, 10, n_labelled=10, seed=5)
LABELLED = ~np.isnan(Y)
SHUFFLED = np.random.default_rng(0).permutation(np.flatnonzero(LABELLED))
X_LABELLED, Y_LABELLED = X.iloc[SHUFFLED].reset_index(drop=True), Y[SHUFFLED].astype(int)
STARS, STARS_TEST = as_stars(Y), as_stars(Y_TEST)
STARS_LABELLED = STARS[SHUFFLED]
FITTED = {}
"""The models that tests have fitted in this process."""


def assert_same_predictions(model, other, X=X_TEST, X_other=None):
    X_other = X if X_other is None else X_other
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X_other))
    np.testing.assert_array_equal(model.predict(X), other.predict(X_other))


def lower(X):
    return X.assign(text=X["text"].str.lower())
