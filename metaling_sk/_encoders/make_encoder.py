"""Every kind of `encoder=` becomes a `TextEncoder` or an sklearn transformer of texts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor

from metaling_sk._data.samples import Samples
from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.checkpoint import TextCheckpoint, load_checkpoint
from metaling_sk._encoders.encoder_forms import EncoderForms
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.scratch import make_scratch
from metaling_sk._encoders.sentence_folder import SentenceSettings
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._utils.random_state import others_may_seed


def is_vectorizer(encoder) -> bool:
    """Return whether `encoder` is an sklearn transformer of texts.

    A model of this package has a `transform` too, but stands for its encoder.
    """
    is_transformer = hasattr(encoder, "fit") and hasattr(encoder, "transform")
    return is_transformer and not is_classifier(encoder) and not is_regressor(encoder)


def make_text_encoder(
    parameters: EncodingParameters, samples: Samples | None = None, show_downloads: bool = False
) -> TextEncoder:
    """Make a Transformer encoder of the caller's own.

    Parameters
    ----------
    parameters : EncodingParameters
        For pooling="auto" and prompt="auto" the files of sentence-transformers in the folder are
        followed, with their modules on top of the pooled vectors; without such files "mean" is
        pooled, and there is no prompt.
    samples : Samples, optional
        The tokenizer of an encoder from scratch is trained on these texts.
    show_downloads : bool, default=False
        Whether the progress of downloads from the hub is shown.

    Returns
    -------
    TextEncoder

    Raises
    ------
    TypeError
        If `encoder` is of another kind.
    NotFittedError
        If it is an estimator of this package that is not fitted.
    ValueError
        If the folder pools or goes on in a way that there is not here, for pooling="auto".
    """

    def build(checkpoint: TextCheckpoint) -> TextEncoder:
        settings = checkpoint.settings
        text_encoder = TextEncoder(
            without_decoder(checkpoint.model),
            checkpoint.processor,
            layer=parameters.layer,
            max_length=min(parameters.max_length, settings.max_length or parameters.max_length),
            prompt=settings.prompt if parameters.prompt == "auto" else parameters.prompt,
            origin=checkpoint.key,
            **_vector_settings(settings, parameters.pooling),
        )
        prompt = text_encoder.text_tokenizer.prompt
        if prompt and parameters.pooling == "auto" and not settings.pools_prompt:
            raise _refusal("it does not pool the tokens of the prompt")
        text_encoder.normalize &= parameters.normalize
        return text_encoder

    make_again = partial(make_text_encoder, parameters)
    text_encoder = _forms(samples).make(parameters, build, make_again, show_downloads)
    if text_encoder.recipe is not None:
        text_encoder.text_tokenizer.recipe = text_encoder.recipe
    return text_encoder


def _forms(samples: Samples | None) -> EncoderForms[TextCheckpoint, TextEncoder]:
    def make_from_scratch(config) -> TextCheckpoint:
        assert samples is not None and samples.texts is not None
        return TextCheckpoint(*make_scratch(samples.texts, samples.language, config))

    return EncoderForms(
        encoder_class=TextEncoder,
        scratch=make_from_scratch,
        files=load_checkpoint,
        pair=TextCheckpoint,
        wanted=(
            "'scratch', a name or path of a transformers model, a transformers config, a pair "
            "(module, tokenizer) or a fitted estimator of metaling_sk with a text encoder"
        ),
        way_out=(
            "An sklearn transformer of texts makes vectors by itself: it is an `encoder` of "
            "classifiers and regressors, alone or in a union with EncoderVectorizer."
        ),
    )


def _vector_settings(settings: SentenceSettings, pooling: str) -> dict[str, Any]:
    """Return what becomes of the vectors of the tokens."""
    if pooling != "auto":
        return {"pooling": pooling}
    if settings.refusal:
        raise _refusal(settings.refusal)
    names = "pooling", "dense", "normalize"
    return {name: getattr(settings, name) for name in names}


def _refusal(reason: str) -> ValueError:
    return ValueError(
        f"`encoder`: the files of sentence-transformers in its folder cannot be followed: {reason}."
        " Choose how to pool the output of the Transformer itself, such as pooling='mean'."
    )


def fit_vectorizer(encoder, texts: np.ndarray):
    """Fit a clone of an sklearn transformer on texts."""
    try:
        # What torch draws in it is still that of our `random_state`.
        with config_context(transform_output="default"), others_may_seed(as_outside=False):
            return clone(encoder).fit(texts, None)
    except Exception as error:
        error.add_note(
            f"`encoder`: {type(encoder).__name__} was given the texts of X alone. Transform other "
            "columns in a step before the classifier."
        )
        raise


def apply_vectorizer(vectorizer, texts: np.ndarray):
    """Return the features of texts, an array or a sparse matrix whatever is configured."""
    with config_context(transform_output="default"):
        return vectorizer.transform(texts)
