"""How well the labels of each language serve each other language."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
import pandas as pd

from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._utils.messages import name_some
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.progress import called
from metaling_sk._utils.sklearn_compat import HasMethods, StrOptions, validate_params
from metaling_sk.inspection._source_estimator import SourceEstimator
from metaling_sk.meta_param._folds import (
    N_SPLITS,
    SearchData,
    divisible,
    group_splitter,
    read_data,
)
from metaling_sk.meta_param._search_cv import MetaParamSearchCV


@validate_params(
    {
        "estimator": [HasMethods(["fit", "predict"])],
        "language": ["array-like", str, None],
        "groups": ["array-like", None],
        "sources": [Mapping, list, None],
        "keep_text": ["boolean"],
        "scoring": [str, callable],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
        "checkpoint": [str, os.PathLike, None],
        "error_score": [StrOptions({"raise"}), Real],
        "random_state": ["random_state"],
        "verbose": [Number(Integral, 0, None, closed="left")],
    },
    prefer_skip_nested_validation=False,
)
def transfer_matrix(
    estimator,
    X,
    y,
    *,
    language=None,
    groups=None,
    sources=None,
    keep_text=False,
    scoring="accuracy",
    cv=None,
    n_jobs=None,
    checkpoint=None,
    error_score=np.nan,
    random_state=None,
    verbose=1,
) -> pd.DataFrame:
    """Train on each language and test on each language, by cross-validation.

    A row of the matrix tells what the labels of a language are worth elsewhere, and a column which
    labels help a language.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned for every fit. A frozen encoder of ours encodes every text once.
    X : DataFrame or array-like of n_samples
        The samples of all languages, as the estimator takes them.
    y : array-like of shape (n_samples,)
        The labels. Samples without a label are not tested on.
    language : str or array-like of str, shape (n_samples,), default=None
        The language of each sample, where X has no language column. It is passed to estimators
        that take it.
    groups : array-like of shape (n_samples,), default=None
        Samples of a group are in the same fold, for example a sentence and its translations. They
        would be in the training part and in the test part otherwise.
    sources : dict, list or None, default=None
        What to train on: the names of sources with the languages of each, such as
        ``{"Romance": ["es", "fr"], "English": ["en"]}``, or a list of languages. None is every
        language with labels.
    keep_text : bool, default=False
        Whether the other training samples stay, without labels: those of other languages, and
        those of the source that have no label. The estimator must take such samples, as
        `TransferClassifier` does.
    scoring : str or callable, default="accuracy"
        One scorer, as in `sklearn.model_selection.cross_validate`. A regressor needs another one,
        such as "r2".
    cv : int, splitter or iterable, default=None
        The folds; None is 5. Numbers stand for `StratifiedLanguageKFold`, or for
        `sklearn.model_selection.StratifiedGroupKFold` if there are `groups` (`GroupKFold` for a
        regressor).
    n_jobs : int, default=None
        The number of fits at once.
    checkpoint : str or path, default=None
        A folder. A run that was killed and is started again with the same arguments goes on there;
        see `MetaParamSearchCV`. It holds pickles.
    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, for example on a language with one class.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, and of estimators that have no `random_state` of their own.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.

    Returns
    -------
    DataFrame of shape (n_sources, n_languages)
        The mean score of the folds, for each source the labels come from and each language that a
        fold tests on.

    Raises
    ------
    ValueError
        If X has fewer than two languages, or `sources` names a language without labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from metaling_sk.inspection import transfer_matrix
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 4))
    >>> language = np.repeat(["de", "nl", "ja"], 100)
    >>> y = X[:, 0] > 0
    >>> y[200:] = X[200:, 0] < 0  # In "ja" the classes are the other way round.
    >>> transfer_matrix(
    ...     LogisticRegression(), X, y, language=language, random_state=0
    ... ).round(1)
    tested on    de   ja   nl
    trained on
    de          1.0  0.0  1.0
    ja          0.0  1.0  0.0
    nl          1.0  0.0  1.0
    """
    X = divisible(X)
    data = read_data(estimator, X, y, language)
    languages = _labelled_languages(data)
    sources = _read_sources(sources, languages)
    if groups is not None and (cv is None or isinstance(cv, Integral)):
        cv = group_splitter(data, int(cv or N_SPLITS), _seed(random_state))
    search = MetaParamSearchCV(
        SourceEstimator(estimator, sources=sources, keep_text=keep_text),
        {"source": list(sources)},
        n_iter=len(sources),
        scoring=scoring,
        cv=cv,
        refit=False,
        n_jobs=n_jobs,
        checkpoint=checkpoint,
        error_score=error_score,
        random_state=random_state,
        verbose=verbose,
    )
    params = {} if language is None else {"language": data.language}
    with called("transfer_matrix"):
        search.fit(X, y, **params | ({} if groups is None else {"groups": groups}))
    results = search.cv_results_
    columns = {name: f"mean_test_score_{name}" for name in languages}
    scores = {name: results[column] for name, column in columns.items() if column in results}
    index = pd.Index(results["param_source"].astype(str), name="trained on")
    table = pd.DataFrame(scores, index=index).loc[list(sources)]
    return table.rename_axis(columns="tested on")


def _labelled_languages(data: SearchData) -> list[str]:
    """The languages with labels, sorted."""
    languages = data.languages_of(np.flatnonzero(data.labelled))
    if len(languages) < 2:
        named = languages if data.language is not None else [UNNAMED_LANGUAGE]
        raise ValueError(
            f"A transfer matrix needs labels in at least two languages, but has them in {named}. "
            "Name the language of each row in the language column of X or in `language`."
        )
    return languages


def _read_sources(sources, languages: list[str]) -> dict[str, list[str]]:
    """The languages of each source, by name."""
    if sources is None:
        sources = languages
    if not all(isinstance(name, str) for name in sources):
        raise ValueError(f"`sources` must be named by strings, got {name_some(sources)}.")
    if not isinstance(sources, Mapping):
        sources = {name: [name] for name in sources}
    sources = {
        name: [value] if isinstance(value, str) else list(value) for name, value in sources.items()
    }
    unknown = {name for value in sources.values() for name in value} - set(languages)
    if unknown or not sources or not all(sources.values()):
        raise ValueError(
            "`sources` must name languages with labels"
            + (f", but {name_some(sorted(unknown))} have none" if unknown else "")
            + f". These have: {name_some(languages)}."
        )
    return sources


def _seed(random_state):
    """A seed that stays the same when the folds are made again."""
    return (
        random_state if isinstance(random_state, Integral | None) else random_state.randint(2**31)
    )
