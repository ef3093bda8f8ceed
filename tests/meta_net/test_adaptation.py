"""adapt and forget."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import predicts_unseen_languages
from meta_net_cases import (
    FEATURES,
    FEW,
    assert_same,
    every_kind,
    few,
    fit,
    fitted,
    make_data,
    make_model,
    make_texts,
    samples_of,
    scramble,
    some_kinds,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from tiny import make_meta_net

from metaling_sk.exceptions import InputWarning


@every_kind
@predicts_unseen_languages
def test_adapt_learns_a_language_and_leaves_the_others(kind):
    model, untouched = fitted(kind), fitted(kind)
    X, y, language = few(kind)
    X_test, y_test, new = few(kind, n_rows=100, seed=9)
    before = model.score(X_test, y_test, language=new)
    assert model.adapt(X, y, language=language) is model
    assert model.languages_ == ["as is 1", "opposite 1", "opposite 2"]
    assert model.score(X_test, y_test, language=new) > max(0.85, before + 0.1)
    for code in ("as is 1", "opposite 1", "unseen"):
        assert_same(model, untouched, X_test, code)
    # A trained encoder has the adapters of the meta-model in a new language.
    assert ("opposite 2" in model.architecture_) == (kind != "scratch")


@some_kinds
def test_one_row_at_a_time(kind):
    X, y, language = few(kind)
    at_once = fitted(kind).adapt(X, y, language=language)
    model = fitted(kind)
    for row in range(FEW):
        model.adapt(X[row : row + 1], y[row : row + 1], language="opposite 2")
        if row == FEW // 2:
            model = pickle.loads(pickle.dumps(model))
    assert_same(model, at_once, X, "opposite 2")


@some_kinds
def test_the_order_of_the_rows_means_nothing(kind):
    X, y, language = few(kind)
    one = fitted(kind).adapt(X, y, language=language)
    other = fitted(kind).adapt(X[::-1], y[::-1], language=language)
    np.testing.assert_allclose(
        one.predict_proba(X, language=language),
        other.predict_proba(X, language=language),
        rtol=0.02,
    )


@settings(max_examples=10)
@given(st.lists(st.integers(0, 1), min_size=6, max_size=6))
def test_calls_for_two_languages_in_turn(turns):
    """Rows of one language mean nothing to the other, whenever they come."""
    languages = np.array(["opposite 2", "as is 2"], dtype=object)[turns]
    data = {code: few("numbers", code, 6) for code in ("opposite 2", "as is 2")}
    model = fitted("numbers")
    for row, code in enumerate(languages):
        X, y, _ = data[code]
        model.adapt(X[[row]], y[[row]], language=code)
    for code in set(languages):
        X, y, _ = data[code]
        where = languages == code
        alone = fitted("numbers").adapt(X[where], y[where], language=code)
        assert_same(model, alone, X, code)


@some_kinds
def test_several_languages_in_one_call(kind):
    X, y, language = make_data(kind, ("as is 2", "opposite 2"), FEW, 8)
    together = fitted(kind).adapt(X, y, language=language)
    for code in ("as is 2", "opposite 2"):
        where = np.flatnonzero(language == code)
        alone = fitted(kind).adapt(X[where], y[where], language=code)
        assert_same(together, alone, X, code)


@every_kind
@predicts_unseen_languages
def test_one_row_of_one_class(kind):
    X, y, _ = few(kind)
    model = fitted(kind)
    before = model.predict_proba(X[:1], language="opposite 2")[0, y[0]]
    model.adapt(X[:1], y[:1], language="opposite 2")
    assert model.predict_proba(X[:1], language="opposite 2")[0, y[0]] > before
    assert np.isfinite(model.predict_proba(X, language="opposite 2")).all()


@every_kind
@pytest.mark.parametrize("penalty", [None, 1.0])
@pytest.mark.filterwarnings("ignore:`adapt` has learnt no model of 'opposite 2'")
def test_unlabelled_rows(kind, penalty):
    """They say what the statistics are, and nothing else where there is no residual."""
    X, y, language = few(kind)
    registered = fitted(kind).register_language(X, language=language)
    model = fitted(kind).set_params(residual_penalty=penalty)
    model.adapt(X, np.full(FEW, np.nan), language=language)
    without_y = fitted(kind).set_params(residual_penalty=penalty).adapt(X, language=language)
    assert_same(model, without_y, X, "opposite 2")
    if penalty is None:
        assert_same(model, registered, X, "opposite 2")
        with pytest.warns(InputWarning, match="learnt no model of 'opposite 3'.*Label a few"):
            model.adapt(X, language="opposite 3")
    assert "opposite 2" not in model.architecture_
    # They count when labels come.
    model.adapt(X[:9], y[:9], language=language[:9])
    twice = np.r_[np.arange(FEW), np.arange(9)]
    labels = np.r_[np.full(FEW, np.nan), y[:9]]
    at_once = fitted(kind).set_params(residual_penalty=penalty)
    at_once.adapt(X[twice], labels, language="opposite 2")
    assert_same(model, at_once, X, "opposite 2")


@some_kinds
def test_a_language_that_was_fitted_can_be_known_better(kind):
    """Its labels are turned round."""
    model, untouched = fitted(kind), fitted(kind)
    X, y, _ = few(kind, n_rows=100)
    model.adapt(X, y, language="as is 1")
    X_test, y_test, _ = few(kind, seed=9, n_rows=100)
    assert model.score(X_test, y_test, language="as is 1") > 0.7
    assert untouched.score(X_test, y_test, language="as is 1") < 0.2
    assert_same(model, untouched, X_test, "opposite 1")
    assert_same(model.forget("as is 1"), untouched, X_test, "as is 1")


@every_kind
@pytest.mark.parametrize("code", ["opposite 2", "opposite 1"], ids=["new", "fitted"])
@predicts_unseen_languages
def test_forget_restores_every_bit(kind, code):
    model, untouched = fitted(kind), fitted(kind)
    X, y, _ = few(kind)
    model.adapt(X[:1], y[:1], language=code)
    model.adapt(X, 1 - y, language=code)
    adapted = model.predict_proba(X, language=code)
    model = pickle.loads(pickle.dumps(model))
    assert model.forget(code) is model
    for language in (code, "as is 1", "unseen"):
        assert_same(model, untouched, X, language)
    assert model.architecture_ == untouched.architecture_
    pd.testing.assert_frame_equal(model.embeddings_, untouched.embeddings_)
    model.adapt(X[:1], y[:1], language=code).adapt(X, 1 - y, language=code)
    np.testing.assert_array_equal(model.predict_proba(X, language=code), adapted)


@pytest.mark.parametrize("kind", ["numbers", "scratch"])
def test_only_languages_with_a_model_have_an_embedding(kind):
    """That of the others is the meta-model's, which says nothing about them."""
    model = fitted(kind)
    X, y, _ = few(kind)
    model.set_params(inner_steps=5)
    model.register_language(X, language="registered").adapt(X, y, language="adapted")
    assert model.embeddings_.index.tolist() == ["as is 1", "opposite 1", "adapted"]
    assert model.embeddings_.index.tolist() == list(model.architecture_)


