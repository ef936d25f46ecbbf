"""How much better each rollout of a group did than the group: the weights of the objective."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-4


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
    """Which groups of `rewards` [..., G] teach nothing, since all rewards are equal: bool [...]."""
    return torch.eq(rewards, rewards[..., :1]).all(-1)
