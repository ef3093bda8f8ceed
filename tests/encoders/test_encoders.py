import copy
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from tiny import ODD_TEXTS, make_classifier, make_config, make_pair, make_reviews
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    CamembertConfig,
    GPT2Config,
    LlamaConfig,
    MPNetConfig,
    RobertaConfig,
    T5Config,
    XLMConfig,
)

from metaling_sk import EncoderVectorizer
from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.tokens import CHARACTERS_PER_TOKEN, Tokens, tokenize
from metaling_sk._encoders.make_encoder import make_text_encoder
from metaling_sk._encoders.memory_cache import CACHE, VectorCache, keys_of
from metaling_sk._encoders.scratch import train_tokenizer
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._network.classifier import IdentityEncoder

X, Y = make_pair(30, 30, n_labelled=10)
TEXTS = [*X["text"][25:35], "", "好", "a", "room " * 200]
PLAIN = {"device": "cpu", "dtype": "float32", "verbose": 0}


@pytest.fixture(autouse=True)
def empty_cache():
    CACHE.clear()


@pytest.fixture(params=["bert", "decoder"])
def folder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def count_forwards(monkeypatch):
    """How many texts go through any encoder, and how many of their layers."""
    counts = {"texts": 0, "longest": 0}
    forward = TextEncoder.forward

    def count(self, input_ids, attention_mask):
        counts["texts"] += len(input_ids)
        counts["longest"] = max(counts["longest"], input_ids.shape[1])
        return forward(self, input_ids, attention_mask)

    monkeypatch.setattr(TextEncoder, "forward", count)
    return counts


def reference(folder, texts, pooling, layer, max_length=128):
    """The vectors by transformers alone, a text at a time."""
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    max_length = min(max_length, model.config.max_position_embeddings)
    vectors = []
    for text in texts:
        ids = tokenizer(text)["input_ids"][:max_length] or [tokenizer.unk_token_id]
        with torch.no_grad():
            output = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        hidden = output.hidden_states[layer][0].numpy()
        vectors.append({"mean": hidden.mean(axis=0), "cls": hidden[0], "last": hidden[-1]}[pooling])
    return np.stack(vectors)


# Checkpoints


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
@pytest.mark.parametrize(
    ("layer", "number"),
    [(-1, 4), (4, 4), (1.0, 4), (-2, 3), (3, 3), (0.5, 2), (1, 1), (0.25, 1), (-4, 1)],
)
def test_vectors_are_those_of_transformers(folder, pooling, layer, number):
    vectorizer = EncoderVectorizer(folder, pooling=pooling, layer=layer, **PLAIN)
    vectors = vectorizer.fit_transform(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), 16)
    expected = reference(folder, TEXTS, pooling, number)
    np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-5)
    backbone = vectorizer.text_encoder_.backbone
    layers = next(module for module in backbone.modules() if isinstance(module, nn.ModuleList))
    assert len(layers) == number


def test_layers_above_are_not_computed(folder):
    encoder = EncoderVectorizer(folder, layer=0.5, **PLAIN).fit(TEXTS).text_encoder_
    calls = []
    for module in encoder.backbone.modules():
        if isinstance(module, nn.ModuleList):
            for layer in module:
                layer.register_forward_hook(lambda *args: calls.append(1))
    encoder(torch.ones((1, 3), dtype=torch.int64), torch.ones((1, 3), dtype=torch.int64))
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (0, "got 0: this encoder has 4 layers"),
        (5, "`layer` must be -1"),
        (-5, "`layer` must be -1"),
        (0.0, "got 0.0"),
        (1.5, "got 1.5"),
        (0.1, "a fraction of the depth such as 0.5"),
        ("middle", "got 'middle'"),
        (None, "got None"),
    ],
)
def test_layers_that_there_are_not(bert, layer, message):
    with pytest.raises(ValueError, match=message):
        EncoderVectorizer(bert, layer=layer, **PLAIN).fit(TEXTS)


