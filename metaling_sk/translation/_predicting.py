"""The texts that a translator writes for samples."""

from __future__ import annotations

import numpy as np
import torch

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.samples import Samples
from metaling_sk._encoders.audio_reader import RECORDINGS_AT_A_TIME
from metaling_sk._network.prediction import Execution, suited_to_many
from metaling_sk._utils.out_of_memory import for_each_batch
from metaling_sk.translation._fitting import encode
from metaling_sk.translation._model import TranslationModel


def translate(
    model: TranslationModel,
    samples: Samples,
    target_language: np.ndarray,
    num_beams: int,
    execution: Execution,
) -> np.ndarray:
    """Translate samples; a text that is blank, or in its target language, stays as it is.

    Recordings are read some at a time, so that memory does not grow with their number.

    Parameters
    ----------
    model : TranslationModel
    samples : Samples
    target_language : ndarray of str objects, shape (n_samples,)
    num_beams : int
    execution : Execution

    Returns
    -------
    ndarray of str objects, shape (n_samples,)
    """
    if samples.texts is None:
        texts = np.empty(len(samples), dtype=object)
        chosen, n_at_once = np.arange(len(samples)), max(RECORDINGS_AT_A_TIME, execution.batch_size)
    else:
        texts = samples.texts.copy()
        is_blank = np.array([not text.strip() for text in texts], dtype=bool)
        chosen = np.flatnonzero((samples.language != target_language) & ~is_blank)
        n_at_once = len(chosen)
    if model.training:
        model.eval()
    if next(model.parameters()).device != execution.device:
        model.to(execution.device)
    execution.progress.start("translate", len(chosen), "sample")
    for start in range(0, len(chosen), max(1, n_at_once)):
        part = chosen[start : start + n_at_once]
        encoded = encode(model, samples.take(part), target_language[part], with_y=False)
        texts[part] = _generate(model, encoded, num_beams, execution)
    return texts


@torch.no_grad()
def _generate(
    model: TranslationModel, encoded: EncodedSamples, num_beams: int, execution: Execution
) -> np.ndarray:
    """Translate samples, equal ones once, in batches of similar length."""
    first, position = encoded.distinct()
    n_equal = np.bincount(position)
    distinct = encoded.take(first)
    texts = np.empty(len(distinct), dtype=object)

    def compute(indices: np.ndarray) -> None:
        batch = distinct.collate(indices).to(execution.device)
        texts[indices] = model.translate(batch.inputs, num_beams)
        execution.progress.advance(int(n_equal[indices].sum()))

    with suited_to_many(model, distinct, execution):
        for_each_batch(distinct.indices(execution.batch_size), compute, execution.batch_size)
    return texts[position]
