"""The kinds of models of a translator, and the choice of one."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from metaling_sk._data.samples import Samples
from metaling_sk._network.prediction import Execution
from metaling_sk.translation._checkpoint import CheckpointTranslator
from metaling_sk.translation._ctc import CtcRecognizer
from metaling_sk.translation._model import TranslationModel
from metaling_sk.translation._predicting import translate
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


MAX_COMPARED = 100
"""Number of translations by which the start of a new language is chosen."""

MARGIN = 1.1
"""How many times as like the translations as the texts are, those of a known language must be."""


def make_model(
    estimator, samples: Samples, target_language: np.ndarray, start: Any, execution: Execution
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
    execution : Execution

    Returns
    -------
    TranslationModel
    """
    names = sorted(set(target_language[samples.labelled]))
    if start is not None:
        model = _go_on_from(start, samples, target_language, execution)
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


def _go_on_from(
    start: Any, samples: Samples, target_language: np.ndarray, execution: Execution
) -> TranslationModel:
    kind = "texts" if start._input_kind == "text" else start._input_kind
    if kind != samples.kind:
        raise ValueError(
            f"`source` was fitted on {kind}, but X holds {samples.kind}; a translator goes on from "
            "one of the same kind of samples."
        )
    model = copy.deepcopy(start.net_.module_)
    labelled, target_language = samples.take(samples.labelled), target_language[samples.labelled]
    new = sorted(set(target_language) - set(model.target_languages))
    nearest: dict[str, str | None] = {}
    if isinstance(model, ScratchTranslator):
        for name in new:
            chosen = np.flatnonzero(target_language == name)[:MAX_COMPARED]
            nearest[name] = _find_nearest(model, labelled.take(chosen), execution)
    model.add_languages(new)
    model.add_words([*samples.labels])
    for name, known in nearest.items():
        if known is not None:
            model.begin_as(name, known)
    return model


def _find_nearest(model: TranslationModel, samples: Samples, execution: Execution) -> str | None:
    """The known language that is more like the translations than the texts are, if there is one."""
    assert samples.texts is not None and samples.y is not None
    likeness: dict[str | None, float] = {None: MARGIN * _likeness(samples.texts, samples.y)}
    for name in model.target_languages:
        found = translate(model, samples, np.full(len(samples), name, dtype=object), 1, execution)
        likeness[name] = _likeness(found, samples.y)
    return max(likeness, key=likeness.__getitem__)


def _likeness(some: Iterable[str], others: Iterable[str]) -> float:
    """Share of the sequences of three characters that texts have in common with others."""
    n_shared = n_all = 0
    for pair in zip(some, others, strict=True):
        one, other = (Counter(text[i : i + 3] for i in range(len(text) - 2)) for text in pair)
        n_shared += 2 * (one & other).total()
        n_all += (one + other).total()
    return n_shared / max(1, n_all)


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
