"""Samples in a table, such as images: they are checked at once, and read when they are needed."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b, file_digest
from inspect import signature
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from metaling_sk._utils.messages import name_rows

ONLY_FOR_TEXTS = ("class_descriptions", "dictionary", "max_length", "prompt", "text_column")
"""Parameters that say nothing about cells, unless an estimator writes texts: it then has those in
`_parameters_of_output`."""


@dataclass(frozen=True, eq=False)
class Cell(ABC):
    """A sample in a table, such as an image, which is not read yet.

    Attributes
    ----------
    value : object
        What the table holds: a path, the bytes of a file, or the sample itself.
    column : Hashable
        The name of the column; None where X has no columns.
    row : int
    """

    value: Any
    column: Hashable
    row: int

    @abstractmethod
    def content(self) -> bytes:
        """Return what decides the vector of a sample that is in no file."""

    def key(self, fingerprint: bytes) -> bytes:
        """Return a digest of the bytes of its file, or of its content, and a fingerprint."""
        new_digest = partial(blake2b, digest_size=16, key=fingerprint)
        if isinstance(self.value, (str, os.PathLike)):
            with open(self.value, "rb") as file:
                return file_digest(file, new_digest).digest()
        content = self.value if isinstance(self.value, bytes) else self.content()
        return new_digest(content).digest()

    def failure(self, unit: str, reason: str) -> ValueError:
        """Return the error of a sample that cannot be read; it names the column and the row."""
        what = f" {str(self.value)!r}" if isinstance(self.value, (str, os.PathLike)) else ""
        return ValueError(
            f"The {unit}{what} in row {self.row} of {_name_column(self.column)} cannot be read: "
            f"{reason}. Replace it, or drop the row."
        )


class CellKind(ABC):
    """A kind of cells. The parameter of estimators that names their column says which kind it is.

    Attributes
    ----------
    name, unit : str
        What samples, and what a sample, are called.
    parameter : str
        The parameter that names the column.
    forms : str
        What a value can be, in words.
    own_parameters : tuple of str
        Parameters that say nothing about other samples.
    cell_class : type of Cell
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    parameter: ClassVar[str]
    forms: ClassVar[str]
    own_parameters: ClassVar[tuple[str, ...]] = ()
    cell_class: ClassVar[type[Cell]]

    @abstractmethod
    def find_problem(self, value) -> str | None:
        """Say what is wrong with a value; None where it is of an accepted form."""

    def check_available(self) -> None:  # noqa: B027
        """Raise an ImportError if a package is missing that reads such samples."""

    def check_several(self, X) -> None:  # noqa: B027
        """Raise a ValueError if X is one sample in the place of several."""

    def plain(self, value):
        """Return the sample in a value of a column type of `datasets`, and any other value."""
        if not isinstance(value, Mapping) or set(value) - {"bytes", "path"}:
            return value
        content = value.get("bytes")
        return value.get("path") if content is None else content

    def column_of(self, estimator) -> Hashable | None:
        """Return the name of the column; None for an estimator that is to read none."""
        return getattr(estimator, self.parameter, None)

    def read(self, X, estimator) -> tuple[np.ndarray, np.ndarray | None]:
        """Read the cells and the language column of an input.

        Parameters
        ----------
        X : object
            What `unwrap` returned.
        estimator : estimator
            Gives the names of the columns.

        Returns
        -------
        cells : ndarray of Cell, shape (n_samples,)
        language_column : ndarray of shape (n_samples,), or None
            None if X has no such column.

        Raises
        ------
        ValueError
            If there is no sample, or something else than one.
        """
        column, language = self.column_of(estimator), None
        values: Any = X
        if isinstance(X, pd.DataFrame):
            columns: list[Hashable] = list(X.columns)
            if columns.count(column) != 1:
                raise ValueError(
                    f"X must have one column {column!r}, as `{self.parameter}` says; its columns "
                    f"are {columns}."
                )
            values = X[column].to_numpy(dtype=object)
            if estimator.language_column in X.columns:
                language = X[estimator.language_column].to_numpy(dtype=object)
        else:
            self.check_several(X)
            if not (isinstance(X, pd.Series | list) or (isinstance(X, np.ndarray) and X.ndim)):
                raise ValueError(
                    f"X is of type {type(X).__name__}, but `{self.parameter}` is {column!r}: pass "
                    f"a table with this column, or a list of {self.name}. Each is {self.forms}."
                )
            column = None
        return self._check(list(values), column), language

    def _check(self, values: list, column: Hashable) -> np.ndarray:
        """Return the cells of a column, after a check of all that is seen without reading them."""
        if not values:
            raise ValueError(
                "Found array with 0 sample(s): X is empty while a minimum of 1 is required."
            )
        self.check_available()
        values = [self.plain(value) for value in values]
        problems = {
            row: problem
            for row, value in enumerate(values)
            if (problem := self._find_any_problem(value)) is not None
        }
        if problems:
            rows = list(problems)
            raise ValueError(
                f"Every {self.unit} must be {self.forms}, but {_name_column(column)} holds "
                f"something else in {name_rows(rows)} (row {rows[0]}: {problems[rows[0]]}). "
                f"Convert these {self.name}, or drop their rows."
            )
        cells = np.empty(len(values), dtype=object)
        cells[:] = [self.cell_class(value, column, row) for row, value in enumerate(values)]
        return cells

    def _find_any_problem(self, value) -> str | None:
        if isinstance(value, bytes):
            return None
        if isinstance(value, (str, os.PathLike)):
            if os.path.isfile(value):
                return None
            what = "is a folder" if os.path.isdir(value) else "does not exist"
            return f"the file {str(value)!r} {what}"
        if pd.api.types.is_scalar(value) and pd.isna(value):
            return "NaN or None"
        if np.ma.is_masked(value):
            return "a masked array that hides values; array.filled(0) puts 0 in their place"
        return self.find_problem(value)

    def refuse_text_parameters(self, estimator) -> None:
        """Raise a ValueError if a parameter is set that is about texts."""
        of_output = getattr(estimator, "_parameters_of_output", ())
        names = tuple(name for name in ONLY_FOR_TEXTS if name not in of_output)
        for name in set_parameters(estimator, names):
            default = signature(type(estimator).__init__).parameters[name].default
            column = self.column_of(estimator)
            raise ValueError(
                f"`{name}` is about texts, but `{self.parameter}` is {column!r}; leave "
                f"{name}={default!r}, or give the estimator texts with "
                f"{self.parameter}=None."
            )


def set_parameters(estimator, names: tuple[str, ...]) -> list[str]:
    """Return those of some parameters that an estimator has and that are not at their defaults."""
    found = []
    defaults = signature(type(estimator).__init__).parameters
    for name in names:
        if name not in defaults:
            continue
        value, default = getattr(estimator, name), defaults[name].default
        if value is not default and not (type(value) is type(default) and value == default):
            found.append(name)
    return found


def _name_column(column: Hashable) -> str:
    return "X" if column is None else f"the column {column!r} of X"
