"""The language of each sample, from a column of X or from `language=`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_list_like

from metaling_sk._data.input_forms import plain_column
from metaling_sk._data.labels import list_to_array
from metaling_sk._utils.messages import name_rows

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a pair that stands for one character; alone it is no character."""

UNNAMED_LANGUAGE = "und"
"""The language of samples that name none: BCP-47 has this code for "undetermined"."""

FILL_IN = "Drop these rows, fill in their languages, or let LanguageIdentifier do it."
"""What to do where languages are missing in a column."""


def read_language(
    column: np.ndarray | None,
    language,
    n_samples: int,
    name: str = "language",
    way_out: str = "",
) -> np.ndarray:
    """Return the validated language of each sample.

    Parameters
    ----------
    column : ndarray of shape (n_samples,) or None
        The language column of X.
    language : str, array-like of str or None
        The argument `language=`, which must agree with the column if both are given.
    n_samples : int
        The number of samples in X.
    name : str, default="language"
        What the argument is called, for messages.
    way_out : str, default=""
        What to do where the argument holds no languages, or others than X.

    Returns
    -------
    ndarray of str objects, shape (n_samples,)
        `UNNAMED_LANGUAGE` everywhere if neither is given.

    Raises
    ------
    ValueError
        If a language is not a string, the lengths differ or the two disagree.
    """
    if column is not None:
        check_languages(column, "the language column of X", FILL_IN)
    if language is None:
        return _filled(UNNAMED_LANGUAGE, n_samples) if column is None else _shared(column)
    language = plain_column(language)
    if isinstance(language, str):
        language = _filled(language, n_samples)
    elif np.ndim(list_to_array(language) if isinstance(language, list) else language) != 1:
        raise ValueError(f"`{name}` must be one string for all rows, or one string per row.")
    language = pd.Series(language, dtype=object).to_numpy()
    if len(language) != n_samples:
        raise ValueError(
            f"X and `{name}` have inconsistent numbers of samples: "
            f"X has {n_samples} rows, `{name}` has {len(language)}."
        )
    check_languages(language, f"`{name}`", way_out)
    if column is not None and (indices := np.flatnonzero(column != language)).size:
        first = indices[0]
        raise ValueError(
            f"The language column of X and `{name}` disagree in {name_rows(indices)} "
            f"(row {first}: {column[first]!r} and {language[first]!r}). "
            f"{way_out or 'Pass one of them.'}"
        )
    return _shared(language)


def read_language_groups(column: np.ndarray | None, groups, n_samples: int) -> np.ndarray:
    """Return the validated language of each sample for a splitter, which may get it as `groups`.

    Parameters
    ----------
    column : ndarray of shape (n_samples,) or None
        The languages that are known.
    groups : array-like of str or None
        The argument `groups=`, which must agree with them if both are given.
    n_samples : int
        The number of samples.

    Returns
    -------
    ndarray of str objects, shape (n_samples,)

    Raises
    ------
    ValueError
        As `read_language`.
    """
    way_out = (
        "The folds of a language splitter keep no other groups together: leave `groups` out, or "
        "pass a splitter such as sklearn.model_selection.StratifiedGroupKFold."
    )
    return read_language(column, groups, n_samples, "groups", way_out)


def positions_by_language(language: np.ndarray) -> dict[Any, np.ndarray]:
    """Return the positions of the samples of each language, by its name or index in sorted order.

    To compare all samples with each name would take as many times longer as there are languages.
    """
    positions: Any = pd.Series(language).groupby(language).indices
    return dict(sorted(positions.items()))


def find_roles(
    present: set[str], unlabelled: set[str], source_languages, target_languages
) -> tuple[set[str], set[str]]:
    """Return the source and the target languages.

    Parameters
    ----------
    present : set of str
        The languages of the samples.
    unlabelled : set of str
        Those of the samples without a label.
    source_languages : str, list-like of str or None
        None is all languages but the targets.
    target_languages : str, list-like of str or None
        None is all languages but the sources or, where these are None too, the unlabelled ones.

    Raises
    ------
    ValueError
        If they are no strings, or a language has both roles.
    """
    sources, targets = _as_set(source_languages), _as_set(target_languages)
    if targets is None:
        targets = unlabelled if sources is None else present - sources
    if sources is None:
        sources = present - targets
    if both := sources & targets:
        raise ValueError(
            f"{sorted(both)} stand in `source_languages` and in `target_languages`; "
            "name each language once."
        )
    return sources, targets


def check_languages(languages: np.ndarray, source: str, way_out: str = "") -> None:
    """Raise unless every language is a string that can be written as UTF-8.

    Parameters
    ----------
    languages : ndarray of shape (n_samples,)
        The language of each sample.
    source : str
        What holds the languages, for the message.
    way_out : str, default=""
        What to do where they are no languages.

    Raises
    ------
    ValueError
        If a language is not a string, or has an unpaired surrogate.
    """
    wrong = [index for index, name in enumerate(languages) if not isinstance(name, str)]
    if wrong:
        raise ValueError(
            f"Every language must be a string such as 'en', but {source} holds something else in "
            f"{name_rows(wrong)} (row {wrong[0]}: {languages[wrong[0]]!r}). {way_out}".rstrip()
        )
    broken = [index for index, name in enumerate(languages) if SURROGATE.search(name)]
    if broken:
        raise ValueError(
            f"{source[0].upper()}{source[1:]} holds a name that is no valid Unicode in "
            f"{name_rows(broken)} (row {broken[0]}: {languages[broken[0]]!r}). Read the file with "
            "its own encoding, or rename the language."
        )


def _as_set(languages) -> set[str] | None:
    if languages is None:
        return None
    names = set(languages) if is_list_like(languages) else {languages}
    if not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`source_languages` and `target_languages` must be strings such as 'en' or lists of "
            f"them, got {languages!r}."
        )
    return names


def _shared(language: np.ndarray) -> np.ndarray:
    """The same languages, with one string for all samples of each."""
    indices, names = pd.factorize(language)
    return names[indices]


def _filled(language: str, n_samples: int) -> np.ndarray:
    return np.full(n_samples, language, dtype=object)
