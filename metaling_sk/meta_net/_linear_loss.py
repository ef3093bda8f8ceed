"""The losses of linear models, one for each kind of output, and how they are minimised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from scipy.linalg import helmert
from scipy.optimize import minimize
from scipy.special import expit, huber, log_expit, log_softmax, softmax
from sklearn.linear_model import Ridge

from metaling_sk._data.labels import MISSING

MAX_ITERATIONS = 100
"""Largest number of iterations of L-BFGS."""

RIDGE_TOLERANCE = 1e-6
"""Of the iterative solver, which sklearn takes for sparse features."""

SPARSE_HEAD_PENALTY = 0.1
"""Penalty of the model of all languages on sparse features, for many samples of each class."""

MANY_PER_CLASS = 1000
"""Number of samples of each class that this penalty is for: with fewer it is less in proportion.

Chosen on held-out rows of four tasks, with 10 labels to all in each language. What goes with the
number of samples alone was as good with few labels, and worse with many classes.
"""

LEAST_SHARE = 0.1
"""Least share of this penalty. With less, what is learnt of few labels is too sure."""


class LinearLoss(ABC):
    """The loss of the outputs of linear models, and the penalties that go with its size.

    Penalties are L2 penalties, in units of the mean squared norm of the samples.

    Attributes
    ----------
    curvature : float
        Typical second derivative of the loss of a sample by an output.
    intercept_penalty : float
        Penalty of the squared intercept, because the mean label of few samples is random.
    intercept_penalties : tuple of float
        Of residual heads, to choose from.
    head_penalties : tuple of float
        Of the model of all languages, to choose from; see `sparse_head_penalties`, too.
    n_head_errors : float or None
        A number of standard errors. The largest of these penalties is chosen that in models of one
        language each is not worse than the best one by more. None compares models of all languages
        and takes the best one.
    penalties : tuple of float
        Of offsets and of residual heads, to choose from.
    penalty : float
        Where these choices start, as far as they can.
    residual_penalty, sparse_residual_penalty : float
        Of residual heads where nothing is chosen, on dense and on sparse features.
    penalty_factors : tuple of float
        Factors of the penalty for a new language, to choose from.
    n_factor_errors : float
        Number of standard errors from which on it counts that a factor lowers the loss of a
        language.
    n_errors : float
        The largest penalties of residual heads are chosen that are worse than the best ones by no
        more than so many standard errors of held-out samples. 0 is for the best ones.
    shares : tuple of float
        Factors of the generated outputs, to choose from. These are too sure of the samples that
        they were fitted to, so that less than 1 may be better.
    share : float
        Where this choice starts.
    prior_share : float
        The factor where nothing is chosen.
    temperatures : array-like of float
        What outputs may be divided by before they are compared by their loss. Otherwise what is
        chosen would depend on how sure the predictions are, not on whether they are right.
    teaches_itself : bool
        Whether predictions can serve as labels.
    """

    curvature: ClassVar[float]
    intercept_penalty: ClassVar[float]
    intercept_penalties: ClassVar[tuple[float, ...]]
    head_penalties: ClassVar[tuple[float, ...]]
    n_head_errors: ClassVar[float | None]
    penalties: ClassVar[tuple[float, ...]]
    penalty: ClassVar[float]
    residual_penalty: ClassVar[float]
    sparse_residual_penalty: ClassVar[float]
    penalty_factors: ClassVar[tuple[float, ...]]
    n_factor_errors: ClassVar[float]
    n_errors: ClassVar[float]
    shares: ClassVar[tuple[float, ...]]
    share: ClassVar[float]
    prior_share: ClassVar[float]
    temperatures: ClassVar[Any]
    teaches_itself: ClassVar[bool]

    def sparse_head_penalties(
        self, n_samples: int, n_outputs: int, evenness: float
    ) -> tuple[float, ...]:
        """Those of `head_penalties` on sparse features; the same unless overridden.

        `evenness` is less than 1 where vectors stand beside n-grams, and one language has most of
        the samples. The model is then one of the vectors for the greater part.
        """
        return self.head_penalties

    @abstractmethod
    def targets(self, y: np.ndarray, n_outputs: int) -> np.ndarray:
        """What the outputs should be for labels, shape (n_samples, n_outputs)."""

    def weigh(self, y: np.ndarray, class_weight: np.ndarray | None) -> np.ndarray:
        """The weight of each sample, or of each of its outputs.

        Parameters
        ----------
        y : ndarray of n_samples
        class_weight : ndarray or None
            What `OutputKind.class_weights` returned.

        Returns
        -------
        ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
        """
        return np.ones((len(y), 1))

    @abstractmethod
    def guess(self, outputs: np.ndarray, sharpening: float = 1.0) -> np.ndarray:
        """What the outputs should be where they serve as labels, shape (n_samples, n_outputs).

        Logits are multiplied by `sharpening`.
        """

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Of the classes of each question, shape (n_questions, n_samples, n_classes).

        Only of a kind of output that teaches itself.
        """
        raise NotImplementedError("Predictions of this kind cannot serve as labels.")

    @abstractmethod
    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The loss of each sample, or of each of its outputs, in the shape of `weigh`."""

    @abstractmethod
    def total(
        self, outputs: np.ndarray, targets: np.ndarray, weight: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """The weighted sum of the losses, and its derivative by each output.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_samples, n_outputs)
        weight : ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
        """

    def directions(self, n_outputs: int) -> np.ndarray:
        """Orthonormal directions that outputs may move in, shape (n_directions, n_outputs)."""
        return np.eye(n_outputs)

    def minimise(
        self, x, norms, targets, outputs, weight, penalty: float, intercept_penalty: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the best coefficients, shape (n_features, n_outputs), and intercept.

        The variables are scaled so that the loss is about as curved in each of them, which saves
        most of the steps.

        Parameters
        ----------
        x : ndarray or CSR array, shape (n_samples, n_features)
        norms : ndarray of shape (n_features, 1) or (n_features, n_outputs)
            The weighted squared norms of the columns of x.
        targets : ndarray of shape (n_samples, n_outputs)
        outputs : ndarray of shape (n_samples, n_outputs)
            What the linear model is added to.
        weight : ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
        penalty, intercept_penalty : float
            Of the squared coefficients, and of the squared intercept.
        """
        directions = self.directions(outputs.shape[1])
        n_coef = x.shape[1] * len(directions)
        penalties = np.full(n_coef + len(directions), float(penalty))
        penalties[n_coef:] = intercept_penalty
        curvature = np.vstack([norms, weight.sum(axis=0)])
        curvature = np.broadcast_to(curvature, (len(curvature), len(directions))).ravel()
        tiny = np.finfo(float).tiny
        scale = 1 / np.sqrt(np.maximum(penalties + self.curvature * curvature, tiny))
        # The products below are fastest by columns, and so are the losses of few classes.
        columns: Any = x if isinstance(x, np.ndarray) else x.tocsc()
        rows = columns.T
        outputs, targets, weight = map(np.asfortranarray, (outputs, targets, weight))
        gradient = np.empty(len(scale))

        def loss(scaled):
            parameters = scale * scaled
            coef, intercept = parameters[:n_coef].reshape(-1, len(directions)), parameters[n_coef:]
            moved = outputs + (directions.T @ (columns @ coef + intercept).T).T
            value, error = self.total(moved, targets, weight)
            error = error @ directions.T
            gradient[:n_coef] = (rows @ error).ravel()
            gradient[n_coef:] = error.sum(axis=0)
            penalised = penalties * parameters
            return value + penalised @ parameters / 2, scale * (gradient + penalised)

        options: Any = {"maxiter": MAX_ITERATIONS}
        start = np.zeros(len(scale))
        best = scale * minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
        coef = best[:n_coef].reshape(-1, len(directions))
        return coef @ directions, best[n_coef:] @ directions


