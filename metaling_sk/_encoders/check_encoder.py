"""Checks of an encoder before it is used: it must give every sample a vector of its own."""

from __future__ import annotations

import torch

from metaling_sk._encoders.transformer_encoder import TransformerEncoder, probed

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
"""Largest relative difference between two vectors of one text, by precision."""

HALF_TOLERANCE = 0.05
"""The tolerance of every other precision."""

REFUSED = {"reformer": "hashes tokens at random, so that a text has a new vector in every call"}
"""Kinds of models that cannot be used, and why."""


_PASSED: dict[tuple, bool] = {}
"""The `has_token_layers` of encoders that have passed, by checkpoint and settings."""


def check_encoder(encoder: TransformerEncoder, checkpoint: tuple | None = None) -> None:
    """Raise unless an encoder takes what its reader returns and encodes each sample by itself.

    Parameters
    ----------
    encoder : TransformerEncoder
        The encoder; only its `has_token_layers` is set.
    checkpoint : tuple, optional
        The key of its checkpoint, each of which is checked once in a process.

    Raises
    ------
    ValueError
        If the encoder does not fit to its reader or fails, its layers do not give a vector per
        token, or the vector of a sample depends on others.
    """
    key = (checkpoint, repr(encoder.settings))
    if checkpoint is None:
        _check(encoder)
    elif key in _PASSED:
        encoder.has_token_layers = _PASSED[key]
    else:
        _check(encoder)
        _PASSED[key] = encoder.has_token_layers


def _check(encoder: TransformerEncoder) -> None:
    backbone = encoder.backbone
    name = type(backbone).__name__
    model_type = getattr(getattr(backbone, "config", None), "model_type", None)
    if model_type in REFUSED:
        raise ValueError(f"`encoder`: {name} {REFUSED[model_type]}; use another model.")
    encoder.check_reader()
    with probed(encoder):
        _check_vectors(encoder)


def _check_vectors(encoder: TransformerEncoder) -> None:
    """Encode one sample alone and beside another one, which is longer if they have lengths."""
    name = type(encoder.backbone).__name__
    first = next(encoder.parameters(), None)
    if first is not None and first.device.type == "meta":
        return
    unit = encoder.reader.unit
    one, both = encoder.probes()
    outputs = []

    def remember(layer, hidden):
        outputs.append(hidden)
        return hidden

    try:
        alone = encoder.encode(*one)
        together = encoder.encode(*both, adapt=remember)[:1]
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if str(error).startswith(("`encoder`", "`layer`", "`pooling`")):
            raise
        raise ValueError(f"`encoder`: {name} does not encode {unit}s. ({error})") from error
    tolerance = HALF_TOLERANCE if first is None else TOLERANCE.get(first.dtype, HALF_TOLERANCE)
    if (alone - together).norm() > tolerance * alone.norm():
        raise ValueError(
            f"`encoder`: {name} gives one {unit} another vector when another one is encoded "
            "with it, because it mixes padding with the tokens or draws random numbers; use "
            "another model."
        )
    is_called_once = len(outputs) == len(encoder.layers)
    encoder.has_token_layers = is_called_once and all(
        encoder.gives_token_vectors(hidden, both[0]) and hidden.shape[2] == alone.shape[1]
        for hidden in outputs
    )
