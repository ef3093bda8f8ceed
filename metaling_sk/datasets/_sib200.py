"""SIB-200: topics in 205 languages, parallel."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from metaling_sk._utils.sklearn_compat import validate_params
from metaling_sk.datasets._corpora import CONSTRAINTS, Corpus, text_table
from metaling_sk.datasets._remote_files import Download, Repository

SIB200 = Corpus(
    Repository("sib200", "dadelani/sib-200", "593cea88519930f776c1a4a1980b6a35b39dca57"),
    path="data/annotated/{folder}/{name}.tsv",
    names={"train": "train", "validation": "dev", "test": "test"},
    columns={"index_id": "sentence", "text": "text", "category": "label"},
    classes=(
        "entertainment",
        "geography",
        "health",
        "politics",
        "science/technology",
        "sports",
        "travel",
    ),
    separator="\t",
)

DESCR = """\
SIB-200: topics in 205 languages
--------------------------------

1,004 sentences of FLORES-200, which are translations from English, labelled with one of seven
topics: 701 for training, 99 for validation, 204 for testing, the same in every language and in the
same order, with the same label. Languages are named as in FLORES-200: ISO 639-3 and the script,
such as "eng_Latn", "zho_Hans", "zho_Hant".

The data is parallel: folds of cross-validation must not part the translations of a sentence. Pass
`groups`, the id of the sentence, to sklearn's GroupKFold or StratifiedGroupKFold.

Texts that hold quotation marks are quoted in the files, as in CSV, although these are named .tsv.
Here they are read accordingly. Read without quoting, 3.7 % of the texts would begin and end with a
mark of the file and have their own marks doubled.

Source: github.com/dadelani/sib-200, commit 593cea885199. Licence: Apache-2.0 (repository), CC BY-SA
4.0 (texts).
Adelani et al. (2024). SIB-200: a simple, inclusive, and big evaluation dataset for topic
classification in 200+ languages and dialects. EACL.
"""


@validate_params(CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_sib200(
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
    """Load SIB-200, topics in 205 languages (parallel).

    Each of 1,004 sentences [1]_ is there in every language, with the same label. The files are
    downloaded from GitHub when they are first used, 45 MB for all languages, and their SHA-256
    digests are checked.

    Parameters
    ----------
    languages : str or iterable of str, default=None
        Languages by their codes in FLORES-200, such as "eng_Latn" or "zho_Hans", in the order
        wanted. None is all 205.
    subset : {"train", "validation", "test", "all"}, default="train"
        701, 99 and 204 sentences. "all" is train, then validation, then test.
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
            The names of the seven classes.
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
    .. [1] Adelani et al. (2024). SIB-200: a simple, inclusive, and big evaluation dataset for
       topic classification in 200+ languages and dialects. EACL.

    Examples
    --------
    >>> from metaling_sk.datasets import fetch_sib200
    >>> sib200 = fetch_sib200(languages=["eng_Latn", "swh_Latn"])  # doctest: +SKIP
    >>> sib200.data.shape  # doctest: +SKIP
    (1402, 2)
    """
    download = Download(data_home, mirror, download_if_missing, n_retries, delay, verbose)
    samples = SIB200.read(languages, subset, download)
    data, target = text_table(samples)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=list(SIB200.classes),
        groups=samples["sentence"].to_numpy(dtype=np.int64),
        subset=samples["subset"].to_numpy(dtype=object),
        DESCR=DESCR,
    )
