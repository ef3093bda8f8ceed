"""The losses, beside an independent computation."""

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax, logit, softmax
from torch import nn

from metaling_sk._network import losses
from metaling_sk._network.outputs.classes import Classes
from metaling_sk._network.outputs.indicators import Indicators


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def test_cross_entropy():
    logits, y, weight = draw(9, 3), np.arange(9) % 3, np.array([1.0, 2.0, 5.0])
    log_p = log_softmax(logits, axis=1)[np.arange(9), y]
    arguments = torch.tensor(logits), torch.tensor(y)
    assert losses.cross_entropy(*arguments).item() == pytest.approx(-log_p.mean())
    found = losses.cross_entropy(*arguments, torch.tensor(weight).float()).item()
    assert found == pytest.approx(-(weight[y] * log_p).mean())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_distillation(temperature):
    logits, teacher = draw(7, 4), softmax(2 * draw(7, 4) - 1, axis=1)
    softened = teacher ** (1 / temperature)
    softened /= softened.sum(axis=1, keepdims=True)
    student = log_softmax(logits / temperature, axis=1)
    divergence = (softened * (np.log(softened) - student)).sum(axis=1).mean()
    found = losses.distillation(torch.tensor(logits), torch.tensor(teacher), temperature)
    assert found.item() == pytest.approx(temperature**2 * divergence, rel=1e-4)


def test_distillation_of_oneself_is_zero_and_certainty_is_allowed():
    logits = torch.tensor(draw(5, 3))
    assert losses.distillation(logits, logits.softmax(1), 2.0).item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(losses.distillation(logits[:, :2], torch.eye(2)[[0, 1, 0, 1, 1]], 2.0))


def test_binary_cross_entropy():
    logits, y = draw(6, 3), np.arange(18).reshape(6, 3) % 3 - 1
    weight = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    loss = -np.log(np.where(y == 1, expit(logits), expit(-logits)))
    arguments = torch.tensor(logits), torch.tensor(y, dtype=torch.int8)
    found = losses.binary_cross_entropy(*arguments).item()
    assert found == pytest.approx(loss[y >= 0].mean())
    weights = np.where(y == 1, weight[1], weight[0])[y >= 0]
    found = losses.binary_cross_entropy(*arguments, torch.tensor(weight).float()).item()
    assert found == pytest.approx((weights * loss[y >= 0]).mean())


@pytest.mark.parametrize("output", [Classes(np.arange(2)), Indicators(np.arange(1))])
def test_batches_without_a_rare_class_have_the_weighted_loss_of_all_in_their_mean(output):
    y = (np.arange(40) % 20 == 0).astype(int)  # in batches of 8 mostly one class
    y = y if isinstance(output, Classes) else y[:, None]
    logits = torch.tensor(draw(40, output.n_outputs))
    weight = output.class_weights("balanced", y)
    batches = [
        output.loss.supervised(logits[part], torch.tensor(y)[part], weight)
        for part in torch.arange(40).split(8)
    ]
    log_p = (
        logits.log_softmax(1).numpy()
        if isinstance(output, Classes)
        else np.log(np.hstack([expit(-logits), expit(logits)]))
    )
    of_classes = [-log_p[y.ravel() == label, label].mean() for label in (0, 1)]
    assert np.mean(batches) == pytest.approx(np.mean(of_classes), rel=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_bernoulli_distillation(temperature):
    logits, teacher = draw(7, 4), expit(2 * draw(7, 4) - 1)
    p, q = expit(logit(teacher) / temperature), expit(logits / temperature)
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    found = losses.bernoulli_distillation(torch.tensor(logits), torch.tensor(teacher), temperature)
    assert found.item() == pytest.approx(temperature**2 * divergence.mean(), rel=1e-4)
    oneself = losses.bernoulli_distillation(torch.tensor(logits), torch.tensor(expit(logits)), 1.0)
    assert oneself.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(losses.bernoulli_distillation(torch.zeros(2, 2), torch.eye(2), 2.0))


def test_coral():
    source, target = draw(12, 5), 2 * draw(9, 5)
    difference = np.cov(source, rowvar=False) - np.cov(target, rowvar=False)
    expected = (difference**2).sum() / (4 * 5**2)
    found = losses.coral(torch.tensor(source), torch.tensor(target)).item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert losses.coral(torch.tensor(source[:1]), torch.tensor(target)).item() == 0


def test_mmd():
    source, target = draw(6, 3), 1 + draw(4, 3)

    def kernel(a, b, width):
        squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return np.mean([np.exp(-squared / (width * 2.0**power)) for power in (-2, -1, 0, 1, 2)])

    rows = np.concatenate([source, target])
    width = ((rows[:, None] - rows[None]) ** 2).sum(axis=2).mean()
    expected = (
        kernel(source, source, width)
        + kernel(target, target, width)
        - 2 * kernel(source, target, width)
    )
    found = losses.mmd(torch.tensor(source), torch.tensor(target)).item()
    assert found == pytest.approx(expected, rel=1e-5)
    same = losses.mmd(torch.tensor(source), torch.tensor(source)).item()
    assert same == pytest.approx(0, abs=1e-6)


def test_mmd_and_coral_of_equal_rows_have_a_gradient():
    rows = torch.zeros(4, 3, requires_grad=True)
    (losses.mmd(rows, rows) + losses.coral(rows, rows)).backward()
    assert torch.isfinite(rows.grad).all()


def test_l2sp():
    now, then = [draw(3, 2), draw(4)], [draw(2, 3).T, draw(4) + 1]
    expected = sum(((a - b) ** 2).sum() for a, b in zip(now, then, strict=True)) / 2
    assert losses.l2sp(map(torch.tensor, now), map(torch.tensor, then)).item() == pytest.approx(
        expected
    )


def test_the_gradient_is_reversed_for_the_rows_and_not_for_the_discriminator():
    torch.manual_seed(0)
    discriminator = nn.Linear(3, 1).double()
    source, target = (torch.tensor(draw(size, 3)) for size in (4, 6))

    def gradients(strength, loss):
        rows = [part.clone().requires_grad_() for part in (source, target)]
        discriminator.zero_grad()
        value = loss(*rows, strength)
        value.backward()
        return value, torch.cat([part.grad for part in rows]), discriminator.weight.grad.clone()

    def plain(source, target, strength):
        logits = discriminator(torch.cat([source, target])).squeeze(1)
        y = torch.tensor([0.0] * 4 + [1.0] * 6)
        return -(y * logits.sigmoid().log() + (1 - y) * (1 - logits.sigmoid()).log()).mean()

    def reversed_(source, target, strength):
        return losses.adversarial(discriminator, source, target, strength)

    for strength in (0.0, 0.3, 1.0):
        value, rows, weights = gradients(strength, reversed_)
        expected, plain_rows, plain_weights = gradients(strength, plain)
        assert value.item() == pytest.approx(expected.item())
        torch.testing.assert_close(rows, -strength * plain_rows)
        torch.testing.assert_close(weights, plain_weights)
