"""Fitted estimators and searches in a folder: JSON, safetensors and tokenizer files, no pickle.

This module saves and loads; `_saving` knows the format and its version. What belongs to an
estimator is its own to say: it gives its state in ``_get_saved_state`` and takes it in
``_set_saved_state``. An estimator that it holds is saved in a folder of its own inside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
import torch
from huggingface_hub import HfApi, snapshot_download
from sklearn.utils.validation import check_is_fitted

import metaling_sk
from metaling_sk._saving.description import ESTIMATOR, decode_description
from metaling_sk._saving.errors import SavedFileError, naming_file
from metaling_sk._saving.model_card import make_card, write_card
from metaling_sk._saving.reading import is_inside, read_checked, read_file
from metaling_sk._saving.values import from_json, to_json
from metaling_sk._saving.versions import current_versions, version_differences
from metaling_sk._saving.writing import write_folder
from metaling_sk._utils.device import find_device
from metaling_sk._utils.processes import process_rank
from metaling_sk._utils.random_state import seeded
from metaling_sk.exceptions import SavedVersionWarning

__all__ = ["load", "push_to_hub", "save"]

HUB = "hub:"
"""How the name of a repository of a model hub begins."""

WEIGHTS = "weights.safetensors"

MAX_ATTEMPTS = 100
"""How often `load` starts anew because the estimator in the folder has been replaced."""


def save(estimator, folder: str | os.PathLike, *, report: pd.DataFrame | None = None) -> None:
    """Save what it takes to predict; see `load`.

    A README.md beside it, the model card, tells what the model is. Where several processes train
    together, only the main one saves.

    Kept: parameters that are numbers, strings, None, paths, dates, arrays, or lists, tuples and
    dicts of these (others take their defaults when loaded), the network, the encoder with its
    tokenizer, the history. Not kept: the source model, the state of the optimiser, and the samples
    given to `MetaNetClassifier.adapt`. The updates of trainable="lora" are added to the weights. Of
    a search all results and the best estimator are kept, and neither `prior` nor `checkpoint`;
    values of parameters that are objects, such as estimators, are kept as their text.

    Parameters
    ----------
    estimator : fitted classifier or regressor of this package, or MetaParamSearchCV of one
        What is saved.
    folder : str or path
        Made where it does not exist. An estimator that was saved there before is replaced in one
        step, when the new one is complete; other files stay.
    report : DataFrame, default=None
        Scores by language for the model card, as `language_report` returns them.

    Raises
    ------
    ValueError
        If the encoder is a module that transformers cannot make from a config, or an sklearn
        transformer with functions or types of others in it: only pickle (`joblib.dump`) can store
        these. Also if a weight is not finite, or a search has no best estimator.
    ModuleNotFoundError
        If the model holds parts of scikit-learn and skops is not installed (extra `skops`).
    TypeError
        If it is no classifier or regressor of this package, or a fitted attribute cannot be stored
        as JSON and tensors.
    """
    _check_saveable(estimator)
    if process_rank():
        return
    versions = current_versions()
    card = make_card(estimator, versions, report)
    write_folder(Path(folder), partial(_write, estimator, versions=versions))
    write_card(Path(folder), card)


def _check_saveable(estimator, holder: str = "") -> None:
    """Raise an error unless the estimator and those that it holds are fitted and can be saved."""
    if not _is_saveable(type(estimator)):
        raise TypeError(
            f"`save` takes fitted classifiers of metaling_sk, and no {type(estimator).__name__}"
            f"{holder}; use joblib.dump."
        )
    check_is_fitted(estimator)
    name = type(estimator).__name__
    for part in estimator._saved_parts:
        if not hasattr(estimator, part):
            raise ValueError(
                f"This {name} has no `{part}` to save, since `refit` is {estimator.refit}; fit it "
                "with refit=True, or keep its `cv_results_`."
            )
        _check_saveable(getattr(estimator, part), f" as the `{part}` of a {name}")


def _write(estimator, folder: Path, versions: dict[str, str]) -> dict[str, Any]:
    """Write the files of an estimator, and return its description."""
    for part in estimator._saved_parts:
        write_folder(folder / part, partial(_write, getattr(estimator, part), versions=versions))
    tensors: dict[str, torch.Tensor] = {}
    content = {
        "class": type(estimator).__name__,
        "versions": versions,
        **_kept_parameters(estimator, tensors),
        "fitted": to_json(estimator._get_saved_state(folder), "fitted", tensors),
    }
    for name, tensor in tensors.items():
        if not _is_finite(tensor):
            raise ValueError(
                f"{name!r} holds NaN or infinite numbers, so that this {content['class']} "
                "cannot predict; fit it again with a lower `learning_rate` before `save`."
            )
    safetensors.torch.save_file(tensors, folder / WEIGHTS)
    return content


def push_to_hub(
    estimator,
    repo_id: str,
    *,
    report: pd.DataFrame | None = None,
    private: bool | None = None,
    token: str | bool | None = None,
) -> str:
    """Save to a repository of a model hub, from where `load` takes it.

    Parameters
    ----------
    estimator : fitted classifier or regressor of this package
        What is saved; see `save`.
    repo_id : str
        "owner/name". The repository is made where it does not exist.
    report : DataFrame, default=None
        Scores by language for the model card, as `language_report` returns them.
    private : bool, default=None
        Whether a new repository is private; None is the owner's default.
    token : str or bool, default=None
        The token of an account that may write; None is the one of `hf auth login`.

    Returns
    -------
    str
        The address of the commit. Where several processes train together, only the main one pushes,
        and the others get an empty string.

    Raises
    ------
    ValueError, TypeError
        As `save`.
    huggingface_hub.errors.HfHubHTTPError
        If the hub refuses, for example without a token.
    """
    if process_rank():
        return ""
    api = HfApi(token=token)
    with tempfile.TemporaryDirectory() as folder:
        save(estimator, folder, report=report)
        api.create_repo(repo_id, private=private, exist_ok=True)
        message = f"Save a {type(estimator).__name__} of metaling_sk"
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message)
    return str(commit.commit_url)


def load(folder: str | os.PathLike, device: str | torch.device | None = None):
    """Load a fitted estimator or search from a folder written by its `save`.

    Nothing in the folder is executed, and nothing is asked of the network unless a hub is named.

    Parameters
    ----------
    folder : str or path
        A folder that `save` has written, or "hub:owner/name" for a repository that `push_to_hub`
        has written; "hub:owner/name@revision" is a branch, a tag or a commit of it.
    device : str or torch.device, default=None
        The parameter `device` of what is loaded. By default it is the saved one, or "auto" with a
        warning where this machine has no such device.

    Returns
    -------
    estimator
        Predicts what the saved one predicted, on whatever device there is; up to rounding for
        trainable="lora". Of a search, `estimator` is an unfitted copy of the best one.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it does not hold a complete estimator, or there is no such device.

    Warns
    -----
    SavedVersionWarning
        If it was saved with another version of scikit-learn, torch or transformers.

    Examples
    --------
    >>> import tempfile
    >>> from metaling_sk import TransferClassifier, load
    >>> clf = TransferClassifier(max_epochs=1, random_state=0)
    >>> clf = clf.fit(["good", "bad", "fine", "awful"], [1, 0, 1, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.save(folder)
    ...     loaded = load(folder)
    >>> bool((loaded.predict(["good"]) == clf.predict(["good"])).all())
    True
    """
    if isinstance(folder, str) and folder.startswith(HUB):
        with tempfile.TemporaryDirectory() as downloaded:
            return load(_download(folder, Path(downloaded) / "model"), device)
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r} to load from.")
    if device is not None:
        find_device(device)
    missing_devices: set[str] = set()
    try:
        content, estimator = _load_newest(folder, device, missing_devices)
        with naming_file(ESTIMATOR):
            differences = version_differences(content["versions"])
    except SavedFileError as error:
        raise ValueError(
            f"{str(folder)!r} does not hold a complete estimator saved by this version of "
            f"metaling_sk ({error}). Save it again."
        ) from error
    for missing in missing_devices:
        warnings.warn(
            f"{str(folder)!r} was saved with device={missing}, which this machine does not "
            "have; device='auto' takes its place. load(folder, device=...) takes another one.",
            stacklevel=2,
        )
    if differences:
        warnings.warn(
            f"The {content['class']} in {str(folder)!r} was saved with other versions of packages: "
            f"{', '.join(differences)}. Its predictions may differ; compare them, or install these "
            "versions.",
            SavedVersionWarning,
            stacklevel=2,
        )
    return estimator


def _download(address: str, folder: Path) -> Path:
    """Copy a repository of a hub to a new folder. Downloads are kept in the cache of the hub."""
    repo_id, _, revision = address.removeprefix(HUB).partition("@")
    # The files of the cache are links, which `load` does not follow.
    shutil.copytree(snapshot_download(repo_id, revision=revision or None), folder)
    return folder


def _load_newest(folder: Path, device, missing_devices: set[str]):
    """Load the estimator; start anew if another one has taken its place in the meantime."""
    for _ in range(MAX_ATTEMPTS):
        with naming_file(ESTIMATOR):
            description = read_file(folder, ESTIMATOR)
        try:
            with naming_file(ESTIMATOR):
                content = decode_description(description)
                return content, _load(folder, content, device, missing_devices)
        except SavedFileError as error:
            failure = error
            with naming_file(ESTIMATOR):
                if read_file(folder, ESTIMATOR) == description:
                    raise failure from failure.__cause__
    raise failure


def _load(folder: Path, content: dict[str, Any], device, missing_devices: set[str]):
    """Load the estimator that a description describes.

    Devices with which it was saved and that are not here are added to `missing_devices`.
    """
    files = {
        name: read_checked(folder, f"{content['place']}/{name}", record)
        for name, record in _checked_names(content).items()
    }
    tensors = _read_weights(files.pop(WEIGHTS))
    parameters = from_json(content["parameters"], tensors)
    estimator_class = _find_class(content["class"])
    if "device" in signature(estimator_class).parameters:
        saved_device = from_json(content["parameters"].get("device", "auto"), {})
        if device is not None:
            parameters["device"] = device
        elif not _is_available(saved_device):
            missing_devices.add(repr(saved_device))
            parameters["device"] = "auto"
    # Libraries read a copy of what has been checked, in a folder that holds nothing else.
    with tempfile.TemporaryDirectory() as private, seeded(0):  # Modules start with random weights.
        for name, data in files.items():
            path = Path(private).resolve() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        parts = {}
        for part in estimator_class._saved_parts:
            inner = Path(private).resolve() / part
            description = decode_description(read_file(inner, ESTIMATOR))
            parts[part] = _load(inner, description, device, missing_devices)
        estimator = estimator_class._from_saved(parameters, parts)
        state = from_json(content["fitted"], tensors)
        estimator._set_saved_state(state, Path(private).resolve())
    return estimator


def _checked_names(content: dict[str, Any]) -> dict[str, dict]:
    """The records of the files by their names, none of which leads out of the folder."""
    for name in content["files"]:
        if not is_inside(name) or not is_inside(f"{content['place']}/{name}"):
            raise SavedFileError(f"{ESTIMATOR}: {name!r} is not the name of a file in the folder")
    if WEIGHTS not in content["files"]:
        raise SavedFileError(f"{ESTIMATOR} names no {WEIGHTS}")
    return content["files"]


def _read_weights(data: bytes) -> dict[str, torch.Tensor]:
    with naming_file(WEIGHTS):
        tensors = safetensors.torch.load(data)
        for name, tensor in tensors.items():
            if not _is_finite(tensor):
                raise SavedFileError(f"{WEIGHTS}: {name!r} holds NaN or infinite numbers")
        return tensors


def _find_class(name: str):
    """The public class of this package with this name."""
    public_names = dir(metaling_sk)
    estimator_class = getattr(metaling_sk, name) if name in public_names else None
    if not hasattr(estimator_class, "_set_saved_state"):
        raise ValueError(f"metaling_sk has no estimator {name!r} that can be loaded")
    return estimator_class


def _is_saveable(kind: type) -> bool:
    """Whether `load` finds this very class."""
    try:
        return _find_class(kind.__name__) is kind
    except ValueError:
        return False


def _kept_parameters(estimator, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The parameters that JSON and tensors can hold, and the names of the others."""
    kept, not_kept = {}, []
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name in estimator._unsaved_parameters:
            not_kept.append(name)
            continue
        arrays: dict[str, torch.Tensor] = {}
        try:
            kept[name] = to_json(value, f"parameters.{name}", arrays)
        except (TypeError, ValueError, RecursionError):
            not_kept.append(name)
        else:
            tensors.update(arrays)
    return {"parameters": kept, "parameters_not_kept": not_kept}


def _is_finite(tensor: torch.Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _is_available(device) -> bool:
    try:
        find_device(device)
    except ValueError:
        return False
    return True
