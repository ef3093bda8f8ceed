"""The L2 penalty of the head, and heads that are solved for."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from skorch.callbacks import Callback
from tiny import DICTIONARY, make_classifier
from transfer_cases import FEW_SHOT, UNLABELLED

from metaling_sk import TransferClassifier, load
from metaling_sk._data.sparse_features import SparseFeatures
from metaling_sk.exceptions import InputWarning

IS_CHINESE = (FEW_SHOT[0]["language"] == "zh").to_numpy()


def make_model(**parameters):
    return TransferClassifier(**{"verbose": 0, "random_state": 0} | parameters)


LANGUAGE = np.array(["en", "zh"] * 60)


def make_numbers(n_rows=120, n_columns=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    return X, rng.integers(3, size=n_rows) * (X[:, 0] > 0)


@pytest.mark.parametrize("penalty", [0.01, 0.3, 3.0])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 4.0, 2: 0.5}])
def test_it_is_that_of_a_logistic_regression(penalty, class_weight):
    X, y = make_numbers()
    model = make_model(head_penalty=penalty, class_weight=class_weight)
    represented = model.fit_transform(X, y, language="en")
    # An intercept is the weight of a constant column, whose size says what its penalty is.
    of_intercept = X.shape[1] / 400 * 30 / len(X)
    constant = np.full((len(X), 1), np.sqrt(penalty / of_intercept))
    columns = np.hstack([represented, constant])
    weight = compute_sample_weight(class_weight, y).mean()
    peer = LogisticRegression(C=1 / (penalty * weight * len(X)), class_weight=class_weight)
    expected = peer.set_params(tol=1e-8, max_iter=1000, fit_intercept=False).fit(columns, y)
    np.testing.assert_allclose(
        model.predict_proba(X, language="en"), expected.predict_proba(columns), atol=1e-3
    )


def test_epochs_lead_to_the_same_head():
    X, y = make_numbers()
    solved = make_model(head_penalty=0.3).fit(X, y, language="en")
    assert solved.n_iter_ == 1
    trained = make_model(head_penalty=0.3, max_epochs=100, validation_fraction=0)
    trained.fit(X, y, language="en")
    assert trained.n_iter_ == 100
    expected = solved.predict_proba(X, language="en")
    np.testing.assert_allclose(trained.predict_proba(X, language="en"), expected, atol=0.01)


class Count(Callback):
    """Counts epochs."""

    n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        type(self).n_epochs += 1


@pytest.mark.parametrize(
    ("parameters", "n_iter"),
    [
        ({}, 1),
        ({"max_epochs": 3}, 3),
        ({"learning_rate": 0.01}, 50),
        ({"callbacks": [Count]}, 50),
        ({"head_penalty": 0}, 50),
        ({"batch_size": 7, "n_threads": 2}, 1),
    ],
    ids=str,
)
def test_what_is_asked_of_the_epochs_is_done(parameters, n_iter):
    X, y = make_numbers()
    model = make_model(validation_fraction=0, **parameters).fit(X, y, language=LANGUAGE)
    assert model.n_iter_ == n_iter


def test_auto_goes_with_the_size_of_the_samples():
    X, y = make_numbers()
    for n_copies in (1, 8):
        numbers = np.hstack([X] * n_copies)
        model = make_model().fit(numbers, y, language=LANGUAGE)
        size = np.square(model.transform(numbers, language=LANGUAGE)).sum(axis=1).mean()
        assert size == pytest.approx(n_copies * X.shape[1], rel=0.01)
        assert model.head_penalty_ == pytest.approx(size / 400)


@pytest.mark.parametrize(("n_labels", "share"), [(5, 1.0), (30, 1.0), (100, 0.3)])
def test_auto_becomes_less_with_the_labels_of_one_language(n_labels, share):
    X, _ = make_numbers()
    y = np.where(np.arange(len(X)) < n_labels, np.arange(len(X)) % 2, np.nan)
    model = make_model().fit(X, y, language="en")
    assert model.head_penalty_ == pytest.approx(share * X.shape[1] / 400)
    assert model.n_iter_ == 1


def refuse(features):
    raise AssertionError("Sparse features are made dense.")


@pytest.mark.parametrize("language", ["en", LANGUAGE], ids=["one language", "two languages"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_sparse_samples_are_those_of_a_logistic_regression(language, class_weight, monkeypatch):
    """With a penalty that becomes less with more labels, and without being made dense."""
    monkeypatch.setattr(SparseFeatures, "to_dense", refuse)
    rng = np.random.default_rng(0)
    X = sparse.random_array((120, 200), density=0.05, format="csr", rng=rng)
    y = rng.integers(3, size=120) * (X[:, :60].sum(axis=1) > 1.5)
    model = make_model(class_weight=class_weight).fit(X, y, language=language)
    penalty = X.multiply(X).sum() / len(y) / 400 * 30 / len(y)
    assert model.head_penalty_ == pytest.approx(penalty)
    assert model.n_iter_ == 1
    # An intercept has the penalty that the weight of a column of ones would have.
    columns = sparse.hstack([X, np.ones((len(y), 1))])
    weight = compute_sample_weight(class_weight, y).mean()
    peer = LogisticRegression(C=1 / (penalty * weight * len(y)), class_weight=class_weight)
    expected = peer.set_params(tol=1e-8, max_iter=1000, fit_intercept=False).fit(columns, y)
    found = model.predict_proba(X, language=language)
    np.testing.assert_allclose(found, expected.predict_proba(columns), atol=0.01)
    alone = model.predict_proba(X[7:8], language=np.broadcast_to(language, len(y))[7:8])
    np.testing.assert_array_equal(alone, found[7:8])


def test_few_rows_of_one_language_are_learnt_as_well_as_by_sklearn():
    X, y = load_iris(return_X_y=True)
    rows = [np.random.RandomState(seed).permutation(len(X)) for seed in range(5)]
    ours, plain = (
        np.mean([model.fit(X[r[:30]], y[r[:30]]).score(X[r[30:]], y[r[30:]]) for r in rows])
        for model in (make_model(), make_pipeline(StandardScaler(), LogisticRegression()))
    )
    assert ours > plain


def test_n_grams_are_solved_for_and_a_union_with_vectors_is_trained():
    rng = np.random.default_rng(0)
    n_grams = sparse.random_array((120, 50), density=0.1, format="csr", rng=rng)
    union = sparse.hstack([n_grams, rng.normal(size=(120, 4))], format="csr")
    y = np.arange(120) % 2
    alone, beside = (make_model().fit(X, y, language=LANGUAGE) for X in (n_grams, union))
    assert alone.head_penalty_ > 0 and alone.n_iter_ == 1
    assert beside.head_penalty_ == 0 and beside.n_iter_ > 1


@pytest.mark.parametrize("languages", [["en"], ["en", "zh"]])
def test_few_labels_do_not_make_the_most_frequent_class_win(languages):
    rng = np.random.default_rng(0)
    y = np.arange(600) % 2
    X = rng.normal(size=(600, 300)) + 0.2 * y[:, None]
    labelled = np.r_[np.flatnonzero(y == 0)[:8], np.flatnonzero(y == 1)[:16]]
    known = np.isin(np.arange(600), labelled)
    language = np.where(known, "en", languages[-1])
    model = make_model().fit(X, np.where(known, y, np.nan), language=language)
    predicted = model.predict(X[~known], language=language[~known])
    assert 0.3 < predicted.mean() < 0.7


@pytest.mark.parametrize(
    "parameters",
    [
        {"trainable": "all"},
        {"trainable": "head", "transfer": "coral"},
        {"encoder": TfidfVectorizer(), "transfer": "coral"},
    ],
    ids=str,
)
def test_auto_is_none_where_more_than_a_head_is_trained(parameters):
    model = make_classifier(transfer=None, target_languages="zh").set_params(**parameters)
    model.fit(*FEW_SHOT)
    assert model.head_penalty_ == 0
    assert "head_penalty" not in model.history_


def test_a_frozen_encoder_trains_itself_by_default():
    model = make_model(encoder=make_classifier(transfer=None).fit(*UNLABELLED), trainable="head")
    model.fit(*UNLABELLED)
    rounds = ["self-training 1", "self-training 2", "self-training 3"]
    assert model.history_["stage"].tolist() == ["source", *rounds]
    assert model.fit(*FEW_SHOT).history_["stage"].tolist() == ["source", "target", *rounds]
    assert model.set_params(self_training=0).fit(*UNLABELLED).n_iter_ == 1
    model.set_params(self_training="auto", source="linear", dictionary=DICTIONARY)
    assert model.fit(*UNLABELLED).history_["stage"].tolist() == ["target"]


def test_self_training_without_any_pseudo_label_is_warned_of():
    X, y = make_numbers(40)
    y = np.where(LANGUAGE[:40] == "zh", np.nan, np.arange(40) % 20 // 2)
    model = make_model(self_training=2)
    with pytest.warns(InputWarning, match="`self_training` has given no pseudo-label"):
        model.fit(X, y, language=LANGUAGE[:40])
    model.set_params(self_training="auto").fit(X, y, language=LANGUAGE[:40])


@pytest.mark.parametrize("terms", ["labels", "distill", "code_switch", "l2sp"])
def test_terms_are_solved_for(terms):
    parameters = {"transfer": terms, "target_languages": "zh", "self_training": 0}
    parameters |= {"encoder": make_classifier(transfer=None).fit(*UNLABELLED)}
    model = make_model(trainable="head", dictionary=DICTIONARY, **parameters).fit(*FEW_SHOT)
    history = model.history_
    assert history["stage"].tolist() == ["source", "target"]
    last = history.iloc[-1]
    assert last["train_loss"] == pytest.approx(last[["source", terms, "head_penalty"]].sum())
    longer = model.set_params(max_epochs=60, validation_fraction=0, learning_rate=0.003)
    trained = longer.fit(*FEW_SHOT).history_.iloc[-1]
    assert last["train_loss"] < trained["train_loss"] + 0.01


def test_a_fitted_head_stays_with_a_large_penalty():
    X, y = FEW_SHOT
    parameters = {"encoder": make_classifier(transfer=None).fit(X, y), "trainable": "head"}
    first = make_model(**parameters).fit(X[~IS_CHINESE], y[~IS_CHINESE])
    opposite = 1 - y
    moved, stayed = (
        make_model(source=first, trainable="head", head_penalty=penalty).fit(X, opposite)
        for penalty in (0.01, 1e4)
    )
    before = first.predict_proba(X[~IS_CHINESE])
    weights = [model.net_.module_.head.weight.detach().numpy() for model in (first, moved, stayed)]
    assert np.abs(weights[2] - weights[0]).max() < 1e-3
    assert np.abs(weights[1] - weights[0]).max() > 0.1
    assert before.shape == stayed.predict_proba(X[~IS_CHINESE]).shape


@pytest.mark.parametrize("opinions", [None, {0.0: "bad dirty", 1.0: "good clean"}])
def test_a_warm_start_solves_the_same_problem(opinions):
    X, y = FEW_SHOT
    encoder = make_classifier(transfer=None).fit(X, y)
    model = make_model(encoder=encoder, trainable="head", class_descriptions=opinions, n_topics=1)
    model.set_params(warm_start=True).fit(X, y)
    before = model.predict_proba(X)
    for _ in range(3):
        model.fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), before, atol=1e-3)


def test_epochs_go_on_from_a_solution():
    X, y = make_numbers()
    model = make_model(head_penalty=0.3).fit(X, y, language="en")
    before = model.predict_proba(X, language="en")
    model.partial_fit(X, y, language="en", n_epochs=2)
    assert model.history_["stage"].tolist() == ["source", "partial_fit", "partial_fit"]
    np.testing.assert_allclose(model.predict_proba(X, language="en"), before, atol=0.1)
    assert (model.predict_proba(X, language="en") != before).any()


@pytest.mark.parametrize("changed", [{"learning_rate": 0.5}, {"head_penalty": 3.0}])
def test_what_a_further_partial_fit_does_not_change_is_warned_of(changed):
    X, y = make_numbers()
    model = make_model(head_penalty=0.3).fit(X, y, language="en")
    model.set_params(**changed, weight_decay=0.1)  # This counts for the net that is made now.
    with pytest.warns(InputWarning, match=f"counts in the next fit: '{next(iter(changed))}'\\."):
        model.partial_fit(X, y, language="en")


def test_several_labels_share_it():
    X, y = make_numbers()
    indicators = np.column_stack([y == 0, y == 1, X[:, 1] > 0]).astype(int)
    joint = make_model(head_penalty=0.1).fit(X, indicators, language="en")
    together = joint.predict_proba(X, language="en")
    represented = joint.transform(X, language="en")
    # The loss is the mean over the labels, and intercepts have no penalty.
    alone = LogisticRegression(C=1 / (3 * 0.1 * len(X)), tol=1e-8, max_iter=1000)
    for number, label in enumerate(indicators.T):
        expected = alone.fit(represented, label).predict_proba(represented)[:, 1]
        np.testing.assert_allclose(together[:, number], expected, atol=1e-3)


@pytest.mark.parametrize("languages", [["en"], ["en", "es", "hi"]])
def test_as_many_labels_are_predicted_as_there_are(languages):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(7, 384)) / 4
    topics = rng.integers(7, size=600)
    X = centers[topics] + rng.normal(size=(600, 384))
    Y = np.eye(7, dtype=int)[topics]
    language = np.resize(languages, 600)
    model = make_model().fit(X[:210], Y[:210], language=language[:210])
    predicted = model.predict(X[210:], language=language[210:])
    assert 0.5 < predicted.sum(axis=1).mean() < 1.2
    assert f1_score(Y[210:], predicted, average="macro") > 0.6


def test_a_saved_model_knows_it(tmp_path):
    X, y = make_numbers()
    model = make_model().fit(X, y, language=LANGUAGE)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.head_penalty_ == model.head_penalty_
    np.testing.assert_array_equal(
        loaded.predict_proba(X, language="en"), model.predict_proba(X, language="en")
    )


def test_rows_are_read_in_parts():
    X, y = make_numbers(9000, 3)
    model = make_model(head_penalty=0.1).fit(X, y, language="en")
    peer = LogisticRegression(C=1 / (0.1 * len(X)), tol=1e-8)
    represented = model.transform(X, language="en")
    np.testing.assert_allclose(
        model.predict_proba(X, language="en"),
        peer.fit(represented, y).predict_proba(represented),
        atol=1e-3,
    )


def test_a_negative_one_is_refused():
    with pytest.raises(ValueError, match="head_penalty"):
        make_model(head_penalty=-1).fit(*make_numbers(), language="en")


def test_descriptions_count_more_with_few_labels():
    X, y = FEW_SHOT
    parameters = {"encoder": make_classifier(transfer=None).fit(X, y), "trainable": "head"}
    opinions = {0.0: "bad dirty", 1.0: "good clean"}
    model = make_model(class_descriptions=opinions, **parameters).fit(X[~IS_CHINESE])
    assert model.head_penalty_ > 0, "one language"
    assert model.n_iter_ == 3, "rounds of self-training"
    plain = parameters["encoder"].transform(X).shape[1] / 400  # standardised by language exactly
    found = [
        make_model(class_descriptions=opinions, **parameters)
        .fit(X, np.where(np.arange(len(X)) < n_labels, y, np.nan))
        .head_penalty_
        for n_labels in (0, 32)
    ]
    assert found == pytest.approx([10 * plain, 5.5 * plain])
