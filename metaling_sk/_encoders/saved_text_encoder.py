"""Saving of encoders of texts: a module with its tokenizer, which transformers writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from metaling_sk._encoders.dense import Dense
from metaling_sk._encoders.saved_backbone import (
    CONFIG,
    ENCODER,
    restore_backbone,
    restore_settings,
    save_backbone,
)
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk._saving.errors import SavedFileError, naming_file

TOKENIZER = f"{ENCODER}/tokenizer"
"""Subfolder of the tokenizer.

It is another one because transformers chooses a tokenizer by a configuration that lies beside it.
"""

PROBES = ("A quick brown fox, 3.5 km!", "这家酒店不错。", "Straße ÉCOLE naïve", "नमस्ते", "a\tb\n c")
"""Texts on which a tokenizer is compared with its copy."""


def save_encoder(encoder: TextEncoder, folder: Path) -> dict[str, Any]:
    """Write the configuration and the tokenizer of an encoder.

    Parameters
    ----------
    encoder : TextEncoder
        The encoder; its weights are not written.
    folder : Path
        The folder to write to.

    Returns
    -------
    dict
        The other values that `restore_encoder` needs.

    Raises
    ------
    ValueError
        If transformers does not make the module from its configuration, or does not read the
        tokenizer as it was.
    """
    state = save_backbone(encoder, folder) | {
        "max_length": encoder.max_length,
        "prompt": encoder.text_tokenizer.prompt,
        "typed": encoder.text_tokenizer.typed,
        "activations": [module.activation for module in encoder.dense],
        "normalize": encoder.normalize,
    }
    encoder.tokenizer.save_pretrained(folder / TOKENIZER)
    _check_tokenizer(encoder, state, folder)
    return state


def restore_encoder(
    state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
) -> TextEncoder:
    """Make an encoder of the shape of the weights, which are not loaded.

    Parameters
    ----------
    state : dict
        The values that `save_encoder` returned.
    weights : dict of str to Tensor
        The weights that are to be loaded into the encoder.
    folder : Path
        The folder that `save_encoder` wrote to.

    Returns
    -------
    TextEncoder

    Raises
    ------
    ValueError
        If the files do not belong to the weights.
    """
    with naming_file(CONFIG):
        backbone = restore_backbone(state, weights, folder)
        tokenizer = restore_tokenizer(state, folder).tokenizer
        dense = [
            Dense.from_weights(weights, activation, f"dense.{number}.")
            for number, activation in enumerate(state["activations"])
        ]
        names = "pooling", "max_length", "prompt", "normalize"
        settings = {name: state[name] for name in names}
        encoder = TextEncoder(backbone, tokenizer, layer=-1, dense=dense, **settings)
        restore_settings(encoder, state, weights)
        _check_runs(encoder)
    return encoder


def restore_tokenizer(state: dict[str, Any], folder: Path) -> TextTokenizer:
    """Read the tokenizer of a saved encoder."""
    with naming_file(TOKENIZER):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            (folder / TOKENIZER).resolve(strict=True),
            trust_remote_code=False,
            local_files_only=True,
        )
        return TextTokenizer(
            tokenizer,
            state["max_length"],
            prompt=state["prompt"],
            typed=state["typed"],
        )


@torch.no_grad()
def _check_runs(encoder: TextEncoder) -> None:
    """Raise an error if an encoder and its tokenizer do not fit together."""
    padded = encoder.tokenize(PROBES[:1]).pad()
    encoder.eval()(**{name: torch.from_numpy(values) for name, values in padded.items()})


def _check_tokenizer(encoder: TextEncoder, state: dict[str, Any], folder: Path) -> None:
    """Raise a ValueError unless the tokenizer is read from the folder as it was."""
    try:
        restored = restore_tokenizer(state, folder).tokenizer
        # A call without truncation changes the state of a tokenizer, so a copy is called.
        original = TextTokenizer(encoder.tokenizer, encoder.max_length).tokenizer
        options = {"truncation": False, "padding": False}
        same = restored(list(PROBES), **options) == original(list(PROBES), **options)
    except SavedFileError as error:
        raise ValueError(
            "`encoder`: the tokenizer cannot be stored, because transformers does not read it "
            f"again ({error}); use joblib.dump."
        ) from error
    if not same or len(restored) != len(original):
        raise ValueError(
            "`encoder`: the tokenizer cannot be stored, because transformers reads another one "
            "from what it writes; use joblib.dump."
        )
