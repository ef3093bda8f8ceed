"""How good transcriptions are: the share of wrong words or characters, of all and by language."""

from __future__ import annotations

from functools import partial

import pandas as pd
from sklearn.utils import check_consistent_length

from metaling_sk._data.translations import present_translations
from metaling_sk._utils.sklearn_compat import StrOptions, validate_params
from metaling_sk.metrics._translation_report import report_by_language

UNITS = {"unit": [StrOptions({"word", "character"})]}
"""What a rate can count."""


@validate_params(
    {"y_true": ["array-like"], "y_pred": ["array-like"]} | UNITS,
    prefer_skip_nested_validation=True,
)
def word_error_rate(y_true, y_pred, *, unit="word") -> float:
    """Compute the word error rate of transcriptions, or their character error rate.

    It is the least number of words that must be replaced, left out or put in to make the right
    transcriptions of those found, over the number of right words, of all samples together. It may
    be above 1. Words stand between blanks, and differ if a letter, its case or a punctuation mark
    does; take off what is not to count, from both. In languages without blanks, such as Chinese and
    Thai, a sentence would be one word: take ``unit="character"``. It comes from jiwer (extra
    `audio`).

    Parameters
    ----------
    y_true : array-like of str, shape (n_samples,)
        The right transcriptions.
    y_pred : array-like of str, shape (n_samples,)
        The transcriptions to judge.
    unit : {"word", "character"}, default="word"
        What is counted. A blank between words is a character.

    Returns
    -------
    float
        0 is best.

    Raises
    ------
    ValueError
        If the lengths differ, a transcription is missing or no string, or `y_true` has no word.
    ImportError
        If jiwer is not installed.

    See Also
    --------
    transcription_report : The same for each language.

    Examples
    --------
    >>> from sklearn.metrics import make_scorer
    >>> from metaling_sk.metrics import word_error_rate
    >>> word_error_rate(["one two", "three four"], ["one two", "tree four"])
    0.25
    >>> characters = make_scorer(word_error_rate, greater_is_better=False, unit="character")
    """
    y_true = present_translations(y_true, "y_true")
    y_pred = present_translations(y_pred, "y_pred")
    check_consistent_length(y_true, y_pred)
    right, found = ([" ".join(text.split()) for text in texts] for texts in (y_true, y_pred))
    if not any(right):
        raise ValueError("y_true has no word, so there is no rate of errors.")
    try:
        import jiwer
    except ImportError as error:
        raise ImportError(
            'The word error rate needs jiwer: pip install "metaling_sk[audio]"'
        ) from error
    rate = jiwer.wer if unit == "word" else jiwer.cer
    return float(rate(right, found))


@validate_params(
    {"y_true": ["array-like"], "y_pred": ["array-like"], "language": ["array-like", str]} | UNITS,
    prefer_skip_nested_validation=True,
)
def transcription_report(y_true, y_pred, language, *, unit="word") -> pd.DataFrame:
    """Report the word error rate in each language, its worst value and its gap.

    Parameters
    ----------
    y_true : array-like of str, shape (n_samples,)
        The right transcriptions.
    y_pred : array-like of str, shape (n_samples,)
        The transcriptions to judge.
    language : array-like of str, shape (n_samples,)
        The language of each sample, or another group of samples.
    unit : {"word", "character"}, default="word"
        What is counted; see `word_error_rate`.

    Returns
    -------
    DataFrame
        One row per language, in alphabetical order, then the rows "mean" (each language counts the
        same), "worst" (the highest rate) and "gap" (the highest minus the lowest). The columns are
        word_error_rate or character_error_rate, and support, the number of samples.

    Raises
    ------
    ValueError
        If the lengths differ, a transcription is missing or no string, or those of a language have
        no word.
    ImportError
        If jiwer is not installed (extra `audio`).

    See Also
    --------
    translation_report : The chrF of translations.

    Examples
    --------
    >>> from metaling_sk.metrics import transcription_report
    >>> right, found = ["one two", "satu dua tiga"], ["one two", "satu tiga"]
    >>> transcription_report(right, found, ["en", "id"]).round(2)
              word_error_rate  support
    language
    en                   0.00        1
    id                   0.33        1
    mean                 0.17        2
    worst                0.33        2
    gap                  0.33        2
    """
    rate = partial(word_error_rate, unit=unit)
    return report_by_language(f"{unit}_error_rate", rate, y_true, y_pred, language)
