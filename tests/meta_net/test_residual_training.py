"""What is learnt from a language's own rows, with and without labels."""

import numpy as np
import pytest
from scipy.special import softmax

from metaling_sk._data.labels import MISSING
from metaling_sk.meta_net._linear_loss import LABEL_LOG_LOSS, LOG_LOSS, SquaredErrors
from metaling_sk.meta_net._residual_training import (
    ResidualSettings,
    train_residual_head,
)

N_CLASSES = 3


def make_rows(n_rows=90, noise=0.3, seed=0):
    """Clusters, their classes, and logits that are right but for a third of the rows."""
    rng = np.random.default_rng(seed)
    y = rng.integers(N_CLASSES, size=n_rows)
    vectors = 2 * np.eye(N_CLASSES, 10)[y] + noise * rng.normal(size=(n_rows, 10))
    guessed = np.where(rng.random(n_rows) < 1 / 3, rng.integers(N_CLASSES, size=n_rows), y)
    return vectors, y, 2 * np.eye(N_CLASSES)[guessed]


def accuracy(residual, vectors, y, logits):
    return np.mean(residual.apply(logits, vectors).argmax(axis=1) == y)


def test_text_without_labels_mends_what_is_predicted():
    vectors, y, logits = make_rows(n_rows=600)
    residual = train_residual_head(vectors, np.full(len(y), MISSING), logits, ResidualSettings(0.1))
    assert np.mean(logits.argmax(axis=1) == y) < 0.85
    assert accuracy(residual, vectors, y, logits) > 0.95


def test_text_from_which_nothing_can_be_learnt_is_left_out():
    _, y, logits = make_rows()
    vectors = np.random.default_rng(1).normal(size=(len(y), 10))
    unknown = np.full(len(y), MISSING)
    assert train_residual_head(vectors, unknown, logits, ResidualSettings(0.1)) is None
    some = np.where(np.arange(len(y)) < 5, y, MISSING)
    found = train_residual_head(vectors, some, logits, ResidualSettings(0.1))
    labels_only = train_residual_head(vectors[:5], y[:5], logits[:5], ResidualSettings(0.1))
    np.testing.assert_array_equal(found.coef, labels_only.coef)
    assert found.share == 1


def test_unsure_predictions_are_left_out():
    """They teach as much as sure ones, but are probably wrong."""
    vectors, y, logits = make_rows(n_rows=300)
    unknown = np.full(len(y), MISSING)
    for sureness, learns in ((1.0, True), (0.1, False)):
        found = train_residual_head(vectors, unknown, sureness * logits, ResidualSettings(0.1))
        assert (found is not None) == learns
        several = train_residual_head(
            vectors,
            np.full((len(y), N_CLASSES), MISSING),
            sureness * (2 * logits - 2),
            ResidualSettings(0.1),
            loss=LABEL_LOG_LOSS,
        )
        assert (several is not None) == learns


def test_predictions_as_labels_have_a_smaller_penalty():
    vectors, y, _ = make_rows(n_rows=300)
    sure, settings = 5.0 * np.eye(N_CLASSES)[y], ResidualSettings(1.0)
    of_labels = train_residual_head(vectors, y, sure, settings, seen=True)
    of_text = train_residual_head(vectors, np.full(len(y), MISSING), sure, settings)
    assert abs(of_text.coef).max() > 1.5 * abs(of_labels.coef).max()


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_little_text_or_one_class_is_left_out(n_rows):
    vectors, y, logits = make_rows(n_rows)
    assert (
        train_residual_head(vectors, np.full(n_rows, MISSING), logits * 0, ResidualSettings(0.1))
        is None
    )
    residual = train_residual_head(vectors, y, logits, ResidualSettings(0.1))
    assert np.isfinite(residual.apply(logits, vectors)).all()


def test_labels_count_more_than_predictions():
    vectors, y, logits = make_rows()
    wrong = (y + 1) % N_CLASSES
    some = np.where(np.arange(len(y)) < 60, wrong, MISSING)
    residual = train_residual_head(vectors, some, np.eye(N_CLASSES)[y], ResidualSettings(0.01))
    assert accuracy(residual, vectors, wrong, logits) > 0.9


def test_few_rows_keep_to_the_logits_and_many_do_not():
    vectors, y, logits = make_rows(n_rows=600)
    few, many = (
        train_residual_head(vectors[:n], y[:n], logits[:n], ResidualSettings(0.1), seen=True)
        for n in (10, 600)
    )
    assert few.share > 0.98 and many.share == LOG_LOSS.prior_share
    assert abs(few.coef).max() < abs(many.coef).max() / 5


def test_a_residual_head_that_would_only_fit_noise_is_left_out():
    _, y, logits = make_rows()
    right = 5.0 * np.eye(N_CLASSES)[y]
    noise = np.random.default_rng(1).normal(size=(len(y), 10))
    assert train_residual_head(noise, y, right, ResidualSettings(0.1)) is None
    wrong = np.roll(right, 1, axis=1)
    assert train_residual_head(right, y, wrong, ResidualSettings(0.1)) is not None


def test_class_weights():
    """A class that counts ten times as much is predicted more often."""
    vectors, y, logits = make_rows(noise=3)
    share = [
        softmax(
            train_residual_head(
                vectors, y, logits * 0, ResidualSettings(0.01), np.array(weights), seen=True
            ).apply(logits * 0, vectors),
            axis=1,
        )[:, 0].mean()
        for weights in ([1.0, 1.0, 1.0], [10.0, 1.0, 1.0])
    ]
    assert share[1] > share[0] + 0.1


def test_numbers_without_labels_teach_nothing():
    vectors, y, _ = make_rows()
    outputs, settings = np.zeros((len(y), 1)), ResidualSettings(0.1)
    some = np.where(np.arange(len(y)) < 20, y, np.nan)
    found, labels_only = (
        train_residual_head(*rows, settings, loss=SquaredErrors())
        for rows in ((vectors, some, outputs), (vectors[:20], some[:20], outputs[:20]))
    )
    np.testing.assert_array_equal(found.coef, labels_only.coef)
    unknown = np.full(len(y), np.nan)
    assert train_residual_head(vectors, unknown, outputs, settings, loss=SquaredErrors()) is None


def test_a_residual_head_of_numbers_must_be_worth_it():
    rng = np.random.default_rng(0)
    vectors, y, outputs = rng.normal(size=(90, 10)), rng.normal(size=90), np.zeros((90, 1))
    settings, loss = ResidualSettings(0.1), SquaredErrors()
    assert train_residual_head(vectors, y, outputs, settings, loss=loss) is None
    assert train_residual_head(vectors, vectors[:, 0], outputs, settings, loss=loss) is not None
