"""The language identification model of the package `py3langid`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

NO_LANGUAGE = "zxx"
"""The label of texts without words."""

NO_EVIDENCE = 3
"""The model knows nothing of a text if no label has this many times the average probability."""


@cache
def model_labels() -> tuple[str, ...]:
    """Return the labels of the model, codes of ISO 639-1 or, where there is none, 639-3.

    Returns
    -------
    tuple of str
        One per language.

    Raises
    ------
    ModuleNotFoundError
        If the packages of the extra `langid` are not installed.
    """
    return tuple(sorted(label for label in _load_model().labels if label != NO_LANGUAGE))


def find_labels(languages: Iterable[str]) -> dict[str, str | None]:
    """Return the label of each language.

    Parameters
    ----------
    languages : iterable of str
        Codes of ISO 639-1 or ISO 639-3, alone or with a script or region as in BCP-47 and FLORES.

    Returns
    -------
    dict of str to str or None
        The label of the language itself or, if it has none, of its macrolanguage, as Standard
        Arabic is Arabic. None if the model does not know it.
    """
    by_code = _labels_by_code()
    return {
        language: next((by_code[code] for code in _codes(language) if code in by_code), None)
        for language in languages
    }


def label_probabilities(texts: Sequence[str] | np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Return how probable it is that a text is in each of some languages and no other.

    Parameters
    ----------
    texts : sequence of str
        The texts.
    labels : sequence of str
        Labels of the model.

    Returns
    -------
    ndarray of shape (n_texts, n_labels)
        Each row sums to 1. It is NaN for texts of which the model knows nothing, such as numbers.
    """
    model = _load_model()
    threshold = NO_EVIDENCE / len(model.labels)
    probabilities = np.full((len(texts), len(labels)), np.nan)
    for row, text in zip(probabilities, texts, strict=True):
        if not any(map(str.isalpha, text)):
            continue
        ranking = model.rank(text)
        best, share = ranking[0]
        if best != NO_LANGUAGE and share >= threshold:
            shares = dict(ranking)
            row[:] = [shares[label] for label in labels]
            row /= row.sum()
    return probabilities


@cache
def _load_model():
    try:
        from py3langid.langid import MODEL_FILE
        from py3langid.langid import LanguageIdentifier as Model
    except ModuleNotFoundError as error:
        raise _missing() from error
    return Model.from_model_file(MODEL_FILE, norm_probs=True)


@cache
def _labels_by_code() -> dict[str, str]:
    """Return the labels by every code that stands for them, a more exact code first."""
    # Norwegian is Bokmål, for the model knows Nynorsk apart.
    by_code = {"nb": "no"}
    for position in (0, 1):
        for label in model_labels():
            by_code.setdefault(_codes(label)[position], label)
    return by_code


def _codes(language: str) -> tuple[str, ...]:
    """Return the codes of a language and of its macrolanguage, or nothing if it is no code."""
    try:
        from langcodes import Language
        from langcodes.tag_parser import LanguageTagError
    except ModuleNotFoundError as error:
        raise _missing() from error
    try:
        tag = Language.get(language)
    except LanguageTagError:
        return ()
    return str(tag.language), str(tag.prefer_macrolanguage().language)


def _missing() -> ModuleNotFoundError:
    return ModuleNotFoundError(
        "LanguageIdentifier needs py3langid and langcodes, which are not installed: "
        '`pip install "metaling_sk[langid]"`.'
    )
