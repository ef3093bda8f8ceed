"""An estimator of a saved folder, with those that it holds."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaling_sk._saving.description import ESTIMATOR, decode_description
from metaling_sk._saving.errors import SavedFileError, naming_file
from metaling_sk._saving.files import SKLEARN, WEIGHTS, find_class
from metaling_sk._saving.reading import is_inside, read_checked
from metaling_sk._saving.sklearn_object import make_requests, read_sklearn
from metaling_sk._saving.values import from_json, holds_tensors
from metaling_sk._saving.weights import is_finite, read_weights
from metaling_sk._utils.random_state import seeded

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Reading:
    """What is the same for an estimator and for those that it holds.

    Attributes
    ----------
    device : str, torch.device or None
        The parameter `device`; None is the saved one.
    trusted : collection of str
        Full names of functions and types that may be imported.
    missing_devices : set of str
        Takes the devices with which estimators were saved and that are not here.
    """

    device: str | torch.device | None
    trusted: Collection[str]
    missing_devices: set[str] = field(default_factory=set)


def read_estimator(folder: Path, content: dict[str, Any], reading: Reading):
    """Read the estimator that a description describes.

    Parameters
    ----------
    folder : Path
        The folder of the description.
    content : dict
        The description.
    reading : Reading

    Raises
    ------
    SavedFileError
        If a file is missing, damaged or does not fit the others.
    UntrustedError
        If there are functions or types that are not trusted.
    """
    place = folder / content["place"]
    records = _check_names(content)
    inner = content["estimators"]
    parts = {name: _read_inner(place, records, inner[name], reading) for name in inner}
    files = {
        name: read_checked(place, name, record)
        for name, record in records.items()
        if not any(name.startswith(f"{each}/") for each in inner.values())
    }
    if SKLEARN in files:
        return read_sklearn(files[SKLEARN], list(parts.values()), reading.trusted)
    estimator_class = find_class(content["class"])  # It imports torch, if it needs it.
    parts |= _read_weights(files.pop(WEIGHTS), as_tensors=holds_tensors(content))
    # Libraries read a copy of what has been checked, in a folder that holds nothing else.
    with tempfile.TemporaryDirectory() as private, seeded(0):  # Modules start with random weights.
        copy = Path(private).resolve()
        for name, data in files.items():
            path = copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return _read_own(estimator_class, copy, content, parts, reading)


def _read_inner(place: Path, records: dict[str, dict], name: str, reading: Reading):
    """Read an estimator in a folder inside."""
    data = read_checked(place, f"{name}/{ESTIMATOR}", records[f"{name}/{ESTIMATOR}"])
    try:
        with naming_file(ESTIMATOR):
            return read_estimator(place / name, decode_description(data), reading)
    except SavedFileError as error:  # Its message begins with the name of a file.
        raise SavedFileError(f"{name}/{error}") from error


def _read_own(
    estimator_class, folder: Path, content: dict[str, Any], parts: dict[str, Any], reading: Reading
):
    """Read an estimator of this package."""
    parameters = from_json(content["parameters"], parts)
    if "device" in signature(estimator_class).parameters:
        saved_device = from_json(content["parameters"].get("device", "auto"), {})
        if reading.device is not None:
            parameters["device"] = reading.device
        elif not _is_available(saved_device):
            reading.missing_devices.add(repr(saved_device))
            parameters["device"] = "auto"
    state = from_json(content["fitted"], parts)
    estimator: Any = estimator_class._from_saved(parameters, state)
    if content["parameters_not_kept"]:
        estimator._not_kept = tuple(content["parameters_not_kept"])
    if state is not None:
        estimator._set_saved_state(state, folder)
    if "requests" in content:
        estimator._metadata_request = make_requests(content["requests"], estimator)
    return estimator


def _check_names(content: dict[str, Any]) -> dict[str, dict]:
    """The records of the files by their names, none of which leads out of the folder."""
    for name in [*content["files"], *content["estimators"].values()]:
        if not is_inside(name) or not is_inside(f"{content['place']}/{name}"):
            raise SavedFileError(f"{ESTIMATOR}: {name!r} is not the name of a file in the folder")
    if WEIGHTS not in content["files"] and SKLEARN not in content["files"]:
        raise SavedFileError(f"{ESTIMATOR} names no {WEIGHTS}")
    return content["files"]


def _read_weights(data: bytes, *, as_tensors: bool) -> dict[str, Any]:
    with naming_file(WEIGHTS):
        parts = read_weights(data, as_tensors=as_tensors)
        for name, part in parts.items():
            if not is_finite(part):
                raise SavedFileError(f"{WEIGHTS}: {name!r} holds NaN or infinite numbers")
        return parts


def _is_available(device) -> bool:
    from metaling_sk._utils.device import find_device  # It imports torch.

    try:
        find_device(device)
    except ValueError:
        return False
    return True
