"""The score of a classifier on source samples, weighted by how like target samples they are."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metaling_sk._utils.messages import warn_user
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.sklearn_compat import StrOptions
from metaling_sk.metrics._target_scorer import ScoredSamples, TargetScorer

LEAST_PROBABILITY = 1e-6
"""Lower probabilities count as this one where their logarithm is taken."""


class ImportanceWeightedScorer(TargetScorer):
    r"""Scorer of the predictions on source samples, weighted as if they were target samples.

    .. math:: \frac{\sum_i w_i \, m(x_i, y_i)}{\sum_i w_i}, \quad
       w_i = \left(\frac{P(\mathrm{target} \mid x_i)}{P(\mathrm{source} \mid x_i)}\right)^\alpha

    over the labelled source samples, with the metric :math:`m`. A language discriminator, a
    logistic regression on the logarithms of the predicted probabilities, tells how like target
    samples they are [1]_. The exponent :math:`\alpha` is 1 unless few samples would outweigh all
    others. Then it is the largest one with an effective sample size
    :math:`(\sum_i w_i)^2 / \sum_i w_i^2` of `min_effective_share` of the source samples.

    The score is right if samples of both languages that get the same predictions also have the same
    shares of labels. A model that is sure and wrong in the target language breaks this assumption.

    Parameters
    ----------
    metric : {"accuracy", "neg_log_loss"}, default="accuracy"
        What is averaged over the source samples.
    min_effective_share : float, default=0.1
        Least effective sample size, as a share of the source samples.
    source_languages : str or list of str, default=None
        Languages that the labels come from. None stands for all languages but the targets.
    target_languages : str or list of str, default=None
        Languages that the model is for. None stands for all languages but the sources or, where
        both are None, for those with unlabelled samples.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    Warns
    -----
    InputWarning
        Once for each scorer, if the exponent is below 1: the score is nearer to that of source
        samples than to that of target samples.

    References
    ----------
    .. [1] Sugiyama et al. (2007). Covariate shift adaptation by importance weighted cross
       validation. JMLR.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import LinearTransferClassifier
    >>> from metaling_sk.metrics import ImportanceWeightedScorer
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕"],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> y = ["positive", "negative", None, None]
    >>> dictionary = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> model = LinearTransferClassifier(dictionary=dictionary, n_topics=1, random_state=0)
    >>> model = model.fit(X, y)
    >>> ImportanceWeightedScorer()(model, X, y)
    1.0
    """

    _parameter_constraints: dict = {
        "metric": [StrOptions({"accuracy", "neg_log_loss"})],
        "min_effective_share": [Number(Real, 0, 1, closed="right")],
        **TargetScorer._parameter_constraints,
    }

    def __init__(
        self,
        *,
        metric="accuracy",
        min_effective_share=0.1,
        source_languages=None,
        target_languages=None,
        language_column="language",
        missing_label=None,
    ):
        self.metric = metric
        self.min_effective_share = min_effective_share
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.language_column = language_column
        self.missing_label = missing_label

    def _score(self, samples: ScoredSamples) -> float:
        probabilities = samples.source_probabilities()
        log_ratios = log_density_ratios(probabilities, samples.target_probabilities())
        exponent = largest_exponent(log_ratios, self.min_effective_share)
        if exponent < 1:
            warn_user(
                "ImportanceWeightedScorer: few source rows would outweigh all others, because the "
                "predictions differ much between the languages. The weights were flattened, so "
                "the score says little about the target languages. Do not choose by it alone.",
                self,
            )
        values = self._values(probabilities, samples)
        return np.average(values, weights=_weights(log_ratios, exponent))

    def _values(self, probabilities: np.ndarray, samples: ScoredSamples) -> np.ndarray:
        """The metric of each source sample."""
        # -1 for a class that the classifier does not know.
        indices = pd.Index(samples.estimator.classes_).get_indexer(samples.source_labels)
        if self.metric == "accuracy":
            return probabilities.argmax(axis=1) == indices
        likelihoods = probabilities[np.arange(len(indices)), indices]
        likelihoods = np.where(indices < 0, 0.0, likelihoods)
        return np.log(np.maximum(likelihoods, np.finfo(float).eps))


def log_density_ratios(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Estimate how much likelier source samples are among target samples, up to a constant.

    Parameters
    ----------
    source, target : ndarray of shape (n_samples, n_classes)
        Predicted probabilities.

    Returns
    -------
    ndarray of shape (n_source_samples,)
        The logarithms of the ratios.
    """
    features = np.log(np.maximum(np.concatenate([source, target]), LEAST_PROBABILITY))
    is_target = np.arange(len(features)) >= len(source)
    discriminator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return discriminator.fit(features, is_target).decision_function(features[: len(source)])


def largest_exponent(log_ratios: np.ndarray, min_share: float) -> float:
    """Find the largest exponent up to 1 that leaves a large enough effective sample size.

    Parameters
    ----------
    log_ratios : ndarray of shape (n_samples,)
        The logarithms of the weights.
    min_share : float
        Least effective sample size, as a share of the samples.

    Returns
    -------
    float
    """

    def surplus(exponent: float) -> float:
        weights = _weights(log_ratios, exponent)
        return weights.sum() ** 2 / (weights**2).sum() / len(weights) - min_share

    return 1.0 if surplus(1.0) >= 0 else brentq(surplus, 0.0, 1.0)


def _weights(log_ratios: np.ndarray, exponent: float) -> np.ndarray:
    return np.exp(exponent * (log_ratios - log_ratios.max()))
