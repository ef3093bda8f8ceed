"""An estimator, and those that it holds, each in a folder of its own inside."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from itertools import count
from pathlib import Path
from typing import Any

from metaling_sk._saving.files import SKLEARN, WEIGHTS, is_public
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._saving.sklearn_object import get_requests, write_sklearn
from metaling_sk._saving.values import is_estimator, to_json
from metaling_sk._saving.weights import is_finite, write_weights
from metaling_sk._saving.writing import write_folder
from metaling_sk._utils.frozen import is_fitted

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
"""Characters that names of folders do not have."""

MAX_NAME = 80
"""Characters of the longest name of a folder."""


@dataclass(frozen=True)
class Writing:
    """What is the same for an estimator and for those that it holds.

    Attributes
    ----------
    versions : dict of str to str
        The versions of packages.
    name : str
        What the estimator is called in errors.
    is_parameter : bool
        Whether the estimator is in a parameter, which tells what is to be fitted.
    """

    versions: dict[str, str]
    name: str
    is_parameter: bool = False


def write_estimator(estimator, folder: Path, writing: Writing) -> dict[str, Any]:
    """Write the files of an estimator.

    Parameters
    ----------
    estimator : estimator of this package or of scikit-learn
    folder : Path
    writing : Writing

    Returns
    -------
    dict
        The description of the folder.

    Raises
    ------
    ValueError, TypeError
        If something cannot be stored.
    """
    write = _write_own if isinstance(estimator, SavedMixin) else _write_sklearn
    content = {"class": type(estimator).__name__, "versions": writing.versions}
    return content | write(estimator, folder, writing)


def _write_sklearn(estimator, folder: Path, writing: Writing) -> dict[str, Any]:
    trusts_all = not writing.is_parameter
    parts = write_sklearn(estimator, folder / SKLEARN, writing.name, trusts_all=trusts_all)
    numbered = {f"{number}.{type(part).__name__}": part for number, part in enumerate(parts)}
    return {"estimators": _write_inner(numbered, folder, writing)}


def _write_own(estimator, folder: Path, writing: Writing) -> dict[str, Any]:
    """Write the files of an estimator of this package."""
    kind = type(estimator).__name__
    if not is_public(type(estimator)):
        raise TypeError(
            f"`save` takes estimators of metaling_sk and of scikit-learn, and no {kind}; use "
            "joblib.dump."
        )
    fitted = is_fitted(estimator)
    if fitted and writing.is_parameter:
        raise TypeError(f"{writing.name} is fitted")
    parts: dict[str, Any] = {}
    content = _write_parameters(estimator, fitted, folder, writing, parts)
    state = estimator._get_saved_state(folder) if fitted else None
    content["fitted"] = to_json(state, "fitted", parts)
    content["estimators"] |= _write_inner(parts, folder, writing)
    if hasattr(estimator, "_metadata_request"):
        content["requests"] = get_requests(estimator._metadata_request)
    for name, part in parts.items():
        if not is_finite(part):
            raise ValueError(
                f"{name!r} holds NaN or infinite numbers, so that this {kind} "
                "cannot predict; fit it again with a lower `learning_rate` before `save`."
            )
    write_weights(parts, folder / WEIGHTS)
    return content


def _write_parameters(
    estimator, fitted: bool, folder: Path, writing: Writing, parts: dict[str, Any]
) -> dict[str, Any]:
    """Write the estimators in the parameters, and describe all that can be kept.

    Tensors and arrays are put into `parts`.
    """
    required = () if fitted else _required_parameters(type(estimator))
    writing = replace(writing, is_parameter=True)
    kept: dict[str, Any] = {}
    not_kept = list(estimator._lost_parameters)
    inner: dict[str, str] = {}
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if fitted and name in estimator._unsaved_parameters:
            not_kept += [] if value is None else [name]
            continue
        parts_of_one: dict[str, Any] = {}
        try:
            content = to_json(value, f"parameters.{name}", parts_of_one)
            inner |= _write_inner(parts_of_one, folder, writing)
        except (TypeError, ValueError, RecursionError, ModuleNotFoundError):
            if name in required:
                raise
            not_kept.append(name)
        else:
            kept[name] = content
            parts.update(parts_of_one)
    return {"parameters": kept, "parameters_not_kept": not_kept, "estimators": inner}


def _required_parameters(estimator_class: type) -> list[str]:
    """Name the parameters that have no default."""
    parameters = signature(estimator_class).parameters.values()
    return [each.name for each in parameters if each.default is each.empty]


def _write_inner(parts: dict[str, Any], folder: Path, writing: Writing) -> dict[str, str]:
    """Take the estimators out of `parts`, and write each to a folder inside.

    Returns
    -------
    dict of str to str
        The folders by the names in `parts`.
    """
    names = [name for name, part in parts.items() if is_estimator(part)]
    folders: dict[str, str] = {}
    try:
        for name in names:
            part = parts.pop(name)
            inner = replace(writing, name=f"the {type(part).__name__} in {writing.name}")
            folders[name] = _new_name(name, folder)
            write_folder(folder / folders[name], partial(write_estimator, part, writing=inner))
    except BaseException:
        for name in folders.values():
            shutil.rmtree(folder / name, ignore_errors=True)
        raise
    return folders


def _new_name(name: str, folder: Path) -> str:
    """Name a new folder inside for an estimator."""
    plain = NOT_IN_NAMES.sub("_", name.removeprefix("fitted."))[:MAX_NAME]
    names = (plain if number == 0 else f"{plain}-{number}" for number in count())
    return next(name for name in names if not (folder / name).exists())
