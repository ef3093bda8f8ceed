"""Corpora of labelled text in many languages: files per language and subset become one table."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from numbers import Integral, Real

import numpy as np
import pandas as pd

from metaling_sk._utils.messages import name_some
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.sklearn_compat import StrOptions
from metaling_sk.datasets._remote_files import Download, Repository

SUBSETS = ("train", "validation", "test")

CONSTRAINTS: dict[str, list] = {
    "languages": [str, Iterable, None],
    "subset": [StrOptions({*SUBSETS, "all"})],
    "data_home": [str, os.PathLike, None],
    "mirror": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "return_X_y": ["boolean"],
    "n_retries": [Number(Integral, 0, None, closed="left")],
    "delay": [Number(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
}
"""What the parameters of every `fetch_` function allow."""


@dataclass(frozen=True)
class Corpus:
    """A corpus with one file per language and subset.

    Parameters
    ----------
    repository : Repository
        Where the files are.
    path : str
        The path of a file, with the fields ``{folder}`` of the language and ``{name}`` of the
        subset.
    names : dict of str to str
        The name of each subset in the paths.
    columns : dict of str to str
        The columns that are read, to their new names.
    classes : tuple of str
        The labels, in the order of the target.
    folders : mapping of str to str, default={}
        The folders of languages that are not called by their codes.
    separator : str, default=","
        What parts the columns.
    is_quoted : bool, default=True
        Whether texts may be quoted, as in CSV.
    """

    repository: Repository
    path: str
    names: dict[str, str]
    columns: dict[str, str]
    classes: tuple[str, ...]
    folders: Mapping[str, str] = field(default_factory=dict)
    separator: str = ","
    is_quoted: bool = True

    def languages(self, subset: str) -> list[str]:
        """Return the codes of the languages that have samples in a subset."""
        code_of = {folder: code for code, folder in self.folders.items()}
        position = self.path.split("/").index("{folder}")
        folders = dict.fromkeys(path.split("/")[position] for path in self.repository.digests)
        codes = [code_of.get(folder, folder) for folder in folders]
        return sorted(code for code in codes if self._parts([code], subset))

    def read(
        self, languages: str | Iterable[str] | None, subset: str, download: Download
    ) -> pd.DataFrame:
        """Return the samples of some languages.

        Parameters
        ----------
        languages : str, iterable of str or None
            As in `fetch_nusax`.
        subset : {"train", "validation", "test", "all"}
            "all" is train, then validation, then test.
        download : Download
            How missing files are downloaded.

        Returns
        -------
        DataFrame of shape (n_samples, n_columns)
            The columns of the files and "language", "subset" and "target".

        Raises
        ------
        ValueError
            If a language is not one of the corpus, or has no samples in the subset.
        OSError
            If a file is neither there nor can be downloaded.
        """
        parts = self._parts(self._check_languages(languages, subset), subset)
        contents = download.read(self.repository, (self._file(*part) for part in parts))
        frames = [
            self._parse(content).assign(language=language, subset=name)
            for content, (language, name) in zip(contents, parts, strict=True)
        ]
        data = pd.concat(frames, ignore_index=True)
        return data.assign(target=pd.Index(self.classes).get_indexer(pd.Index(data["label"])))

    def _check_languages(self, languages, subset: str) -> list[str]:
        present = self.languages(subset)
        if languages is None:
            return present
        wanted = [languages] if isinstance(languages, str) else list(languages)
        if not all(isinstance(language, str) for language in wanted):
            raise ValueError(f"`languages` must be strings, got {name_some(wanted)}.")
        wanted = list(dict.fromkeys(wanted))
        known = self.languages("all")
        unknown = [language for language in wanted if language not in known]
        if unknown or not wanted:
            raise ValueError(
                f"`languages` must be None or some languages of this corpus, got "
                f"{name_some(unknown) or wanted}. Its languages are {known}."
            )
        if lacking := [language for language in wanted if language not in present]:
            raise ValueError(
                f"`languages`: there are no samples with subset={subset!r} of {name_some(lacking)}."
                " Leave these out, or choose another `subset`."
            )
        return wanted

    def _parts(self, languages: Iterable[str], subset: str) -> list[tuple[str, str]]:
        """Return the languages and subsets of the files."""
        names = SUBSETS if subset == "all" else (subset,)
        parts = [(language, name) for name in names for language in languages]
        return [part for part in parts if self._file(*part) in self.repository.digests]

    def _file(self, language: str, subset: str) -> str:
        folder = self.folders.get(language, language)
        return self.path.format(folder=folder, name=self.names[subset])

    def _parse(self, content: bytes) -> pd.DataFrame:
        frame = pd.read_csv(
            BytesIO(content),
            sep=self.separator,
            quoting=csv.QUOTE_MINIMAL if self.is_quoted else csv.QUOTE_NONE,
            usecols=list(self.columns),
            # Texts such as "null" and "NA" are no missing values.
            keep_default_na=False,
            dtype=object,
            encoding="utf-8",
        )
        return frame.rename(columns=self.columns)


def text_table(data: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return X and y.

    Parameters
    ----------
    data : DataFrame
        What `Corpus.read` returned.

    Returns
    -------
    X : DataFrame of shape (n_samples, 2)
        The columns "text" and "language".
    y : ndarray of int64, shape (n_samples,)
        The position of each label in the classes.
    """
    return data[["text", "language"]].astype(object), data["target"].to_numpy(dtype=np.int64)
