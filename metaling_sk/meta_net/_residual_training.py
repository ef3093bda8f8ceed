"""What is learnt from a language's own rows, with and without labels, beside what is generated."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax
from sklearn.metrics import cohen_kappa_score

from metaling_sk._data.samples import MISSING
from metaling_sk.meta_net._residual_head import ResidualHead, fit_residual_head

MANY_ROWS = 512
"""From so many rows on the penalty is that given, and the share `PRIOR_SHARE`. With fewer, the
penalty is larger in proportion, and the share nearer to 1."""

PRIOR_SHARE = 0.25
"""What is left of logits that are too sure of many rows: the network was trained on these, or what
it predicts serves as their labels."""

SHARPENING, LABEL_WEIGHT = 2.5, 3.0
"""Of predictions that serve as labels, and what a label counts beside one."""

SUBSTANTIAL = 0.6
"""How far what is learnt from predictions must agree with predictions for other rows, as Cohen's κ.

"Substantial agreement" begins here in Landis & Koch (1977. The measurement of observer agreement
for categorical data. Biometrics).
"""

N_FOLDS = 3


def train_residual_head(
    vectors, y, logits, penalty: float, class_weight=None, *, seen: bool = False
) -> ResidualHead | None:
    """The residual of the rows; those without a label count by what is predicted (self-training).

    They do not count where too little of what is predicted can be learnt from them: then it would
    be noise.

    Parameters
    ----------
    vectors : ndarray or CSR array, shape (n_rows, n_features)
    y : ndarray of int, shape (n_rows,)
        `MISSING` where a row has no label.
    logits : ndarray of shape (n_rows, n_classes)
    penalty : float
        See `fit_residual_head`.
    class_weight : ndarray of shape (n_classes,), optional
    seen : bool, default=False
        Whether what gives the logits was trained on the rows.

    Returns
    -------
    ResidualHead or None
        None where no row counts.
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
    many = min(1.0, len(y) / MANY_ROWS)
    share = 1 - (1 - PRIOR_SHARE) * many if seen else 1.0
    return fit_residual_head(vectors, targets, logits, penalty / many, weight, share)


def _can_be_learnt(vectors, logits, penalty: float) -> bool:
    """Whether a model of what is predicted for some of the rows agrees on the others."""
    predicted = logits.argmax(axis=1)
    if len(predicted) < N_FOLDS or len(np.unique(predicted)) < 2:
        return False
    targets = softmax(SHARPENING * logits, axis=1)
    fold = np.arange(len(predicted)) % N_FOLDS
    found = np.empty(logits.shape)
    for held_out in range(N_FOLDS):
        train, test = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        residual = fit_residual_head(
            vectors[train], targets[train], logits[train], penalty, share=0.0
        )
        found[test] = residual.apply(logits[test], vectors[test])
    return cohen_kappa_score(predicted, found.argmax(axis=1)) > SUBSTANTIAL
