"""Training through skorch: optimiser, schedule, early stopping, progress.

The only module that knows skorch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler
from skorch.helper import predefined_split
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from metaling_sk._data.batches import StepIterator, TrainingStep
from metaling_sk._network.prediction import autocast
from metaling_sk._utils.progress import Progress

MAX_GRADIENT_NORM = 1.0

STABLE_SHARE = 1 / 3
"""Of the planned epochs, the share before the learning rate falls."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    learning_rate, encoder_learning_rate : float
        The second one is for the weights of the encoder.
    weight_decay : float
        Of matrices; biases and normalisations are not decayed.
    warmup : float
        Share of the steps during which the learning rate grows from 0.
    max_epochs : int
    patience : int
        Epochs without a better validation loss after which training stops.
    device : torch.device
    dtype : torch.dtype or None
        Low precision of the computations; None is float32.
    callbacks : sequence of skorch callbacks
    inner_learning_rate : float, optional
        Of the steps within a step, for Reptile.
    """

    learning_rate: float
    encoder_learning_rate: float
    weight_decay: float
    warmup: float
    max_epochs: int
    patience: int
    device: torch.device
    dtype: torch.dtype | None
    callbacks: Sequence = ()
    inner_learning_rate: float | None = None


class SkorchNet(NeuralNet):
    """A skorch net whose batches are `TrainingStep`s of several streams of rows."""

    def __init__(self, *args, settings: TrainingSettings, **kwargs):
        super().__init__(*args, **kwargs)
        self.settings = settings

    def infer(self, x, **fit_params):
        step = x.to(self.device)
        with autocast(self.settings.device, self.settings.dtype):
            return self.criterion_.outputs(self.module_, step)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        values = self.criterion_(y_pred, X.to(self.device), self.module_, training)
        self.terms_ = {name: value.item() for name, value in values.items()}
        return self.criterion_.total(values)

    def initialize_optimizer(self, triggered_directly=None):
        """AdamW (Loshchilov & Hutter, 2019), matrices alone decayed."""
        settings = self.settings
        groups = defaultdict(list)
        for name, parameter in self.get_all_learnable_params():
            if parameter.requires_grad:
                groups[name.startswith("encoder."), parameter.ndim > 1].append(parameter)
        self.optimizer_ = torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": settings.encoder_learning_rate if encoder else settings.learning_rate,
                    "weight_decay": settings.weight_decay if decayed else 0.0,
                }
                for (encoder, decayed), parameters in groups.items()
            ],
            fused=settings.device.type in ("cpu", "cuda"),
        )
        return self


class ReptileNet(SkorchNet):
    """A net whose step goes where a few steps on one language's batches lead.

    Way and start are the gradient that the optimiser takes (Nichol, Achiam & Schulman, 2018. On
    first-order meta-learning algorithms. arXiv:1803.02999).
    """

    def train_step_single(self, batch, **fit_params):
        episode = batch[0]
        parameters = [weight for weight in self.module_.parameters() if weight.requires_grad]
        start = [weight.detach().clone() for weight in parameters]
        rate = self.settings.inner_learning_rate
        inner = torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.999))
        losses = []
        for name, rows in episode.batches.items():
            inner.zero_grad()
            step = super().train_step_single((TrainingStep({name: rows}, episode.sizes), None))
            losses.append(step["loss"].detach())
            inner.step()
        with torch.no_grad():
            for weight, then in zip(parameters, start, strict=True):
                weight.grad = (then - weight) / (rate * len(losses))
                weight.copy_(then)
        return step | {"loss": torch.stack(losses).mean()}


class RecordTerms(Callback):
    """Writes the mean of every term of the objective into the history, and ends the fit on NaN."""

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
    """Moves the bar; tells the objective how far training is."""

    def __init__(self, progress: Progress, n_steps: int, stage: str):
        self.progress = progress
        self.n_steps = n_steps
        self.stage = stage

    def on_train_begin(self, net, **kwargs):
        self.done_ = 0
        self.progress.start(self.stage, self.n_steps)

    def on_batch_end(self, net, training=None, loss=None, **kwargs):
        if training:
            self.done_ += 1
            net.criterion_.progress = self.done_ / self.n_steps
            self.progress.advance(1, f"loss={loss.item():.3f}")


def new_net(network: nn.Module, objective: nn.Module, settings: TrainingSettings) -> SkorchNet:
    """Make a net around a network, ready to be trained."""
    kind = SkorchNet if settings.inner_learning_rate is None else ReptileNet
    net = kind(
        network,
        criterion=objective,
        settings=settings,
        max_epochs=settings.max_epochs,
        iterator_train=_as_it_is,
        iterator_valid=_as_it_is,
        train_split=None,
        device=str(settings.device),
        verbose=0,
        callbacks__print_log=None,
        callbacks__train_loss=None,
    )
    return net.initialize()


def train(
    net: SkorchNet,
    steps: StepIterator,
    valid_steps: StepIterator | None,
    progress: Progress,
    stage: str,
    *,
    one_more: bool = False,
    planned_epochs: int | None = None,
) -> SkorchNet:
    """Train the module of a net in place.

    Where there are validation rows, training stops early and the best epoch's weights are
    restored. With `one_more`, one epoch is added: the next of `planned_epochs`, as `trapezoid`
    has it, or else one at a constant learning rate.

    Returns
    -------
    SkorchNet
        Its `history` has a row per epoch with `train_loss`, `valid_loss` and each term's mean.

    Raises
    ------
    ValueError
        If the loss becomes infinite or NaN.
    MemoryError
        If the memory of the GPU does not suffice.
    """
    settings = net.settings
    n_epochs = 1 if one_more else settings.max_epochs
    n_steps = n_epochs * len(steps)
    callbacks = [
        ("terms", RecordTerms()),
        ("clipping", GradientNormClipping(MAX_GRADIENT_NORM)),
        ("progress", ShowProgress(progress, n_steps, stage)),
    ]
    if one_more:
        for group in net.optimizer_.param_groups:
            # A schedule has taken it down.
            group["lr"] = group.get("initial_lr", group["lr"])
    if planned_epochs or not one_more:
        decay = partial(linear_decay, n_steps=n_steps, warmup=settings.warmup)
        if one_more:
            decay = partial(
                trapezoid,
                n_done=len(net.history),
                n_planned=planned_epochs,
                n_steps=len(steps),
                warmup=settings.warmup,
            )
        # Without last_epoch skorch would begin as many steps late as there have been epochs.
        schedule = LRScheduler(LambdaLR, lr_lambda=decay, last_epoch=-1, step_every="batch")
        callbacks.append(("schedule", schedule))
    if valid_steps is not None and len(valid_steps):
        net.train_split = predefined_split(valid_steps)
        stopping = EarlyStopping(patience=settings.patience, load_best=True, threshold=0)
        callbacks.append(("early_stopping", stopping))
    callbacks += [
        callback if isinstance(callback, tuple) else (f"user_{number}", callback)
        for number, callback in enumerate(settings.callbacks)
    ]
    own = net.callbacks_
    net.callbacks_ = own + [(name, callback.initialize()) for name, callback in callbacks]
    try:
        net.notify("on_train_begin", X=steps, y=None)
        with _advice_on_memory():
            net.fit_loop(steps, epochs=n_epochs)
    except KeyboardInterrupt:
        if not any(_has_stopped(callback) for _, callback in net.callbacks_):
            raise
    finally:
        # A fitted net holds neither the data nor the bar.
        callbacks_, net.callbacks_, net.train_split = net.callbacks_, own, None
    for _, callback in callbacks_:
        callback.on_train_end(net, X=steps, y=None)
    return net


@contextmanager
def train_one_epoch_each(estimator):
    """Inside, `partial_fit` of a skorch net is one epoch, as it is of sklearn's estimators."""
    if not isinstance(estimator, NeuralNet):
        yield
        return
    max_epochs = estimator.max_epochs
    estimator.set_params(max_epochs=1)
    try:
        yield
    finally:
        estimator.set_params(max_epochs=max_epochs)


def history_frame(nets: dict[str, SkorchNet]) -> pd.DataFrame:
    """A row per epoch of every net, whose name is in the column `stage`."""
    hidden = ("batches", "dur", "event_lr", "train_batch_count", "valid_batch_count")
    return pd.DataFrame(
        [
            {"stage": stage}
            | {
                name: value
                for name, value in epoch.items()
                if name not in hidden and not name.endswith("_best")
            }
            for stage, net in nets.items()
            for epoch in net.history
        ]
    )


def trapezoid(step: int, n_done: int, n_planned: int, n_steps: int, warmup: float) -> float:
    """The share of the learning rate at a step of the epoch after `n_done` ones.

    Up from 0 in the first epoch, then 1 for a third of the planned epochs, then down to 0, so that
    stopping on the way is no disadvantage [1]_.

    References
    ----------
    .. [1] Hägele et al. (2024). Scaling laws and compute-optimal training beyond fixed training
       durations. NeurIPS.
    """
    n_warmup = warmup * n_steps
    step += n_done * n_steps
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    n_decay = (1 - STABLE_SHARE) * n_planned * n_steps
    return min(1.0, max(0.0, (n_planned * n_steps - step) / n_decay))


def linear_decay(step: int, n_steps: int, warmup: float) -> float:
    """The share of the learning rate at a step: up from 0, then down to 0."""
    n_warmup = warmup * n_steps
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    return max(0.0, (n_steps - step) / max(1.0, n_steps - n_warmup))


def _as_it_is(dataset, **kwargs):
    return dataset


def _has_stopped(callback) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience


@contextmanager
def _advice_on_memory():
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            "The memory of the GPU does not suffice: lower `batch_size` or `max_length`, or use "
            f"trainable='head'. ({error})"
        ) from error
