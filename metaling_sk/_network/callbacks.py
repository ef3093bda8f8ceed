"""The callbacks that every training has: the terms of the objective, progress, early stopping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from skorch.callbacks import Callback, EarlyStopping
from skorch.callbacks.scoring import ScoringBase
from torch.nn.utils import clip_grad_norm_

from metaling_sk._utils.progress import Progress

MAX_GRADIENT_NORM = 1.0
"""Norm to which larger gradients are scaled down."""


class RecordTerms(Callback):
    """Write the mean of every term of the objective into the history, and stop at NaN.

    On a GPU the values are read at the end of the epoch.
    """

    def on_epoch_begin(self, net, **kwargs):
        self.values_ = defaultdict(list)

    def on_batch_end(self, net, batch=None, training=None, loss=None, **kwargs):
        if training:
            for name, value in {"train_loss": loss.detach(), **net.terms_}.items():
                self.values_[name].append(value)
            if loss.device.type == "cpu" and not net.is_shared:
                self._check(net, loss.item(), len(self.values_["train_loss"]))

    def on_epoch_end(self, net, **kwargs):
        for name, values in self.values_.items():
            numbers = net.read(values)
            if name == "train_loss":
                for number, loss in enumerate(numbers, start=1):
                    self._check(net, loss, number)
            net.history.record(name, float(np.mean(numbers)))

    def _check(self, net, loss: float, number: int) -> None:
        """Raise a ValueError unless the loss of a batch is finite."""
        if not np.isfinite(loss):
            raise ValueError(
                f"The loss became {loss} in epoch {len(net.history)}, batch {number}. Lower "
                f"`learning_rate` (now {net.settings.learning_rate:g}) or look for extreme "
                "values in X."
            )


class ClipGradients(Callback):
    """Scale large gradients down.

    That of skorch searches all modules for weights, in every step. The optimiser has them in a
    list.
    """

    def on_grad_computed(self, net, **kwargs):
        groups = net.optimizer_.param_groups
        weights = [weight for group in groups for weight in group["params"]]
        clip_grad_norm_(weights, MAX_GRADIENT_NORM)


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
    n_stages_after : int
        Number of similar trainings that follow on the same bar.
    """

    def __init__(self, progress: Progress, n_steps: int, stage: str, n_stages_after: int):
        self.progress = progress
        self.n_steps = n_steps
        self.stage = stage
        self.n_stages_after = n_stages_after

    def on_train_begin(self, net, **kwargs):
        self.n_done_ = 0
        n_later = self.n_stages_after * self.n_steps
        self.progress.start(self.stage, self.n_steps, n_later=n_later)

    def on_batch_end(self, net, training=None, loss=None, **kwargs):
        if training:
            self.n_done_ += 1
            net.criterion_.progress = self.n_done_ / self.n_steps
            self.progress.advance(1, lambda: f"loss={loss.item():.3f}")


def name_callbacks(callbacks: Sequence) -> list[tuple[str, Callback]]:
    """Give the callbacks of a user names, and make those that are classes.

    Raises
    ------
    ValueError
        If one is not a callback, or scores predictions, which the steps of our nets do not allow.
    """
    named = []
    for number, item in enumerate(callbacks):
        is_pair = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
        name, callback = item if is_pair else (f"user_{number}", item)
        if isinstance(callback, type):
            callback = callback()
        if not isinstance(callback, Callback):
            raise ValueError(
                f"`callbacks` must hold skorch callbacks or pairs (name, callback), got {item!r}."
            )
        if isinstance(callback, ScoringBase):
            raise ValueError(
                f"`callbacks`: {type(callback).__name__} cannot score the steps of this net. "
                "`history_` has the losses of every epoch; score with `cross_validate`, or in "
                "`on_epoch_end` of a callback of your own."
            )
        named.append((name, callback))
    return named


def has_stopped(callback: Callback) -> bool:
    """Return whether a callback has ended the training early."""
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience
