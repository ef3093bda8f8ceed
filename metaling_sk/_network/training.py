"""Training of networks through skorch.

Only this module, `nets`, `callbacks` and `schedules` know skorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pandas as pd
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.helper import predefined_split

from metaling_sk._data.batches import Steps
from metaling_sk._encoders.fixed_layers import fixed_layers_once
from metaling_sk._encoders.used_embeddings import used_embeddings
from metaling_sk._network.acceleration import accelerated
from metaling_sk._network.callbacks import ClipGradients, RecordTerms, ShowProgress, has_stopped
from metaling_sk._network.data_parallel import agree_on_start
from metaling_sk._network.nets import SkorchNet
from metaling_sk._network.schedules import linear_schedule, planned_schedule, reset_learning_rates
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.threads import threads_for

HIDDEN_COLUMNS = ("batches", "dur", "event_lr", "train_batch_count", "valid_batch_count")
"""Entries of the history of skorch that users do not see."""


def train(
    net: SkorchNet,
    steps: Steps,
    valid_steps: Steps | None,
    progress: Progress,
    stage: str,
    *,
    n_stages_after: int = 0,
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
    n_stages_after : int, default=0
        Number of similar trainings that follow, for the expected time on the bar.
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
        If the memory does not suffice.
    """
    settings = net.settings
    n_epochs = 1 if one_more else settings.n_epochs(len(steps))
    has_validation = valid_steps is not None and len(valid_steps) > 0
    shown = ShowProgress(progress, n_epochs * len(steps), stage, n_stages_after)
    callbacks: list[tuple[str, Callback]] = [("terms", RecordTerms()), ("progress", shown)]
    if net.is_shared:
        agree_on_start([net.module_, net.criterion_], steps)
    reset_learning_rates(net.optimizer_)
    schedule = _new_schedule(net, len(steps), one_more, planned_epochs)
    if not settings.is_solved:
        callbacks.append(("clipping", ClipGradients()))
    if schedule is not None:
        callbacks.append(("schedule", schedule))
    if has_validation:
        stopping = EarlyStopping(patience=settings.patience, load_best=True, threshold=0)
        callbacks.append(("early_stopping", stopping))
    callbacks.extend(settings.callbacks)
    with (
        _attached(net, callbacks, valid_steps if has_validation else None),
        _without_unused_embeddings(net, steps, valid_steps),
    ):
        net.notify("on_train_begin", X=steps, y=None)
        with (
            threads_for(net.module_, settings.n_threads),
            accelerated(net.module_.encoder, settings.compile, settings.gradient_checkpointing),
            fixed_layers_once(net.module_.encoder),
        ):
            _run_epochs(net, steps, n_epochs)
        net.notify("on_train_end", X=steps, y=None)
    return net


def history_frame(nets: dict[str, SkorchNet]) -> pd.DataFrame:
    """Return the histories of nets as a table with a row for each epoch.

    Parameters
    ----------
    nets : dict of str to SkorchNet
        The nets by their names, which stand in the column `stage`.
    """
    rows = [
        {"stage": stage}
        | {
            name: value
            for name, value in epoch.items()
            if name not in HIDDEN_COLUMNS and not name.endswith("_best")
        }
        for stage, net in nets.items()
        for epoch in net.history
    ]
    return pd.DataFrame(rows, columns=None if rows else ["stage", "epoch", "train_loss"])


def _new_schedule(
    net: SkorchNet, n_steps: int, one_more: bool, planned_epochs: int | None
) -> LRScheduler | None:
    """Make the schedule of a training; None where the learning rate is constant."""
    settings = net.settings
    if settings.is_solved:
        return None
    if not one_more:
        return linear_schedule(settings.n_epochs(n_steps) * n_steps, settings.warmup)
    if planned_epochs is None:
        return None
    return planned_schedule(len(net.history), planned_epochs, n_steps, settings.warmup)


@contextmanager
def _attached(
    net: SkorchNet, callbacks: list[tuple[str, Callback]], valid_steps: Steps | None
) -> Iterator[None]:
    """Inside, a net has further callbacks and validation steps, and is being trained.

    Outside, a fitted net holds neither the data nor the progress bar, and threads that predict find
    it in the mode of prediction.
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
        net._set_training(False)


def _without_unused_embeddings(net: SkorchNet, steps: Steps, valid_steps: Steps | None):
    """Inside, the encoder has the embeddings alone that occur, unless somebody looks at all."""
    if net.settings.callbacks or net.criterion_.start:
        return nullcontext()

    def find_ids() -> np.ndarray:
        ids = steps.token_ids()
        return ids if valid_steps is None else np.union1d(ids, valid_steps.token_ids())

    return used_embeddings(net.module_.encoder, net.optimizer_, find_ids)


def _run_epochs(net: SkorchNet, steps: Steps, n_epochs: int) -> None:
    """Train for a number of epochs, or until a callback ends the training."""
    try:
        net.fit_loop(steps, epochs=n_epochs)
    except KeyboardInterrupt:
        # Early stopping raises it as well as Ctrl-C.
        if not any(has_stopped(callback) for _, callback in net.callbacks_):
            raise