class ClassificationLoss(LinearLoss):
    """What the losses of one class and of several labels share."""

    curvature = 0.03
    penalties = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    penalty = 1.0
    residual_penalty, sparse_residual_penalty = 0.3, 0.1
    penalty_factors = (1.0, 0.25, 0.0625)
    n_factor_errors, n_errors = 2.0, 0.0
    shares = (0.0, 0.25, 0.5, 1.0)
    share = prior_share = 0.25
    temperatures = np.geomspace(0.125, 8, 13)
    teaches_itself = True


class LogLoss(ClassificationLoss):
    """The log-loss of one class for each sample; the outputs are logits.

    The penalty of the model of all languages is chosen by models of one language each: where the
    samples of a language are translations of those of others, in another order, cross-validation of
    itself would choose too little. On sparse features it goes with the number of samples, and
    becomes 1, which suits vectors, where the model is one of vectors.
    """

    intercept_penalty, intercept_penalties = 10.0, (10.0,)
    head_penalties = (0.01, 0.03, 0.1, 0.3, 1.0)
    n_head_errors = 2.0

    def sparse_head_penalties(self, n_samples, n_outputs, evenness):
        share = n_samples / n_outputs / MANY_PER_CLASS
        return ((SPARSE_HEAD_PENALTY * min(1.0, max(LEAST_SHARE, share))) ** evenness,)

    def targets(self, y, n_outputs):
        return np.eye(n_outputs)[y]

    def weigh(self, y, class_weight):
        return super().weigh(y, None) if class_weight is None else class_weight[y][:, None]

    def guess(self, outputs, sharpening=1.0):
        return softmax(sharpening * outputs, axis=1)

    def probabilities(self, outputs):
        return self.guess(outputs)[None]

    def losses(self, outputs, y):
        return -np.take_along_axis(log_softmax(outputs, axis=1), y[:, None], axis=1)

    def total(self, outputs, targets, weight):
        # As `log_softmax` and `softmax`, but in a fraction of their time for few samples.
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        value = (weight * targets * (np.log(sums) - shifted)).sum()
        return value, weight * (exponentials / sums - targets)

    def directions(self, n_outputs):
        """All but one: what is added to all logits alike changes nothing."""
        return helmert(n_outputs)


