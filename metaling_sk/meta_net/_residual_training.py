"""Training of a residual head on samples of one language, with and without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from metaling_sk._data.labels import has_label
from metaling_sk._utils.threads import one_blas_thread
from metaling_sk.meta_net._linear_loss import LOG_LOSS, LinearLoss
from metaling_sk.meta_net._residual_head import ResidualHead, ResidualHeadProblem

MANY_SAMPLES = 512
"""Number of samples that penalties and shares are for, unless they are chosen for fewer."""

LABEL_WEIGHT = 3.0
"""Weight of a sample with a label beside one whose prediction serves as label."""

SHARPENING = 2.5
"""Factor of the logits of predictions that serve as labels."""

PREDICTION_PENALTY = 0.25
"""Factor of the penalty where all labels are predictions: these are less random than labels."""

LEAST_AGREEMENT = 0.3
"""Least agreement, as Cohen's κ, that is expected of labels with what is learnt of predictions."""

N_FOLDS = 3
"""Number of folds in which this agreement, and what a residual head is worth, is measured."""


@dataclass(frozen=True)
class ResidualSettings:
    """The penalty of residual heads, and the share of the logits that they stand on.

    Attributes
    ----------
    penalty : float
        See `ResidualHeadProblem.fit`.
    share : float
        Where the network was fitted to the samples.
    intercept_penalty : float, optional
        By default that of the loss.
    by_size : bool, default=True
        Whether they are for `MANY_SAMPLES`: with fewer the penalty is larger in proportion, and
        the share nearer to 1.
    """

    penalty: float
    share: float = LOG_LOSS.prior_share
    intercept_penalty: float | None = None
    by_size: bool = True

    @classmethod
    def default(cls, vectors, loss: LinearLoss) -> ResidualSettings:
        """The settings for vectors, dense or sparse."""
        is_sparse = sparse.issparse(vectors)
        penalty = loss.sparse_residual_penalty if is_sparse else loss.residual_penalty
        return cls(penalty, loss.prior_share)

    def of(self, n_samples: int, seen: bool) -> tuple[float, float]:
        """The penalty and the share for a number of samples, which the network was fitted to."""
        progress = min(1.0, n_samples / MANY_SAMPLES) if self.by_size else 1.0
        return self.penalty / progress, 1 - (1 - self.share) * progress if seen else 1.0


@one_blas_thread()
def train_residual_head(
    vectors,
    y,
    logits,
    settings: ResidualSettings,
    class_weight=None,
    *,
    seen: bool = False,
    loss: LinearLoss = LOG_LOSS,
) -> ResidualHead | None:
    """Fit the residual head of a language; predictions serve as labels where these are missing.

    Samples without a label are left out where predictions teach nothing, as of numbers, or where
    too little is learnt from them: few samples, or predictions that are unsure.

    Parameters
    ----------
    vectors : ndarray or CSR array, shape (n_samples, n_features)
        The representations of the samples.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Class indices, `MISSING` where a sample has no label; numbers, NaN where it has none; or
        indicators of labels, `MISSING` where they are not known.
    logits : ndarray of shape (n_samples, n_outputs)
        The logits of the network.
    settings : ResidualSettings
    class_weight : ndarray, optional
        What `OutputKind.class_weights` returned, for samples with a label.
    seen : bool, default=False
        Whether the network was trained on the samples.
    loss : LinearLoss, default=LOG_LOSS

    Returns
    -------
    ResidualHead or None
        None where no sample is left, and where it would make the predictions of held-out samples
        worse.
    """
    labelled = has_label(y)
    if not labelled.all():
        if (
            loss.teaches_itself
            and _expected_agreement(vectors, logits, settings.penalty, loss) > LEAST_AGREEMENT
        ):
            seen = True
        else:
            vectors, y, logits = vectors[labelled], y[labelled], logits[labelled]
            labelled = labelled[labelled]
    if not len(y):
        return None
    targets = loss.guess(logits, SHARPENING)
    targets[labelled] = loss.targets(y[labelled], logits.shape[1])
    of_labels = loss.weigh(y[labelled], class_weight)
    weight = np.ones((len(y), of_labels.shape[1]))
    weight[labelled] = of_labels if labelled.all() else LABEL_WEIGHT * of_labels
    penalty, share = settings.of(len(y), seen)
    if not labelled.all():
        share_of_labels = weight[labelled].sum() / weight.sum()
        penalty *= PREDICTION_PENALTY + (1 - PREDICTION_PENALTY) * share_of_labels
    if not seen and len(y) >= 2 * N_FOLDS:
        penalties = [factor * penalty for factor in loss.penalty_factors]
        learnt = _cross_fit(loss, vectors, targets, logits, penalties, weight)
        losses = [loss.total(each, targets, weight)[0] for each in learnt]
        if min(losses) > loss.total(logits, targets, weight)[0]:
            return None
        penalty = penalties[int(np.argmin(losses))]
    problem = ResidualHeadProblem(vectors, targets, logits, weight, loss=loss)
    return problem.fit(penalty, share, settings.intercept_penalty)


def _expected_agreement(vectors, logits, penalty: float, loss: LinearLoss) -> float:
    """Return how far models of the predictions are expected to agree with labels.

    Models of the predictions for some samples predict the others. What is expected is Cohen's κ, if
    the predicted probabilities are right. So it is low where little of the predictions is in the
    vectors, and where the predictions are unsure. Of several labels it is the mean.
    """
    probabilities = loss.probabilities(logits)
    predicted = probabilities.argmax(axis=2)
    varied = (predicted != predicted[:, :1]).any(axis=1)
    if len(logits) < N_FOLDS or not varied.any():
        return 0.0
    learnt = _cross_fit(loss, vectors, loss.guess(logits), logits, [penalty], share=0.0)[0]
    found = loss.probabilities(learnt).argmax(axis=2)
    return float(np.mean(_expected_kappa(probabilities[varied], found[varied])))


def _expected_kappa(probabilities: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return Cohen's κ of classes that were found and labels with these probabilities.

    Parameters
    ----------
    probabilities : ndarray of shape (n_questions, n_samples, n_classes)
    found : ndarray of int, shape (n_questions, n_samples)

    Returns
    -------
    ndarray of shape (n_questions,)
    """
    is_found = np.eye(probabilities.shape[2])[found]
    agreement = (is_found * probabilities).sum(axis=2).mean(axis=1)
    by_chance = (is_found.mean(axis=1) * probabilities.mean(axis=1)).sum(axis=1)
    return (agreement - by_chance) / (1 - by_chance)


def _cross_fit(
    loss: LinearLoss, vectors, targets, logits, penalties, weight=None, share=1.0
) -> np.ndarray:
    """Return the logits of each sample by residual heads of the other folds, for each penalty."""
    # Without regard to the targets, as in `LabelledFeatures.folds`.
    fold = np.random.RandomState(0).permutation(len(targets)) % N_FOLDS
    learnt = np.empty((len(penalties), *logits.shape))
    for held_out in range(N_FOLDS):
        train, test = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        problem = ResidualHeadProblem(
            vectors[train],
            targets[train],
            logits[train],
            None if weight is None else weight[train],
            loss=loss,
        )
        for number, penalty in enumerate(penalties):
            residual_head = problem.fit(penalty, share)
            learnt[number, test] = residual_head.apply(logits[test], vectors[test])
    return learnt
