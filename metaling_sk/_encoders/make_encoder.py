"""Every kind of `encoder=` becomes a `TextEncoder` or an sklearn transformer of texts."""

from __future__ import annotations

import copy
import os

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from torch import nn
from transformers import PretrainedConfig

from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.check_encoder import check_encoder
from metaling_sk._encoders.checkpoint import load_checkpoint
from metaling_sk._encoders.scratch import make_scratch
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.trainable import set_trainable
from metaling_sk._utils.frozen import is_fitted, not_fitted, unfreeze


def is_vectorizer(encoder) -> bool:
    """Return whether `encoder` is an sklearn transformer of texts."""
    return hasattr(encoder, "fit") and hasattr(encoder, "transform")


def is_scratch(encoder) -> bool:
    """Return whether `encoder` starts from random weights."""
    return (isinstance(encoder, str) and encoder == "scratch") or isinstance(
        encoder, PretrainedConfig
    )


def make_text_encoder(
    encoder, texts: np.ndarray, language: np.ndarray, *, pooling: str, layer, max_length: int
) -> TextEncoder:
    """Make a Transformer encoder of the caller's own.

    Parameters
    ----------
    encoder : str, path, transformers config, pair of module and tokenizer, or fitted estimator
        The parameter `encoder` of an estimator.
    texts, language : ndarray of str, shape (n_texts,)
        The tokenizer of an encoder from scratch is trained on these texts.
    pooling, layer, max_length
        See `TextEncoder`. A fitted estimator has values of its own.

    Returns
    -------
    TextEncoder

    Raises
    ------
    TypeError
        If `encoder` is of another kind.
    NotFittedError
        If it is an estimator of this package that is not fitted.
    """
    encoder = unfreeze(encoder, "encoder")
    pair: tuple[nn.Module, object]
    if is_scratch(encoder):
        config = None if isinstance(encoder, str) else copy.deepcopy(encoder)
        pair = make_scratch(texts, language, config)
    elif isinstance(encoder, (str, os.PathLike)):
        pair = load_checkpoint(encoder)
    elif isinstance(encoder, tuple) and len(encoder) == 2 and isinstance(encoder[0], nn.Module):
        # Half precision trains badly; `dtype` says in which precision the encoder computes.
        pair = copy.deepcopy(encoder[0]).float(), encoder[1]
    elif isinstance(getattr(encoder, "text_encoder_", None), TextEncoder):
        return _copy_fitted(encoder.text_encoder_)
    elif isinstance(encoder, BaseEstimator) and _needs_fit(encoder):
        raise not_fitted(encoder, "encoder")
    else:
        raise TypeError(
            "`encoder` must be 'scratch', a name or path of a transformers model, a transformers "
            "config, a pair (module, tokenizer), an sklearn transformer of texts or a fitted "
            f"estimator of metaling_sk with a text encoder, got {type(encoder).__name__}."
        )
    module, tokenizer = pair
    text_encoder = TextEncoder(without_decoder(module), tokenizer, pooling, layer, max_length)
    check_encoder(text_encoder)
    text_encoder.pretrained = not is_scratch(encoder)
    return text_encoder


def fit_vectorizer(encoder, texts: np.ndarray):
    """Fit a clone of an sklearn transformer on texts."""
    with config_context(transform_output="default"):
        return clone(encoder).fit(texts, None)


def apply_vectorizer(vectorizer, texts: np.ndarray):
    """Return the features of texts, an array or a sparse matrix whatever is configured."""
    with config_context(transform_output="default"):
        return vectorizer.transform(texts)


def _needs_fit(estimator: BaseEstimator) -> bool:
    """Whether an estimator has a text encoder as soon as it is fitted."""
    return hasattr(estimator, "encoder") and not is_fitted(estimator)


def _copy_fitted(text_encoder: TextEncoder) -> TextEncoder:
    """Copy the encoder of a fitted estimator as an encoder that can be trained in full."""
    # The original may be frozen, in low precision, or have low-rank updates.
    text_encoder = copy.deepcopy(text_encoder).float()
    text_encoder.pretrained = True
    set_trainable(text_encoder, "all")
    return text_encoder
