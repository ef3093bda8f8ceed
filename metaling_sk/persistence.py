"""Fitted estimators and searches in a folder: JSON, safetensors and tokenizer files, no pickle.

`_saving` knows the format and its version. What belongs to an estimator is its own to say: it gives
its state in ``_get_saved_state`` and takes it in ``_set_saved_state``. An estimator that it holds
is saved in a folder of its own inside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from huggingface_hub import HfApi, snapshot_download
from sklearn.utils.validation import check_is_fitted

from metaling_sk._saving.description import ESTIMATOR, decode_description
from metaling_sk._saving.errors import SavedFileError, UntrustedError, naming_file
from metaling_sk._saving.estimator_reading import Reading, read_estimator
from metaling_sk._saving.estimator_writing import Writing, write_estimator
from metaling_sk._saving.model_card import make_card, write_card
from metaling_sk._saving.reading import read_file
from metaling_sk._saving.values import is_estimator
from metaling_sk._saving.versions import current_versions, version_differences
from metaling_sk._saving.writing import write_folder
from metaling_sk._utils.imported import plain_torch
from metaling_sk._utils.processes import process_rank
from metaling_sk._utils.writing import writing_to
from metaling_sk.exceptions import SavedVersionWarning

if TYPE_CHECKING:
    import torch

__all__ = ["load", "push_to_hub", "save"]

HUB = "hub:"
"""How the name of a repository of a model hub begins."""

MAX_ATTEMPTS = 100
"""How often `load` starts anew because the estimator in the folder has been replaced."""


def save(estimator, folder: str | os.PathLike, *, report: pd.DataFrame | None = None) -> None:
    """Save what it takes to predict; see `load`.

    A README.md beside it, the model card, tells what the model is. Where several processes train
    together, only the main one saves.

    Kept: parameters that are numbers, strings, None, paths, dates, arrays, tables, configs of
    transformers, estimators that are not fitted, or lists, tuples and dicts of these (others take
    their defaults when loaded, and a fit without them is warned of), the network, the encoder with
    its tokenizer, the history. Not kept: the source model, the state of the optimiser, and the
    samples given to `MetaNetClassifier.adapt`. The updates of trainable="lora" are added to the
    weights. Of a search all results and the best estimator are kept, and neither `prior` nor
    `checkpoint`; estimators in its results are kept as their text.

    Parameters
    ----------
    estimator : fitted estimator of this package or of scikit-learn
        What is saved, with the estimators that it holds: a pipeline with a classifier of this
        package at the end, or a classifier of this package on a union of sklearn transformers.
    folder : str or path
        Made where it does not exist. An estimator that was saved there before is replaced in one
        step, when the new one is complete; other files stay.
    report : DataFrame, default=None
        Scores by language for the model card, as `language_report` returns them.

    Raises
    ------
    ValueError
        If the encoder is a module that transformers cannot make from a config, or a part of
        scikit-learn holds a function that is in no module or an object of torch. Also if a weight
        is not finite, or a search has no best estimator.
    ModuleNotFoundError
        If the model holds parts of scikit-learn and skops is not installed (extra `skops`).
    TypeError
        If it is no estimator, or a fitted attribute cannot be stored as JSON and tensors.
    OSError
        If the folder cannot be written, for example because the disk is full. What was saved there
        before stays.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from metaling_sk import LanguageStandardScaler, LinearTransferClassifier, load, save
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    >>> model = make_pipeline(LanguageStandardScaler(), LinearTransferClassifier()).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, folder)
    ...     loaded = load(folder)
    >>> loaded.predict(X).tolist()
    [0, 0, 1, 1]
    """
    if not is_estimator(estimator):
        kind = type(estimator).__name__
        raise TypeError(f"`save` takes fitted estimators, and no {kind}; use joblib.dump.")
    check_is_fitted(estimator)
    if process_rank():
        return
    folder = Path(os.path.expanduser(folder))
    if os.path.isfile(folder):
        raise FileExistsError(f"`folder`: {str(folder)!r} is a file; name a folder.")
    writing = Writing(current_versions(), f"this {type(estimator).__name__}")
    card = make_card(estimator, writing.versions, report)
    way_out = "Name another folder, or make it one in which files can be made and written."
    with plain_torch(), writing_to(folder, "folder", way_out):
        write_folder(folder, partial(write_estimator, estimator, writing=writing))
        write_card(folder, card)


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
    estimator : fitted estimator of this package or of scikit-learn
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


def load(
    folder: str | os.PathLike,
    device: str | torch.device | None = None,
    *,
    trusted: Iterable[str] = (),
):
    """Load a fitted estimator or search from a folder written by `save`.

    Nothing in the folder is executed, and nothing is asked of the network unless a hub is named.
    Functions and classes that the folder names are imported only if `trusted` names them, too.

    Parameters
    ----------
    folder : str or path
        A folder that `save` has written, or "hub:owner/name" for a repository that `push_to_hub`
        has written; "hub:owner/name@revision" is a branch, a tag or a commit of it.
    device : str or torch.device, default=None
        The parameter `device` of what is loaded. By default it is the saved one, or "auto" with a
        warning where this machine has no such device.
    trusted : list of str, default=()
        Full names of functions and classes in parts of scikit-learn that may be imported and
        called, such as "my_package.split_words". Those of scikit-learn and numpy that can do no
        harm are always trusted. Name nothing that you do not know.

    Returns
    -------
    estimator
        Predicts what the saved one predicted, on whatever device there is; up to rounding for
        trainable="lora".

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it does not hold a complete estimator, there is no such device, or something is not
        trusted.

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
            model = _download(folder, Path(downloaded) / "model")
            return load(model, device, trusted=trusted)
    folder = Path(os.path.expanduser(folder))
    if not os.path.isdir(folder):
        what = (
            "is a file, and `save` writes folders. joblib.load reads what joblib.dump has written"
            if os.path.exists(folder)
            else "does not exist"
        )
        raise FileNotFoundError(f"There is no folder {str(folder)!r} to load from: it {what}.")
    if not os.path.lexists(folder / ESTIMATOR):
        raise ValueError(
            f"{str(folder)!r} does not hold a complete estimator: there is no {ESTIMATOR} in it. "
            "`load` takes what `save` has written; a checkpoint of transformers is an `encoder`."
        )
    if device is not None:
        from metaling_sk._utils.device import find_device  # It imports torch.

        find_device(device)
    if isinstance(trusted, str):
        raise ValueError(f"`trusted` must be a list of names, such as [{trusted!r}].")
    reading = Reading(device, tuple(trusted))
    try:
        with plain_torch():
            content, estimator = _load_newest(folder, reading)
        with naming_file(ESTIMATOR):
            differences = version_differences(content["versions"])
    except SavedFileError as error:
        raise ValueError(
            f"{str(folder)!r} does not hold a complete estimator saved by this version of "
            f"metaling_sk ({error}). Save it again."
        ) from error
    except UntrustedError as error:
        names = sorted({*reading.trusted, *error.names})
        raise ValueError(
            f"What {str(folder)!r} holds uses {', '.join(error.names)}, which `load` would "
            f"import. If you trust them, load(folder, trusted={names})."
        ) from error
    for missing in reading.missing_devices:
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


def _load_newest(folder: Path, reading: Reading) -> tuple[dict[str, Any], Any]:
    """Load the estimator; start anew if another one has taken its place in the meantime."""
    for _ in range(MAX_ATTEMPTS):
        with naming_file(ESTIMATOR):
            description = read_file(folder, ESTIMATOR)
        try:
            with naming_file(ESTIMATOR):
                content = decode_description(description)
                return content, read_estimator(folder, content, reading)
        except SavedFileError as error:
            failure = error
            with naming_file(ESTIMATOR):
                if read_file(folder, ESTIMATOR) == description:
                    raise failure from failure.__cause__
    raise failure
