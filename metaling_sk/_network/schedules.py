"""Schedules: the course of the learning rate during a training.

The rate is 0 before the first step and after the last one, in which nothing is trained, so warm-up
is longer by one step.
"""

from __future__ import annotations

from functools import partial

from skorch.callbacks import LRScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

STABLE_SHARE = 1 / 3
"""Share of the planned epochs before the learning rate falls."""


def linear_schedule(n_steps: int, warmup: float) -> LRScheduler:
    """Make a schedule that goes up from 0 and then down to 0.

    Parameters
    ----------
    n_steps : int
        Number of steps of the training.
    warmup : float
        Share of the steps in which the learning rate grows.
    """
    n_total, n_up = 1 + n_steps, 1 + int(warmup * n_steps)
    return _schedule(n_up, n_total - n_up, n_total, n_done=0)


def planned_schedule(n_done: int, n_planned: int, n_steps: int, warmup: float) -> LRScheduler:
    """Make the schedule of one of several planned epochs.

    The learning rate goes up from 0 in the first epoch, stays until a third of the planned epochs
    is done, and then goes down to 0, so that stopping on the way is no disadvantage [1]_.

    Parameters
    ----------
    n_done : int
        Number of epochs that were trained before.
    n_planned : int
        Number of epochs that are planned in total.
    n_steps : int
        Number of steps in an epoch.
    warmup : float
        Share of the steps of the first epoch in which the learning rate grows.

    References
    ----------
    .. [1] Hägele et al. (2024). Scaling laws and compute-optimal training beyond fixed training
       durations. NeurIPS.
    """
    n_trained = n_planned * n_steps
    n_down = n_trained - round(STABLE_SHARE * n_trained)
    return _schedule(1 + int(warmup * n_steps), n_down, 1 + n_trained, n_done * n_steps)


def _schedule(n_up: int, n_down: int, n_total: int, n_done: int) -> LRScheduler:
    rate = partial(_share_of_rate, n_up=n_up, n_down=n_down, n_total=n_total)
    return LRScheduler(LambdaLR, lr_lambda=rate, last_epoch=n_done, step_every="batch")


def _share_of_rate(step: int, *, n_up: int, n_down: int, n_total: int) -> float:
    """From 0 up to 1 in the first steps, and down to 0 in the last ones."""
    if step < n_up:
        return step / n_up
    return min(1.0, max(0, n_total - step) / max(1, n_down))


def reset_learning_rates(optimizer: Optimizer) -> None:
    """Set the learning rates to what they were before a schedule changed them."""
    for group in optimizer.param_groups:
        # Schedules that do not begin with their first step read this entry.
        group["lr"] = group.setdefault("initial_lr", group["lr"])
