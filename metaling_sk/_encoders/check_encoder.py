"""Checks of an encoder before it is used: it must give every sample a vector of its own."""

from __future__ import annotations

from itertools import cycle, islice

import torch

from metaling_sk._encoders.text_encoder import TextEncoder, n_embeddings
from metaling_sk._encoders.transformer_encoder import TransformerEncoder

SHORT, LONG = 3, 64
"""Number of tokens of the two texts of the check."""

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
        If the tokenizer has more tokens than the encoder has embeddings, the encoder fails, its
        layers do not give a vector per token, or the vector of a sample depends on others.
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
    if isinstance(encoder, TextEncoder):
        _check_embeddings(encoder)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        modes = [(module, module.training) for module in encoder.modules()]
        encoder.eval()
        try:
            _check_vectors(encoder)
        finally:
            for module, training in modes:
                module.training = training


def _check_embeddings(encoder: TextEncoder) -> None:
    limit = n_embeddings(encoder.backbone)
    if limit is None or not hasattr(encoder.tokenizer, "get_vocab"):
        return
    # Checkpoints may have special tokens without an embedding, such as one for padding.
    special = set(getattr(encoder.tokenizer, "all_special_ids", ()))
    ids = [index for index in encoder.tokenizer.get_vocab().values() if index not in special]
    if ids and max(ids) >= limit:
        raise ValueError(
            f"`encoder`: the tokenizer has the token id {max(ids)}, but "
            f"{type(encoder.backbone).__name__} has only {limit} embeddings; pass the tokenizer "
            "that belongs to the module, or call module.resize_token_embeddings(len(tokenizer))."
        )


def _check_vectors(encoder: TransformerEncoder) -> None:
    """Encode one sample alone and beside another one, which is longer if it is a text."""
    name = type(encoder.backbone).__name__
    first = next(encoder.parameters(), None)
    device = "cpu" if first is None else first.device
    if str(device) == "meta":
        return
    unit = encoder.reader.unit
    if isinstance(encoder, TextEncoder):
        one, both = _text_probes(encoder, device)
    else:
        one, both = encoder.probes()
    outputs = []

    def remember(layer, hidden):
        outputs.append(hidden)
        return hidden

    try:
        alone = encoder.encode(*one)
        together = encoder.encode(*both, adapt=remember)[:1]
    except (TypeError, ValueError) as error:
        if str(error).startswith(("`encoder`", "`layer`", "`pooling`")):
            raise
        raise ValueError(f"`encoder`: {name} does not encode {unit}s. ({error})") from error
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError) as error:
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


def _text_probes(encoder: TextEncoder, device) -> tuple[tuple, tuple]:
    """The inputs of one short text, and of this and a longer one."""
    n_long = min(LONG, encoder.max_length)
    n_short = min(SHORT, n_long)
    ids = torch.tensor(_token_ids(encoder, n_short + n_long), device=device)
    both = torch.zeros((2, n_long), dtype=torch.int64, device=device)
    both[0, :n_short], both[1] = ids[:n_short], ids[n_short:]
    mask = torch.ones_like(both)
    mask[0, n_short:] = 0
    return (both[:1, :n_short], mask[:1, :n_short]), (both, mask)


def _token_ids(encoder: TextEncoder, n_tokens: int) -> list[int]:
    """Return ids of tokens that are not special."""
    limit = n_embeddings(encoder.backbone) or len(encoder.tokenizer)
    special = set(getattr(encoder.tokenizer, "all_special_ids", ()))
    ids = [index for index in range(min(limit, n_tokens + len(special))) if index not in special]
    return list(islice(cycle(ids or [0]), n_tokens))
