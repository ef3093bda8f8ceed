"""The fit of a translator: the samples that are held out, and the training."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.holdout import split_validation
from metaling_sk._data.samples import Samples
from metaling_sk._network.estimator import MAX_FIT_STEPS
from metaling_sk._network.nets import SkorchNet, TrainingSettings, new_net
from metaling_sk._network.prediction import Execution
from metaling_sk._network.training import history_frame, train
from metaling_sk.translation._model import TranslationModel
from metaling_sk.translation._objective import STREAM, TranslationObjective


def encode(
    model: TranslationModel, samples: Samples, target_language: np.ndarray, *, with_y: bool
) -> EncodedSamples:
    """The samples as the model takes them."""
    translations = samples.y if with_y else None
    pairs = model.tokenize(samples.content, samples.language, target_language, translations)
    return EncodedSamples(pairs, np.zeros(len(pairs), dtype=np.int64))


def make_settings(estimator, model: TranslationModel, execution: Execution) -> TrainingSettings:
    """The settings of the training."""
    is_auto = estimator.max_epochs == "auto"
    return TrainingSettings.of(
        estimator,
        execution,
        encoder_learning_rate=estimator.learning_rate_,
        max_epochs=model.max_epochs if is_auto else estimator.max_epochs,
        max_steps=MAX_FIT_STEPS if is_auto else None,
    )


def train_model(
    estimator,
    model: TranslationModel,
    samples: Samples,
    target_language: np.ndarray,
    execution: Execution,
    rng: np.random.RandomState,
) -> tuple[SkorchNet, pd.DataFrame]:
    """Train a model on samples that all have a translation.

    Returns
    -------
    net : SkorchNet
    history : DataFrame
        A row for each epoch.
    """
    encoded = encode(model, samples, target_language, with_y=True)
    sources = pd.factorize(samples.language, sort=True)[0]
    is_auto = estimator.validation_fraction == "auto"
    fraction = model.validation_fraction if is_auto else estimator.validation_fraction
    held_out = split_validation(target_language, sources, fraction, rng)
    step_size = estimator.batch_size * estimator.gradient_accumulation_steps
    net = new_net(model, TranslationObjective(), make_settings(estimator, model, execution))
    train(
        net,
        StepIterator({STREAM: encoded.take(~held_out)}, step_size, rng),
        StepIterator({STREAM: encoded.take(held_out)}, estimator.batch_size),
        execution.progress,
        "train",
    )
    return net, history_frame({"train": net}).drop(columns=STREAM, errors="ignore")