@pytest.mark.parametrize("code", ["opposite 2", "opposite 1"], ids=["new", "fitted"])
def test_a_trained_encoder_reads_each_text_once(code):
    """For the statistics of a new language as for its residual head."""
    model, n_read = fitted("scratch"), []
    model.net_.module_.encoder.register_forward_hook(
        lambda module, args, output: n_read.append(len(output))
    )
    X, y, _ = few("scratch")
    model.adapt(np.tile(X, 2), np.tile(y, 2), language=code)
    assert sum(n_read) == len(set(X))
    assert code in model.residual_heads_


@pytest.mark.parametrize(("code", "n_before"), [("opposite 2", 1), ("opposite 1", 0)])
def test_texts_are_read_before_the_steps_only_for_new_statistics(code, n_before):
    model, n_read = fitted("scratch").set_params(inner_steps=1), []
    model.net_.module_.encoder.register_forward_hook(
        lambda module, args, output: n_read.append(len(output))
    )
    X, y, _ = few("scratch")
    model.adapt(X, y, language=code)
    n_distinct = len(set(X))
    assert sum(n_read) == len(X) + (n_before + 1) * n_distinct


@pytest.mark.parametrize("steps", ["auto", 2])
@pytest.mark.parametrize("algorithm", ["joint", "maml"])
def test_the_embedding_moves_if_the_network_was_trained_for_it_or_if_asked(algorithm, steps):
    model = make_model("scratch", meta_algorithm=algorithm, max_epochs=1, residual_penalty=1.0)
    model.set_params(inner_steps=steps)
    X, y, language = few("scratch")
    fit(model, *make_data("scratch")).adapt(X, y, language=language)
    assert ("opposite 2" in model.embeddings_.index) == (algorithm == "maml" or steps == 2)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_a_step_on_the_embedding_is_as_long_as_inner_learning_rate(rate):
    """Adam moves each number by it in the first step."""
    model = fitted("scratch").set_params(inner_steps=1, inner_learning_rate=rate)
    X, y, language = few("scratch")
    moved = model.adapt(X, y, language=language).embeddings_.loc["opposite 2"]
    start = model.net_.module_.hypernetwork.agnostic.detach().numpy()
    np.testing.assert_allclose(abs(moved - start), rate, rtol=1e-2)


