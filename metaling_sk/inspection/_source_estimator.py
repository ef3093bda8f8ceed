"""An estimator that learns from the labels of some languages only."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if

from metaling_sk._data.indicators import has_several_labels
from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk.meta_param._folds import read_data
from metaling_sk.metrics._inputs import call_with_language


def _estimator_has(name: str):
    return lambda self: hasattr(self.estimator, name)


class SourceEstimator(MetaEstimatorMixin, BaseEstimator):
    """A classifier or regressor that is fitted on the labels of some languages.

    Parameters
    ----------
    estimator : estimator
        Cloned in `fit`.
    sources : dict of str to list of str
        The languages of each source.
    source : str
        The source to learn from.
    keep_text : bool
        Whether all other samples stay, without labels.
    """

    __metadata_request__fit = {"language": True}
    __metadata_request__predict = {"language": True}
    __metadata_request__predict_proba = {"language": True}
    __metadata_request__decision_function = {"language": True}

    def __init__(self, estimator, *, sources, source=None, keep_text=False):
        self.estimator = estimator
        self.sources = sources
        self.source = source
        self.keep_text = keep_text

    def __sklearn_tags__(self):
        return get_tags(self.estimator)

    def fit(self, X, y, language=None) -> SourceEstimator:
        """Fit a clone of the estimator on the samples of the source."""
        data = read_data(self.estimator, X, y, language)
        languages = np.asarray(data.language, dtype=object)
        is_source = np.isin(languages, self.sources[self.source]) & data.labelled
        if self.keep_text:
            y = label_array(y).astype(object)
            y[~is_source] = None
        indices = np.flatnonzero(is_source | self.keep_text)
        self.estimator_ = clone(self.estimator)
        language = None if language is None else languages[indices]
        y = _safe_indexing(y, indices)
        if not self.keep_text and not has_several_labels(y):
            y = plain_labels(label_array(y))  # Objects, if labels of other samples are None.
        call_with_language(self.estimator_, "fit", _safe_indexing(X, indices), language, y)
        if is_classifier(self):
            self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X, language=None) -> np.ndarray:
        """Predict the label of each sample."""
        return call_with_language(self.estimator_, "predict", X, language)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X, language=None) -> np.ndarray:
        """Predict the probabilities of the classes."""
        return call_with_language(self.estimator_, "predict_proba", X, language)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X, language=None) -> np.ndarray:
        """Compute the decision values."""
        return call_with_language(self.estimator_, "decision_function", X, language)

    @available_if(_estimator_has("warm_cache"))
    def warm_cache(self, X, language=None) -> None:
        """Compute what the fits of all sources share."""
        params = {} if language is None else {"language": language}
        clone(self.estimator).warm_cache(X, **params)

    def warm_cache_key(self):
        """Return what the shared work depends on: the same for all sources."""
        return "all sources"
