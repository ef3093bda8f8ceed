"""The target of a translator: what each sample is in its target language, and that language."""

from __future__ import annotations

from difflib import get_close_matches

import numpy as np
import pandas as pd

from metaling_sk._data.input_forms import unwrap
from metaling_sk._data.labels import MISSING, check_length, is_missing, label_array
from metaling_sk._data.languages import check_languages
from metaling_sk._utils.messages import name_rows, name_some

SEVERAL_LANGUAGES = (
    "For several target languages put the rows of each below the others, and name the column of X "
    "that holds the language of each translation in `target_language`."
)
"""What there is for a y of several columns of translations."""


def check_translations(
    y, n_samples: int, missing_label=None, *, needed: bool = True, name: str = "y"
) -> tuple[np.ndarray, None]:
    """Validate a target of strings, which is not written to.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The translations; NaN, None or `missing_label` where there is none.
    n_samples : int
        The number of samples in X.
    missing_label : object, default=None
        One more value that stands for a missing translation.
    needed : bool, default=True
        Whether a target without any translation is an error.
    name : str, default="y"
        What messages call it.

    Returns
    -------
    translations : ndarray of objects, shape (n_samples,)
        Strings; `MISSING` for samples without a translation.
    classes : None
        Translations are no classes.

    Raises
    ------
    ValueError
        If the lengths differ, translations are needed and all are missing, or one is no string.
    """
    y = label_array(y, name, SEVERAL_LANGUAGES)
    check_length(y, n_samples)
    has_translation = ~is_missing(y, missing_label)
    if needed and not has_translation.any():
        raise ValueError(
            f"{name} has no translation: every row is missing (NaN, None or `missing_label`). At "
            "least one row needs a string."
        )
    wrong = [i for i in np.flatnonzero(has_translation).tolist() if not isinstance(y[i], str)]
    if wrong:
        raise ValueError(
            f"Every translation must be a string, but {name} holds something else in "
            f"{name_rows(wrong)} (row {wrong[0]}: {type(y[wrong[0]]).__name__}). For classes there "
            "is TransferClassifier, for numbers TransferRegressor."
        )
    translations = np.full(n_samples, MISSING, dtype=object)
    translations[has_translation] = [str(text) for text in y[has_translation]]
    return translations, None


def present_translations(y, name: str = "y") -> np.ndarray:
    """Return translations of which none may be missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The translations.
    name : str, default="y"
        What messages call them.

    Returns
    -------
    ndarray of str objects, shape (n_samples,)

    Raises
    ------
    ValueError
        As `check_translations`, and if one of them is missing.
    """
    translations, _ = check_translations(y, len(label_array(y, name)), name=name)
    if len(missing := np.flatnonzero(translations == MISSING)):
        raise ValueError(
            f"{name} has no translation in {name_rows(missing)}; leave these rows out, as the "
            "folds of StratifiedLanguageKFold do."
        )
    return translations


def check_is_language(name: str | None, language: np.ndarray, y: np.ndarray) -> None:
    """Raise a ValueError if a column of target languages holds the translations themselves.

    So it is in a table with a column of texts for each language.

    Parameters
    ----------
    name : str or None
        That of the column.
    language : ndarray of str objects, shape (n_samples,)
        What was read as the target languages.
    y : ndarray of str objects, shape (n_samples,)
        The translations.
    """
    if (language == y).all() and (language != name).any():
        raise ValueError(
            f"`target_language`: the column {name!r} of X holds the translations, and not the "
            f"language of each. Take it out of X; {name!r} is then the language of all."
        )


def read_target_language(
    X, name: str | None, own: np.ndarray, known: list[str] | None
) -> np.ndarray:
    """Return the language of the text that each sample becomes.

    Parameters
    ----------
    X : object
        The samples as the user gave them, which have been validated.
    name : str or None
        The column of X that holds the languages or, where X has no such column, one language. None
        is the language of each sample itself.
    own : ndarray of str objects, shape (n_samples,)
        The language of each sample.
    known : list of str or None
        The languages to choose from; None at fit.

    Returns
    -------
    ndarray of str objects, shape (n_samples,)

    Raises
    ------
    ValueError
        If the name is that of a missing column, or a language is no string or not known.
    """
    language = own if name is None else _named_language(X, name, len(own), known)
    if known is None:
        return language
    lacking = np.flatnonzero(~np.isin(language, known))
    if len(lacking):
        unknown = dict.fromkeys(language[lacking])
        what, to = ("transcriptions", "in") if name is None else ("translations", "to")
        ask = "ask" if len(lacking) > 1 else "asks"
        way_out = f" Take the column {name!r} out of X." if name in known else ""
        raise ValueError(
            f"`target_language`: there were no {what} {to} {name_some(unknown)} in fit, which "
            f"{name_rows(lacking)} of X {ask} for; there were some {to} {name_some(known)}."
            f"{way_out}"
        )
    return language


def _named_language(X, name: str, n_samples: int, known: list[str] | None) -> np.ndarray:
    """Return the languages in a column of X or, where X has no such column, the one language."""
    X = unwrap(X)
    columns = list(X.columns) if isinstance(X, pd.DataFrame) else []
    if name in columns:
        language = X[name].to_numpy(dtype=object)
        check_languages(language, f"column {name!r} of X")
        return language
    _check_is_no_column(name, columns, known)
    return np.full(n_samples, name, dtype=object)


def _check_is_no_column(name: str, columns: list, known: list[str] | None) -> None:
    """Raise if a name that is no column of X looks as if it were meant to be one."""
    meant = get_close_matches(name, [each for each in columns if isinstance(each, str)])
    if known is None and meant:
        raise ValueError(
            f"`target_language`: X has no column {name!r}; its columns are {columns}. Name "
            f"{meant[0]!r} or another one of them. If {name!r} is a language, rename the column."
        )
    if known is not None and name not in known:
        place = f"its columns are {columns}" if columns else "it is no DataFrame"
        raise ValueError(
            f"`target_language`: X has no column {name!r}; {place}. Nor is it one of the languages "
            f"that fit had translations to: {name_some(known)}."
        )