def test_without_a_residual_head_the_embedding_moves():
    model = fitted("scratch").set_params(residual_penalty=None)
    X, y, language = few("scratch")
    assert "opposite 2" in model.adapt(X, y, language=language).embeddings_.index


def test_labels_are_known_where_they_are_too_few_for_statistics():
    """`predict` does not warn of the language."""
    model = fitted("scratch")
    X, y, language = few("scratch", n_rows=4)
    model.adapt(X, y, language=language).predict(X, language=language)


def test_forget_refuses_what_it_does_not_know():
    model = fitted("numbers")
    X, y, _ = few("numbers")
    with pytest.raises(ValueError, match="'as is 1' has not been adapted"):
        model.forget("as is 1")
    model.adapt(X, y, language="new").forget("new")
    with pytest.raises(ValueError, match="'new' has not been adapted"):
        model.forget("new")


@some_kinds
def test_registered_before_or_after(kind):
    """Statistics that are given by themselves outlive what is adapted, which stands on them."""
    X, y, language = few(kind)
    more, _, _ = few(kind, n_rows=80, seed=11)
    registered = fitted(kind).register_language(more, language="opposite 2")
    first = copy.deepcopy(registered).adapt(X, y, language=language)
    last = fitted(kind).adapt(X, y, language=language)
    last.register_language(more, language="opposite 2")
    assert_same(first, last, X, "opposite 2")
    for model in (first, last):
        assert_same(model.forget("opposite 2"), registered, X, "opposite 2")


@pytest.mark.parametrize("code", ["as is 1", "as is 9"])
def test_rows_are_centred_by_what_their_model_makes_of_the_text(code):
    """The adapters of the language included."""
    model = scramble(fitted("scratch"))
    X, _, _ = make_texts(["as is 1"])
    model.register_language(X, language=code)
    rows = model._encode(
        model.front_end_.inputs(samples_of(X), model._execution()),
        np.full(len(X), code, dtype=object),
    )
    batch = rows.collate(np.arange(len(X)))
    with torch.no_grad():
        representation = model.net_.module_(batch.inputs, batch.language_index).representation
    np.testing.assert_allclose(representation.mean(dim=0), 0, atol=1e-4)
    assert representation.std() > 0.1


