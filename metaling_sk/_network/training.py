"""Training of networks through skorch.

Only this module, `callbacks` and `schedules` know skorch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.helper import predefined_split
from torch import nn

from metaling_sk._data.batches import Steps, TrainingStep
from metaling_sk._network.callbacks import has_stopped, new_callbacks
from metaling_sk._network.prediction import autocast
from metaling_sk._network.schedules import linear_schedule, planned_schedule, reset_learning_rates
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.threads import threads_for

HIDDEN_COLUMNS = ("batches", "dur", "event_lr", "train_batch_count", "valid_batch_count")
"""Entries of the history of skorch that users do not see."""


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training.

    Attributes
    ----------
    learning_rate : float
        Peak learning rate of the weights outside the encoder.
    encoder_learning_rate : float
        Peak learning rate of the weights of the encoder.
    weight_decay : float
        Weight decay of matrices. Biases and normalisations are not decayed.
    warmup : float
        Share of the steps during which the learning rate grows from 0.
    max_epochs : int
        Largest number of epochs.
    patience : int
        Number of epochs without a better validation loss after which training stops.
    device : torch.device
        Where the network is trained.
    dtype : torch.dtype or None
        Low precision of the computations; None is float32.
    callbacks : sequence of (str, skorch callback)
        The callbacks of the user, with their names.
    inner_learning_rate : float, optional
        Learning rate of the steps within a step, for Reptile.
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
    """A skorch net whose batches are training steps with one batch of every stream.

    The criterion is an objective: its `outputs` computes the outputs of the network for a step,
    its `forward` the value of each term, and its `total` the number to minimise.
    """

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
        """Make AdamW (Loshchilov & Hutter, 2019) with weight decay of matrices only."""
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
    """A net whose step goes to where a few steps on the batches of one language lead.

    The optimiser gets the way there as gradient [1]_.

    References
    ----------
    .. [1] Nichol, Achiam & Schulman (2018). On first-order meta-learning algorithms.
       arXiv:1803.02999.
    """

    def train_step_single(self, batch, **fit_params):
        episode = batch[0]
        parameters = [weight for weight in self.module_.parameters() if weight.requires_grad]
        start = [weight.detach().clone() for weight in parameters]
        rate = self.settings.inner_learning_rate
        assert rate is not None
        inner = torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.999))
        losses = []
        for name, inner_batch in episode.batches.items():
            inner.zero_grad()
            inner_step = TrainingStep({name: inner_batch}, episode.sizes)
            step = super().train_step_single((inner_step, None))
            losses.append(step["loss"].detach())
            inner.step()
        with torch.no_grad():
            for weight, before in zip(parameters, start, strict=True):
                weight.grad = (before - weight) / (rate * len(losses))
                weight.copy_(before)
        return step | {"loss": torch.stack(losses).mean()}


def new_net(network: nn.Module, objective: nn.Module, settings: TrainingSettings) -> SkorchNet:
    """Make a net around a network, ready to be trained."""
    net_class = SkorchNet if settings.inner_learning_rate is None else ReptileNet
    net = net_class(
        network,
        criterion=objective,
        settings=settings,
        max_epochs=settings.max_epochs,
        iterator_train=_take_as_iterator,
        iterator_valid=_take_as_iterator,
        train_split=None,
        device=str(settings.device),
        verbose=0,
        callbacks__print_log=None,
        callbacks__train_loss=None,
    )
    return net.initialize()


def train(
    net: SkorchNet,
    steps: Steps,
    valid_steps: Steps | None,
    progress: Progress,
    stage: str,
    *,
    one_more: bool = False,
    planned_epochs: int | None = None,
) -> SkorchNet:
    """Train the network of a net in place.

    Parameters
    ----------
    net : SkorchNet
        The net.
    steps : Steps
        The steps of an epoch.
    valid_steps : Steps or None
        Where it has steps, training stops early, and the weights of the best epoch are restored.
    progress : Progress
        Shows how far the training is.
    stage : str
        Name of the training on the progress bar.
    one_more : bool, default=False
        Add one epoch to those that the net has been trained for, instead of training for
        `max_epochs`.
    planned_epochs : int, optional
        With `one_more`: the number of epochs that are planned in total, which decides the
        learning rate; see `planned_schedule`. By default the learning rate is constant.

    Returns
    -------
    SkorchNet
        The same net. Its `history` has an entry for each epoch, with `train_loss`, `valid_loss`
        and the mean of each term.

    Raises
    ------
    ValueError
        If the loss becomes infinite or NaN.
    MemoryError
        If the memory of the GPU does not suffice.
    """
    settings = net.settings
    n_epochs = 1 if one_more else settings.max_epochs
    has_validation = valid_steps is not None and len(valid_steps) > 0
    callbacks = new_callbacks(progress, n_epochs * len(steps), stage)
    reset_learning_rates(net.optimizer_)
    schedule = _new_schedule(net, len(steps), one_more, planned_epochs)
    if schedule is not None:
        callbacks.append(("schedule", schedule))
    if has_validation:
        stopping = EarlyStopping(patience=settings.patience, load_best=True, threshold=0)
        callbacks.append(("early_stopping", stopping))
    callbacks.extend(settings.callbacks)
    with _attached(net, callbacks, valid_steps if has_validation else None):
        net.notify("on_train_begin", X=steps, y=None)
        with threads_for(net.module_):
            _run_epochs(net, steps, n_epochs)
        net.notify("on_train_end", X=steps, y=None)
    return net


@contextmanager
def train_one_epoch_each(estimator):
    """Inside, `partial_fit` of a skorch net trains one epoch, as that of sklearn's estimators."""
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
    """Return the histories of nets as a table with a row for each epoch.

    Parameters
    ----------
    nets : dict of str to SkorchNet
        The nets by their names, which stand in the column `stage`.
    """
    return pd.DataFrame(
        [
            {"stage": stage}
            | {
                name: value
                for name, value in epoch.items()
                if name not in HIDDEN_COLUMNS and not name.endswith("_best")
            }
            for stage, net in nets.items()
            for epoch in net.history
        ]
    )


