"""Training of a residual head on samples of one language, with and without labels."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax
from sklearn.metrics import cohen_kappa_score

from metaling_sk._data.samples import MISSING
from metaling_sk.meta_net._residual_head import ResidualHead, fit_residual_head

MANY_SAMPLES = 512
"""Number of samples from which on the penalty is the given one, and the share `PRIOR_SHARE`.

With fewer samples the penalty is larger in proportion, and the share nearer to 1.
"""

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

N_FOLDS = 3
"""Number of folds in which this agreement is measured."""


def train_residual_head(
    vectors, y, logits, penalty: float, class_weight=None, *, seen: bool = False
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
    penalty : float
        See `fit_residual_head`.
    class_weight : ndarray of shape (n_classes,), optional
        Weights of the classes, for samples with a label.
    seen : bool, default=False
        Whether the network was trained on the samples.

    Returns
    -------
    ResidualHead or None
        None where no sample is left.
    """
    labelled = y != MISSING
    if not labelled.all():
        if _can_be_learnt(vectors, logits, penalty):
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
    progress = min(1.0, len(y) / MANY_SAMPLES)
    share = 1 - (1 - PRIOR_SHARE) * progress if seen else 1.0
    return fit_residual_head(vectors, targets, logits, penalty / progress, weight, share)


def _can_be_learnt(vectors, logits, penalty: float) -> bool:
    """Return whether a model of the predictions for some samples agrees on the others."""
    predicted = logits.argmax(axis=1)
    if len(predicted) < N_FOLDS or len(np.unique(predicted)) < 2:
        return False
    targets = softmax(SHARPENING * logits, axis=1)
    fold = np.arange(len(predicted)) % N_FOLDS
    learnt = np.empty(logits.shape)
    for held_out in range(N_FOLDS):
        train, test = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        residual_head = fit_residual_head(
            vectors[train], targets[train], logits[train], penalty, share=0.0
        )
        learnt[test] = residual_head.apply(logits[test], vectors[test])
    return cohen_kappa_score(predicted, learnt.argmax(axis=1)) > SUBSTANTIAL
