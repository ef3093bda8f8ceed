"""Reviews that TransferClassifier learns from in tests."""

import numpy as np
from tiny import make_classifier, make_pair, make_reviews

FEW_SHOT = make_pair(60, 60, n_labelled=40, joiner=" ")
UNLABELLED = make_pair(60, 60, joiner=" ")
CHINESE = make_reviews(100, "zh", seed=7, joiner=" ")
ENGLISH = make_reviews(60, "en", seed=0, joiner=" ")


def features(X, n_columns=6):
    """Numbers that tell the label of a review, more or less."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(len(X), n_columns))


NUMBERS = features(FEW_SHOT[0])


def fit(parameters, X=FEW_SHOT[0], y=FEW_SHOT[1], **routed):
    return make_classifier(**{"target_languages": "zh"} | parameters).fit(X, y, **routed)


SWAPPED = {"source_languages": "zh", "target_languages": "en"}