def _new_schedule(
    net: SkorchNet, n_steps: int, one_more: bool, planned_epochs: int | None
) -> LRScheduler | None:
    """Make the schedule of a training; None where the learning rate is constant."""
    settings = net.settings
    if not one_more:
        return linear_schedule(settings.max_epochs * n_steps, settings.warmup)
    if planned_epochs is None:
        return None
    return planned_schedule(len(net.history), planned_epochs, n_steps, settings.warmup)


@contextmanager
def _attached(
    net: SkorchNet, callbacks: list[tuple[str, Callback]], valid_steps: Steps | None
) -> Iterator[None]:
    """Inside, a net has further callbacks and validation steps.

    Outside, a fitted net holds neither the data nor the progress bar.
    """
    callbacks_before = net.callbacks_
    added = [(name, callback.initialize()) for name, callback in callbacks]
    net.callbacks_ = callbacks_before + added
    if valid_steps is not None:
        net.train_split = predefined_split(valid_steps)
    try:
        yield
    finally:
        net.callbacks_, net.train_split = callbacks_before, None


def _run_epochs(net: SkorchNet, steps: Steps, n_epochs: int) -> None:
    """Train for a number of epochs, or until a callback ends the training."""
    try:
        net.fit_loop(steps, epochs=n_epochs)
    except KeyboardInterrupt:
        # Early stopping raises it as well as Ctrl-C.
        if not any(has_stopped(callback) for _, callback in net.callbacks_):
            raise
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            "The memory of the GPU does not suffice: lower `batch_size` or `max_length`, or use "
            f"trainable='head'. ({error})"
        ) from error


def _take_as_iterator(steps: Steps, **kwargs) -> Steps:
    """Return the steps, which are an iterator of batches themselves."""
    return steps
