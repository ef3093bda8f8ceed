"""How dense the clusters of a classifier's predictions in a target language are."""

from __future__ import annotations

from numbers import Real

import numpy as np
from scipy.special import entr, softmax
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from metaling_sk._utils.parameters import Number
from metaling_sk.metrics._target_scorer import ScoredSamples, TargetScorer

BATCH_SIZE = 512
"""Rows of the similarity matrix that are computed at once."""


class SoftNeighborhoodDensity(TargetScorer):
    r"""Scorer of how dense the neighbourhoods of predictions in the target languages are.

    .. math:: -\frac{1}{n} \sum_i \sum_{j \ne i} s_{ij} \log s_{ij}, \quad
       s_{ij} = \frac{\exp(f_i \cdot f_j / \tau)}{\sum_{k \ne i} \exp(f_i \cdot f_k / \tau)}

    with the predicted probabilities :math:`f_i` of the n target samples, scaled to length 1, and
    the temperature :math:`\tau`. The entropy of a sample's similarities is high if many others
    have the same predictions [1]_. It is highest, too, for a classifier that gives all samples one
    class. Scores depend on n, so compare only those of the same samples.

    Parameters
    ----------
    temperature : float, default=0.05
        The lower, the nearer are the neighbours that count.
    source_languages : str or list of str, default=None
        Not scored. None stands for all languages but the targets.
    target_languages : str or list of str, default=None
        Languages that the model is for. None stands for all languages but the sources or, where
        both are None, for those with unlabelled samples.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    References
    ----------
    .. [1] Saito et al. (2021). Tune it the right way: unsupervised validation of domain adaptation
       via soft neighborhood density. ICCV.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import LinearTransferClassifier
    >>> from metaling_sk.metrics import SoftNeighborhoodDensity
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕", "不错"],
    ...     "language": ["en", "en", "zh", "zh", "zh"],
    ... })
    >>> y = ["positive", "negative", None, None, None]
    >>> dictionary = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> model = LinearTransferClassifier(dictionary=dictionary, n_topics=1, random_state=0)
    >>> model = model.fit(X, y)
    >>> round(SoftNeighborhoodDensity()(model, X, y), 3)
    0.597
    """

    _parameter_constraints: dict = {
        "temperature": [Number(Real, 0, None, closed="neither")],
        **TargetScorer._parameter_constraints,
    }

    def __init__(
        self,
        *,
        temperature=0.05,
        source_languages=None,
        target_languages=None,
        language_column="language",
        missing_label=None,
    ):
        self.temperature = temperature
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.language_column = language_column
        self.missing_label = missing_label

    @property
    def _needs_source(self) -> bool:
        return False

    def _score(self, samples: ScoredSamples) -> float:
        directions = normalize(samples.target_probabilities())
        n_samples = len(directions)
        if n_samples < 2:
            raise ValueError(
                "SoftNeighborhoodDensity needs at least two rows of the target languages, but X "
                "has one."
            )
        total = 0.0
        for batch in gen_batches(n_samples, BATCH_SIZE):
            similarities = directions[batch] @ directions.T / self.temperature
            own = np.arange(n_samples)[batch]
            similarities[np.arange(len(own)), own] = -np.inf
            total += entr(softmax(similarities, axis=1)).sum()
        return total / n_samples
