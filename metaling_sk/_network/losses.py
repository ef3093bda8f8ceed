"""The terms of the transfer objective, one function each."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import nn


def cross_entropy(logits, y, class_weight=None) -> torch.Tensor:
    """Mean cross-entropy, weighted by class where `class_weight` is given."""
    return F.cross_entropy(logits.float(), y, weight=class_weight)


def distillation(logits, teacher, temperature: float) -> torch.Tensor:
    """KL divergence from the student to the teacher, both softened (Hinton et al., 2015).

    ``T² · mean_x KL(teacher_T(x) ‖ student_T(x))``, ``p_T ∝ p^(1/T)``.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    teacher : Tensor of shape (n_rows, n_classes)
        Probabilities.
    temperature : float
    """
    softened = torch.log_softmax(teacher.clamp_min(1e-6).log() / temperature, dim=1)
    student = torch.log_softmax(logits.float() / temperature, dim=1)
    return temperature**2 * F.kl_div(student, softened, reduction="batchmean", log_target=True)


def coral(source, target) -> torch.Tensor:
    """Distance of the covariances, ``‖C_s − C_t‖²_F / 4d²`` (Sun & Saenko, 2016).

    Parameters
    ----------
    source, target : Tensor of shape (n_rows, n_features)
        Representations.
    """
    if min(len(source), len(target)) < 2:
        return source.sum() * 0
    difference = torch.cov(source.float().T) - torch.cov(target.float().T)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def mmd(source, target) -> torch.Tensor:
    """Squared maximum mean discrepancy under Gaussian kernels (Gretton et al., 2012).

    Five kernels, their widths around the mean squared distance of the rows (Long et al., 2015).

    Parameters
    ----------
    source, target : Tensor of shape (n_rows, n_features)
        Representations.
    """
    rows = torch.cat([source, target]).float()
    rows = rows - rows.detach().mean(dim=0)
    norms = rows.square().sum(dim=1)
    distances = (norms.unsqueeze(1) + norms - 2 * rows @ rows.T).clamp_min(0)
    width = distances.detach().mean().clamp_min(1e-9)
    kernel = sum(torch.exp(-distances / (width * 2.0**power)) for power in range(-2, 3)) / 5
    n_source = len(source)
    within = kernel[:n_source, :n_source].mean() + kernel[n_source:, n_source:].mean()
    return within - 2 * kernel[:n_source, n_source:].mean()


def adversarial(discriminator: nn.Module, source, target, strength: float) -> torch.Tensor:
    """Cross-entropy of a discriminator of source and target, gradient reversed (Ganin, 2016).

    Parameters
    ----------
    discriminator : module
        Maps a representation to one logit.
    source, target : Tensor of shape (n_rows, n_features)
        Representations.
    strength : float
        What the reversed gradient is multiplied with.
    """
    rows = ReverseGradient.apply(torch.cat([source, target]), strength)
    is_target = torch.cat([source.new_zeros(len(source)), target.new_ones(len(target))])
    return F.binary_cross_entropy_with_logits(discriminator(rows).squeeze(1), is_target)


class ReverseGradient(torch.autograd.Function):
    """The identity, whose gradient is multiplied with ``-strength``."""

    @staticmethod
    def forward(ctx, rows, strength):
        ctx.strength = strength
        return rows.view_as(rows)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def l2sp(parameters: Iterable[torch.Tensor], start: Iterable[torch.Tensor]) -> torch.Tensor:
    """Distance from the source weights, ``½ ‖w − w_s‖²`` (Li et al., 2018)."""
    return sum((now - then).square().sum() for now, then in zip(parameters, start, strict=True)) / 2
