"""Objects of scikit-learn in saved models, models in them, and models in their models."""

import numpy as np
import pytest
import sklearn
from saved_cases import forge
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, normalize
from tiny import DICTIONARY, make_classifier, make_meta_net, make_pair
from torch import nn

from metaling_sk import (
    DictionaryTranslator,
    EncoderVectorizer,
    LanguageIdentifier,
    LanguageStandardScaler,
    LinearTransferClassifier,
    MetaParamSearchCV,
    TransferClassifier,
    load,
)
from metaling_sk._saving.reading import record_file
from metaling_sk.persistence import save

skops_io = pytest.importorskip("skops.io")

X, Y = make_pair(30, 30, n_labelled=15)
LABELLED = ~np.isnan(Y)
CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
NUMBERS = np.random.default_rng(0).normal(size=(60, 3))
LANGUAGE = X["language"].to_numpy()
SUFFIXES = {".json", ".md", ".safetensors", ".skops"}


def split_words(text):
    return text.split()


def network():
    return make_classifier(encoder="scratch")


def embeddings():
    return EncoderVectorizer("scratch", random_state=0)


def columns():
    return ColumnTransformer([("words", TfidfVectorizer(), "text"), ("e", embeddings(), ["text"])])


def outputs(model, X=X):
    values = getattr(model, "predict_proba", getattr(model, "transform", None))(X)
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


THEIRS_IN_OURS = {
    "linear with a dictionary": LinearTransferClassifier(
        target_languages="zh", dictionary=DICTIONARY, random_state=0
    ),
    "linear": LinearTransferClassifier(target_languages="zh", self_training=0),
    "transfer": make_classifier(target_languages="zh", encoder=CHARACTERS),
    "a union": make_meta_net(encoder=make_union(CHARACTERS, embeddings())),
    "a pipeline in a union": make_meta_net(
        encoder=make_union(CHARACTERS, make_pipeline(embeddings(), FunctionTransformer(np.abs)))
    ),
    "a search": MetaParamSearchCV(
        make_classifier(target_languages="zh", encoder=make_union(CHARACTERS, embeddings())),
        {"learning_rate": [0.1, 1.0]},
        n_iter=2,
        cv=2,
        verbose=0,
    ),
}
OURS_IN_THEIRS = {
    "a table of columns": make_pipeline(columns(), LogisticRegression()),
    "a classifier at the end": make_pipeline(
        DictionaryTranslator(DICTIONARY, target_language="zh"), network()
    ),
    "two of ours in a row": make_pipeline(embeddings(), LanguageStandardScaler()),
    "a stack": StackingClassifier(
        [("network", network()), ("linear", LinearTransferClassifier(self_training=0))],
        cv=2,
    ),
    "a grid search": GridSearchCV(network(), {"max_epochs": [1, 2]}, cv=2),
    "a search over a pipeline": MetaParamSearchCV(
        make_pipeline(columns(), LogisticRegression()),
        {"logisticregression__C": [0.1, 1.0]},
        n_iter=2,
        cv=2,
        verbose=0,
    ),
}


def check_there_and_back(model, folder, **options):
    save(model, folder)
    loaded = load(folder, **options)
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= SUFFIXES
    return loaded


@pytest.mark.parametrize("name", THEIRS_IN_OURS)
def test_theirs_in_ours(name, tmp_path):
    model = THEIRS_IN_OURS[name].fit(X, Y)
    loaded = check_there_and_back(model, tmp_path)
    best, loaded_best = (getattr(each, "best_estimator_", each) for each in (model, loaded))
    assert loaded_best.sample_counts_.equals(best.sample_counts_)
    # A clone of it learns the same.
    assert repr(loaded_best) == repr(best)


@pytest.mark.parametrize("name", OURS_IN_THEIRS)
def test_ours_in_theirs(name, tmp_path):
    model = OURS_IN_THEIRS[name].fit(X[LABELLED], Y[LABELLED])
    loaded = check_there_and_back(model, tmp_path)
    assert repr(loaded) == repr(model)
    loaded.fit(X[LABELLED], Y[LABELLED])
    np.testing.assert_allclose(outputs(loaded), outputs(model), rtol=1e-3, atol=1e-5)


def test_the_same_object_in_two_places_is_saved_once(tmp_path):
    stack = OURS_IN_THEIRS["a stack"].fit(X[LABELLED], Y[LABELLED])
    loaded = check_there_and_back(stack, tmp_path)
    assert loaded.named_estimators_["network"] is loaded.estimators_[0]
    assert len(list(tmp_path.glob("*/estimator.json"))) == 4  # Two in `estimators`, not fitted.


