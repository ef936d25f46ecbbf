"""Scores as a policy: drawing K of T frames, and the log-probabilities of what was drawn."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(logits: Tensor, k: int, draws: int, generator: torch.Generator) -> Tensor:
    """Draw k of T frames without replacement, several times from one logits vector.

    Gumbel noise on the logits and the top k of the sum: the frames come with the probabilities of
    the Plackett-Luce distribution, that is one after the other, each by softmax among those left.

    Args:
        logits: [T].
        k: frames a draw, 1 to T.
        draws: G.
        generator: of the noise, on the logits' device.

    Returns:
        Positions [G, k], int64, in the order drawn (sort them to have them in time order).

    Raises:
        ValueError: there are fewer than k candidates.
    """
    if not 1 <= k <= len(logits):
        raise ValueError(f"cannot draw {k} of {len(logits)} candidates")
    uniform = torch.rand(draws, len(logits), generator=generator, device=logits.device)
    # Rounding may give 0, whose logarithm is infinite: a frame that could never be drawn.
    gumbel = -(-uniform.clamp(min=torch.finfo(uniform.dtype).tiny).log()).log()
    return (logits.detach().float() + gumbel).topk(k, dim=1).indices


def independent_log_probs(logits: Tensor, drawn: Tensor) -> Tensor:
    """Log-softmax of each drawn frame [G, k], as if it had been drawn alone.

    Source: TSPO's released code (arXiv 2508.04369), which takes no account of the frames drawn
    before.

    Args:
        logits: [T].
        drawn: positions [G, k].
    """
    return logits.log_softmax(-1)[drawn]


def plackett_luce_log_probs(logits: Tensor, drawn: Tensor) -> Tensor:
    """Log-probability of each drawn frame [G, k] among those that the draws before it had left.

    Their sum over k is the log-probability of the draw, in its order.

    Args:
        logits: [T].
        drawn: positions [G, k] in the order drawn.
    """
    earlier = torch.zeros(*drawn.shape, len(logits), dtype=torch.bool, device=logits.device)
    earlier.scatter_(2, drawn[..., None], True)
    gone = earlier.cumsum(1) - earlier.int() > 0  # drawn strictly before
    left = logits.expand_as(gone).masked_fill(gone, -torch.inf).logsumexp(-1)
    return logits[drawn] - left


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of one draw from logits [T]: log T where all are equal, 0 where one is all.

    Places of -inf (padding) count as impossible.
    """
    log_probs = logits.log_softmax(-1)
    return -(log_probs.exp() * log_probs.clamp(min=torch.finfo(log_probs.dtype).min)).sum(-1)
