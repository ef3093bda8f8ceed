"""The callbacks that every training has: the terms of the objective, progress, early stopping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping

from metaling_sk._utils.progress import Progress

MAX_GRADIENT_NORM = 1.0
"""Norm to which larger gradients are scaled down."""


class RecordTerms(Callback):
    """Write the mean of every term of the objective into the history, and stop at NaN."""

    def on_epoch_begin(self, net, **kwargs):
        self.values_ = defaultdict(list)

    def on_batch_end(self, net, batch=None, training=None, loss=None, **kwargs):
        if training:
            self.values_["train_loss"].append(loss.item())
            for name, value in net.terms_.items():
                self.values_[name].append(value)
            if not np.isfinite(self.values_["train_loss"][-1]):
                raise ValueError(
                    f"The loss became {loss.item()} in epoch {len(net.history)}, batch "
                    f"{len(self.values_['train_loss'])}. Lower `learning_rate` "
                    f"(now {net.settings.learning_rate:g}) or look for extreme values in X."
                )

    def on_epoch_end(self, net, **kwargs):
        for name, values in self.values_.items():
            net.history.record(name, float(np.mean(values)))


class ShowProgress(Callback):
    """Move the progress bar, and tell the objective which share of the steps is done.

    Parameters
    ----------
    progress : Progress
        The bar.
    n_steps : int
        Number of steps of the training.
    stage : str
        Name of the training on the bar.
    """

    def __init__(self, progress: Progress, n_steps: int, stage: str):
        self.progress = progress
        self.n_steps = n_steps
        self.stage = stage

    def on_train_begin(self, net, **kwargs):
        self.n_done_ = 0
        self.progress.start(self.stage, self.n_steps)

    def on_batch_end(self, net, training=None, loss=None, **kwargs):
        if training:
            self.n_done_ += 1
            net.criterion_.progress = self.n_done_ / self.n_steps
            self.progress.advance(1, f"loss={loss.item():.3f}")


def new_callbacks(progress: Progress, n_steps: int, stage: str) -> list[tuple[str, Callback]]:
    """Make the callbacks that every training has.

    Parameters
    ----------
    progress, n_steps, stage
        See `ShowProgress`.

    Returns
    -------
    list of (name, callback)
    """
    return [
        ("terms", RecordTerms()),
        ("clipping", GradientNormClipping(MAX_GRADIENT_NORM)),
        ("progress", ShowProgress(progress, n_steps, stage)),
    ]


def name_callbacks(callbacks: Sequence) -> Iterator[tuple[str, Callback]]:
    """Yield the callbacks of a user with names, which those that have none are given."""
    for number, callback in enumerate(callbacks):
        yield callback if isinstance(callback, tuple) else (f"user_{number}", callback)


def has_stopped(callback: Callback) -> bool:
    """Return whether a callback has ended the training early."""
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience
