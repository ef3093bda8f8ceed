"""The kinds of models of a translator, and the choice of one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from metaling_sk._data.samples import Samples
from metaling_sk.translation._checkpoint import CheckpointTranslator
from metaling_sk.translation._ctc import CtcRecognizer
from metaling_sk.translation._model import TranslationModel
from metaling_sk.translation._scratch import ScratchTranslator
from metaling_sk.translation._speech_checkpoint import CheckpointRecognizer, has_decoder

MODELS: dict[str, type[TranslationModel]] = {
    model.kind: model
    for model in (
        CheckpointTranslator,
        ScratchTranslator,
        CheckpointRecognizer,
        CtcRecognizer,
    )
}
"""The kinds of models by their names in saved folders."""


def make_model(
    estimator, samples: Samples, target_language: np.ndarray, start: Any
) -> TranslationModel:
    """Make the model to train.

    Parameters
    ----------
    estimator : TransferTranslator
    samples : Samples
        All samples, of which those without a translation have their say in the tokenizer of texts.
    target_language : ndarray of str objects, shape (n_samples,)
    start : fitted TransferTranslator or None
        What gives the model to go on from.

    Returns
    -------
    TranslationModel
    """
    names = sorted(set(target_language[samples.labelled]))
    if start is not None:
        model = _go_on_from(start, samples, names)
    elif samples.is_text:
        model = _make_translator(estimator, samples, names)
    else:
        model = _make_recognizer(estimator, samples, names)
    if estimator.trainable == "lora" and not model.is_pretrained:
        raise ValueError(
            "`trainable`: 'lora' adapts pretrained weights, and the translator from scratch has "
            "none; use trainable='all', or name a checkpoint in `encoder`."
        )
    model.set_trainable(estimator.trainable)
    return model


def _go_on_from(start: Any, samples: Samples, names: list[str]) -> TranslationModel:
    kind = "texts" if start._input_kind == "text" else start._input_kind
    if kind != samples.kind:
        raise ValueError(
            f"`source` was fitted on {kind}, but X holds {samples.kind}; a translator goes on from "
            "one of the same kind of samples."
        )
    model = copy.deepcopy(start.net_.module_)
    model.add_languages([name for name in names if name not in model.target_languages])
    model.add_words([*samples.labels])
    return model


def _make_translator(estimator, samples: Samples, names: list[str]) -> TranslationModel:
    """Make a model for texts."""
    encoder, max_length = estimator.encoder, estimator.max_length
    if isinstance(encoder, str) and encoder == "scratch":
        assert samples.texts is not None
        texts = [*samples.texts, *samples.labels]
        return ScratchTranslator.from_texts(texts, max_length, names)
    return CheckpointTranslator.from_encoder(encoder, max_length, names)


def _make_recognizer(estimator, samples: Samples, names: list[str]) -> TranslationModel:
    """Make a model for recordings."""
    encoder, max_seconds = estimator.encoder, estimator.max_seconds
    if has_decoder(encoder):
        return CheckpointRecognizer.from_encoder(encoder, estimator.max_length, max_seconds, names)
    return CtcRecognizer.from_encoder(encoder, max_seconds, [*samples.labels], names)
