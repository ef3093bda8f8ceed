"""The course of the learning rate during a training."""

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
    return _schedule(partial(linear_decay, n_steps=n_steps, warmup=warmup))


def planned_schedule(n_done: int, n_planned: int, n_steps: int, warmup: float) -> LRScheduler:
    """Make the schedule of one of several planned epochs.

    The learning rate goes up from 0 in the first epoch, stays for a third of the planned epochs,
    and then goes down to 0, so that stopping on the way is no disadvantage [1]_.

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
    return _schedule(
        partial(trapezoid, n_done=n_done, n_planned=n_planned, n_steps=n_steps, warmup=warmup)
    )


def reset_learning_rates(optimizer: Optimizer) -> None:
    """Set the learning rates to what they were before a schedule changed them."""
    for group in optimizer.param_groups:
        group["lr"] = group.get("initial_lr", group["lr"])


def trapezoid(step: int, n_done: int, n_planned: int, n_steps: int, warmup: float) -> float:
    """Return the factor of the learning rate at a step of the epoch after `n_done` epochs."""
    n_warmup = warmup * n_steps
    step += n_done * n_steps
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    n_decay = (1 - STABLE_SHARE) * n_planned * n_steps
    return min(1.0, max(0.0, (n_planned * n_steps - step) / n_decay))


def linear_decay(step: int, n_steps: int, warmup: float) -> float:
    """Return the factor of the learning rate at a step."""
    n_warmup = warmup * n_steps
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    return max(0.0, (n_steps - step) / max(1.0, n_steps - n_warmup))


def _schedule(factor) -> LRScheduler:
    # Without last_epoch skorch would begin as many steps late as there have been epochs.
    return LRScheduler(LambdaLR, lr_lambda=factor, last_epoch=-1, step_every="batch")
