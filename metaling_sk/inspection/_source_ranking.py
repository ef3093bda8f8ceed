"""Which languages' labels are likely to help a language."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.pairwise import cosine_distances
from sklearn.utils import check_array

from metaling_sk._data.input_forms import read_texts, unwrap
from metaling_sk._data.languages import read_language
from metaling_sk._utils.messages import name_rows, name_some
from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.meta_net._uriel import uriel_features

COLUMNS = SimpleNamespace(text_column="text", language_column="language")
"""The names of the columns of a table of texts."""


@validate_params(
    {
        "target": [str],
        "matrix": [pd.DataFrame, None],
        "texts": ["array-like", None],
        "representations": ["array-like", None],
        "language": ["array-like", None],
        "uriel": ["boolean"],
    },
    prefer_skip_nested_validation=False,
)
def rank_source_languages(
    target, *, matrix=None, texts=None, representations=None, language=None, uriel=False
) -> pd.DataFrame:
    """Rank languages by how much their labels are likely to help a target language.

    Where labels of the target language are known, the column of the target in a transfer matrix
    says it. Otherwise there are distances between languages, as in LangRank [1]_. They tell
    something where the languages are related, and little elsewhere; see the benchmarks. At least
    one of `matrix`, `texts`, `representations` and `uriel` has to be given.

    Parameters
    ----------
    target : str
        The language to help.
    matrix : DataFrame, default=None
        As `transfer_matrix` returns it. If it has a column of the target, this column alone decides
        the order.
    texts : array-like of str, shape (n_samples,), or DataFrame, default=None
        Texts of all languages, with or without labels, or a table with the columns "text" and
        "language". The distances "words" and "characters" are computed from them.
    representations : array-like of shape (n_samples, n_features), default=None
        Vectors of texts, for example of `EncoderVectorizer`, for the distance "representations".
    language : array-like of str, shape (n_samples,), default=None
        The language of each text and each representation, unless a table of texts has it.
    uriel : bool, default=False
        Whether to use the typology, geography and families of URIEL [2]_ (extra `uriel`), for the
        distance "uriel". Languages are named by codes of ISO 639 or BCP-47, such as "jv" or "jav".

    Returns
    -------
    DataFrame
        A row for each other language, the most helpful first, with these columns:

        - "score": of the transfer matrix, if it has the target.
        - "words": share of words that the two languages do not have in common, from 0 to 1.
        - "characters": cosine distance of the frequencies of sequences of 1 to 3 characters.
        - "representations": cosine distance of the mean vectors, after the mean over languages is
          subtracted.
        - "uriel": distance of the features of URIEL.
        - "rank": what decides the order: the mean rank in the distances, or the rank of the score.

    Raises
    ------
    ValueError
        If nothing is given to rank by, or the target is unknown.

    References
    ----------
    .. [1] Lin et al. (2019). Choosing transfer languages for cross-lingual learning. ACL.
    .. [2] Littell et al. (2017). URIEL and lang2vec: representing languages as typological,
       geographical, and phylogenetic vectors. EACL.

    Examples
    --------
    >>> from metaling_sk.inspection import rank_source_languages
    >>> texts = ["el hotel bueno", "o hotel bom", "das gute hotel", "la comida", "a comida"]
    >>> language = ["es", "pt", "de", "es", "pt"]
    >>> rank_source_languages("pt", texts=texts, language=language).index.tolist()
    ['es', 'de']
    """
    if matrix is not None and not (_has_names(matrix.index) and _has_names(matrix.columns)):
        raise ValueError("`matrix` must name each language once, in its rows and in its columns.")
    distances = _distances(target, texts, representations, language, uriel, matrix)
    has_score = matrix is not None and target in matrix.columns
    if has_score:
        distances.insert(0, "score", matrix[target].drop(target, errors="ignore"))
        rank = distances["score"].rank(ascending=False)
    elif distances.shape[1]:
        rank = distances.rank().mean(axis=1)
    else:
        raise ValueError(
            f"There is nothing to rank languages by for {target!r}: pass a `matrix` with a column "
            "of this name, or `texts` or `representations` with `language`, or `uriel=True`."
        )
    table = distances.assign(rank=rank).sort_values("rank", kind="stable")
    return table.rename_axis(index="language")


def _has_names(index: pd.Index) -> bool:
    return index.is_unique and all(isinstance(name, str) for name in index)


def _distances(target, texts, representations, language, uriel, matrix) -> pd.DataFrame:
    """The distances of other languages from the target, a column for each kind."""
    columns: dict[str, pd.Series] = {}
    names: set[str] = set() if matrix is None else {*matrix.index, target}
    language_column = None
    if texts is not None:
        texts, language_column = read_texts(unwrap(texts), COLUMNS)
        if texts is None:
            raise ValueError("`texts` must be strings, got numbers.")
    for name, values in (("texts", texts), ("representations", representations)):
        if values is None:
            continue
        if language is None and language_column is None:
            raise ValueError(f"`language` must name the language of each row of `{name}`.")
        languages = read_language(language_column, language, len(values))
        if target not in set(languages):
            raise ValueError(
                f"`target`: `language` has no row of {target!r}; it has "
                f"{name_some(sorted(set(languages)))}."
            )
        names |= set(languages)
        measures = TEXT_DISTANCES if name == "texts" else {name: _distance_of_means}
        for column, measure in measures.items():
            columns[column] = measure(values, languages)[target]
    if uriel:
        columns["uriel"] = _distance_in_uriel(target, names)
    others = sorted(names - {target})
    return pd.DataFrame({name: column.reindex(others) for name, column in columns.items()}, others)


def _profiles(texts, languages: np.ndarray, **options) -> tuple[list[str], np.ndarray]:
    """The languages, and the counts of n-grams in the texts of each."""
    names = sorted(set(languages))
    if len(wrong := [index for index, text in enumerate(texts) if not isinstance(text, str)]):
        raise ValueError(f"`texts` must be strings, which they are not in {name_rows(wrong)}.")
    vectorizer = CountVectorizer(**options)
    if not any(map(vectorizer.build_analyzer(), texts)):
        return names, np.zeros((len(names), 1))
    counts = vectorizer.fit_transform(texts)
    sums = [np.asarray(counts[languages == name].sum(axis=0)).ravel() for name in names]
    return names, np.array(sums, dtype=float)


def _distance_of_words(texts, languages: np.ndarray) -> pd.DataFrame:
    names, counts = _profiles(texts, languages)
    known = (counts > 0).astype(float)
    size = known.sum(axis=1)
    both = size[:, None] + size
    both[both == 0] = np.nan  # Two languages without any word are neither near nor far.
    return _square(1 - 2 * (known @ known.T) / both, names)


def _distance_of_characters(texts, languages: np.ndarray) -> pd.DataFrame:
    names, counts = _profiles(texts, languages, analyzer="char_wb", ngram_range=(1, 3))
    return _square(cosine_distances(np.log1p(counts)), names)


def _distance_of_means(vectors, languages: np.ndarray) -> pd.DataFrame:
    vectors = check_array(vectors, input_name="`representations`")
    means = pd.DataFrame(vectors).groupby(languages).mean()
    return _square(cosine_distances(means - means.mean()), list(means.index))


def _distance_in_uriel(target: str, names: set[str]) -> pd.Series:
    features = uriel_features(sorted(names | {target}))
    if target not in features.index:
        raise ValueError(f"`target`: URIEL has no features of {target!r}.")
    return np.sqrt(((features - features.loc[target]) ** 2).sum(axis=1))


def _square(distances: np.ndarray, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(distances, names, names)


TEXT_DISTANCES = {"words": _distance_of_words, "characters": _distance_of_characters}
"""The distances that are computed from texts."""
