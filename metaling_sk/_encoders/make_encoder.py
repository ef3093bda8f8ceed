"""Every kind of `encoder=` becomes a `TextEncoder` or an sklearn transformer of texts."""

from __future__ import annotations

import copy
import os

import numpy as np
from sklearn.base import clone
from torch import nn
from transformers import PretrainedConfig

from metaling_sk._encoders.checkpoint import load_checkpoint
from metaling_sk._encoders.scratch import make_scratch
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.trainable import set_trainable


def is_vectorizer(encoder) -> bool:
    """Whether `encoder` is an sklearn transformer of texts."""
    return hasattr(encoder, "fit") and hasattr(encoder, "transform")


def is_scratch(encoder) -> bool:
    """Whether `encoder` starts from random weights."""
    return (isinstance(encoder, str) and encoder == "scratch") or isinstance(
        encoder, PretrainedConfig
    )


def make_text_encoder(
    encoder, texts: np.ndarray, language: np.ndarray, *, pooling: str, layer, max_length: int
) -> TextEncoder:
    """A Transformer encoder, the caller's own.

    Raises
    ------
    TypeError
        If `encoder` is of no kind that is known.
    """
    if is_scratch(encoder):
        config = None if isinstance(encoder, str) else copy.deepcopy(encoder)
        pair = make_scratch(texts, language, config)
    elif isinstance(encoder, (str, os.PathLike)):
        pair = load_checkpoint(encoder)
    elif isinstance(encoder, tuple) and len(encoder) == 2 and isinstance(encoder[0], nn.Module):
        pair = copy.deepcopy(encoder[0]), encoder[1]
    elif isinstance(getattr(encoder, "text_encoder_", None), TextEncoder):
        # It may be frozen, in low precision, and with low-rank updates.
        fitted = copy.deepcopy(encoder.text_encoder_).float()
        fitted.pretrained = True
        set_trainable(fitted, "all")
        return fitted
    else:
        raise TypeError(
            "`encoder` must be 'scratch', a name or path of a transformers model, a transformers "
            "config, a pair (module, tokenizer), an sklearn transformer of texts or a fitted "
            f"estimator of metaling_sk with a text encoder, got {type(encoder).__name__}."
        )
    text_encoder = TextEncoder(*pair, pooling, layer, max_length)
    text_encoder.pretrained = not is_scratch(encoder)
    return text_encoder


def fit_vectorizer(encoder, texts: np.ndarray):
    """A fitted clone of an sklearn transformer."""
    return clone(encoder).fit(texts, None)