def test_a_pooling_that_there_is_not(bert):
    with pytest.raises(ValueError, match=r"`pooling` must be one of \['mean', 'cls', 'last'\], go"):
        EncoderVectorizer(bert, pooling="max", **PLAIN).fit(TEXTS)


def test_texts_are_truncated(folder, count_forwards):
    vectorizer = EncoderVectorizer(folder, max_length=5, **PLAIN).fit(TEXTS)
    np.testing.assert_allclose(
        vectorizer.transform(TEXTS),
        reference(folder, TEXTS, "mean", 4, max_length=5),
        rtol=1e-4,
        atol=1e-5,
    )
    assert count_forwards["longest"] == 5
    # Never beyond the positions that the model has.
    EncoderVectorizer(folder, max_length=10_000, **PLAIN).fit_transform(["room " * 500])
    assert count_forwards["longest"] == 64


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("layer", [-1, 0.5])
def test_a_checkpoint_is_fitted(folder, trainable, layer):
    model = make_classifier(
        encoder=folder, trainable=trainable, target_languages="zh", layer=layer
    ).fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()
    parts = model.predict_proba(X.iloc[[3]]), model.predict_proba(X)[[3]]
    np.testing.assert_allclose(*parts, rtol=1e-4)


def test_a_path_object(bert):
    as_text = EncoderVectorizer(bert, **PLAIN).fit_transform(TEXTS)
    as_path = EncoderVectorizer(Path(bert), **PLAIN).fit_transform(TEXTS)
    np.testing.assert_array_equal(as_text, as_path)


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_silence(folder, trainable, tmp_path, capfd):
    shutil.copytree(folder, tmp_path / "model")
    model = make_classifier(encoder=tmp_path / "model", trainable=trainable, layer=0.5)
    model.fit(X, Y).predict(X)
    assert capfd.readouterr() == ("", "")
    assert transformers.utils.logging.is_progress_bar_enabled()


def test_two_estimators_do_not_share_weights(bert):
    one, other = (make_classifier(encoder=bert).fit(X[:30], Y[:30]) for _ in range(2))
    weight = other.net_.module_.encoder.backbone.embeddings.word_embeddings.weight
    before = weight.detach().clone()
    one.partial_fit(X[:30], Y[:30])
    assert torch.equal(weight, before)


def test_pretrained_weights_learn_slowly(bert):
    def rates(encoder):
        model = make_classifier(encoder=encoder, target_languages="zh").fit(X, Y)
        return sorted({group["initial_lr"] for group in model.net_.optimizer_.param_groups})

    of_encoder, of_head = rates(bert)
    assert of_encoder == 5e-5 < of_head
    assert rates(make_config()) == [of_head]


