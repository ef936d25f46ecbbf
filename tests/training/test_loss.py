"""The objective's gradient against finite differences of what it stands for."""

from __future__ import annotations

import pytest
import torch

from tspo_bench.agent.policy import draw
from tspo_bench.training.loss import LOG_PROBS, LogProb, policy_loss


@pytest.mark.parametrize("log_prob", list(LOG_PROBS))
def test_its_gradient_is_that_of_the_weighted_log_probabilities(log_prob: LogProb) -> None:
    noise = torch.Generator().manual_seed(0)
    logits = torch.randn(9, generator=noise, dtype=torch.float64, requires_grad=True)
    drawn = draw(logits, 3, 5, noise)
    weights = torch.randn(5, generator=noise, dtype=torch.float64)
    policy_loss(logits, drawn, weights, log_prob).backward()

    def meant(values: torch.Tensor) -> torch.Tensor:
        return -(weights * LOG_PROBS[log_prob](values, drawn).mean(1)).mean()

    step = 1e-6
    for place in range(len(logits)):
        shift = torch.zeros(9, dtype=torch.float64)
        shift[place] = step
        plain = logits.detach()
        slope = (meant(plain + shift) - meant(plain - shift)) / (2 * step)
        assert logits.grad is not None
        assert logits.grad[place].item() == pytest.approx(slope.item(), abs=1e-7)


def test_equal_rewards_move_nothing() -> None:
    logits = torch.randn(9, requires_grad=True)
    drawn = draw(logits, 3, 5, torch.Generator().manual_seed(0))
    policy_loss(logits, drawn, torch.zeros(5)).backward()
    assert logits.grad is not None
    assert not logits.grad.any()
