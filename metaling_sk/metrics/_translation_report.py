"""How good translations are: chrF of all of them, and of those to each language."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from metaling_sk._data.suspicions import suspect_order
from metaling_sk._data.translations import present_translations
from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.metrics._inputs import check_language_array, pairs_by_language
from metaling_sk.metrics._language_report import summarise


def corpus_chrf(y_true, y_pred) -> float:
    """Compute chrF, from 0 to 1, of a corpus of strings.

    Raises
    ------
    ImportError
        If sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics import CHRF
    except ImportError as error:
        raise ImportError('chrF needs sacrebleu: pip install "metaling_sk[translation]"') from error
    return CHRF().corpus_score(list(y_pred), [list(y_true)]).score / 100


@validate_params(
    {"y_true": ["array-like"], "y_pred": ["array-like"], "language": ["array-like", str]},
    prefer_skip_nested_validation=True,
)
def translation_report(y_true, y_pred, language) -> pd.DataFrame:
    """Report chrF of the translations to each language, its worst value and its gap.

    chrF [1]_ is the F-score of sequences of up to 6 characters, in which recall counts twice. It
    needs no words, so it suits languages with many forms and those without spaces. It comes from
    sacrebleu (extra `translation`), with its defaults, divided by 100.

    Parameters
    ----------
    y_true : array-like of str, shape (n_samples,)
        The right translations.
    y_pred : array-like of str, shape (n_samples,)
        The translations to judge.
    language : array-like of str, shape (n_samples,)
        The language of each translation, or another group of samples.

    Returns
    -------
    DataFrame
        One row per language, in alphabetical order, then the rows "mean" (each language counts the
        same), "worst" and "gap" (the highest minus the lowest), as in `language_report`. The
        columns are chrf, from 0 to 1, and support, the number of samples.

    Raises
    ------
    ValueError
        If the lengths differ, or a translation is missing or no string.
    ImportError
        If sacrebleu is not installed.

    See Also
    --------
    language_report : The same for classes.

    References
    ----------
    .. [1] Popović (2015). chrF: character n-gram F-score for automatic MT evaluation. WMT.

    Examples
    --------
    >>> from metaling_sk.metrics import translation_report
    >>> right = ["rumah nan gadang", "omah sing gedhe"]
    >>> found = ["rumah nan gadang", "omah gedhe"]
    >>> translation_report(right, found, ["min", "jav"]).round(2)
              chrf  support
    language
    jav       0.38        1
    min       1.00        1
    mean      0.69        2
    worst     0.38        2
    gap       0.62        2
    """
    return report_by_language("chrf", corpus_chrf, y_true, y_pred, language)


def report_by_language(name: str, score: Callable, y_true, y_pred, language) -> pd.DataFrame:
    """Score the texts of each language as a corpus of its own, and summarise the scores.

    Parameters
    ----------
    name : str
        The name of the column of the scores.
    score : callable
        A function of the right texts and those to judge.
    y_true, y_pred, language : array-like of str, shape (n_samples,)
        As `translation_report` takes them.

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        If the lengths differ, or a text is missing or no string.
    """
    suspect_order(None, "y_true", y_true=y_true, y_pred=y_pred, language=language)
    y_true = present_translations(y_true, "y_true")
    y_pred = present_translations(y_pred, "y_pred")
    pairs = pairs_by_language(y_true, y_pred, check_language_array(language))
    report = pd.DataFrame(
        {
            name: [score(*pair) for pair in pairs.values()],
            "support": [len(pair[0]) for pair in pairs.values()],
        },
        index=pd.Index(list(pairs), name="language"),
    )
    return pd.concat([report, summarise(report)])