@predicts_unseen_languages
def test_adapt_refuses():
    model = fitted("numbers")
    X, y, language = few("numbers")
    before = model.predict_proba(X, language=language)
    with pytest.raises(ValueError, match=r"none of the classes \[0, 1\]: \[2\]"):
        model.adapt(X, y + 1, language=language)
    with pytest.raises(ValueError, match="y contains infinity"):
        model.adapt(X, np.full(FEW, np.inf), language=language)
    with pytest.raises(ValueError, match="features"):
        model.adapt(X[:, :2], y, language=language)
    with pytest.raises(ValueError, match="was fitted on numeric features, but X holds text"):
        model.adapt(["good"], [1], language="en")
    np.testing.assert_array_equal(model.predict_proba(X, language=language), before)
    assert "opposite 2" not in model.languages_
    with pytest.raises(NotFittedError):
        make_model("numbers").adapt(X, y, language=language)


@predicts_unseen_languages
def test_fit_forgets_what_was_adapted():
    data, (X, y, language) = make_data("numbers"), few("numbers")
    model = fitted("numbers").adapt(X, y, language=language).adapt(X, y, language="as is 1")
    fit(model, *data)
    assert model.languages_ == ["as is 1", "opposite 1"]
    assert_same(model, fitted("numbers"), X, "as is 1")
    assert_same(model, fitted("numbers"), X, "opposite 2")
    with pytest.raises(ValueError, match="has not been adapted"):
        model.forget("as is 1")


def test_a_clone_is_not_adapted():
    X, y, language = few("numbers")
    model = clone(fitted("numbers").adapt(X, y, language=language))
    assert not hasattr(model, "classes_") and not hasattr(model, "residual_heads_")
    features = make_meta_net(language_features=FEATURES)
    pd.testing.assert_frame_equal(clone(features).language_features, FEATURES)


def test_rows_in_any_company_after_adapt():
    X, y, language = few("scratch")
    model = fitted("scratch").adapt(X, y, language=language)
    mixed = np.where(np.arange(FEW) % 2, "opposite 2", "as is 1")
    together = model.predict_proba(X, language=mixed)
    for row in range(0, FEW, 7):
        alone = model.predict_proba(X[row : row + 1], language=mixed[row])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4)


# Class weights


@pytest.mark.parametrize("class_weight", ["balanced", {1: 50}, {0: 1, 1: 50}])
def test_class_weights_of_rows_of_one_class(class_weight):
    # Centred by rows of one class, they would say nothing of it.
    model = fitted("numbers").set_params(class_weight=class_weight, language_norm=False)
    fit(model, *make_data("numbers"))
    X, y, _ = few("numbers")
    for label in (0, 1):
        code, where = f"only {label}", y == label
        before = model.predict_proba(X[where], language=code)[:, label].mean()
        model.adapt(X[where], y[where], language=code)
        assert model.predict_proba(X[where], language=code)[:, label].mean() > before


def test_class_weights_in_adapt():
    X, y, language = few("numbers")
    plain, weighted = (
        fitted("numbers").set_params(class_weight=weight).adapt(X, y, language=language)
        for weight in (None, {0: 1, 1: 50})
    )
    shares = [model.predict_proba(X, language=language)[:, 1] for model in (plain, weighted)]
    assert shares[1].mean() > shares[0].mean() + 0.01


@pytest.mark.parametrize(
    ("kind", "penalty"),
    [("numbers", None), ("scratch", "auto")],
    ids=["embedding", "residual head"],
)
def test_class_weights_count_in_each_part_that_adapt_fits(kind, penalty):
    X, y, language = few(kind)
    plain, weighted = (
        fitted(kind)
        .set_params(class_weight=weight, residual_penalty=penalty)
        .adapt(X, y, language=language)
        .predict_proba(X, language=language)
        for weight in (None, {0: 1, 1: 50})
    )
    assert not np.allclose(plain, weighted, atol=1e-3)