def test_a_folder_that_is_written_again_is_read_again(bert, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(bert, folder)
    old = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    model = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.add_(torch.randn(300, 16))
    weights = model.state_dict()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    new = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    assert not np.allclose(old, new)


@pytest.mark.parametrize("kind", ["no folder", "an empty folder", "a file", "no weights"])
def test_no_model_there(kind, bert, tmp_path):
    path = tmp_path / "model"
    if kind == "an empty folder":
        path.mkdir()
    elif kind == "a file":
        path.write_text("weights")
    elif kind == "no weights":
        shutil.copytree(bert, path)
        (path / "model.safetensors").unlink()
    with pytest.raises(OSError, match="`encoder`: .* is no folder with a transformers model"):
        make_classifier(encoder=str(path)).fit(X, Y)


def test_no_pickled_weights(bert, tmp_path):
    shutil.copytree(bert, tmp_path / "model")
    model = AutoModel.from_pretrained(bert)
    (tmp_path / "model" / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors weights"):
        EncoderVectorizer(tmp_path / "model", **PLAIN).fit(TEXTS)


def test_an_encoder_decoder_model(save_checkpoint):
    config = T5Config(
        vocab_size=300, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    folder = save_checkpoint(config)
    with pytest.raises(ValueError, match="is an encoder-decoder model; encoders and decoders alo"):
        EncoderVectorizer(folder, **PLAIN).fit(TEXTS)
    model = AutoModel.from_pretrained(folder)
    pair = model.get_encoder(), AutoTokenizer.from_pretrained(folder)
    assert EncoderVectorizer(pair, **PLAIN).fit_transform(TEXTS).shape == (len(TEXTS), 16)


# Other kinds


def test_a_module_and_its_tokenizer(folder):
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    before = pickle.dumps(model.state_dict())
    vectorizer = EncoderVectorizer((model, tokenizer), layer=0.5, **PLAIN)
    expected = EncoderVectorizer(folder, layer=0.5, **PLAIN).fit_transform(TEXTS)
    np.testing.assert_array_equal(vectorizer.fit_transform(TEXTS), expected)
    make_classifier(encoder=(model, tokenizer)).fit(X, Y)
    assert pickle.dumps(model.state_dict()) == before
    assert model.config.num_hidden_layers == 4


class BagOfTokens(nn.Module):
    """A module of the user's own."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(300, 7)

    def forward(self, input_ids, attention_mask):
        return self.embedding(input_ids)


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


def test_from_scratch_by_default():
    model = make_classifier(encoder="scratch", max_epochs=1).fit(X, Y)
    config = model.net_.module_.encoder.backbone.config
    assert isinstance(config, BertConfig)
    assert config.vocab_size == len(model.text_encoder_.tokenizer)


def test_the_tokenizer_knows_the_words_of_every_language():
    X_many, _ = make_pair(400, 20)
    tokenizer = train_tokenizer(X_many["text"].to_numpy(), X_many["language"].to_numpy(), 300)
    for text in X_many["text"]:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert tokenizer("GOOD Hotel")["input_ids"] == tokenizer("good hotel")["input_ids"]


def test_a_fitted_classifier_as_encoder():
    first = make_classifier(target_languages="zh").fit(X, Y)
    weights = copy.deepcopy(first.net_.module_.encoder.state_dict())
    frozen = make_classifier(encoder=first, trainable="head", target_languages="zh").fit(X, Y)
    for name, weight in frozen.text_encoder_.state_dict().items():
        assert torch.equal(weight, weights[name])
    # Trained further and frozen again, it gives other vectors than before.
    trained = make_classifier(encoder=frozen, target_languages="zh", learning_rate=0.01).fit(X, Y)
    again = make_classifier(encoder=trained, trainable="head", target_languages="zh").fit(X, Y)
    assert not np.allclose(frozen.front_end_.statistics.mean, again.front_end_.statistics.mean)
    for name, weight in first.net_.module_.encoder.state_dict().items():
        assert torch.equal(weight, weights[name])


@pytest.mark.parametrize("encoder", [3, None, ("a", "b"), LogisticRegression()])
def test_no_encoder(encoder):
    with pytest.raises(TypeError, match="`encoder` must be 'scratch', a name or path of a transf"):
        make_classifier(encoder=encoder).fit(X, Y)


CHARACTERS = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 2))


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


# Frozen encoders


def test_a_text_is_encoded_once(folder, count_forwards):
    n_texts = X["text"].nunique()
    parameters = {"encoder": folder, "trainable": "head", "target_languages": "zh"}
    model = make_classifier(max_epochs=5, **parameters).fit(X, Y)
    model.predict(X)
    assert count_forwards["texts"] == n_texts
    labelled = X[:40].sample(frac=1, random_state=0)
    y = Y[labelled.index].astype(int)
    cross_val_score(make_classifier(**parameters), labelled, y, cv=3, error_score="raise")
    grid = {"learning_rate": [1e-3, 1e-2]}
    GridSearchCV(make_classifier(**parameters), grid, cv=2, error_score="raise").fit(labelled, y)
    clone(model).fit(X, Y).predict(X)
    EncoderVectorizer(folder, **PLAIN).fit_transform(X)
    assert count_forwards["texts"] == n_texts
    model.predict(["something new", "something new"], language="en")
    assert count_forwards["texts"] == n_texts + 1


def test_other_encoders_have_other_vectors(bert, decoder):
    parameters = [{}, {"layer": 2}, {"pooling": "cls"}, {"max_length": 3}]
    vectors = [EncoderVectorizer(bert, **kind, **PLAIN).fit_transform(TEXTS) for kind in parameters]
    vectors.append(EncoderVectorizer(decoder, **PLAIN).fit_transform(TEXTS))
    vectors += [
        EncoderVectorizer(random_state=seed, **PLAIN).fit_transform(TEXTS)[:, :16]
        for seed in range(2)
    ]
    for number, one in enumerate(vectors):
        assert not any(np.allclose(one, other) for other in vectors[:number])


def test_the_backbone_is_not_changed_by_training_the_head(bert):
    model = make_classifier(encoder=bert, trainable="head", target_languages="zh").fit(X, Y)
    weights = AutoModel.from_pretrained(bert).state_dict()
    for name, weight in model.text_encoder_.backbone.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert isinstance(model.net_.module_.encoder, IdentityEncoder)


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = VectorCache(max_bytes=3 * 8)
    vectors = np.arange(8, dtype=np.float32).reshape(4, 2)
    keys = keys_of(b"key", ["a", "b", "c", "d"])
    cache.put(keys[:3], vectors[:3])
    assert cache.get(keys[:1])[0].tolist() == [0, 1]
    cache.put(keys[3:], vectors[3:])
    found = cache.get(keys)
    assert [vector is None for vector in found] == [False, True, False, False]
    vectors[0] = 7
    assert cache.get(keys[:1])[0].tolist() == [0, 1]
    cache.clear()
    assert cache.get(keys) == [None] * 4


# EncoderVectorizer


def test_the_vectorizer_is_a_transformer_like_others(bert):
    vectorizer = EncoderVectorizer(bert, **PLAIN)
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)
    vectors = vectorizer.fit(X).transform(X)
    np.testing.assert_array_equal(clone(vectorizer).fit_transform(X["text"]), vectors)
    loaded = pickle.loads(pickle.dumps(vectorizer))
    CACHE.clear()
    np.testing.assert_array_equal(loaded.transform(X["text"].tolist()), vectors)
    assert vectorizer.get_feature_names_out()[:2].tolist() == [
        "encodervectorizer0",
        "encodervectorizer1",
    ]
    frame = clone(vectorizer).set_output(transform="pandas").fit_transform(X)
    assert isinstance(frame, pd.DataFrame) and frame.shape == (len(X), 16)
    pipeline = make_pipeline(vectorizer, LogisticRegression()).fit(X[:30], Y[:30])
    assert pipeline.predict(X).shape == (len(X),)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts(folder, text):
    vectorizer = EncoderVectorizer(folder, **PLAIN).fit(TEXTS)
    alone = vectorizer.transform([text])
    assert np.isfinite(alone).all()
    CACHE.clear()
    np.testing.assert_allclose(
        vectorizer.transform(["room " * 30, text])[1:], alone, rtol=1e-4, atol=1e-6
    )


def test_vectors_do_not_depend_on_the_batch(folder):
    vectorizer = EncoderVectorizer(folder, batch_size=1, **PLAIN).fit(TEXTS)
    alone = vectorizer.transform(TEXTS)
    CACHE.clear()
    together = vectorizer.set_params(batch_size=64).transform(TEXTS)
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_the_seed_of_random_weights():
    first, again, other = (
        EncoderVectorizer(make_config(), random_state=seed, **PLAIN).fit_transform(TEXTS)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_vectorizer_refuses_numbers_and_wrong_parameters(bert):
    with pytest.raises(ValueError, match="EncoderVectorizer encodes texts, but X holds numbers"):
        EncoderVectorizer(bert, **PLAIN).fit(np.eye(3))
    with pytest.raises(ValueError, match="`batch_size` must be a whole number of at least 1"):
        EncoderVectorizer(bert, **PLAIN, batch_size=0).fit(TEXTS)


def test_low_precision(folder):
    exact = EncoderVectorizer(folder, **PLAIN).fit_transform(TEXTS)
    rough = EncoderVectorizer(folder, **PLAIN | {"dtype": "bfloat16"}).fit_transform(TEXTS)
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, exact, atol=0.2)
    assert not np.array_equal(rough, exact)


# Tokens and batches

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=30)


def tokens_of(lengths):
    """Text i holds the id i + 1 as often as it is long."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Tokens(np.repeat(np.arange(len(lengths), dtype=np.int32) + 1, lengths), offsets)


@given(LENGTHS, st.data())
def test_tokens_are_taken_and_padded(lengths, data):
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=20))
    tokens = tokens_of(lengths).take(np.array(rows))
    assert len(tokens) == len(rows)
    assert tokens.lengths.tolist() == [lengths[row] for row in rows]
    ids, mask = tokens.pad()
    assert ids.shape == mask.shape == (len(rows), max(lengths[row] for row in rows))
    for row, padded, shown in zip(rows, ids, mask, strict=True):
        assert shown.tolist() == [1] * lengths[row] + [0] * (len(shown) - lengths[row])
        assert padded.tolist() == (shown * (row + 1)).tolist()


@given(LENGTHS, st.integers(1, 8), st.sampled_from([None, 0, 1]))
def test_every_row_is_in_one_batch(lengths, batch_size, seed):
    rows = EncodedSamples(tokens_of(lengths), np.zeros(len(lengths), dtype=np.int64))
    rng = None if seed is None else np.random.RandomState(seed)
    batches = rows.indices(batch_size, rng)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) == batch_size for batch in batches[:-1]) or rng is not None
    assert max(map(len, batches)) <= batch_size
    assert len(batches) == -(-len(lengths) // batch_size)
    if rng is None:
        ordered = [lengths[row] for batch in batches for row in batch]
        assert ordered == sorted(lengths, reverse=True)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=3), st.integers(1, 6))
