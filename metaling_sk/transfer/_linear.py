"""The linear recipe of cross-lingual transfer: a strong, quick baseline and teacher."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.parts import ROWS_AT_A_TIME, compute_in_parts
from metaling_sk._data.samples import (
    Samples,
    check_samples,
    check_single_texts,
    check_two_classes,
    count_samples,
)
from metaling_sk._data.suspicions import suspect_absent
from metaling_sk._network.outputs.class_weights import weigh_classes
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.all_or_nothing import unfitted_on_error
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.sklearn_compat import RealNotInt, fit_context
from metaling_sk.base import LanguageClassifierMixin
from metaling_sk.preprocessing._dictionary_translator import DictionaryTranslator, fit_translator
from metaling_sk.transfer._language_roles import find_language_roles, keep_languages
from metaling_sk.transfer._self_training import (
    char_tfidf,
    class_shares,
    find_topics,
    pseudo_labels,
    round_shares,
)


class LinearTransferClassifier(SavedMixin, LanguageClassifierMixin, BaseEstimator):
    """Logistic regression on character n-grams that learns a target language from a source.

    1. Source texts are translated word for word, where a dictionary is given.
    2. TF-IDF of character n-grams and logistic regression are fitted on all labelled samples.
    3. Self-training [1]_: the unlabelled target samples of which the model is surest get its
       predictions as labels and join the labelled ones, a larger share in each round. The samples
       are drawn from each topic (a k-means cluster of the target texts) with the class frequencies
       of the labelled samples. Otherwise the model drifts from the classes to the topics, which
       differ more. The recipe assumes that these frequencies hold, roughly, in every topic.

    Numeric features, dense or sparse, go through steps 2 and 3 as they are.

    Parameters
    ----------
    Languages and transfer

    source_languages : str or list of str, default=None
        Languages that the labels come from. None stands for all languages but the targets.
        Samples in languages that are neither source nor target are not learnt from.
    target_languages : str or list of str, default=None
        Languages that the model is for. None stands for all languages but the sources or, where
        both are None, for those with unlabelled samples.
    dictionary : mapping of str to iterable of str, or path, default=None
        Source words with their candidates in the one target language; see
        `DictionaryTranslator`.
    self_training : int, default=6
        Rounds of self-training; 0 for none.
    n_topics : int, default=3
        Number of topics among the unlabelled target samples; pseudo-labels are drawn from each.
        About the number of domains (products, genres) that the text comes from is a good choice.
        1 ignores topics, which is right where they go with the classes.

    Model

    C : float, default=2.0
        Inverse strength of the regularisation.
    target_weight : float, default=5.0
        Weight of a labelled target sample. Other samples have the weight 1.
    ngram_range : tuple of (int, int), default=(2, 3)
        Shortest and longest character n-grams. (2, 3) suits Chinese, (1, 5) alphabets.
    min_df : float or int, default=4e-4
        Share or number of texts in which an n-gram must occur.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in `sklearn.linear_model.LogisticRegression`.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of the translation and of the topics.

    Data

    text_column : str, default="text"
        The column of a DataFrame X that holds the texts.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    source_languages_, target_languages_ : list of str
        The source and the target languages.
    translator_ : DictionaryTranslator or None
        The translator of source texts, where a dictionary is given.
    vectorizer_ : TfidfVectorizer or None
        None where X is numeric.
    model_ : LogisticRegression
        The model, on class indices.
    sample_counts_ : DataFrame of shape (n_languages, 2)
        The number of samples of each language that were learnt from, `labelled` and `unlabelled`.
    n_features_in_ : int
        Number of features, or of columns of texts and languages, seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, for DataFrames.

    References
    ----------
    .. [1] Scudder (1965). Probability of error of some adaptive pattern-recognition machines.
       IEEE Transactions on Information Theory.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.transfer._linear import LinearTransferClassifier
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕"],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> y = ["positive", "negative", None, None]
    >>> dictionary = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> model = LinearTransferClassifier(dictionary=dictionary, n_topics=1, random_state=0)
    >>> model.fit(X, y).predict(X).tolist()
    ['positive', 'negative', 'positive', 'negative']
    """

    _parameter_constraints: dict = {
        "self_training": [Number(Integral, 0, None, closed="left")],
        "C": [Number(Real, 0, None, closed="neither")],
        "target_weight": [Number(Real, 0, None, closed="left")],
        "ngram_range": [tuple, list],
        "min_df": [
            Number(RealNotInt, 0, 1, closed="both"),
            Number(Integral, 0, None, closed="left"),
        ],
        **common_constraints(
            "source_languages",
            "target_languages",
            "dictionary",
            "n_topics",
            "class_weight",
            "verbose",
            "random_state",
            "text_column",
            "language_column",
            "missing_label",
        ),
    }

    def __init__(
        self,
        *,
        source_languages=None,
        target_languages=None,
        dictionary=None,
        self_training=6,
        n_topics=3,
        C=2.0,
        target_weight=5.0,
        ngram_range=(2, 3),
        min_df=4e-4,
        class_weight=None,
        verbose=1,
        random_state=None,
        text_column="text",
        language_column="language",
        missing_label=None,
    ):
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.dictionary = dictionary
        self.self_training = self_training
        self.n_topics = n_topics
        self.C = C
        self.target_weight = target_weight
        self.ngram_range = ngram_range
        self.min_df = min_df
        self.class_weight = class_weight
        self.verbose = verbose
        self.random_state = random_state
        self.text_column = text_column
        self.language_column = language_column
        self.missing_label = missing_label

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, language=None) -> LinearTransferClassifier:
        """Fit on labelled samples and, where there are any, unlabelled target samples.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            The n_samples texts, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,)
            NaN, None or `missing_label` where a sample has no label.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : LinearTransferClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If the labelled samples hold fewer than two classes, a source language has no sample,
            source and target overlap, a dictionary is given without exactly one target language
            or for numbers, or X, y, `language` or a parameter is not as described.
        """
        with unfitted_on_error(self):
            samples = check_samples(self, X, y, language, reset=True)
            check_single_texts(samples, self, "Join both in one column, or use TransferClassifier.")
            languages = find_language_roles(samples, self.source_languages, self.target_languages)
            suspect_absent(self, languages[1], set(samples.language))
            rng = check_random_state(self.random_state)
            samples = keep_languages(samples, [*languages[0], *languages[1]])
            check_two_classes(samples, self)
            translator = None
            if self.dictionary is not None and samples.is_text:
                translator = fit_translator(self.dictionary, samples, languages[1], rng)
            with Progress.of(self) as progress:
                return self._fit_samples(samples, languages, translator, rng, progress)

    def _fit_samples(
        self,
        samples: Samples,
        languages: tuple[list[str], list[str]],
        translator: DictionaryTranslator | None,
        rng: np.random.RandomState,
        progress: Progress,
        stage: str = "fit",
    ) -> LinearTransferClassifier:
        """Fit on validated samples of the source and target languages.

        Parameters
        ----------
        samples : Samples
            Those in the source and target languages, with the classes that they have.
        languages : tuple of (list of str, list of str)
            The source and the target languages.
        translator : fitted DictionaryTranslator or None
        rng : RandomState
        progress : Progress
            Shows how many models are fitted.
        stage : str, default="fit"
            What that is called there.
        """
        if self.dictionary is not None and not samples.is_text:
            raise ValueError("`dictionary` translates texts, but X holds numbers; leave it None.")
        self.source_languages_, self.target_languages_ = languages
        self.translator_ = translator
        assert samples.classes is not None
        self.classes_ = samples.classes
        self.sample_counts_ = count_samples(samples)
        is_target = np.isin(samples.language, self.target_languages_)
        labelled = samples.labelled
        pool = ~labelled & is_target
        n_rounds = self.self_training if pool.any() else 0
        progress.start(stage, 1 + n_rounds, "model")
        features = self._fit_features(samples, is_target)
        weights = np.where(is_target[labelled], float(self.target_weight), 1.0)
        given = np.flatnonzero(labelled), samples.labels, weights
        self._fit_model(features, *given)
        progress.advance()
        if n_rounds:
            topics = find_topics(samples.take(pool), self.n_topics, rng)
            self._self_train(features, given, np.flatnonzero(pool), topics, progress)
        return self

    def predict_proba(self, X, language=None) -> np.ndarray:
        """Predict the probabilities of the classes.

        Samples in a source language are translated first. Those in any other language, also one
        not seen at fit, are taken for target text.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self._compute(X, language, self.model_.predict_proba)

    def _logits(self, X, language=None):
        check_is_fitted(self)
        decision = self._compute(X, language, self.model_.decision_function)
        return decision if decision.ndim > 1 else np.column_stack([-decision, decision]) / 2

    @property
    def _known_languages(self) -> list[str]:
        """The languages that are treated differently; none if no text is translated."""
        if self.translator_ is None:
            return []
        return self.languages_

    @property
    def languages_(self) -> list[str]:
        """The source and the target languages."""
        return [*self.source_languages_, *self.target_languages_]

    def _fit_features(self, samples: Samples, is_target: np.ndarray):
        """Fit the vectorizer and return the features of the samples."""
        self.vectorizer_: Any = None
        if not samples.is_text:
            return samples.features
        texts = self._translate(samples)
        self.vectorizer_ = char_tfidf(self.ngram_range, self.min_df)
        counts_once = not (~samples.labelled & is_target).any()
        try:
            if counts_once:
                return self.vectorizer_.fit_transform(texts)
            self.vectorizer_.fit(texts[is_target])
        except ValueError as error:
            raise ValueError(
                f"{'X' if counts_once else 'The text in the target languages'} has no n-gram to "
                f"count: its texts are empty, or shorter than `ngram_range`={self.ngram_range}, or "
                f"each n-gram is in fewer texts than `min_df`={self.min_df}."
            ) from error
        return self.vectorizer_.transform(texts)

    def _compute(self, X, language, compute):
        """Check samples to predict, part by part, and compute something of their features."""

        def compute_part(part, language):
            samples = check_samples(self, part, language=language, reset=False)
            if not samples.is_text:
                return compute(samples.features)
            texts = self._translate(samples)
            results = [
                compute(self.vectorizer_.transform(texts[start : start + ROWS_AT_A_TIME]))
                for start in range(0, len(texts), ROWS_AT_A_TIME)
            ]
            return np.concatenate(results)

        return compute_in_parts(compute_part, X, language)

    def _translate(self, samples: Samples) -> np.ndarray:
        assert samples.texts is not None
        texts = samples.texts
        if self.translator_ is not None:
            texts = texts.copy()
            source = np.isin(samples.language, self.source_languages_)
            if source.any():
                texts[source] = self.translator_._translated(samples.take(source))
        return texts

    def _new_model(self) -> LogisticRegression:
        class_weight = self.class_weight
        if isinstance(class_weight, dict):
            # The model is fitted on class indices, but the weights are those of labels.
            weights = weigh_classes(class_weight, self.classes_, np.arange(len(self.classes_)))
            class_weight = dict(enumerate(weights))
        return LogisticRegression(C=self.C, class_weight=class_weight, max_iter=1000)

    def _fit_model(self, features, rows: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        """Fit the model on some rows of the features, which are copied unless they are all."""
        if not np.array_equal(rows, np.arange(features.shape[0])):
            features = features[rows]
        self.model_ = self._new_model().fit(features, y, sample_weight=weights)

    def _self_train(self, features, given, pool: np.ndarray, topics, progress: Progress) -> None:
        """Refit the model in rounds with pseudo-labels for a growing share of the pool."""
        rows, y, weights = given
        shares = class_shares(y, len(self.classes_))
        for share in round_shares(self.self_training):
            probabilities = self.model_.predict_proba(features[pool])
            indices, labels = pseudo_labels(probabilities, topics, share * shares)
            self._fit_model(
                features,
                np.concatenate([rows, pool[indices]]),
                np.concatenate([y, labels]),
                np.concatenate([weights, np.ones(len(indices))]),
            )
            progress.advance()

    # Saving

    _saved_attributes = (
        "classes_",
        "source_languages_",
        "target_languages_",
        "translator_",
        "vectorizer_",
        "model_",
        "sample_counts_",
    )

    def _describe_input(self) -> str:
        return "It reads TF-IDF of character n-grams." if self.vectorizer_ else "It reads features."
