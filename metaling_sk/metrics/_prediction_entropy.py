"""How sure a classifier is of its predictions in a target language."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import entr, log_softmax, softmax

from metaling_sk.metrics._target_scorer import ScoredSamples, TargetScorer

LOG_TEMPERATURES = (-5.0, 5.0)
"""Bounds of the logarithm of the temperature that is searched for."""


class PredictionEntropyScorer(TargetScorer):
    r"""Scorer of how sure a classifier is of its predictions in the target languages.

    .. math:: H\Big(\frac{1}{n} \sum_i p_i\Big) - \frac{1}{n} \sum_i H(p_i)

    with the predicted probabilities :math:`p_i` of the n target samples and the entropy
    :math:`H`. The second term is low where the predictions are confident [1]_. The first is high
    where they are spread over the classes: without it, a classifier that gives all samples one
    class has the best score. Together they are the mutual information of samples and predictions
    [2]_.

    How sure a classifier is depends on its regularisation and its training, too. Therefore the
    probabilities are calibrated first: :math:`p_i` is the softmax of the logarithms of the
    predicted probabilities divided by a temperature, which minimises the log-loss of the labelled
    source samples [3]_.

    Parameters
    ----------
    diversity : bool, default=True
        Whether the first term is part of the score.
    calibrated : bool, default=True
        Whether the probabilities are calibrated. Without it no source samples are needed.
    source_languages : str or list of str, default=None
        Languages of the samples that the probabilities are calibrated on. None stands for all
        languages but the targets.
    target_languages : str or list of str, default=None
        Languages that the model is for. None stands for all languages but the sources or, where
        both are None, for those with unlabelled samples.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    References
    ----------
    .. [1] Morerio et al. (2018). Minimal-entropy correlation alignment for unsupervised deep
       domain adaptation. ICLR.
    .. [2] Krause et al. (2010). Discriminative clustering by regularized information
       maximization. NeurIPS.
    .. [3] Guo et al. (2017). On calibration of modern neural networks. ICML.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import LinearTransferClassifier
    >>> from metaling_sk.metrics import PredictionEntropyScorer
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕"],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> y = ["positive", "negative", None, None]
    >>> dictionary = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> model = LinearTransferClassifier(dictionary=dictionary, n_topics=1, random_state=0)
    >>> model = model.fit(X, y)
    >>> round(PredictionEntropyScorer()(model, X, y), 3)
    0.693
    """

    _parameter_constraints: dict = {
        "diversity": ["boolean"],
        "calibrated": ["boolean"],
        **TargetScorer._parameter_constraints,
    }

    def __init__(
        self,
        *,
        diversity=True,
        calibrated=True,
        source_languages=None,
        target_languages=None,
        language_column="language",
        missing_label=None,
    ):
        self.diversity = diversity
        self.calibrated = calibrated
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.language_column = language_column
        self.missing_label = missing_label

    @property
    def _needs_source(self) -> bool:
        return self.calibrated

    def _score(self, samples: ScoredSamples) -> float:
        probabilities = samples.target_probabilities()
        if self.calibrated:
            probabilities = softmax(_logarithms(probabilities) / _temperature(samples), axis=1)
        confidence = -entr(probabilities).sum(axis=1).mean()
        diversity = entr(probabilities.mean(axis=0)).sum()
        return confidence + diversity if self.diversity else confidence


def _temperature(samples: ScoredSamples) -> float:
    """Find the temperature that minimises the log-loss of the source samples."""
    indices = pd.Index(samples.estimator.classes_).get_indexer(samples.source_labels)
    is_known = indices >= 0
    logarithms = _logarithms(samples.source_probabilities())[is_known]

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logarithms / np.exp(log_temperature), axis=1)
        return -scaled[np.arange(len(scaled)), indices[is_known]].mean()

    return np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded").x)


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, np.finfo(float).eps))