def test_steps_take_a_batch_of_every_stream(sizes, batch_size):
    streams = {
        str(number): EncodedSamples(tokens_of([1] * size), np.arange(size), y=np.arange(size))
        for number, size in enumerate(sizes)
    }
    steps = StepIterator(streams, batch_size, np.random.RandomState(0))
    seen = [step.batches for step, _ in steps]
    assert len(seen) == len(steps) == -(-max(sizes) // steps.batch_size)
    assert steps.batch_size in (batch_size, 2) or len(steps) >= 10
    for number, size in enumerate(sizes):
        rows = torch.cat([batches[str(number)].y for batches in seen])
        # A stream is gone through completely before it starts anew.
        first = rows[:size]
        if len(rows) >= size:
            assert sorted(first.tolist()) == list(range(size))


def test_steps_without_rows():
    assert len(StepIterator({}, 3)) == 0
    assert (
        list(
            StepIterator({"source": EncodedSamples(tokens_of([1]).take([]), np.array([], int))}, 3)
        )
        == []
    )


def test_a_text_is_not_read_beyond_what_can_count(bert):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    read = []

    def listen(texts, **options):
        read.extend(texts)
        return tokenizer(texts, **options)

    for name in ("unk_token_id", "eos_token_id", "pad_token_id"):
        setattr(listen, name, getattr(tokenizer, name))
    tokens = tokenize(["a" * 1_000_000, "b"], listen, max_length=4)
    assert max(map(len, read)) <= 4 * CHARACTERS_PER_TOKEN
    assert tokens.lengths[0] <= 4


def test_what_a_text_encoder_is_made_of(bert):
    encoder = make_text_encoder(
        bert, np.array(TEXTS), np.array(["en"] * len(TEXTS)), pooling="mean", layer=-1, max_length=9
    )
    assert encoder.n_features == 16
    assert encoder.backbone.pooler is None
    assert encoder.tokenize(TEXTS).lengths.max() == 9
