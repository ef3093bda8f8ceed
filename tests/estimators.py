"""Every public estimator, for scikit-learn's suite, and the texts that our suite goes through."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from input_kinds import DICTIONARY, KINDS, X_TEST, Y_TEST, X, Y, make_search
from sklearn.linear_model import LogisticRegression, Ridge
from text_pairs import COLUMNS
from tiny import as_stars

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


class Instances(NamedTuple):
    """Small instances of one estimator."""

    on_numbers: Sequence = ()
    """For scikit-learn's suite."""
    without_data: Sequence = ()
    """For those checks of scikit-learn's suite that need no data, where the others do not apply."""
    left_out: str = ""
    """Why they do not apply."""


ESTIMATORS = {
    TransferClassifier: Instances([TransferClassifier(verbose=0)]),
    LinearTransferClassifier: Instances(
        [LinearTransferClassifier(), LinearTransferClassifier(self_training=0, n_topics=1)]
    ),
    MetaNetClassifier: Instances([MetaNetClassifier(max_epochs=5, verbose=0)]),
    TransferRegressor: Instances([TransferRegressor(verbose=0)]),
    MetaNetRegressor: Instances([MetaNetRegressor(verbose=0)]),
    MetaParamSearchCV: Instances(
        [
            make_search(LogisticRegression(), {"C": [0.1, 1.0]}),
            make_search(Ridge(), {"alpha": [0.1, 1.0]}),
        ]
    ),
    LanguageStandardScaler: Instances(
        [
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
VARIANTS = KINDS["texts"].models
MODELS = [name for name in VARIANTS if name != "search"]
not_a_search = pytest.mark.parametrize("name", MODELS, indirect=True)
"""For tests of parameters that a search has not, or of predictions with `language`."""

LABELLED = ~np.isnan(Y)
SHUFFLED = np.random.default_rng(0).permutation(np.flatnonzero(LABELLED))
X_LABELLED, Y_LABELLED = X.iloc[SHUFFLED].reset_index(drop=True), Y[SHUFFLED].astype(int)
STARS, STARS_TEST = as_stars(Y), as_stars(Y_TEST)
STARS_LABELLED = STARS[SHUFFLED]


def assert_same_predictions(model, other, X=X_TEST, X_other=None):
    X_other = X if X_other is None else X_other
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X_other))
    np.testing.assert_array_equal(model.predict(X), other.predict(X_other))


def lower(X):
    return X.assign(text=X["text"].str.lower())
