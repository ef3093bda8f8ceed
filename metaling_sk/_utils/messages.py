"""Parts of messages, and how users are warned."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from types import FrameType
from weakref import WeakKeyDictionary

import numpy as np

from metaling_sk._utils.processes import process_rank
from metaling_sk.exceptions import InputWarning

MAX_NAMED = 5

MAX_SHOWN = 120
"""Characters of a value that a message shows."""

INNER_PACKAGES = ("metaling_sk", "sklearn", "joblib", "skorch")
"""Packages between the line of the user and a warning."""

_WARNINGS_OF: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()
"""What users have been warned of, by estimator. It is no part of an estimator and its copies.

Python's own memory does not last: every `warnings.catch_warnings` in any library empties it.
"""


def name_rows(indices: Sequence[int] | np.ndarray) -> str:
    """Name rows of the user's table.

    Parameters
    ----------
    indices : sequence or ndarray of int
        The positions of the rows; at least one.

    Returns
    -------
    str
        For example "row 3" or "rows 3, 5, 8, 9, 10, ... (12 in all)".
    """
    if len(indices) == 1:
        return f"row {indices[0]}"
    named = ", ".join(str(index) for index in indices[:MAX_NAMED])
    rest = f", ... ({len(indices)} in all)" if len(indices) > MAX_NAMED else ""
    return f"rows {named}{rest}"


def name_some(values: Iterable) -> str:
    """Name the first of some values.

    Parameters
    ----------
    values : iterable
        What is named.

    Returns
    -------
    str
        For example "'en', 'zh'" or "1, 2, 3, 4, 5, ... (12 in all)".
    """
    texts = [repr(value) for value in values]
    rest = f", ... ({len(texts)} in all)" if len(texts) > MAX_NAMED else ""
    return ", ".join(texts[:MAX_NAMED]) + rest


def shorten(text: str) -> str:
    """Put a text on one line, and leave out the end of a long one."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def warn_user(message: str, estimator=None, category: type[Warning] = InputWarning) -> None:
    """Warn at the line outside this package and its tools.

    Of several processes that train together only the main one warns.

    Parameters
    ----------
    message : str
        A sentence with the way out.
    estimator : estimator, default=None
        What was given the input. It does not say the same twice, until `forget_warnings`.
    category : type, default=InputWarning
        The warning; the default is for input that looks like a mistake.
    """
    said = set() if estimator is None else _WARNINGS_OF.setdefault(estimator, set())
    if message in said or process_rank():
        return
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and _package_of(frame) in INNER_PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
    said.add(message)  # not if the warning was made an error


def forget_warnings(estimator) -> None:
    """Let an estimator say anew what it has said before.

    Parameters
    ----------
    estimator : estimator
        An estimator that is being fitted.
    """
    _WARNINGS_OF.setdefault(estimator, set()).clear()


def share_warnings(estimator, other) -> None:
    """Let neither of two estimators say what the other one has said.

    Parameters
    ----------
    estimator, other : estimators
        The other one says nothing of its own so far.
    """
    _WARNINGS_OF[other] = _WARNINGS_OF.setdefault(estimator, set())


def _package_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "").partition(".")[0]
