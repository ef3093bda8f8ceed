"""Models that show at most one token at each step, in the order of their input."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from metaling_sk._utils.messages import warn_user

BLANK = 0
"""What shows nothing."""

MAX_LONG_SHARE = 0.1
"""Share of the texts that may be too long without a warning."""


def ctc_loss(
    log_probabilities: torch.Tensor,
    targets: torch.Tensor,
    lengths: torch.Tensor,
    n_tokens: torch.Tensor,
) -> torch.Tensor:
    """Return the mean loss of a token by connectionist temporal classification.

    Parameters
    ----------
    log_probabilities : Tensor of shape (n_samples, n_steps, n_outputs)
        The first output is the blank.
    targets : int64 Tensor of shape (n_samples, n_longest)
        The outputs that are to be shown, padded. A text that is too long for its steps has no loss.
    lengths, n_tokens : int64 Tensor of shape (n_samples,)
        The number of steps, and of outputs to be shown.
    """
    losses = F.ctc_loss(
        log_probabilities.transpose(0, 1),
        targets,
        lengths,
        n_tokens,
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return losses.sum() / n_tokens.sum().clamp(min=1)


def without_blanks(steps: np.ndarray) -> np.ndarray:
    """Return what is shown at some steps, equal neighbours once."""
    return steps[(steps != BLANK) & (steps != np.append(-1, steps[:-1]))]


def suspect_long(is_long: np.ndarray, what: str) -> None:
    """Warn if many texts are too long for their inputs; `what` says so, with the way out."""
    if is_long.sum() > MAX_LONG_SHARE * len(is_long):
        warn_user(f"{is_long.sum()} of {len(is_long)} {what}")
