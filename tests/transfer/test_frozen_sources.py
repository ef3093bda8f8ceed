"""Fitted estimators as `source` in `FrozenEstimator`, alone and where estimators are cloned."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tiny import make_classifier, make_meta_net
from transfer_cases import CHINESE, FEW_SHOT, features

from metaling_sk import LinearTransferClassifier, MetaParamSearchCV, load
from metaling_sk._data.samples import check_samples
from metaling_sk._network.outputs.classes import Classes
from metaling_sk.exceptions import InputWarning
from metaling_sk.transfer._source_models import TeachingClassifier

X, Y = FEW_SHOT[0][:100], FEW_SHOT[1][:100].astype(int)  # All of them have a label.
FOLDS = list(StratifiedKFold(2, shuffle=True, random_state=0).split(X, Y))


def of_transfer():
    return make_classifier(target_languages="zh").fit(*FEW_SHOT)


def of_meta_net():
    return make_meta_net().fit(*FEW_SHOT)


def of_characters():
    """A classifier that knows more than a fold has to teach."""
    texts, y = CHINESE
    return make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression(C=10)).fit(
        texts["text"], y
    )


def of_linear():
    return LinearTransferClassifier(n_topics=1, random_state=0).fit(*FEW_SHOT)


def of_network_in_a_pipeline():
    return make_pipeline(of_transfer())


SOURCES = {
    "transfer": of_transfer,
    "meta network": of_meta_net,
    "sklearn": of_characters,
    "linear": of_linear,
    "network in a pipeline": of_network_in_a_pipeline,
}


@pytest.fixture(scope="module", params=SOURCES)
def source(request):
    return SOURCES[request.param]()


def make(source, **parameters):
    return make_classifier(source=source, target_languages="zh", **parameters)


def by_hand(source, **parameters):
    """The probabilities of the rows of each fold, with the source as it is."""
    found = np.empty((len(X), 2))
    for training, test in FOLDS:
        model = make(source, **parameters).fit(X.iloc[training], Y[training])
        found[test] = model.predict_proba(X.iloc[test])
    return found


def fold_scores(probabilities):
    """The accuracy of each fold."""
    return [(probabilities.argmax(axis=1) == Y)[test].mean() for _, test in FOLDS]


def test_a_frozen_source_means_the_same(source):
    plain, frozen = make(source).fit(X, Y), make(FrozenEstimator(source)).fit(X, Y)
    assert frozen.source_model_ is source
    assert frozen.transfer_ == plain.transfer_
    np.testing.assert_array_equal(frozen.predict_proba(X), plain.predict_proba(X))
    nested = make(FrozenEstimator(FrozenEstimator(source))).fit(X, Y)
    np.testing.assert_array_equal(nested.predict_proba(X), plain.predict_proba(X))


def test_a_frozen_source_is_cross_validated(source):
    before = pickle.dumps(source)
    expected = by_hand(source)
    found = cross_val_predict(make(FrozenEstimator(source)), X, Y, cv=FOLDS, method="predict_proba")
    np.testing.assert_array_equal(found, expected)
    assert pickle.dumps(source) == before


@pytest.mark.parametrize(
    ("kind", "in_pipeline"), [("transfer", False), ("sklearn", True)], ids=["alone", "in pipeline"]
)
def test_a_frozen_source_in_searches(kind, in_pipeline):
    source = SOURCES[kind]()
    expected = {rate: fold_scores(by_hand(source, learning_rate=rate)) for rate in (0.001, 0.02)}
    model, name = make(FrozenEstimator(source)), "learning_rate"
    if in_pipeline:
        model, name = make_pipeline(FunctionTransformer(), model), f"transferclassifier__{name}"
    searches = [
        GridSearchCV(model, {name: list(expected)}, cv=FOLDS, error_score="raise"),
        MetaParamSearchCV(
            model,
            {name: list(expected)},
            n_iter=2,
            cv=FOLDS,
            scoring="accuracy",
            error_score="raise",
            verbose=0,
            random_state=0,
        ),
    ]
    for search in searches:
        results = search.fit(X, Y).cv_results_
        for number, params in enumerate(results["params"]):
            found = [results[f"split{fold}_test_score"][number] for fold in range(2)]
            np.testing.assert_allclose(found, expected[params[name]])


def test_candidates_that_differ_in_their_frozen_source():
    sources = [FrozenEstimator(of_characters()), FrozenEstimator(of_transfer())]
    search = GridSearchCV(make(None), {"source": sources}, cv=FOLDS, scoring="neg_log_loss")
    found = search.fit(X, Y).cv_results_["split0_test_score"]
    assert found[0] != found[1] and np.isfinite(found).all()


def test_a_frozen_source_in_a_halving_search():
    source = of_characters()
    search = MetaParamSearchCV(
        make(FrozenEstimator(source)),
        {"learning_rate": [0.001, 0.02]},
        search="halving",
        n_iter=2,
        cv=FOLDS,
        error_score="raise",
        verbose=0,
        random_state=0,
    ).fit(X, Y)
    assert search.best_estimator_.source_model_ is source


def test_a_frozen_source_in_copies(source, tmp_path):
    model = make(FrozenEstimator(source)).fit(X, Y)
    assert clone(model).source is model.source
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(copied.fit(X, Y).predict_proba(X), model.predict_proba(X))
    model.save(tmp_path)
    np.testing.assert_allclose(load(tmp_path).predict_proba(X), model.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("steps", [[], [StandardScaler()]], ids=["alone", "scaled"])
def test_languages_of_numbers_reach_a_network_in_a_pipeline(steps, routing):
    numbers, language = features(X), X["language"].to_numpy()
    numbers[language == "zh"] += 10
    teacher = make_pipeline(*steps, make_classifier(target_languages="zh"))
    teacher.fit(numbers, Y, transferclassifier__language=language)
    with (
        config_context(enable_metadata_routing=routing),
        pytest.warns(InputWarning, match="rows: 'zh'"),  # The teacher is fitted on English.
    ):
        model = make(clone(teacher)).fit(numbers, Y, language=language)
    assert model.source_model_[-1].languages_ == ["en"]
    expected = teacher.predict_proba(numbers, language=language)
    with config_context(enable_metadata_routing=routing):
        found = TeachingClassifier().teaching(
            teacher, samples_of(numbers, language), Classes(teacher.classes_)
        )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("frozen", [False, True])
def test_languages_of_texts_reach_a_network_in_other_estimators(frozen):
    network = of_transfer()
    held = FrozenEstimator(network) if frozen else network
    samples = samples_of(X["text"].tolist(), X["language"])
    passed_on = make_pipeline(FunctionTransformer(), held)
    found = TeachingClassifier().teaching(passed_on, samples, Classes(network.classes_))
    np.testing.assert_array_equal(found, network.predict_proba(X))
    calibrated = CalibratedClassifierCV(held, cv=None if frozen else 2).fit(X, Y)
    found = TeachingClassifier().teaching(calibrated, samples, Classes(calibrated.classes_))
    np.testing.assert_array_equal(found, calibrated.predict_proba(X))


def samples_of(X, language):
    return check_samples(make_classifier(), X, language=language, reset=True, needs_y=False)


def test_a_clone_that_lost_what_was_fitted_says_how_to_keep_it():
    with pytest.raises(ValueError, match="source=sklearn.frozen.FrozenEstimator"):
        cross_val_score(make(of_transfer()), X, Y, cv=2)
