"""AfriSenti: sentiment of tweets in 14 languages of Africa."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.datasets._corpora import CONSTRAINTS, SUBSETS, Corpus, text_table
from metaling_sk.datasets._remote_files import Download, Repository
from metaling_sk.datasets._reviews import normalize

AFRISENTI = Corpus(
    Repository(
        "afrisenti",
        "afrisenti-semeval/afrisent-semeval-2023",
        "5aec3cfcf87b59f885e98641f72e52182776429d",
    ),
    path="data/{folder}/{name}.tsv",
    names={"train": "train", "validation": "dev", "test": "test"},
    columns={"tweet": "text", "label": "label"},
    classes=("negative", "neutral", "positive"),
    separator="\t",
    # A mark at the beginning of a tweet is not always closed.
    is_quoted=False,
)

DESCR = """\
AfriSenti: sentiment of tweets in 14 languages of Africa
--------------------------------------------------------

111,718 tweets, labelled negative, neutral or positive: 63,685 for training, 13,726 for validation,
34,307 for testing. The languages are Amharic (amh), Algerian Arabic (arq), Moroccan Arabic (ary),
Hausa (hau), Igbo (ibo), Kinyarwanda (kin), Oromo (orm), Nigerian Pidgin (pcm), Mozambican
Portuguese (por), Swahili (swa), Tigrinya (tir), Xitsonga (tso), Twi (twi) and Yoruba (yor). Oromo
and Tigrinya have no training samples. The classes are imbalanced, in each language in another way;
in Nigerian Pidgin 1 % of the training samples and 10 % of the test samples are neutral.

What the files hold, where two texts count as equal if they differ only in case, spaces and
punctuation, and languages are apart:

- Every label is one of the three. No text is empty.
- Samples are in the order of the files: language by language, and in most languages class by class.
- 1,211 test samples have the text of a training sample: 926 of 4,154 in pcm, 195 of 949 in twi, 50
  in yor, 29 in kin, 9 in ibo, 2 in swa. 164 of them have a label that no such training sample has.
  949 validation samples repeat training samples. `repeats_train` marks both.
- 543 test samples have the text of a validation sample: 256 in pcm, 241 of 2,096 in orm.
  `repeats_validation` marks them.
- 1,117 training samples repeat another one, most of them in pcm (513) and twi (379). 156 training
  texts have several labels (88 in twi), and so have 40 texts of the test samples (38 in orm).
- Quotation marks are as in the files, which double some of them: "" is in 2,034 texts.

Source: github.com/afrisenti-semeval/afrisent-semeval-2023, commit 5aec3cfcf87b. Licence: CC BY 4.0.
Muhammad et al. (2023). AfriSenti: a Twitter sentiment analysis benchmark for African languages.
EMNLP.
"""


@validate_params(CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_afrisenti(
    *,
    languages: str | Iterable[str] | None = None,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    mirror: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
    verbose: int = 1,
) -> Bunch | tuple[pd.DataFrame, np.ndarray]:
    """Load AfriSenti, sentiment of tweets in 14 languages of Africa.

    The data [1]_ is not parallel, and its classes are imbalanced. The files are downloaded from
    GitHub when they are first used, 13 MB in all, and their SHA-256 digests are checked.

    Many tweets of the validation and test samples are training samples as well. They are kept, as
    published results have them. `repeats_train` marks them; report scores with and without.

    Parameters
    ----------
    languages : str or iterable of str, default=None
        Some of "amh", "arq", "ary", "hau", "ibo", "kin", "orm", "pcm", "por", "swa", "tir", "tso",
        "twi", "yor", in the order wanted. None is all that have samples in the subset: "orm" and
        "tir" have none for training.
    subset : {"train", "validation", "test", "all"}, default="train"
        "all" is train, then validation, then test.
    data_home : str or path, default=None
        Where downloaded files are kept. None is the folder in the environment variable
        `METALING_SK_DATA`, otherwise ``~/metaling_sk_data``.
    mirror : str or path, default=None
        A folder with the files under their paths in the repository, such as a clone of it, which
        is read in place; or the address of such a copy, in place of GitHub's.
    download_if_missing : bool, default=True
        Whether to download files that are not in `data_home`, rather than raise an OSError.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    n_retries : int, default=3
        How often a failed download is tried again.
    delay : float, default=1.0
        Number of seconds before it is tried again.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.

    Returns
    -------
    data : Bunch
        A dict-like object with the following attributes.

        data : DataFrame of shape (n_samples, 2)
            The columns "text" and "language".
        target : ndarray of int64, shape (n_samples,)
            The class of each sample, a position in `target_names`.
        target_names : list of str
            The names of the three classes.
        repeats_train : ndarray of bool, shape (n_samples,)
            Whether a validation or test sample has the text of a training sample in the same
            language, apart from case, spaces and punctuation.
        repeats_validation : ndarray of bool, shape (n_samples,)
            The same for test samples and the text of a validation sample.
        subset : ndarray of str objects, shape (n_samples,)
            "train", "validation" or "test".
        DESCR : str
            A description of the data.
    (data, target) : tuple if ``return_X_y`` is True
        The DataFrame and the ndarray described above.

    Raises
    ------
    ValueError
        If a language is not one of those above, or has no samples in the subset.
    OSError
        If a file is neither there nor can be downloaded, or has other content than expected.

    References
    ----------
    .. [1] Muhammad et al. (2023). AfriSenti: a Twitter sentiment analysis benchmark for African
       languages. EMNLP.

    Examples
    --------
    >>> from metaling_sk.datasets import fetch_afrisenti
    >>> test = fetch_afrisenti(languages=["pcm", "twi"], subset="test")  # doctest: +SKIP
    >>> X_new = test.data[~test.repeats_train]  # doctest: +SKIP
    >>> y_new = test.target[~test.repeats_train]  # doctest: +SKIP
    """
    download = Download(data_home, mirror, download_if_missing, n_retries, delay, verbose)
    samples = AFRISENTI.read(languages, subset, download)
    data, target = text_table(samples)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=list(AFRISENTI.classes),
        repeats_train=_repeats("train", samples, download),
        repeats_validation=_repeats("validation", samples, download),
        subset=samples["subset"].to_numpy(dtype=object),
        DESCR=DESCR,
    )


def _repeats(subset: str, samples: pd.DataFrame, download: Download) -> np.ndarray:
    """Tell which samples of later subsets have the text of a sample in this one."""
    is_later = samples["subset"].map(SUBSETS.index).to_numpy() > SUBSETS.index(subset)
    later = set(samples.loc[is_later, "language"])
    languages = [language for language in AFRISENTI.languages(subset) if language in later]
    if not languages:
        return np.zeros(len(samples), dtype=bool)
    keys = set(_keys(AFRISENTI.read(languages, subset, download)))
    return is_later & _keys(samples).isin(keys).to_numpy()


def _keys(samples: pd.DataFrame) -> pd.Series:
    """Return the language and normalised text of each sample."""
    return samples["language"] + " " + samples["text"].map(normalize)
