"""Fitted estimators as `encoder` in `FrozenEstimator`, alone and where estimators are cloned."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from tiny import make_classifier, make_config, make_meta_net, make_pair

from metaling_sk import EncoderVectorizer, MetaNetClassifier, TransferClassifier

X, Y = make_pair(20, 20, n_labelled=20)
Y = Y.astype(int)
FOLDS = [(np.arange(0, 40, 2), np.arange(1, 40, 2)), (np.arange(1, 40, 2), np.arange(0, 40, 2))]


def of_transfer():
    return make_classifier(target_languages="zh").fit(X, Y)


def of_meta_net():
    return make_meta_net(trainable="head").fit(X, Y)


def of_characters():
    return TfidfVectorizer(analyzer="char").fit(["good room", "房间不错"])


def of_vectors():
    return EncoderVectorizer(make_config(), verbose=0, random_state=0).fit(X)


def of_both():
    return make_union(of_characters(), EncoderVectorizer(make_config(), verbose=0)).fit(X["text"])


ENCODERS = {
    "transfer": of_transfer,
    "meta network": of_meta_net,
    "characters": of_characters,
    "vectors": of_vectors,
    "both": of_both,
}


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request):
    return ENCODERS[request.param]()


@pytest.mark.parametrize(
    ("encoder", "make", "trainable"),
    [
        *((name, make_classifier, "all") for name in ENCODERS),
        *((name, make_meta_net, "head") for name in ENCODERS),
        ("transfer", make_classifier, "head"),
        ("transfer", make_meta_net, "all"),
    ],
    indirect=["encoder"],
)
def test_a_frozen_encoder_is_cross_validated(encoder, make, trainable):
    before = outputs(encoder)
    model = make(encoder=FrozenEstimator(encoder), trainable=trainable)
    expected = np.empty((len(X), 2))
    for training, test in FOLDS:
        by_hand = make(encoder=FrozenEstimator(encoder), trainable=trainable)
        by_hand.fit(X.iloc[training], Y[training])
        expected[test] = by_hand.predict_proba(X.iloc[test])
    found = cross_val_predict(model, X, Y, cv=FOLDS, method="predict_proba")
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(outputs(encoder), before)


def outputs(encoder):
    if hasattr(encoder, "predict_proba"):
        return encoder.predict_proba(X)
    vectors = encoder.transform(X["text"])
    return vectors.toarray() if sparse.issparse(vectors) else vectors


@pytest.mark.parametrize("own", [of_transfer, of_meta_net])
def test_a_frozen_classifier_gives_its_encoder(own):
    encoder = own()
    plain, frozen = (
        make_classifier(encoder=each, trainable="head").fit(X, Y)
        for each in (encoder, FrozenEstimator(encoder))
    )
    np.testing.assert_array_equal(frozen.predict_proba(X), plain.predict_proba(X))
    for name, weight in encoder.text_encoder_.state_dict().items():
        assert torch.equal(weight.cpu(), frozen.text_encoder_.state_dict()[name].cpu())


def test_a_frozen_vectorizer_is_not_fitted_anew():
    characters = of_characters()
    model = make_classifier(encoder=FrozenEstimator(characters)).fit(X, Y)
    assert model.front_end_.vectorizer.vocabulary_ == characters.vocabulary_
    frozen_part = make_union(FrozenEstimator(characters), FrozenEstimator(of_vectors()))
    model = clone(make_classifier(encoder=frozen_part)).fit(X, Y)
    assert model.front_end_.statistics.mean.shape[1] == len(characters.vocabulary_) + 16


def test_encoder_vectorizer_with_a_frozen_encoder():
    own, vectors = of_transfer(), of_vectors()
    for fitted in (own, vectors):
        vectorizer = EncoderVectorizer(FrozenEstimator(fitted), dtype="float32", verbose=0)
        pipeline = make_pipeline(vectorizer, LogisticRegression())
        search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2)
        found = search.fit(X["text"], Y).best_estimator_[0].text_encoder_.state_dict()
        for name, weight in fitted.text_encoder_.state_dict().items():
            assert torch.equal(weight, found[name])


UNFITTED = [TransferClassifier(), MetaNetClassifier(), FrozenEstimator(TransferClassifier())]


@pytest.mark.parametrize("encoder", UNFITTED)
def test_an_encoder_that_is_not_fitted(encoder):
    message = r"`encoder`: this \w+ is not fitted. Fit it first, and pass encoder=sklearn.frozen.Fr"
    with pytest.raises(NotFittedError, match=message):
        make_classifier(encoder=encoder).fit(X, Y)
    with pytest.raises(NotFittedError, match=message):
        EncoderVectorizer(encoder).fit(X)


def test_a_clone_that_lost_its_encoder_says_how_to_keep_it():
    with pytest.raises(ValueError, match="encoder=sklearn.frozen.FrozenEstimator"):
        cross_val_score(make_classifier(encoder=of_transfer()), X, Y, cv=2)
