"""The policy's objective: advantages of a group's rewards, and the loss they weigh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from tspo_bench.agent.policy import independent_log_probs, plackett_luce_log_probs

EPSILON = 1e-4
LogProb = Literal["independent", "plackett-luce"]
LOG_PROBS: dict[LogProb, Callable[[Tensor, Tensor], Tensor]] = {
    "independent": independent_log_probs,
    "plackett-luce": plackett_luce_log_probs,
}


def advantages(rewards: Tensor) -> Tensor:
    """(R - mean R) / (std R + 1e-4) over the G rollouts of each question, std unbiased.

    As in GRPO and TSPO (arXiv 2508.04369). Zero, exactly, for a group of equal rewards, where
    rounding of the mean would leave a remainder that 1 / 1e-4 blows up.

    Args:
        rewards: [..., G].

    Returns:
        [..., G].

    Raises:
        ValueError: fewer than 2 rollouts: one has nothing to be compared with.
    """
    if rewards.shape[-1] < 2:
        raise ValueError(f"a group needs 2 rollouts or more, got {rewards.shape[-1]}")
    mean = rewards.mean(-1, keepdim=True)
    std = rewards.std(-1, keepdim=True)
    scaled = (rewards - mean) / (std + EPSILON)
    return scaled.masked_fill(no_signal(rewards).unsqueeze(-1), 0.0)


def no_signal(rewards: Tensor) -> Tensor:
    """Which groups of `rewards` [..., G] have equal rewards, and so no gradient: bool [...]."""
    return torch.eq(rewards, rewards[..., :1]).all(-1)


def policy_loss(
    logits: Tensor, drawn: Tensor, advantages: Tensor, log_prob: LogProb = "independent"
) -> Tensor:
    """-mean_i A_i * mean_t exp(logp_t - stopgrad(logp_t)) over the draws of one question.

    Its value is minus the mean advantage, which is 0; its gradient is what matters: that of
    -mean_i A_i * mean_t logp_t.

    Args:
        logits: [T].
        drawn: positions [G, k] in the order drawn.
        advantages: [G].
        log_prob: of a drawn frame: as if drawn alone, or among those that earlier draws had left.

    Source: TSPO's released code (arXiv 2508.04369), which has "independent", no clipping, and no
    divergence from a reference policy.
    """
    log_probs = LOG_PROBS[log_prob](logits, drawn)
    ratio = (log_probs - log_probs.detach()).exp()
    return -(advantages.to(logits) * ratio.mean(1)).mean()