class LabelLogLoss(ClassificationLoss):
    """The log-losses of several labels of each sample, as of two classes each.

    What is not known of a sample weighs nothing. Most labels are rare: a penalty that one class of
    several bears would keep their probabilities below one half. So the penalty of the model of all
    languages is chosen, and that of the intercepts is small.
    """

    intercept_penalty, intercept_penalties = 0.1, (0.1,)
    head_penalties = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    n_head_errors = None

    def targets(self, y, n_outputs):
        return (y == 1).astype(np.float64)

    def weigh(self, y, class_weight):
        weight = (y != MISSING).astype(np.float64)
        if class_weight is None:
            return weight
        without, has = class_weight
        return weight * np.where(y == 1, has, without)

    def guess(self, outputs, sharpening=1.0):
        return expit(sharpening * outputs)

    def probabilities(self, outputs):
        return np.stack([self.guess(-outputs).T, self.guess(outputs).T], axis=-1)

    def losses(self, outputs, y):
        return -log_expit(np.where(y == 1, outputs, -outputs))

    def total(self, outputs, targets, weight):
        log_p = targets * log_expit(outputs) + (1 - targets) * log_expit(-outputs)
        return -(weight * log_p).sum(), weight * (expit(outputs) - targets)


class SquaredErrors(LinearLoss):
    """Half the squared error of one standardised number for each sample.

    A prediction of a number is its own best guess: as label it would teach nothing.
    """

    curvature = 1.0
    intercept_penalty, intercept_penalties = 10.0, (0.1, 1.0, 10.0, 100.0, 1000.0)
    penalties = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    head_penalties = (0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
    n_head_errors = None
    penalty = 1.0
    residual_penalty, sparse_residual_penalty = 3.0, 1.0
    penalty_factors = (1.0, 0.25, 0.0625, 0.015625)
    n_factor_errors, n_errors = 3.0, 2.0
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    share = prior_share = 1.0
    temperatures = (1.0,)
    teaches_itself = False

    def targets(self, y, n_outputs):
        return y.astype(np.float64)[:, None]

    def guess(self, outputs, sharpening=1.0):
        return outputs.copy()

    def losses(self, outputs, y):
        return (outputs - y[:, None]) ** 2 / 2

    def total(self, outputs, targets, weight):
        error = outputs - targets
        return (weight * error**2).sum() / 2, weight * error

    def minimise(self, x, norms, targets, outputs, weight, penalty, intercept_penalty):
        """Fit a ridge regression, with one more column for the intercept."""
        # Without a penalty, columns that depend on each other would have no one solution.
        alpha = max(penalty, 1e-10 * norms.sum(), np.finfo(float).tiny)
        size = (alpha / intercept_penalty) ** 0.5
        parts: Any = [x, np.full((len(targets), 1), size)]
        columns = sparse.csr_array(sparse.hstack(parts)) if sparse.issparse(x) else np.hstack(parts)
        ridge = Ridge(alpha=alpha, fit_intercept=False, tol=RIDGE_TOLERANCE)
        ridge.fit(columns, (targets - outputs)[:, 0], sample_weight=weight[:, 0])
        return ridge.coef_[:-1, None], size * ridge.coef_[-1:]


class HuberErrors(SquaredErrors):
    """The Huber loss of one standardised number for each sample.

    Parameters
    ----------
    epsilon : float
        The error from which on the loss is linear.
    """

    def __init__(self, epsilon: float):
        self.epsilon = epsilon

    def losses(self, outputs, y):
        return huber(self.epsilon, outputs - y[:, None])

    def total(self, outputs, targets, weight):
        error = outputs - targets
        value = (weight * huber(self.epsilon, error)).sum()
        return value, weight * np.clip(error, -self.epsilon, self.epsilon)

    minimise = LinearLoss.minimise


LOG_LOSS = LogLoss()
"""The loss of classes."""

LABEL_LOG_LOSS = LabelLogLoss()
"""The loss of several labels."""
