"""Training of a residual head on samples of one language, with and without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import log_softmax, softmax
from sklearn.metrics import cohen_kappa_score

from metaling_sk._data.samples import MISSING
from metaling_sk._utils.threads import one_blas_thread
from metaling_sk.meta_net._residual_head import (
    ResidualHead,
    ResidualHeadProblem,
    fit_residual_head,
)

MANY_SAMPLES = 512
"""Number of samples that penalties and shares are for, unless they are chosen for fewer."""

PENALTY, PENALTY_SPARSE = 0.3, 0.1
"""L2 penalty of residual heads on dense and on sparse features."""

PRIOR_SHARE = 0.25
"""Factor of logits that are too sure of many samples.

They are too sure where the network was trained on the samples, and where its predictions serve as
labels.
"""

SHARPENING = 2.5
"""Factor of the logits of predictions that serve as labels."""

LABEL_WEIGHT = 3.0
"""Weight of a sample with a label beside one whose prediction serves as label."""

SUBSTANTIAL = 0.6
"""Least agreement, as Cohen's κ, of predictions with what can be learnt from other predictions.

"Substantial agreement" begins here in Landis & Koch (1977. The measurement of observer agreement
for categorical data. Biometrics).
"""

PENALTY_FACTORS = (1.0, 0.25, 0.0625)
"""Factors of the penalty for a new language, to choose from by cross-validation."""

N_FOLDS = 3
"""Number of folds in which this agreement, and what a residual head is worth, is measured."""


@dataclass(frozen=True)
class ResidualSettings:
    """The penalty of residual heads, and the share of the logits that they stand on.

    Attributes
    ----------
    penalty : float
        See `fit_residual_head`.
    share : float
        Where the network was fitted to the samples.
    by_size : bool, default=True
        Whether they are for `MANY_SAMPLES`: with fewer the penalty is larger in proportion, and
        the share nearer to 1.
    """

    penalty: float
    share: float = PRIOR_SHARE
    by_size: bool = True

    @classmethod
    def default(cls, vectors) -> ResidualSettings:
        """The settings for vectors, dense or sparse."""
        return cls(PENALTY_SPARSE if sparse.issparse(vectors) else PENALTY)

    def of(self, n_samples: int, seen: bool) -> tuple[float, float]:
        """The penalty and the share for a number of samples, which the network was fitted to."""
        progress = min(1.0, n_samples / MANY_SAMPLES) if self.by_size else 1.0
        return self.penalty / progress, 1 - (1 - self.share) * progress if seen else 1.0


@one_blas_thread()
def train_residual_head(
    vectors, y, logits, settings: ResidualSettings, class_weight=None, *, seen: bool = False
) -> ResidualHead | None:
    """Fit the residual head of a language; predictions serve as labels where these are missing.

    Samples without a label are left out where too little can be learnt from the predictions,
    which would then be noise.

    Parameters
    ----------
    vectors : ndarray or CSR array, shape (n_samples, n_features)
        The representations of the samples.
    y : ndarray of int, shape (n_samples,)
        Class indices; `MISSING` where a sample has no label.
    logits : ndarray of shape (n_samples, n_classes)
        The logits of the network.
    settings : ResidualSettings
    class_weight : ndarray of shape (n_classes,), optional
        Weights of the classes, for samples with a label.
    seen : bool, default=False
        Whether the network was trained on the samples.

    Returns
    -------
    ResidualHead or None
        None where no sample is left, and where it would make the predictions of held-out samples
        worse.
    """
    labelled = y != MISSING
    if not labelled.all():
        if _can_be_learnt(vectors, logits, settings.penalty):
            seen = True
        else:
            vectors, y, logits = vectors[labelled], y[labelled], logits[labelled]
            labelled = labelled[labelled]
    if not len(y):
        return None
    targets = softmax(SHARPENING * logits, axis=1)
    targets[labelled] = np.eye(logits.shape[1])[y[labelled]]
    weight = np.ones(len(y)) if labelled.all() else np.where(labelled, LABEL_WEIGHT, 1.0)
    if class_weight is not None:
        weight[labelled] *= class_weight[y[labelled]]
    penalty, share = settings.of(len(y), seen)
    if not seen and len(y) >= 2 * N_FOLDS:
        penalties = [factor * penalty for factor in PENALTY_FACTORS]
        learnt = _cross_fit(vectors, targets, logits, penalties, weight)
        losses = [_loss(each, targets, weight) for each in learnt]
        if min(losses) > _loss(logits, targets, weight):
            return None
        penalty = penalties[int(np.argmin(losses))]
    return fit_residual_head(vectors, targets, logits, penalty, weight, share)


def _can_be_learnt(vectors, logits, penalty: float) -> bool:
    """Return whether a model of the predictions for some samples agrees on the others."""
    predicted = logits.argmax(axis=1)
    if len(predicted) < N_FOLDS or len(np.unique(predicted)) < 2:
        return False
    targets = softmax(SHARPENING * logits, axis=1)
    learnt = _cross_fit(vectors, targets, logits, [penalty], share=0.0)[0]
    return cohen_kappa_score(predicted, learnt.argmax(axis=1)) > SUBSTANTIAL


def _cross_fit(vectors, targets, logits, penalties, weight=None, share=1.0) -> np.ndarray:
    """Return the logits of each sample by residual heads of the other folds, for each penalty."""
    fold = np.empty(len(targets), dtype=int)
    fold[np.argsort(targets.argmax(axis=1), kind="stable")] = np.arange(len(targets)) % N_FOLDS
    learnt = np.empty((len(penalties), *logits.shape))
    for held_out in range(N_FOLDS):
        train, test = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        problem = ResidualHeadProblem(
            vectors[train],
            targets[train],
            logits[train],
            None if weight is None else weight[train],
        )
        for number, penalty in enumerate(penalties):
            residual_head = problem.fit(penalty, share)
            learnt[number, test] = residual_head.apply(logits[test], vectors[test])
    return learnt


def _loss(logits, targets, weight) -> float:
    """Return the sum of the weighted log-losses."""
    return -(weight[:, None] * targets * log_softmax(logits, axis=1)).sum()
