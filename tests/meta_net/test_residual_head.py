"""What a language's own rows add to the logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import log_softmax

from metaling_sk.meta_net import _residual_head
from metaling_sk.meta_net._linear_loss import LOG_LOSS, HuberErrors, SquaredErrors
from metaling_sk.meta_net._residual_head import ResidualHeadProblem, is_wide

N_CLASSES = 3


def make_rows(n_rows, n_features, seed, zeros=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_rows, n_features)) * (rng.random((n_rows, n_features)) < 0.5)
    features[:zeros] = 0
    targets = rng.dirichlet(np.ones(N_CLASSES), size=n_rows)
    return features, targets, rng.normal(size=(n_rows, N_CLASSES)), rng.uniform(0.5, 3, (n_rows, 1))


def loss(coef, intercept, rows, penalty, share):
    features, targets, logits, weight = rows
    log_p = log_softmax(share * logits + features @ coef.T + intercept, axis=1)
    scale = (features**2).sum() / len(features) or 1.0
    return (
        -(weight * targets * log_p).sum()
        + penalty * scale * (coef**2).sum() / 2
        + LOG_LOSS.intercept_penalty * (intercept**2).sum() / 2
    )


@settings(max_examples=40, deadline=None)
@given(
    n_rows=st.integers(1, 12),
    n_features=st.integers(1, 12),
    zeros=st.integers(0, 12),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_no_other_weights_are_better(n_rows, n_features, zeros, share, seed):
    """With more features than rows and fewer, with rows that are all 0, dense and sparse."""
    rows = make_rows(n_rows, n_features, seed, zeros)
    features, targets, logits, weight = rows
    found = ResidualHeadProblem(features, targets, logits, weight).fit(0.3, share)
    lowest = loss(found.coef, found.intercept, rows, 0.3, share)
    rng = np.random.default_rng(seed)
    for size in (0.01, 0.1, 1.0):
        coef = found.coef + size * rng.normal(size=found.coef.shape)
        intercept = found.intercept + size * rng.normal(size=N_CLASSES)
        assert loss(coef, intercept, rows, 0.3, share) >= lowest - 1e-6
    problem = ResidualHeadProblem(sparse.csr_array(features), targets, logits, weight)
    in_sparse = problem.fit(0.3, share)
    np.testing.assert_allclose(in_sparse.coef.toarray(), found.coef, atol=1e-3)


@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_both_ways_to_solve_it_agree(as_kind, monkeypatch):
    """Inner products of the rows, or their features."""
    features, targets, logits, weight = make_rows(20, 50, seed=0, zeros=2)
    by_rows = ResidualHeadProblem(as_kind(features), targets, logits, weight).fit(0.1, 0.5)
    monkeypatch.setattr(_residual_head, "MAX_SAMPLES", 0)
    by_features = ResidualHeadProblem(as_kind(features), targets, logits, weight).fit(0.1, 0.5)
    new = as_kind(make_rows(10, 50, seed=1)[0])
    zero = np.zeros((10, N_CLASSES))
    expected = by_features.apply(zero, new)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(by_rows.apply(zero, new), expected, atol=1e-3)


def test_features_that_are_nearly_all_0_are_not_exchanged_for_inner_products():
    """They take less time than these, which are dense, and give the same model."""
    features, targets, logits, weight = make_rows(60, 80, seed=0)
    features[np.random.default_rng(1).random(features.shape) < 0.95] = 0
    of_few_values = sparse.csr_array(features)
    assert is_wide(features) and not is_wide(of_few_values)
    expected = ResidualHeadProblem(features, targets, logits, weight).fit(0.1, 0.5)
    found = ResidualHeadProblem(of_few_values, targets, logits, weight).fit(0.1, 0.5)
    np.testing.assert_allclose(found.coef.toarray(), expected.coef, atol=1e-3)


@pytest.mark.parametrize("n_features", [5, 50], ids=["tall", "wide"])
@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_columns_stand_for_the_features_of_other_rows(as_kind, n_features):
    """Also of features that no row of the problem has."""
    features, targets, logits, weight = make_rows(20, n_features, seed=0)
    features[:, -1] = 0
    others, *_ = make_rows(10, n_features, seed=1)
    problem = ResidualHeadProblem(as_kind(features), targets, logits, weight)
    expected = problem.fit(0.1, 0.5).apply(logits[:10], as_kind(others))
    assert np.ptp(expected) > 0.1
    solved = problem.solve(0.1, 0.5)
    for products in (None, others @ features.T):
        columns = problem.columns(as_kind(others), products)
        np.testing.assert_allclose(solved.apply(logits[:10], columns), expected, atol=1e-9)


def test_one_after_another():
    """`after` is what the two do in turn."""
    features, targets, logits, _ = make_rows(20, 5, seed=0)
    first = ResidualHeadProblem(features, targets, logits).fit(0.1, share=0.5)
    problem = ResidualHeadProblem(features, targets[::-1], first.apply(logits, features))
    second = problem.fit(0.1, share=0.5)
    both = second.after(first)
    in_turn = second.apply(first.apply(logits, features), features)
    np.testing.assert_allclose(both.apply(logits, features), in_turn, atol=1e-9)


@pytest.mark.parametrize("loss", [SquaredErrors(), HuberErrors(0.5)], ids=["squares", "Huber"])
@pytest.mark.parametrize("n_features", [4, 40], ids=["tall", "wide"])
@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_no_other_weights_are_better_for_numbers(loss, n_features, as_kind):
    features, _, logits, weight = make_rows(20, n_features, seed=0, zeros=2)
    targets, logits = 3 * logits[:, :1], logits[:, 1:2]

    def value(coef, intercept):
        outputs = 0.5 * logits + features @ coef.T + intercept
        penalty = 0.3 * (features**2).sum() / len(features) * (coef**2).sum()
        total, _ = loss.total(outputs, targets, weight)
        return total + penalty / 2 + loss.intercept_penalty * (intercept**2).sum() / 2

    problem = ResidualHeadProblem(as_kind(features), targets, logits, weight, loss=loss)
    found = problem.fit(0.3, 0.5)
    coef = found.coef.toarray() if sparse.issparse(found.coef) else found.coef
    assert abs(coef).max() > 0.05
    rng = np.random.default_rng(0)
    for size in (0.01, 0.1, 1.0):
        other = coef + size * rng.normal(size=coef.shape), found.intercept + size * rng.normal()
        assert value(*other) > value(coef, found.intercept)


def test_columns_that_are_the_same_without_a_penalty():
    x = np.ones((5, 2))
    targets, logits = np.full((5, 1), 2.0), np.zeros((5, 1))
    found = ResidualHeadProblem(x, targets, logits, loss=SquaredErrors()).fit(0.0)
    np.testing.assert_allclose(found.apply(np.zeros((5, 1)), x), 2, rtol=1e-3)
