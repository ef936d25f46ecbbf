"""The policy's objective: pure functions of logits, draws and advantages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from tspo_bench.agent.policy import independent_log_probs, plackett_luce_log_probs

LogProb = Literal["independent", "plackett-luce"]
LOG_PROBS: dict[LogProb, Callable[[Tensor, Tensor], Tensor]] = {
    "independent": independent_log_probs,
    "plackett-luce": plackett_luce_log_probs,
}


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
