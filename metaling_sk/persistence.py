"""Fitted classifiers in a folder: JSON, safetensors and tokenizer files, no pickle."""

from __future__ import annotations

import copy
import json
import os
from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from scipy import sparse
from sklearn.utils.validation import check_is_fitted
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig

from metaling_sk._data.language_statistics import LanguageStatistics
from metaling_sk._encoders.adapters import Adapters
from metaling_sk._encoders.make_encoder import TextEncoder, freeze, merge_lora
from metaling_sk._network.classifier import IdentityEncoder
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk._network.training import new_net
from metaling_sk._utils.random_state import seeded
from metaling_sk.meta_net._residual_head import ResidualHead
from metaling_sk.transfer._objective import TransferObjective

FORMAT = 1
CLASSES = {
    "MetaNetClassifier": "metaling_sk.meta_net",
    "TransferClassifier": "metaling_sk.transfer",
}
ESTIMATOR, WEIGHTS, ENCODER = "estimator.json", "weights.safetensors", "encoder"
TOKENIZER = f"{ENCODER}/tokenizer"
"""Apart from the encoder's configuration, by which transformers may choose another tokenizer."""

PLAIN = (
    "languages_",
    "source_languages_",
    "target_languages_",
    "transfer_",
    "learning_rate_",
    "n_features_in_",
    "_input_kind",
)
"""Fitted attributes that are JSON as they are."""


def save(estimator, folder: str | os.PathLike) -> None:
    """Save what it takes to predict; see `load`.

    Kept: parameters that are numbers, strings, lists or None (others take their defaults when
    loaded), the network, the encoder with its tokenizer, the history. Not kept: the source model,
    the state of the optimiser, and the rows given to `MetaNetClassifier.adapt`. The updates of
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
    encoder = estimator.text_encoder_
    if estimator.vectorizer_ is not None or (
        encoder is not None and not _is_made_from_config(encoder.backbone)
    ):
        raise ValueError(
            "`encoder` is an sklearn transformer or a module that transformers.AutoModel does not "
            "make from its config, which cannot be stored as JSON and tensors; use joblib.dump."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    module = estimator.net_.module_
    if encoder is not None and encoder.has_lora:
        module = copy.deepcopy(module)
        merge_lora(module.encoder)
    tensors = {f"net.{name}": value for name, value in _state(module).items()}
    fitted = {name: getattr(estimator, name) for name in PLAIN if hasattr(estimator, name)}
    fitted["classes_"] = _from_array(estimator.classes_)
    if hasattr(estimator, "feature_names_in_"):
        fitted["feature_names_in_"] = estimator.feature_names_in_.tolist()
    fitted["history_"] = estimator.history_.to_json(orient="split")
    if encoder is not None:
        encoder.backbone.config.save_pretrained(folder / ENCODER)
        encoder.tokenizer.save_pretrained(folder / TOKENIZER)
        fitted["encoder"] = {
            "pooling": encoder.pooling,
            "max_length": encoder.max_length,
            "top": encoder.top,
            "pretrained": encoder.pretrained,
            "trained": estimator.statistics_ is None,
        }
        if not fitted["encoder"]["trained"]:
            tensors |= {f"encoder.{name}": value for name, value in _state(encoder).items()}
    if estimator.statistics_ is not None:
        fitted["statistics_languages"] = list(estimator.statistics_.languages)
        for name, array in estimator.statistics_.to_arrays().items():
            tensors[f"statistics.{name}"] = _to_tensor(array)
    if hasattr(estimator, "residuals_"):
        fitted["residual_languages"] = list(estimator.residuals_)
        for number, residual in enumerate(estimator.residuals_.values()):
            for name, tensor in _from_residual(residual).items():
                tensors[f"residual.{number}.{name}"] = tensor
    parameters = estimator.get_params(deep=False)
    kept = {name: value for name, value in parameters.items() if _is_plain(value)}
    content = {
        "format": FORMAT,
        "class": type(estimator).__name__,
        "parameters": kept,
        "parameters_not_kept": sorted(set(parameters) - set(kept)),
        "fitted": fitted,
    }
    save_file(tensors, folder / WEIGHTS)
    (folder / ESTIMATOR).write_text(json.dumps(content, indent=1), encoding="utf-8")


def load(folder: str | os.PathLike):
    """Load a fitted classifier from a folder written by its `save`.

    Nothing in the folder is executed.

    Parameters
    ----------
    folder : str or path

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
        name = content["class"]
        estimator = getattr(import_module(CLASSES[name]), name)(**content["parameters"])
        tensors = load_file(folder / WEIGHTS)
        with seeded(0):  # Modules are made with random weights first.
            return _restore(estimator, folder, content["fitted"], tensors)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"{str(folder)!r} does not hold a complete estimator saved by this version of "
            f"metaling_sk ({type(error).__name__}: {error}). Save it again."
        ) from error


