"""Fitted classifiers in a folder: JSON, safetensors and tokenizer files, no pickle.

This module knows the format and its version. What belongs to an estimator is its own to say: it
gives its state in ``_get_saved_state`` and takes it in ``_set_saved_state``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sklearn.utils.validation import check_is_fitted

import metaling_sk
from metaling_sk._utils.random_state import seeded

__all__ = ["load", "save"]

FORMAT = 2
"""Version of the format; a folder of another version is refused."""

ESTIMATOR, WEIGHTS = "estimator.json", "weights.safetensors"

TENSOR, ARRAY, VALUES = "tensor", "array", "values"
"""Keys of JSON objects that stand for a tensor or an array of the weights file, or hold an array of
strings or objects."""


def save(estimator, folder: str | os.PathLike) -> None:
    """Save what it takes to predict; see `load`.

    Kept: parameters that are numbers, strings, lists or None (others take their defaults when
    loaded), the network, the encoder with its tokenizer, the history. Not kept: the source model,
    the state of the optimiser, and the samples given to `MetaNetClassifier.adapt`. The updates of
    trainable="lora" are added to the weights.

    Parameters
    ----------
    estimator : fitted classifier of this package
    folder : str or path
        Made where it does not exist; files of an earlier `save` are replaced.

    Raises
    ------
    ValueError
        If the encoder is an sklearn transformer or a module that transformers cannot make from a
        config: only pickle (`joblib.dump`) can store these.
    """
    check_is_fitted(estimator)
    folder = Path(folder)
    parameters = estimator.get_params(deep=False)
    kept = {name: value for name, value in parameters.items() if _is_plain(value)}
    tensors: dict[str, torch.Tensor] = {}
    content = {
        "format": FORMAT,
        "class": type(estimator).__name__,
        "parameters": kept,
        "parameters_not_kept": sorted(set(parameters) - set(kept)),
        "fitted": _take_tensors_out(estimator._get_saved_state(folder), "", tensors),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS)
    (folder / ESTIMATOR).write_text(json.dumps(content, indent=1), encoding="utf-8")


def load(folder: str | os.PathLike):
    """Load a fitted classifier from a folder written by its `save`.

    Nothing in the folder is executed.

    Parameters
    ----------
    folder : str or path
        A folder that `save` has written.

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
        If it does not hold a complete estimator.

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
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r} to load from.")
    try:
        content = json.loads((folder / ESTIMATOR).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']} instead of {FORMAT}")
        estimator = _find_class(content["class"])(**content["parameters"])
        state = _put_tensors_in(content["fitted"], load_file(folder / WEIGHTS))
        with seeded(0):  # Modules are made with random weights first.
            estimator._set_saved_state(state, folder)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"{str(folder)!r} does not hold a complete estimator saved by this version of "
            f"metaling_sk ({type(error).__name__}: {error}). Save it again."
        ) from error
    return estimator


def _find_class(name: str):
    """The public class of this package with this name."""
    found = getattr(metaling_sk, name) if name in metaling_sk.__all__ else None
    if not hasattr(found, "_set_saved_state"):
        raise ValueError(f"metaling_sk has no estimator {name!r} that can be loaded")
    return found


def _take_tensors_out(state, path: str, tensors: dict[str, torch.Tensor]):
    """The state as JSON; tensors and arrays of numbers go into `tensors` by their path."""
    if isinstance(state, dict):
        return {
            name: _take_tensors_out(value, f"{path}.{name}" if path else name, tensors)
            for name, value in state.items()
        }
    if isinstance(state, np.ndarray) and state.dtype.kind not in "biuf":
        return {VALUES: state.tolist(), "dtype": state.dtype.str}
    if isinstance(state, np.ndarray):
        tensors[path] = torch.tensor(state)
        return {ARRAY: path}
    if isinstance(state, torch.Tensor):
        # Tensors in one file must not share memory.
        tensors[path] = state.detach().cpu().clone().contiguous()
        return {TENSOR: path}
    return state


def _put_tensors_in(state, tensors: dict[str, torch.Tensor]):
    """The inverse of `_take_tensors_out`."""
    if not isinstance(state, dict):
        return state
    if state.keys() == {TENSOR}:
        return tensors[state[TENSOR]]
    if state.keys() == {ARRAY}:
        return tensors[state[ARRAY]].numpy().copy()
    if state.keys() == {VALUES, "dtype"}:
        return np.array(state[VALUES], dtype=state["dtype"])
    return {name: _put_tensors_in(value, tensors) for name, value in state.items()}


def _is_plain(value) -> bool:
    """Whether a parameter is the same after a way through JSON."""
    try:
        return json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        return False
