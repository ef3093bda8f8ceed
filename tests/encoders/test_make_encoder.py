"""Every other kind of `encoder`."""

import copy
import pickle

import numpy as np
import pytest
import torch
from encoder_cases import PLAIN, TEXTS, BagOfTokens, X, Y
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_union
from sklearn.preprocessing import FunctionTransformer
from tiny import make_classifier, make_config, make_reviews
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    CamembertConfig,
    GPT2Config,
    LlamaConfig,
    MPNetConfig,
    RobertaConfig,
    XLMConfig,
)

from metaling_sk import EncoderVectorizer
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.modalities import MODALITIES
from metaling_sk._network.classifier import IdentityEncoder

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_a_transformer_of_tables_is_told_what_it_was_given():
    columns = make_column_transformer((TfidfVectorizer(), "text"))
    with pytest.raises(Exception, match=".") as caught:
        make_classifier(encoder=columns).fit(X, Y)
    assert "ColumnTransformer was given the texts of X alone" in caught.value.__notes__[0]


def test_a_module_and_its_tokenizer(folder):
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    before = pickle.dumps(model.state_dict())
    vectorizer = EncoderVectorizer((model, tokenizer), layer=0.5, **PLAIN)
    expected = EncoderVectorizer(folder, layer=0.5, **PLAIN).fit_transform(TEXTS)
    np.testing.assert_array_equal(vectorizer.fit_transform(TEXTS), expected)
    make_classifier(encoder=(model, tokenizer)).fit(X, Y)
    assert pickle.dumps(model.state_dict()) == before
    assert model.config.num_hidden_layers == 4


def test_a_module_without_a_config(bert):
    pair = BagOfTokens(), AutoTokenizer.from_pretrained(bert)
    vectors = EncoderVectorizer(pair, **PLAIN).fit_transform(TEXTS)
    assert vectors.shape == (len(TEXTS), 7)
    model = make_classifier(encoder=pair, target_languages="zh").fit(X, Y)
    assert model.predict(X).shape == (len(X),)
    with pytest.raises(ValueError, match="`layer`: BagOfTokens does not show its layers"):
        EncoderVectorizer(pair, layer=0.5, **PLAIN).fit(TEXTS)


SMALL = {
    "vocab_size": 300,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


@pytest.mark.parametrize("kind", [CamembertConfig, MPNetConfig, RobertaConfig, GPT2Config])
def test_no_more_tokens_than_positions(kind, bert):
    pair = AutoModel.from_config(kind(**SMALL)), AutoTokenizer.from_pretrained(bert)
    vectorizer = EncoderVectorizer(pair, max_length=1000, **PLAIN)
    vectors = vectorizer.fit_transform(["good hotel " * 200])
    assert np.isfinite(vectors).all()
    assert vectorizer.text_encoder_.max_length == (64 if kind is GPT2Config else 62)


def test_layers_in_parallel_lists(bert):
    config = XLMConfig(vocab_size=300, emb_dim=16, n_layers=2, n_heads=2)
    pair = AutoModel.from_config(config), AutoTokenizer.from_pretrained(bert)
    with pytest.raises(ValueError, match="`layer`: XLMModel does not show its layers"):
        EncoderVectorizer(pair, layer=0.5, **PLAIN).fit(TEXTS)


def test_a_model_with_a_head(bert):
    model = AutoModelForSequenceClassification.from_config(make_config())
    tokenizer = AutoTokenizer.from_pretrained(bert)
    with pytest.raises(TypeError, match="BertForSequenceClassification gives neither a tensor no"):
        EncoderVectorizer((model, tokenizer), **PLAIN).fit_transform(TEXTS)
    EncoderVectorizer((model.base_model, tokenizer), **PLAIN).fit_transform(TEXTS)


@pytest.mark.parametrize("config", [make_config(), LlamaConfig(**SMALL)], ids=["BERT", "Llama"])
def test_a_config(config):
    model = make_classifier(encoder=config, target_languages="zh").fit(X, Y)
    backbone = model.net_.module_.encoder.backbone
    assert isinstance(backbone, type(AutoModel.from_config(config)))
    assert len(model.text_encoder_.tokenizer) <= 300


def test_a_fitted_classifier_as_encoder():
    first = make_classifier(target_languages="zh").fit(X, Y)
    weights = copy.deepcopy(first.net_.module_.encoder).cpu().state_dict()
    frozen = make_classifier(encoder=first, trainable="head", target_languages="zh").fit(X, Y)
    for name, weight in frozen.text_encoder_.state_dict().items():
        assert torch.equal(weight, weights[name])
    # Trained further and frozen again, it gives other vectors than before.
    trained = make_classifier(encoder=frozen, target_languages="zh", learning_rate=0.01).fit(X, Y)
    again = make_classifier(encoder=trained, trainable="head", target_languages="zh").fit(X, Y)
    assert not np.allclose(frozen.front_end_.statistics.mean, again.front_end_.statistics.mean)
    for name, weight in first.net_.module_.encoder.state_dict().items():
        assert torch.equal(weight.cpu(), weights[name])


@pytest.mark.parametrize("encoder", [3, None, ("a", "b"), LogisticRegression()])
def test_no_encoder(encoder):
    with pytest.raises(TypeError, match="`encoder` must be 'scratch', a name or path of a transf"):
        make_classifier(encoder=encoder).fit(X, Y)


CHARACTERS = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 2))


