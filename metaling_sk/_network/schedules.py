"""Schedules: the course of the learning rate during a training.

The schedules of transformers have the rate 0 in their first step, which would change no weight.
Here they begin with their second step, so warm-up is longer by one step.

The module of transformers that has them takes seconds to import, so this is left to the first
training.
"""

from __future__ import annotations

import transformers
from skorch.callbacks import LRScheduler
from torch.optim import Optimizer

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
    return LRScheduler(
        transformers.get_linear_schedule_with_warmup,
        num_warmup_steps=1 + int(warmup * n_steps),
        num_training_steps=1 + n_steps,
        last_epoch=0,
        step_every="batch",
    )


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
    n_total = n_planned * n_steps
    return LRScheduler(
        transformers.get_wsd_schedule,
        num_warmup_steps=1 + int(warmup * n_steps),
        num_decay_steps=n_total - round(STABLE_SHARE * n_total),
        num_training_steps=1 + n_total,
        decay_type="linear",
        last_epoch=n_done * n_steps,
        step_every="batch",
    )


def reset_learning_rates(optimizer: Optimizer) -> None:
    """Set the learning rates to what they were before a schedule changed them."""
    for group in optimizer.param_groups:
        # Schedules that do not begin with their first step read this entry.
        group["lr"] = group.setdefault("initial_lr", group["lr"])
