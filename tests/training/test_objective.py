"""Advantages against exact fractions, and the loss's gradient against finite differences."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tspo_bench.agent.policy import draw
from tspo_bench.training.objective import (
    LOG_PROBS,
    LogProb,
    advantages,
    no_signal,
    policy_loss,
)

REWARD = st.integers(0, 64).map(lambda n: n / 32)
GROUP = st.lists(REWARD, min_size=2, max_size=16)
PATIENT = settings(deadline=None)  # torch's first call takes seconds


def naive(group: list[float]) -> list[float]:
    values = [Fraction(value) for value in group]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return [float(value - mean) / (float(variance) ** 0.5 + 1e-4) for value in values]


@PATIENT
@given(GROUP)
def test_is_the_formula(group: list[float]) -> None:
    ours = advantages(torch.tensor(group, dtype=torch.float64))
    torch.testing.assert_close(ours, torch.tensor(naive(group), dtype=torch.float64))


@PATIENT
@given(st.lists(GROUP, min_size=4, max_size=4))
def test_groups_do_not_see_each_other(groups: list[list[float]]) -> None:
    size = min(map(len, groups))
    rewards = torch.tensor([group[:size] for group in groups]).reshape(2, 2, size)
    alone = torch.stack([advantages(group) for group in rewards.reshape(4, size)])
    torch.testing.assert_close(advantages(rewards).reshape(4, size), alone)
    assert no_signal(rewards).shape == (2, 2)


@PATIENT
@given(st.floats(-1e6, 1e6, width=32), st.integers(2, 33), st.sampled_from(["float32", "float64"]))
def test_equal_rewards_give_exactly_zero(reward: float, size: int, kind: str) -> None:
    rewards = torch.full((size,), reward, dtype=getattr(torch, kind))
    assert no_signal(rewards)
    assert (advantages(rewards) == 0).all()


def test_rounding_alone_would_not_give_zero() -> None:
    rewards = torch.full((3,), 0.1, dtype=torch.float64)
    assert ((rewards - rewards.mean()) / (rewards.std() + 1e-4)).abs().max() > 0
    assert advantages(rewards).tolist() == [0, 0, 0]


@PATIENT
@given(GROUP, st.integers(0, 8))
def test_a_constant_cancels(group: list[float], constant: int) -> None:
    rewards = torch.tensor(group, dtype=torch.float64)
    torch.testing.assert_close(advantages(rewards + constant), advantages(rewards))


@PATIENT
@given(GROUP)
def test_only_unequal_groups_have_a_signal(group: list[float]) -> None:
    rewards = torch.tensor(group, dtype=torch.float64)
    assert bool(no_signal(rewards)) == (len(set(group)) == 1) == (not advantages(rewards).any())


def test_one_rollout_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 rollouts or more, got 1"):
        advantages(torch.ones(4, 1))


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