def test_what_makes_vectors_by_itself_is_no_encoder_of_a_vectorizer():
    with pytest.raises(TypeError, match="got TfidfVectorizer. An sklearn .* by itself") as error:
        EncoderVectorizer(CHARACTERS).fit(["good"])
    assert "sklearn" not in str(error.value).partition("got TfidfVectorizer")[0]


def test_an_sklearn_transformer(count_forwards):
    model = make_classifier(encoder=CHARACTERS, target_languages="zh").fit(X, Y)
    assert not hasattr(CHARACTERS, "vocabulary_")
    assert (
        "好" not in model.front_end_.vectorizer.vocabulary_
        and "酒" in model.front_end_.vectorizer.vocabulary_
    )
    assert count_forwards["texts"] == 0
    learnt = make_classifier(encoder=CHARACTERS, max_epochs=30, learning_rate=0.05)
    assert learnt.fit(X[:30], Y[:30]).score(*make_reviews(50, "en", 9)) > 0.9


def test_a_fitted_transformer_that_is_to_stay_as_it_is():
    vectorizer = clone(CHARACTERS).fit(["good", "bad"])
    model = make_classifier(encoder=FrozenEstimator(vectorizer)).fit(X, Y)
    assert model.front_end_.vectorizer.vocabulary_ == vectorizer.vocabulary_


def test_a_union_of_characters_and_vectors(bert):
    union = make_union(CHARACTERS, EncoderVectorizer(bert, **PLAIN))
    model = make_classifier(encoder=union, target_languages="zh").fit(X, Y)
    n_characters = len(model.front_end_.vectorizer.transformer_list[0][1].vocabulary_)
    assert model.front_end_.statistics.mean.shape[1] == n_characters + 16
    assert model.predict(X).shape == (len(X),)
    assert cross_val_score(model, X[:30], Y[:30], cv=2, error_score="raise").shape == (2,)


def test_a_transformer_to_dense_numbers():
    lengths = FunctionTransformer(lambda texts: np.array([[len(text), 1.0] for text in texts]))
    model = make_classifier(encoder=lengths, target_languages="zh").fit(X, Y)
    assert model.front_end_.statistics.mean.shape == (3, 2)


def test_a_transformer_that_gives_nan():
    broken = FunctionTransformer(lambda texts: np.full((len(texts), 2), np.nan))
    with pytest.raises(ValueError, match="NaN"):
        make_classifier(encoder=broken).fit(X, Y)


def test_the_backbone_is_not_changed_by_training_the_head(bert):
    model = make_classifier(encoder=bert, trainable="head", target_languages="zh").fit(X, Y)
    weights = AutoModel.from_pretrained(bert).state_dict()
    for name, weight in model.text_encoder_.backbone.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert isinstance(model.net_.module_.encoder, IdentityEncoder)


def test_what_a_text_encoder_is_made_of(bert):
    encoder = MODALITIES["texts"].make_encoder(
        EncodingParameters(bert, pooling="mean", max_length=9)
    )
    assert encoder.n_features == 16
    assert encoder.backbone.pooler is None
    assert encoder.tokenize(TEXTS).lengths.max() == 9
