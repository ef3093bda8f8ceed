"""Gates that open and close."""

import pytest
import torch

from metaling_sk.meta_net import _gates as gates


@pytest.mark.parametrize("log_alpha", [-6.0, -2.0, 0.0, 1.0, 4.0])
def test_a_gate_is_open_as_often_as_it_says(log_alpha):
    torch.manual_seed(0)
    logits = torch.full((100_000,), log_alpha)
    drawn = gates.draw(logits)
    assert drawn.min() >= 0 and drawn.max() <= 1
    expected = gates.probability_open(torch.tensor(log_alpha)).item()
    assert (drawn > 0).float().mean().item() == pytest.approx(expected, abs=0.005)


def test_gates_after_training():
    hard = gates.harden(torch.tensor([-9.0, -2.5, -2.3, 0.0, 2.5, 9.0]))
    assert hard[:2].tolist() == [0, 0] and hard[-2:].tolist() == [1, 1]
    assert 0 < hard[2] < hard[3] < 1
    assert hard[3].item() == pytest.approx(0.5)
