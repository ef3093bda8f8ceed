"""NusaX: sentiment in twelve languages of Indonesia, parallel."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.datasets._corpora import CONSTRAINTS, Corpus, text_table
from metaling_sk.datasets._remote_files import Download, Repository

LANGUAGES = {
    "ace": "acehnese",
    "ban": "balinese",
    "bbc": "toba_batak",
    "bjn": "banjarese",
    "bug": "buginese",
    "eng": "english",
    "ind": "indonesian",
    "jav": "javanese",
    "mad": "madurese",
    "min": "minangkabau",
    "nij": "ngaju",
    "sun": "sundanese",
}
"""Codes of ISO 639-3, which the authors use as well, to the folders of the repository."""

NUSAX = Corpus(
    Repository("nusax", "IndoNLP/nusax", "75b0be5d982348332509f296e10d9bf9cb66d60f"),
    path="datasets/sentiment/{folder}/{name}.csv",
    names={"train": "train", "validation": "valid", "test": "test"},
    columns={"id": "sentence", "text": "text", "label": "label"},
    classes=("negative", "neutral", "positive"),
    folders=LANGUAGES,
)

DESCR = """\
NusaX: sentiment in twelve languages of Indonesia
-------------------------------------------------

1,000 Indonesian comments and reviews, labelled negative, neutral or positive, with translations by
native speakers into English and ten languages of Indonesia: Acehnese (ace), Balinese (ban), Toba
Batak (bbc), Banjarese (bjn), Buginese (bug), Javanese (jav), Madurese (mad), Minangkabau (min),
Ngaju (nij), Sundanese (sun). 500 sentences are for training, 100 for validation, 400 for testing,
the same in every language and in the same order, with the same label.

The data is parallel: folds of cross-validation must not part the translations of a sentence. Pass
`groups`, the id of the sentence, to sklearn's GroupKFold or StratifiedGroupKFold.

The texts for machine translation in the same repository are not loaded: its test texts there are
those of this test set.

Source: github.com/IndoNLP/nusax, commit 75b0be5d9823. Licence: CC BY-SA 4.0.
Winata et al. (2023). NusaX: multilingual parallel sentiment dataset for 10 Indonesian local
languages. EACL.
"""


@validate_params(CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_nusax(
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
    """Load NusaX, sentiment in twelve languages of Indonesia (parallel).

    Each of 1,000 sentences [1]_ is there in every language, with the same label. The files are
    downloaded from GitHub when they are first used, 2 MB in all, and their SHA-256 digests are
    checked.

    Parameters
    ----------
    languages : str or iterable of str, default=None
        Some of "ace", "ban", "bbc", "bjn", "bug", "eng", "ind", "jav", "mad", "min", "nij", "sun",
        in the order wanted. None is all of them.
    subset : {"train", "validation", "test", "all"}, default="train"
        500, 100 and 400 sentences. "all" is train, then validation, then test.
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
        groups : ndarray of int64, shape (n_samples,)
            The sentence that the text is a translation of, the same in all languages.
        subset : ndarray of str objects, shape (n_samples,)
            "train", "validation" or "test".
        DESCR : str
            A description of the data.
    (data, target) : tuple if ``return_X_y`` is True
        The DataFrame and the ndarray described above.

    Raises
    ------
    ValueError
        If a language is not one of those above.
    OSError
        If a file is neither there nor can be downloaded, or has other content than expected.

    References
    ----------
    .. [1] Winata et al. (2023). NusaX: multilingual parallel sentiment dataset for 10 Indonesian
       local languages. EACL.

    Examples
    --------
    >>> from metaling_sk.datasets import fetch_nusax
    >>> nusax = fetch_nusax(languages=["eng", "jav"])  # doctest: +SKIP
    >>> nusax.data.shape  # doctest: +SKIP
    (1000, 2)

    Folds that keep the translations of a sentence together:

    >>> from sklearn.model_selection import StratifiedGroupKFold
    >>> folds = StratifiedGroupKFold().split(
    ...     nusax.data, nusax.target, nusax.groups
    ... )  # doctest: +SKIP
    """
    download = Download(data_home, mirror, download_if_missing, n_retries, delay, verbose)
    samples = NUSAX.read(languages, subset, download)
    data, target = text_table(samples)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=list(NUSAX.classes),
        groups=samples["sentence"].to_numpy(dtype=np.int64),
        subset=samples["subset"].to_numpy(dtype=object),
        DESCR=DESCR,
    )