@pytest.mark.parametrize(
    "transformer",
    [
        embeddings(),
        DictionaryTranslator(DICTIONARY, target_language="zh", random_state=0),
        LanguageIdentifier(languages=["en", "zh"]),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_transformers(transformer, tmp_path):
    if isinstance(transformer, LanguageIdentifier):
        pytest.importorskip("py3langid")
    loaded = check_there_and_back(transformer.fit(X), tmp_path)
    assert loaded.feature_names_in_.tolist() == ["text", "language"]
    assert "model.transform(X)" in (tmp_path / "README.md").read_text()


def test_features(tmp_path):
    model = LinearTransferClassifier(self_training=0).fit(NUMBERS, NUMBERS[:, 0] > 0)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict(NUMBERS), model.predict(NUMBERS))
    # A linear model computes on no device, so that the argument has no effect.
    assert not hasattr(load(tmp_path, device="cpu"), "device")


def test_requests_of_metadata(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = LanguageStandardScaler().set_fit_request(language=True)
        scaler.set_transform_request(language=True)
        model = LogisticRegression().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, model)
        pipeline.fit(NUMBERS, LANGUAGE == "en", language=LANGUAGE, sample_weight=np.ones(60))
        save(pipeline, tmp_path)
        loaded = load(tmp_path)
        np.testing.assert_array_equal(
            loaded.predict_proba(NUMBERS, language=LANGUAGE),
            pipeline.predict_proba(NUMBERS, language=LANGUAGE),
        )
        loaded.fit(NUMBERS, LANGUAGE == "en", language=LANGUAGE, sample_weight=np.ones(60))


def test_functions_are_imported_only_where_they_are_trusted(tmp_path):
    vectorizer = TfidfVectorizer(tokenizer=split_words, token_pattern=None)
    union = make_union(vectorizer, make_pipeline(CHARACTERS, FunctionTransformer(normalize)))
    clf = make_meta_net(encoder=union).fit(X, Y)
    clf.save(tmp_path)
    names = ["sklearn.preprocessing._data.normalize", f"{__name__}.split_words"]
    with pytest.raises(ValueError, match=r"If you trust them, load\(folder, trusted=\[.*split_w"):
        load(tmp_path)
    with pytest.raises(ValueError, match=names[1]):
        load(tmp_path, trusted=names[:1])
    with pytest.raises(ValueError, match="`trusted` must be a list"):
        load(tmp_path, trusted=names[1])
    loaded = load(tmp_path, trusted=names)
    np.testing.assert_array_equal(outputs(loaded), outputs(clf))


class Projection(FunctionTransformer):
    """A transformer of a user, with a module of torch."""

    def __init__(self, layer=None):
        self.layer = layer

    def fit(self, X, y=None):
        self.layer_ = nn.Linear(1, 1)
        return self

    def transform(self, X):
        return np.ones((len(X), 2))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (FunctionTransformer(lambda X: X), "holds the function <lambda>, .* Define one with def"),
        (FunctionTransformer(str.lower, check_inverse=False), "holds the function str.lower"),
        (Projection(), "holds a Linear of torch.nn.modules.linear. Use joblib.dump"),
    ],
    ids=["lambda", "method", "torch"],
)
def test_what_no_file_can_hold(step, message, tmp_path):
    pipeline = make_pipeline(CHARACTERS, step)
    if isinstance(step, Projection):
        step.fit(X)
    clf = TransferClassifier(encoder=CHARACTERS, max_epochs=1, verbose=0).fit(X, Y)
    clf.front_end_.vectorizer = pipeline
    name = "the Pipeline in this TransferClassifier"
    with pytest.raises(ValueError, match=f"`save` cannot store {name}: it {message}"):
        clf.save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_fitted_models_in_parameters_are_not_kept(tmp_path):
    teacher = LinearTransferClassifier(self_training=0).fit(X, Y)
    make_classifier(source=teacher, target_languages="zh").fit(X, Y).save(tmp_path)
    assert load(tmp_path).source == "auto"
    assert not list(tmp_path.glob("parameters.*"))


def test_a_forged_file_is_refused(tmp_path):
    """With a type that skops does not know, and all digests right."""
    model = LinearTransferClassifier(self_training=0).fit(X, Y)
    model.save(tmp_path)
    path = tmp_path / "model_" / "sklearn.skops"
    path.write_bytes(skops_io.dumps({"model": split_words}))

    def edit(content):
        content["files"]["sklearn.skops"] = record_file(path)

    forge(path.parent, edit)

    def edit_outer(content):
        name = "model_/estimator.json"
        content["files"][name] = record_file(tmp_path / name)

    forge(tmp_path, edit_outer)
    with pytest.raises(ValueError, match="split_words"):
        load(tmp_path)
