"""Whether the way back from a classifier's predictions in a target language finds the labels."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from metaling_sk._utils.sklearn_compat import HasMethods
from metaling_sk.metrics._target_scorer import ScoredSamples, TargetScorer


class CircularValidation(TargetScorer):
    """Scorer of a classifier that is trained back from target to source languages.

    Also called reverse validation [1]_ [2]_:

    1. The classifier predicts labels of the target samples.
    2. A reverse classifier is trained on these predictions. The source samples have no labels for
       it.
    3. The score is its accuracy on the labels of the source samples.

    Wrong predictions in the target languages mislead the reverse classifier. Errors that undo each
    other on the way back, such as two classes that are exchanged twice, are not found. Each score
    costs a fit on the samples that are scored, so use few folds.

    Parameters
    ----------
    reverse_estimator : classifier, default=None
        The reverse classifier. None stands for a clone of the classifier that is scored. Where it
        has the parameters `source_languages` and `target_languages`, their languages are
        exchanged. Where it has `missing_label`, it is given the source samples without labels as
        well, otherwise the target samples alone. Pass another one if the classifier that is scored
        learns from something that works in one direction, such as a dictionary, or from a fitted
        source model, which has seen the labels.
    source_languages : str or list of str, default=None
        Languages that the labels come from. None stands for all languages but the targets.
    target_languages : str or list of str, default=None
        Languages that the model is for. None stands for all languages but the sources or, where
        both are None, for those with unlabelled samples.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    References
    ----------
    .. [1] Bruzzone & Marconcini (2010). Domain adaptation problems: a DASVM classification
       technique and a circular validation strategy. IEEE TPAMI.
    .. [2] Ganin et al. (2016). Domain-adversarial training of neural networks. JMLR.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import LinearTransferClassifier
    >>> from metaling_sk.metrics import CircularValidation
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕"],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> y = ["positive", "negative", None, None]
    >>> there = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> back = {"不错": ["good"], "糟糕": ["bad"], "酒店": ["hotel"]}
    >>> model = LinearTransferClassifier(dictionary=there, n_topics=1, random_state=0).fit(X, y)
    >>> reverse = LinearTransferClassifier(dictionary=back, n_topics=1, random_state=0)
    >>> CircularValidation(reverse_estimator=reverse)(model, X, y)
    1.0
    """

    _parameter_constraints: dict = {
        "reverse_estimator": [HasMethods(["fit", "predict"]), None],
        **TargetScorer._parameter_constraints,
    }

    def __init__(
        self,
        *,
        reverse_estimator=None,
        source_languages=None,
        target_languages=None,
        language_column="language",
        missing_label=None,
    ):
        self.reverse_estimator = reverse_estimator
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.language_column = language_column
        self.missing_label = missing_label

    def _score(self, samples: ScoredSamples) -> float:
        predicted = samples.pass_to(samples.estimator.predict, samples.is_target)
        if len(np.unique(predicted)) == 1:
            return np.mean(samples.source_labels == predicted[0])  # no classes to learn
        reverse = clone(
            samples.estimator if self.reverse_estimator is None else self.reverse_estimator
        )
        languages = {
            "source_languages": sorted(set(samples.language[samples.is_target])),
            "target_languages": sorted(set(samples.language[samples.is_source])),
        }
        parameters = {name: name.rpartition("__")[2] for name in reverse.get_params()}
        reverse.set_params(
            **{path: languages[name] for path, name in parameters.items() if name in languages}
        )
        if "missing_label" in parameters.values():
            labels = np.full(len(samples.language), None, dtype=object)
            labels[samples.is_target] = predicted
            both = samples.is_source | samples.is_target
            samples.pass_to(reverse.fit, both, labels[both])
        else:
            samples.pass_to(reverse.fit, samples.is_target, predicted)
        found = samples.pass_to(reverse.predict, samples.is_source)
        return np.mean(samples.source_labels == found)