def _restore(estimator, folder: Path, fitted: dict, tensors: dict[str, torch.Tensor]):
    for name in PLAIN:
        if name in fitted:
            setattr(estimator, name, fitted[name])
    estimator.classes_ = _to_array(fitted["classes_"])
    if "feature_names_in_" in fitted:
        estimator.feature_names_in_ = np.array(fitted["feature_names_in_"], dtype=object)
    estimator.history_ = pd.DataFrame(**json.loads(fitted["history_"]))
    estimator.vectorizer_ = estimator.text_encoder_ = estimator.statistics_ = None
    if "statistics_languages" in fitted:
        arrays = {name: tensor.numpy() for name, tensor in _part(tensors, "statistics").items()}
        languages = fitted["statistics_languages"]
        estimator.statistics_ = LanguageStatistics.from_arrays(arrays, languages)
    if "residual_languages" in fitted:
        estimator._adapted = {}
        estimator.residuals_ = {
            code: _to_residual(_part(tensors, f"residual.{number}"))
            for number, code in enumerate(fitted["residual_languages"])
        }
    weights = _part(tensors, "net")
    encoder = IdentityEncoder()
    if "encoder" in fitted:
        text_encoder = _restore_encoder(folder, fitted["encoder"])
        estimator.text_encoder_ = text_encoder
        if fitted["encoder"]["trained"]:
            encoder = text_encoder
        else:
            own = _part(tensors, "encoder")
            _add_adapters(text_encoder, own)
            freeze(text_encoder, torch.device("cpu"), next(iter(own.values())).dtype)
            text_encoder.load_state_dict(own)
    _add_adapters(encoder, _part(weights, "encoder"))
    module = estimator._restore_module(weights, encoder, _restore_norm(weights))
    module.load_state_dict(weights)
    estimator.net_ = new_net(module, TransferObjective(), estimator._settings())
    return estimator


def _restore_encoder(folder: Path, saved: dict) -> TextEncoder:
    config = AutoConfig.from_pretrained(folder / ENCODER, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder / TOKENIZER, trust_remote_code=False)
    backbone = AutoModel.from_config(config, trust_remote_code=False)
    encoder = TextEncoder(backbone, tokenizer, saved["pooling"], -1, saved["max_length"])
    encoder.top, encoder.pretrained = saved["top"], saved["pretrained"]
    return encoder


def _add_adapters(encoder: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Make room for the adapters that are among the weights of an encoder."""
    for number in count():
        down = weights.get(f"adapters.{number}.down")
        if down is None:
            return
        n_layers, width, n_features = down.shape
        encoder.adapters.append(Adapters(n_layers, n_features, width))


def _restore_norm(weights: dict[str, torch.Tensor]) -> LanguageNorm | None:
    if "norm.mean" not in weights:
        return None
    n_rows, n_features = weights["norm.mean"].shape
    return LanguageNorm(n_rows - 1, n_features)


def _from_residual(residual: ResidualHead) -> dict[str, torch.Tensor]:
    arrays = {"intercept": residual.intercept, "share": np.array([residual.share])}
    coef = residual.coef
    if sparse.issparse(coef):
        arrays |= {"data": coef.data, "indices": coef.indices, "indptr": coef.indptr}
        arrays["shape"] = np.array(coef.shape)
    else:
        # Its transpose is contiguous: so rounding is the same after loading.
        arrays["transposed"] = coef.T
    return {name: _to_tensor(array) for name, array in arrays.items()}


def _to_residual(tensors: dict[str, torch.Tensor]) -> ResidualHead:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    if "transposed" in arrays:
        coef = arrays["transposed"].T
    else:
        parts = arrays["data"], arrays["indices"], arrays["indptr"]
        coef = sparse.csr_array(parts, shape=tuple(arrays["shape"].tolist()))
    return ResidualHead(coef, arrays["intercept"], arrays["share"].item())


def _is_made_from_config(backbone: nn.Module) -> bool:
    config = getattr(backbone, "config", None)
    if not isinstance(config, PreTrainedConfig):
        return False
    with torch.device("meta"):
        try:
            made = AutoModel.from_config(config, trust_remote_code=False)
        except ValueError:
            return False
    return type(made) is type(backbone)


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    """Its tensors on the CPU, none sharing memory with another."""
    return {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in module.state_dict().items()
    }


def _to_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    start = f"{prefix}."
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}


def _is_plain(value) -> bool:
    """Whether a parameter is the same after a way through JSON."""
    try:
        return json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        return False


def _from_array(array: np.ndarray) -> dict:
    return {"values": array.tolist(), "dtype": array.dtype.str}


def _to_array(saved: dict) -> np.ndarray:
    return np.array(saved["values"], dtype=saved["dtype"])
