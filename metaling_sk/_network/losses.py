"""The terms of the transfer objective, one function each."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk._data.labels import MISSING


def cross_entropy(
    logits: torch.Tensor, y: torch.Tensor, class_weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the mean cross-entropy, weighted by class where `class_weight` is given.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
    y : int64 Tensor of shape (n_samples,)
        Class indices.
    class_weight : Tensor of shape (n_classes,), optional
    """
    return F.cross_entropy(logits.float(), y, weight=class_weight)


def distillation(logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the KL divergence from student to teacher, both softened (Hinton et al., 2015).

    ``T² · mean_x KL(teacher_T(x) ‖ student_T(x))``, ``p_T ∝ p^(1/T)``.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Logits of the student.
    teacher : Tensor of shape (n_samples, n_classes)
        Probabilities of the teacher.
    temperature : float
        T.
    """
    softened = torch.log_softmax(teacher.clamp_min(1e-6).log() / temperature, dim=1)
    student = torch.log_softmax(logits.float() / temperature, dim=1)
    return temperature**2 * F.kl_div(student, softened, reduction="batchmean", log_target=True)


def binary_cross_entropy(
    logits: torch.Tensor, y: torch.Tensor, class_weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the mean binary cross-entropy of the labels that are known.

    It is weighted where `class_weight` is given.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_labels)
    y : int Tensor of shape (n_samples, n_labels)
        1, 0, or `MISSING` for what is not known.
    class_weight : Tensor of shape (2, n_labels), optional
        The weights of samples without each label, and with it.
    """
    weight = weigh_indicators(y, class_weight)
    loss = F.binary_cross_entropy_with_logits(
        logits.float(), y.clamp_min(0).float(), reduction="none"
    )
    return (weight * loss).sum() / weight.sum().clamp_min(1e-9)


def weigh_indicators(y: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
    """Return the weight of each label of each sample in `binary_cross_entropy`.

    Parameters
    ----------
    y : int Tensor of shape (n_samples, n_labels)
    class_weight : Tensor of shape (2, n_labels) or None
    """
    weight = (y != MISSING).float()
    if class_weight is None:
        return weight
    return weight * torch.where(y == 1, class_weight[1], class_weight[0])


def bernoulli_distillation(
    logits: torch.Tensor, teacher: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return the mean KL divergence of labels from student to teacher, both softened.

    ``T² · mean_xk KL(teacher_T(x)_k ‖ student_T(x)_k)``, ``p_T ∝ p^(1/T)``.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_labels)
        Logits of the student.
    teacher : Tensor of shape (n_samples, n_labels)
        Probabilities of the teacher.
    temperature : float
        T.
    """
    softened = torch.logit(teacher, eps=1e-6) / temperature
    student = logits.float() / temperature
    positive = softened.sigmoid() * (F.logsigmoid(softened) - F.logsigmoid(student))
    negative = (-softened).sigmoid() * (F.logsigmoid(-softened) - F.logsigmoid(-student))
    return temperature**2 * (positive + negative).mean()


def squared_error(predictions: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return half the mean squared error.

    Parameters
    ----------
    predictions, y : Tensors of equal shape
    """
    return F.mse_loss(predictions.float(), y) / 2


def huber(predictions: torch.Tensor, y: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Return the mean Huber loss: ``r² / 2`` up to ``|r| = ε``, then ``ε |r| − ε² / 2``.

    Parameters
    ----------
    predictions, y : Tensors of equal shape
    epsilon : float
        ε.
    """
    return F.huber_loss(predictions.float(), y, delta=epsilon)


def coral(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the distance of the covariances, ``‖C_s − C_t‖²_F / 4d²`` (Sun & Saenko, 2016).

    Parameters
    ----------
    source, target : Tensor of shape (n_samples, n_features)
        Representations.
    """
    if min(len(source), len(target)) < 2:
        return source.sum() * 0
    difference = torch.cov(source.float().T) - torch.cov(target.float().T)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def mmd(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the squared maximum mean discrepancy under Gaussian kernels (Gretton et al., 2012).

    There are five kernels, whose widths lie around the mean squared distance of two samples (Long
    et al., 2015).

    Parameters
    ----------
    source, target : Tensor of shape (n_samples, n_features)
        Representations.
    """
    vectors = torch.cat([source, target]).float()
    vectors = vectors - vectors.detach().mean(dim=0)
    norms = vectors.square().sum(dim=1)
    distances = (norms.unsqueeze(1) + norms - 2 * vectors @ vectors.T).clamp_min(0)
    width = distances.detach().mean().clamp_min(1e-9)
    kernels = (torch.exp(-distances / (width * 2.0**power)) for power in range(-2, 3))
    kernel = sum(kernels, distances.new_zeros(())) / 5
    n_source = len(source)
    within = kernel[:n_source, :n_source].mean() + kernel[n_source:, n_source:].mean()
    return within - 2 * kernel[:n_source, n_source:].mean()


def adversarial(
    discriminator: nn.Module, source: torch.Tensor, target: torch.Tensor, strength: float
) -> torch.Tensor:
    """Return the loss of a discriminator of source and target, gradient reversed (Ganin, 2016).

    The loss is the cross-entropy. Its gradient trains the discriminator; the reversed gradient
    trains the representations.

    Parameters
    ----------
    discriminator : module
        Maps a representation to one logit.
    source, target : Tensor of shape (n_samples, n_features)
        Representations.
    strength : float
        Factor of the reversed gradient.
    """
    vectors = ReverseGradient.apply(torch.cat([source, target]), strength)
    is_target = torch.cat([source.new_zeros(len(source)), target.new_ones(len(target))])
    return F.binary_cross_entropy_with_logits(discriminator(vectors).squeeze(1), is_target)


class ReverseGradient(torch.autograd.Function):
    """The identity, whose gradient is multiplied by ``-strength``."""

    @staticmethod
    def forward(ctx, vectors, strength):
        ctx.strength = strength
        return vectors.view_as(vectors)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def l2sp(weights: Iterable[torch.Tensor], start: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return the distance from the source weights, ``½ ‖w − w_s‖²`` (Li et al., 2018).

    Parameters
    ----------
    weights, start : iterable of Tensor
        The weights w, and the source weights w_s in the same order.
    """
    pairs = zip(weights, start, strict=True)
    squares = ((weight - before).square().sum() for weight, before in pairs)
    return sum(squares, torch.zeros(())) / 2
